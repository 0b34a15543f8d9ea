# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Every form of a reproducer for every planted bug of the model: on Linux, where the bug is not, they exit 0."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from conformance.divergence import Divergence, diverge
from conformance.environment import profile_for, working_base
from conformance.grammar import observation_text, read_trace
from conformance.interpreter import System, execute
from conformance.laws import linux
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import predict
from conformance.reproducers.c_program import c_programs_text, c_text
from conformance.reproducers.case import Case, Step
from conformance.reproducers.prose import forms, issue_text, trace_text
from conformance.reproducers.python_script import python_text
from conformance.selfcheck import BUGS
from reference.linux.profile import Profile

BUCKETS_MIN = 30


@pytest.fixture(scope="module")
def profile() -> Profile:
    return profile_for(working_base(None), None)


@pytest.fixture(scope="module")
def planted(profile: Profile) -> dict[str, tuple[Case, Callable[[Profile], System]]]:
    """The divergences of wrong models from the right one, one of each bucket, with the model that is wrong."""
    found: dict[str, tuple[Case, Callable[[Profile], System]]] = {}
    for bug in BUGS:
        if bug.make is None or bug.law != "linux":
            continue
        ops = bug.minimal_ops
        observed = execute(ops, bug.make(profile))
        divergence = diverge(ops, observed, lambda: linux(profile), "planted bug")
        model = linux(profile)
        predicted = predict(ops, model, observed)
        if divergence is not None and not model.choices.made:
            found[divergence.bucket] = (_case(divergence, ops, predicted), bug.make)
    return found


@pytest.fixture(scope="module")
def buckets(planted: dict[str, tuple[Case, Callable[[Profile], System]]]) -> dict[str, Case]:
    return {bucket: case for bucket, (case, _) in planted.items()}


def _case(divergence: Divergence, ops: Sequence[Op], predicted: Sequence[Observation]) -> Case:
    steps = [Step(op, observation_text(op, seen)) for op, seen in zip(ops, predicted, strict=True)]
    steps = steps[: divergence.index + 1]
    actual = observation_text(divergence.op, divergence.observed)
    return Case(divergence.title, tuple(steps), actual, divergence.bucket, divergence.signature.clauses)


def test_there_are_many_different_buckets(buckets: dict[str, Case]) -> None:
    assert BUCKETS_MIN <= len(buckets)


def test_every_form_says_what_is_expected_and_what_was_seen(buckets: dict[str, Case]) -> None:
    for case in buckets.values():
        texts = {name: make(case) for name, make in forms().items()}
        ast.parse(texts["python"])
        ast.parse(texts["pytest"])
        for step, line in zip(case.steps, texts["strace"].replace("\n---", "").splitlines(), strict=True):
            assert line.startswith(f"{step.op.call}(")
            assert " = " in line
        assert texts["issue"].startswith(f"# {case.title}\n")
        assert "## Expected" in texts["issue"]
        assert texts["trace"].endswith(f"# observed: {case.actual}\n#: end\n")


def test_a_trace_shows_the_bug_where_it_is_and_none_where_it_is_not(
    planted: dict[str, tuple[Case, Callable[[Profile], System]]], profile: Profile
) -> None:
    for case, wrong in planted.values():
        trace = read_trace(trace_text(case))
        ops = trace.program.ops
        outcomes = {
            name: [observation_text(op, seen) for op, seen in zip(ops, execute(ops, model), strict=True)]
            for name, model in (("right", linux(profile)), ("wrong", wrong(profile)))
        }
        expected = [observation_text(op, seen) for op, seen in zip(ops, trace.observations, strict=True)]
        assert outcomes["right"] == expected
        assert outcomes["wrong"] == [*expected[:-1], case.actual]


def test_an_issue_holds_the_script_and_the_program_in_c_whole(buckets: dict[str, Case]) -> None:
    for case in buckets.values():
        blocks = dict(re.findall(r"^````(\w+)\n(.*?)^````$", issue_text(case), re.MULTILINE | re.DOTALL))
        assert blocks == {"python": python_text(case), "c": c_text(case)}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc on this machine")
def test_programs_in_c_find_no_planted_bug_in_linux(buckets: dict[str, Case], tmp_path: Path) -> None:
    program = tmp_path / "reproducers"
    cases = list(buckets.values())
    text = c_programs_text(cases).encode()
    subprocess.run(["gcc", "-O0", "-w", "-x", "c", "-", "-o", str(program)], input=text, check=True, timeout=60)

    for number, case in enumerate(cases):
        done = subprocess.run([str(program), str(number)], capture_output=True, timeout=60)
        assert (0, case.title) == (done.returncode, case.title), done.stdout
