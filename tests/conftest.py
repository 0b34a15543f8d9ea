# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What tests of several folders start from: the command line in this process, and a run with one divergence."""

from __future__ import annotations

import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from conformance.cli import main
from conformance.events import Divergence, Header

ROOT = Path(__file__).parents[1]


class Ended(NamedTuple):
    """What a command told."""

    returncode: int
    stdout: str
    stderr: str


class Fdconform(Protocol):
    """Runs a command of ours to its end."""

    def __call__(self, *arguments: str, stdin: str = "") -> Ended: ...


@pytest.fixture(scope="session")
def fdconform() -> Fdconform:
    """The command line as ``main`` has it, in this process: most of what a command takes is its start."""
    return _ended


def _ended(*arguments: str, stdin: str = "") -> Ended:
    out, errors = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(errors), chdir(ROOT), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["fdconform", *arguments])
        patch.setattr(sys, "stdin", StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
    return Ended(int(str(ended.value.code)), out.getvalue(), errors.getvalue())


@pytest.fixture
def header() -> Header:
    return Header(
        format=1,
        run="2026-11-23T11-30-00",
        started="2026-11-23T11:30:00+00:00",
        command="fdconform run --kind pipes --kind files --budget 60s --seed 7",
        seed="7",
        budget="60s",
        law="linux == native",
        systems=("linux", "native"),
        kinds=("pipes", "files"),
        environment={
            "python": "3.11.7",
            "kernel": "6.18.44",
            "filesystem": "ext4",
            "user": "root",
            "machine": "x86_64",
        },
    )


@pytest.fixture
def epipe() -> Divergence:
    """A bucket of that run."""
    return Divergence(
        bucket="B-7f3a0001",
        title="write on pipe.write: model EPIPE & SIGPIPE, native 1",
        verdict="diverges",
        law="linux == native",
        kind="pipes",
        op="write",
        clauses=("PIPE-EPIPE",),
        seed="7-12",
        program='r0, r1 = pipe2(0)\nr2 = dup(r1)\nclose(r2)\nclose(r0)\nwrite(r1, b"x")\nclose(r1)\n',
        reduced='# what is left\nr0, r1 = pipe2(0)\nclose(r0)\nwrite(r1, b"x")\n',
        trace=(
            "#: kernel = 6.18.44\n# what is left\n"
            'r0, r1 = pipe2(0) == (3, 4)\nclose(r0) == 0\nwrite(r1, b"x") == 1\n#: end\n'
        ),
        step=2,
        predicted="EPIPE & SIGPIPE",
        observed="1",
        confirmed=(5, 5),
        reduction_tries=31,
        replay="fdconform replay reports/2026-11-23T11-30-00/B-7f3a0001.fd",
    )
