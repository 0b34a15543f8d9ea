# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Reproducers are run: they exit 0 where every call gives what is expected, and 1 where one does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.corpus import load
from conformance.environment import profile_for, working_base
from conformance.grammar import read_trace
from conformance.laws import linux
from conformance.oracle import predict
from conformance.program import Trace
from conformance.reproducers.c_program import c_programs_text, c_text
from conformance.reproducers.case import Case, case_of_trace
from conformance.reproducers.python_script import pytest_text, python_text
from conformance.systems.native_worker import NativeWorker
from conformance.undecided import opened
from reference.linux.profile import Profile

PROGRAMS = Path(__file__).parent.parent.parent / "fixtures" / "programs"
CASES_MIN = 180
GCC = ("gcc", "-O0", "-w", "-x", "c", "-")
pytestmark = pytest.mark.once
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc on this machine")


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    """The fixture programs of Linux, with what the model allows. Where the kernel chose, another run may differ."""
    found = tuple(_recorded())
    assert len(found) >= CASES_MIN
    return found


def _recorded() -> Iterator[Case]:
    base = working_base(None)
    profile = profile_for(base, None)
    environment = (("kernel", f"{profile.kernel[0]}.{profile.kernel[1]}"), ("uid", str(profile.uid)))
    with NativeWorker(profile, base) as worker:
        for stored in load(PROGRAMS):
            path = stored.path.relative_to(PROGRAMS)
            if path.parts[0] != "host":
                observed = worker.run_alone(stored.program.ops)
                model = linux(profile)
                # Fields that the kernel may fill as it likes are predicted as sets.
                predicted = predict(stored.program.ops, model, observed)
                if not model.choices.made:
                    yield case_of_trace(Trace(stored.program, tuple(predicted), environment), str(path))


def falsified(case: Case) -> Case:
    """The case with another expectation of its last call."""
    last = case.steps[-1]
    wrong = "ELOOP" if last.expected != "ELOOP" else "EPERM"
    return replace(case, steps=(*case.steps[:-1], replace(last, expected=wrong)))


def statuses(commands: Sequence[Sequence[str]], directory: Path) -> list[tuple[int, bytes]]:
    """The exit status and the output of each command, two at a time."""

    def run(command: Sequence[str]) -> tuple[int, bytes]:
        done = subprocess.run(command, capture_output=True, timeout=60, cwd=directory)
        return done.returncode, done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, commands))


def wrong(cases: Sequence[Case], results: Sequence[tuple[int, bytes]], expected: int) -> list[str]:
    return [
        f"{case.title}: {status}\n{output[-600:].decode(errors='replace')}"
        for case, (status, output) in zip(cases, results, strict=True)
        if status != expected
    ]


RUNNER = """
import contextlib, ctypes, functools, io, os, re, shutil, signal, struct, sys, tempfile, time, traceback
import fcntl, mmap, resource, select, socket, stat

for path in sys.stdin.read().split():
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.dup2(os.open(path + ".out", os.O_RDWR | os.O_CREAT), 1)
        try:
            exec(compile(open(path).read(), path, "exec"), {"__name__": "__main__"})
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(end.code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
"""Runs scripts as processes of their own, without starting Python for each."""


def run_scripts(texts: Sequence[str], directory: Path) -> list[tuple[int, bytes]]:
    paths = [directory / f"reproducer_{number}.py" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", RUNNER]
    done = subprocess.run(command, input="\n".join(map(str, paths)), stdout=subprocess.PIPE, text=True, timeout=120)
    found = zip(map(int, done.stdout.split()), paths, strict=True)
    return [(status, path.with_name(f"{path.name}.out").read_bytes()) for status, path in found]


@pytest.mark.parametrize(("change", "status"), [(lambda case: case, 0), (falsified, 1)], ids=["true", "falsified"])
def test_scripts_in_python_tell_whether_a_divergence_is_present(
    cases: tuple[Case, ...], tmp_path: Path, change: Callable[[Case], Case], status: int
) -> None:
    results = run_scripts([python_text(change(case)) for case in cases], tmp_path)

    assert [] == wrong(cases, results, status)


@needs_gcc
def test_programs_in_c_tell_whether_a_divergence_is_present(cases: tuple[Case, ...], tmp_path: Path) -> None:
    program = tmp_path / "reproducers"
    text = c_programs_text([*cases, *map(falsified, cases)])
    subprocess.run([*GCC, "-o", str(program)], input=text.encode(), check=True, timeout=120)

    results = statuses([(str(program), str(number)) for number in range(2 * len(cases))], tmp_path)

    assert [] == wrong(cases, results[: len(cases)], 0)
    assert [] == wrong(cases, results[len(cases) :], 1)


RANDOM = """
r0 = open("/dev/urandom", O_RDONLY, 0o0) == 3
r1, r2 = pipe2(O_NONBLOCK) == (4, 5)
splice(r0, -1, r2, -1, 300, 0) == (300, -1, -1)
read(r1, 16) == zeros(16)
readv(r1, [2, 3]) == b"\\0\\0\\0\\0\\0"
#: end
"""


def random_bytes(profile: Profile) -> Case:
    """A program that reads random bytes: any may come, and so many."""
    trace = read_trace(RANDOM)
    allowed = opened(trace.program.ops, lambda: linux(profile), trace.observations)
    case = case_of_trace(Trace(trace.program, tuple(allowed), trace.environment), "random bytes")
    return replace(case, environment={"uid": str(os.getuid())})


def too_short(case: Case) -> Case:
    """The case with the expectation that the last read gives a byte less."""
    last = case.steps[-1]
    return replace(case, steps=(*case.steps[:-1], replace(last, expected="any_bytes(4)")))


def test_a_script_looks_for_the_number_of_random_bytes_and_not_for_which(profile: Profile, tmp_path: Path) -> None:
    case = random_bytes(profile)
    results = run_scripts([python_text(case), python_text(too_short(case))], tmp_path)

    assert [0, 1] == [status for status, _ in results], results


@needs_gcc
def test_a_program_in_c_looks_for_the_number_of_random_bytes_and_not_for_which(
    profile: Profile, tmp_path: Path
) -> None:
    program = tmp_path / "random"
    case = random_bytes(profile)
    text = c_programs_text([case, too_short(case)])
    subprocess.run([*GCC, "-o", str(program)], input=text.encode(), check=True, timeout=60)
    results = statuses([(str(program), str(number)) for number in range(2)], tmp_path)

    assert [0, 1] == [status for status, _ in results], results


def limited() -> Case:
    """A program that leaves no file any room, not even the one that its output goes to."""
    text = 'r0 = open("f", O_RDWR | O_CREAT, 0o600) == 3\nsetrlimit(RLIMIT_FSIZE, 0) == 0\nclose(r0) == 0\n#: end\n'
    return replace(case_of_trace(read_trace(text), "limited"), environment={"uid": str(os.getuid())})


def test_a_script_tells_even_where_the_program_leaves_no_room_for_it(tmp_path: Path) -> None:
    ((status, output),) = run_scripts([python_text(limited())], tmp_path)

    assert (0, True) == (status, b"close(r0) == 0" in output), output


@needs_gcc
def test_a_program_in_c_tells_even_where_the_program_leaves_no_room_for_it(tmp_path: Path) -> None:
    program = tmp_path / "limited"
    subprocess.run([*GCC, "-o", str(program)], input=c_text(falsified(limited())).encode(), check=True, timeout=60)
    with (tmp_path / "out").open("wb") as out:
        status = subprocess.run([str(program)], stdout=out, timeout=60).returncode

    assert (1, True) == (status, b">>> close(r0)" in (tmp_path / "out").read_bytes())


@needs_gcc
def test_one_program_in_c_stands_alone(cases: tuple[Case, ...], tmp_path: Path) -> None:
    for number, case in enumerate((cases[0], falsified(cases[0]))):
        program = tmp_path / f"alone_{number}"
        subprocess.run([*GCC, "-o", str(program)], input=c_text(case).encode(), check=True, timeout=60)

        assert number == subprocess.run([str(program)], capture_output=True, timeout=60).returncode


def test_the_test_function_fails_where_the_divergence_is_present(cases: tuple[Case, ...], tmp_path: Path) -> None:
    for number, case in enumerate((cases[0], falsified(cases[0]))):
        module = tmp_path / f"test_{number}.py"
        module.write_text(pytest_text(case), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(module)]

        assert number == subprocess.run(command, capture_output=True, timeout=60, cwd=tmp_path).returncode
