# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The C worker: one file that is as right about this kernel as the Python worker is, built with libc or without."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from bisect import bisect_left
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from conformance.commands.worker import command
from conformance.environment import profile_for, working_base
from conformance.grammar import read_program, trace_line
from conformance.observation import BLOCKED, Observation, outcome_name
from conformance.ops import SPECS, Op
from conformance.oracle import first_mismatch, predict
from conformance.runners import run_offered, started
from conformance.subjects import Subject, fitted, profile_of
from conformance.systems.process import ProcessSystem
from conformance.wire.messages import Bye, Caller, Run, WireOp, WireProgram, line_of
from conformance.worker_bundle import C_NATIVE_PARTS, C_PARTS, C_WORKER, c_worker_text, worker_text
from corpus import corpus, timeless
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
PART_LINES_MAX = 400
CODE_LINES_MAX = 1780
"""Neither blank nor comment: what a reader has to get through."""
CALLER = Caller(256, 2**21, 0o22)
BUILDS = {"dynamic": (), "static": ("-static",)}


@pytest.fixture(scope="module", params=BUILDS)
def worker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("worker")
    source, binary = folder / "worker.c", folder / "worker"
    source.write_text(c_worker_text())
    built = subprocess.run(
        ["gcc", "-std=gnu11", "-O2", "-Wall", "-Werror", *BUILDS[request.param], str(source), "-o", str(binary)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "-lc" in built.stderr and request.param == "static":
        pytest.skip("libc is not installed for static programs")
    assert "" == built.stderr
    return binary


@pytest.fixture(scope="module")
def python_worker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("python") / "worker.py"
    path.write_text(worker_text())
    return path


class Expected(NamedTuple):
    """What the Python worker gave for a program, up to the first op in which the kernel is free.

    From there on, two runs of one worker may differ as well; the model holds each of them.
    """

    name: str
    ops: tuple[Op, ...]
    observed: list[Observation]


@pytest.fixture(scope="module")
def expected(python_worker: Path) -> list[Expected]:
    """Every program, for each build of the C worker to be held to."""
    profile = profile_for(working_base(None))
    found = []
    with _started(sys.executable, str(python_worker)) as other:
        for name, program in corpus():
            ops = fitted(program, other.hello)
            observed = other.run_alone(ops)
            found.append(Expected(name, ops, observed[: _decided(ops, observed, profile)]))
    return found


def _started(*command: str) -> ProcessSystem:
    base = working_base(None)
    return started(Subject("worker", command), profile_for(base), base)


def test_the_worker_conforms_on_every_stored_program_and_on_some_of_every_kind(worker: Path) -> None:
    native = profile_for(working_base(None))
    subject = Subject("worker", (str(worker),))
    with _started(str(worker)) as system:
        profile = profile_of(subject, system.hello, native)
        for name, ops in corpus():
            run, observed = run_offered(system, ops)
            mismatch = first_mismatch(predict(run, Linux(profile), observed), observed)

            assert fitted(ops, system.hello) == run
            assert mismatch is None, f"{name}: {trace_line(run[mismatch.index], mismatch.observed)}"


def _decided(ops: tuple[Op, ...], observed: list[Observation], profile: Profile) -> int:
    """How many ops come before the first in which the kernel is free."""

    def choices_made(until: int) -> int:
        model = Linux(profile)
        predict(ops[:until], model, observed[:until])
        return model.choices.made

    return bisect_left(range(1, len(ops) + 1), 1, key=choices_made)


def test_the_worker_gives_what_the_python_worker_gives(worker: Path, expected: list[Expected]) -> None:
    with _started(str(worker)) as system:
        for name, ops, observed in expected:
            assert fitted(ops, system.hello) == ops, name
            given = system.run_alone(ops)[: len(observed)]

            assert list(map(outcome_name, observed)) == list(map(outcome_name, given)), name
            assert list(map(timeless, observed)) == list(map(timeless, given)), name


def test_ops_before_the_first_in_which_the_kernel_is_free_are_compared(python_worker: Path) -> None:
    ops = read_program('r0 = open("/dev/urandom", O_RDONLY, 0o0)\nfcntl(r0, F_GETFD)\nread(r0, 1)\nclose(r0)').ops
    with _started(sys.executable, str(python_worker)) as other:
        observed = other.run_alone(ops)

    assert 2 == _decided(ops, observed, profile_for(working_base(None)))


def test_the_worker_offers_every_op(worker: Path) -> None:
    with _started(str(worker)) as system:
        assert {spec.name for spec in SPECS} == set(system.hello.capabilities.ops or ())


def test_the_worker_tells_of_this_machine_what_the_python_worker_tells(worker: Path, python_worker: Path) -> None:
    with _started(str(worker)) as one, _started(sys.executable, str(python_worker)) as other:
        assert other.hello.facts == one.hello.facts
        assert other.hello.version == one.hello.version
        assert other.hello.environment.items() >= one.hello.environment.items()


def test_programs_of_one_message_have_nothing_to_do_with_each_other(worker: Path) -> None:
    ops = read_program(
        'r0 = open("d/f", O_RDWR | O_CREAT, 0o600)\nmkdir("d", 0o700)\nr1 = open("d/f", O_CREAT, 0o600)'
    ).ops
    with _started(str(worker)) as system:
        first, second = system.run([ops, ops])

    assert first == second
    assert [0, 3] == second[1:]


def test_an_op_that_the_worker_does_not_know_is_not_offered(worker: Path, tmp_path: Path) -> None:
    message = line_of(Run((WireProgram("0", (WireOp("no_such_op", ()),)),), deadline_s=9, caller=CALLER))
    output, _ = _speaking(worker, tmp_path).communicate((message + line_of(Bye())).decode(), timeout=60)

    assert '"observations":[{"unsupported":"this worker has no such op"}]' in output


def test_a_call_that_sleeps_is_seen_to_sleep(worker: Path) -> None:
    with _started(str(worker)) as system:
        assert [(3, 4), BLOCKED, 1] == system.run_alone(
            read_program('r0, r1 = pipe2(0)\nread(r0, 1)\nwrite(r1, b"x")').ops
        )


def _speaking(worker: Path, directory: Path) -> subprocess.Popen[str]:
    """The worker by itself, after its hello."""
    environment = {**os.environ, "FDCONFORM_DIRECTORY": str(directory)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([str(worker)], **pipes, text=True, env=environment)
    assert process.stdout is not None
    assert '"message":"hello"' in process.stdout.readline()
    return process


def test_the_worker_does_not_outlive_who_runs_the_programs(worker: Path, tmp_path: Path) -> None:
    process = _speaking(worker, tmp_path)
    (runner,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(runner), signal.SIGKILL)

    assert ("", "the runner was killed by signal 9\n") == process.communicate(timeout=60)
    assert 1 == process.returncode
    assert [] == list(tmp_path.iterdir())


def test_a_program_that_takes_longer_than_it_may_is_killed(worker: Path, tmp_path: Path) -> None:
    ops = [WireOp("pipe2", (0,), ("r0", "r1")), WireOp("read", ({"slot": "r0"}, 1))]
    message = line_of(Run((WireProgram("0", tuple(ops)),), deadline_s=0, caller=CALLER))
    output, errors = _speaking(worker, tmp_path).communicate(message.decode(), timeout=60)

    assert "" == output
    assert "a program made no progress for 0 s and was killed" in errors


def test_the_command_prints_the_worker() -> None:
    printed = CliRunner().invoke(command, ["--emit", "c"])

    assert 0 == printed.exit_code
    assert c_worker_text() == printed.output


def test_the_worker_is_small_enough_to_be_read() -> None:
    code = re.sub(r"/\*.*?\*/", "", c_worker_text(), flags=re.DOTALL)

    assert {path.name for path in C_WORKER.iterdir()} == {*C_PARTS, *C_NATIVE_PARTS}
    for part in (*C_PARTS, *C_NATIVE_PARTS):
        assert len((C_WORKER / part).read_text().splitlines()) <= PART_LINES_MAX, part
    assert sum(not line.isspace() for line in code.splitlines(keepends=True)) <= CODE_LINES_MAX
