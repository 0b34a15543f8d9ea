# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Reproducers meet a kernel that has the bugs: gVisor, with the programs of its waivers.

Where it runs each must say that its divergence is present, and on the kernel of this machine that it is not.
Everything that runs inside gVisor does so in one start of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from conformance.environment import profile_for
from conformance.expectations import load_expectations
from conformance.laws import linux
from conformance.oracle import predict
from conformance.program import Program, Trace
from conformance.reproducers.c_program import c_programs_text
from conformance.reproducers.case import Case, case_of_trace
from conformance.reproducers.python_script import pytest_text, python_text
from conformance.systems.native_worker import NativeWorker

WAIVERS = Path(__file__).parents[2] / "fixtures" / "expectations" / "gvisor.toml"
MEMORY = Path("/dev/shm")
"""The waivers are against the model of a file system in memory, so the kernel of this machine is asked on one."""
BUCKETS_MIN = 30
BUCKETS_MAX = 40
PRESENT = "the divergence is present"
ABSENT = "as expected"
RUNSC = ("runsc", "--rootless=false", "--network=none", "--ignore-cgroups", "--platform=ptrace")
GCC = ("gcc", "-O0", "-w", "-x", "c", "-")
DEADLINE_S = 240

RUNNER = """
import contextlib, ctypes, functools, io, json, os, re, runpy, shutil, signal, struct, sys, tempfile, time, traceback
import fcntl, mmap, resource, select, socket, stat

for line in sys.stdin.read().splitlines():
    name, *command = json.loads(line)
    out, path = tempfile.mkstemp()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.dup2(out, 1)
        os.dup2(out, 2)
        if not command[0].endswith(".py"):
            os.execv(command[0], command)
        try:
            runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(end.code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with open(path, errors="replace") as file:
        print(json.dumps([name, status, file.read()]), flush=True)
"""
"""Runs scripts and programs one after the other as processes of their own, and tells how each ended, and its output."""
PYTEST = """
import os, sys

os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
import pytest

sys.exit(pytest.main(sys.argv[1:]))
"""


def lacks() -> str:
    """What this machine lacks to run gVisor; empty when it lacks nothing."""
    if os.getuid() != 0:
        return "gVisor needs root"
    missing = [name for name in ("runsc", "gcc") if shutil.which(name) is None]
    if missing:
        return f"no {missing[0]} on this machine"
    return "" if MEMORY.is_dir() else f"no {MEMORY} on this machine"


pytestmark = [pytest.mark.alternative, pytest.mark.once, pytest.mark.skipif(bool(lacks()), reason=lacks())]


@dataclass(frozen=True)
class Results:
    """Exit status and output of each reproducer, by form and bucket: natively and inside gVisor."""

    native: dict[str, tuple[int, str]]
    gvisor: dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    """A directory in memory."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def cases(base: Path) -> tuple[Case, ...]:
    """The program of the first waiver of each op, with what the model allows. Where the kernel chose, none is taken."""
    profile = profile_for(base, None)
    found: dict[str, Case] = {}
    with NativeWorker(profile, base) as worker:
        for waiver in load_expectations(WAIVERS).waivers:
            if waiver.op in found or len(found) == BUCKETS_MAX:
                continue
            model = linux(profile)
            predicted = predict(waiver.ops, model, worker.run_alone(waiver.ops))
            if not model.choices.made:
                trace = Trace(Program(waiver.ops), tuple(predicted), (("uid", str(profile.uid)),))
                found[waiver.op] = replace(case_of_trace(trace, waiver.title), bucket=waiver.bucket)
    return tuple(found.values())


@pytest.fixture(scope="module")
def results(cases: tuple[Case, ...], base: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What every reproducer says, on either kernel. gVisor sees the files of this machine, but not its /dev/shm."""
    home = tmp_path_factory.mktemp("reproducers")
    program = home / "reproducers"
    subprocess.run([*GCC, "-o", str(program)], input=c_programs_text(cases).encode(), check=True, timeout=DEADLINE_S)
    commands = []
    for number, case in enumerate(cases):
        script = home / f"{case.bucket}.py"
        script.write_text(python_text(case), encoding="utf-8")
        (home / f"test_{number}.py").write_text(pytest_text(case), encoding="utf-8")
        commands += [(f"python {case.bucket}", str(script))]
        commands += [(f"c {case.bucket}", str(program), str(number))]
    options = ["-v", "--tb=no", "-p", "no:cacheprovider", f"--rootdir={home}", "-c", os.devnull]
    commands += [("pytest", sys.executable, "-c", PYTEST, *options, str(home))]
    inside = [*RUNSC, f"--root={home / 'state'}", "do", sys.executable, "-c", RUNNER]
    return Results(
        native=run([sys.executable, "-c", RUNNER], commands, {**os.environ, "FDCONFORM_DIR": str(base)}),
        gvisor=run(inside, commands, dict(os.environ)),
    )


def run(
    runner: Sequence[str], commands: Sequence[Sequence[str]], environment: dict[str, str]
) -> dict[str, tuple[int, str]]:
    text = "".join(f"{json.dumps(command)}\n" for command in commands)
    done = subprocess.run(runner, input=text, capture_output=True, text=True, timeout=DEADLINE_S, env=environment)
    told: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(commands), done.stderr[-2000:]
    return {name: (status, output) for name, status, output in told}


def otherwise(
    found: dict[str, tuple[int, str]], cases: Sequence[Case], form: str, status: int, words: str
) -> list[str]:
    """The reproducers of a form that did not end like this, with what they said."""
    return [
        f"{case.bucket} {case.title}: {found[f'{form} {case.bucket}']}"
        for case in cases
        if found[f"{form} {case.bucket}"][0] != status or words not in found[f"{form} {case.bucket}"][1]
    ]


def test_every_reproducer_fails_where_the_bug_is_and_passes_where_it_is_not(
    cases: tuple[Case, ...], results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len({case.bucket for case in cases}) == len(cases) >= BUCKETS_MIN
    for form in ("python", "c"):
        assert [] == otherwise(results.native, cases, form, 0, ABSENT)
        assert [] == otherwise(results.gvisor, cases, form, 1, PRESENT)
    for found, status, word in ((results.native, 0, "PASSED"), (results.gvisor, 1, "FAILED")):
        ended, output = found["pytest"]
        verdicts = [line.split()[1] for line in output.splitlines() if "::test_" in line and line.endswith("%]")]
        assert (status, len(cases)) == (ended, verdicts.count(word)), output
    with capsys.disabled():
        print(f"\n{len(cases)} buckets are present in gVisor and absent on this kernel: in Python, C and pytest")
