# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The Python worker: one file that is as right about this kernel as our own worker is, on old Pythons as well."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.environment import profile_for, working_base
from conformance.golden import stored_programs
from conformance.grammar import trace_line
from conformance.kinds import LINUX_KINDS, recipes_of
from conformance.oracle import first_mismatch, predict
from conformance.runners import run_offered, started
from conformance.strategies.programs import seeded_program
from conformance.subjects import Subject, profile_of
from conformance.worker_bundle import PYTHON_MIN, worker_text
from reference.linux.kernel import Linux

ROOT = Path(__file__).parents[2]
OLDER = tuple(f"python3.{minor}" for minor in range(PYTHON_MIN[1], sys.version_info.minor))
PROGRAMS_PER_KIND = 8


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("worker") / "worker.py"
    path.write_text(worker_text())
    return path


def test_the_worker_conforms_on_every_stored_program_and_on_some_of_every_kind(worker: Path) -> None:
    base = working_base(None)
    native = profile_for(base)
    programs = [(str(path), program.ops) for path, program in stored_programs(ROOT / "fixtures")]
    programs += [
        (f"1/{kind}/{number}", seeded_program(f"1/{kind}/{number}", recipes_of(kind)).ops)
        for kind in LINUX_KINDS
        for number in range(PROGRAMS_PER_KIND)
    ]

    subject = Subject("worker", (sys.executable, str(worker)))
    with started(subject, native, base) as system:
        profile = profile_of(subject, system.hello, native)
        for name, ops in programs:
            run, observed = run_offered(system, ops)
            mismatch = first_mismatch(predict(run, Linux(profile), observed), observed)

            assert ops == run
            assert mismatch is None, f"{name}: {trace_line(ops[mismatch.index], mismatch.observed)}"


@pytest.mark.parametrize("python", OLDER)
def test_the_worker_says_hello_and_bye_on_older_pythons(python: str, worker: Path) -> None:
    try:
        done = subprocess.run(
            [python, str(worker)], input='{"message":"bye"}\n', capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"{python} is not installed")
    hello, bye = done.stdout.splitlines()

    assert '"message": "hello"' in hello
    assert '{"message": "bye", "programs": 0}' == bye


def test_the_worker_is_one_file_that_asks_for_nothing_but_the_standard_library(worker: Path) -> None:
    isolated = subprocess.run(
        [sys.executable, "-I", "-S", str(worker)],
        input='{"message":"bye"}\n',
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=worker.parent,
    )

    assert "" == isolated.stderr
    assert 2 == len(isolated.stdout.splitlines())


def test_the_worker_is_the_same_text_whichever_python_writes_it(worker: Path) -> None:
    sources = [
        ast.parse(node.value.value)
        for node in ast.parse(worker.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]

    assert len(sources) > 20
    assert not [node for source in sources for node in ast.walk(source) if isinstance(node, ast.JoinedStr)]
