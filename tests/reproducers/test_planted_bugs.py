# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Every form of a reproducer for every planted bug of the model: on Linux, where the bug is not, they exit 0."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.divergence import Divergence, diverge
from conformance.environment import profile_for, working_base
from conformance.grammar import observation_text
from conformance.interpreter import execute
from conformance.laws import linux
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import predict
from conformance.reproducers.c_program import c_programs_text
from conformance.reproducers.case import Case, Step
from conformance.reproducers.prose import forms
from conformance.selfcheck import BUGS

BUCKETS_MIN = 30


@pytest.fixture(scope="module")
def buckets() -> dict[str, Case]:
    """The divergences of wrong models from the right one, one of each bucket."""
    profile = profile_for(working_base(None), None)
    found: dict[str, Case] = {}
    for bug in BUGS:
        if bug.make is None or bug.law != "linux":
            continue
        ops = bug.minimal_ops
        observed = execute(ops, bug.make(profile))
        divergence = diverge(ops, observed, lambda: linux(profile), "planted bug")
        model = linux(profile)
        predicted = predict(ops, model, observed)
        if divergence is not None and not model.choices.made:
            found[divergence.bucket] = _case(divergence, ops, predicted)
    return found


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
        assert texts["strace"].count(" = ") >= len(case.steps)
        assert texts["issue"].startswith(f"# {case.title}\n")
        assert "## Expected" in texts["issue"]
        assert texts["trace"].endswith(f"# observed: {case.actual}\n#: end\n")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc on this machine")
def test_programs_in_c_find_no_planted_bug_in_linux(buckets: dict[str, Case], tmp_path: Path) -> None:
    program = tmp_path / "reproducers"
    cases = list(buckets.values())
    text = c_programs_text(cases).encode()
    subprocess.run(["gcc", "-O0", "-w", "-x", "c", "-", "-o", str(program)], input=text, check=True, timeout=60)

    for number, case in enumerate(cases):
        done = subprocess.run([str(program), str(number)], capture_output=True, timeout=60)
        assert (0, case.title) == (done.returncode, case.title), done.stdout
