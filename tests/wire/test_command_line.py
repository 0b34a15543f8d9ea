# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A system under test as a user meets it: exit codes, one clear message, and findings that are kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.errors import ExitCode
from conformance.events import Divergence, Footer, Header, Note, read_events

if TYPE_CHECKING:
    from ..conftest import Ended, Fdconform

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
HOSTILE = f"{sys.executable} {Path(__file__).with_name('hostile.py')}"
WORKER = f"{sys.executable} -m conformance.systems.python_worker"
Campaign = Callable[[str], "tuple[Ended, Path]"]
PROGRAMS = {
    "closed.fd": "r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\n",
    "duplicated.fd": "r0, r1 = pipe2(0)\nr2 = dup(r1)\nclose(r2)\n",
}


@pytest.fixture
def run(fdconform: Fdconform, tmp_path: Path) -> Campaign:
    for name, text in PROGRAMS.items():
        path = tmp_path / "fixtures" / "programs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def go(behaviour: str) -> tuple[Ended, Path]:
        budget = ("--budget", "1ops", "--jobs", "1", "--deadline", "1")
        where = ("--fixtures", str(tmp_path / "fixtures"), "--reports", str(tmp_path / "reports"))
        done = fdconform("run", *budget, *where, "--on", f"process:{HOSTILE} {behaviour}")
        return done, tmp_path / "reports" / "latest" / "events.jsonl"

    return go


def test_a_campaign_on_a_system_that_lies_ends_in_1_with_what_the_kernel_gives_beside_it(run: Campaign) -> None:
    done, log = run("closed-works")
    found = list(read_events(log))
    header = next(event for event in found if isinstance(event, Header))
    divergence = next(event for event in found if isinstance(event, Divergence))

    assert ExitCode.DIVERGES == done.returncode, done.stderr
    assert "toy 1" == header.environment["system"]
    assert header.law.startswith("linux == process:")
    assert ("EBADF", "0") == (divergence.predicted, divergence.observed)
    assert divergence.trace.endswith("close(r0) == EBADF\n")
    assert "--on 'process:" in divergence.replay


def test_a_campaign_on_a_system_that_breaks_the_protocol_ends_in_3_with_one_message_and_keeps_what_it_found(
    run: Campaign,
) -> None:
    done, log = run("bye-count-closed-works")
    found = list(read_events(log))
    footer = next(event for event in found if isinstance(event, Footer))

    assert ExitCode.ADAPTER_FAILED == done.returncode, done.stderr
    assert 1 == done.stderr.count("error: ")
    assert "says that it answered 3 programs, and answered 2\n  mend: " in done.stderr
    assert [1, ExitCode.ADAPTER_FAILED] == [footer.buckets, footer.exit_code]
    assert ["error"] == [event.level for event in found if isinstance(event, Note)]


def test_a_campaign_on_a_system_that_hangs_on_a_program_ends_in_3_and_names_the_program(run: Campaign) -> None:
    done, log = run("marked-hangs")
    (divergence,) = [event for event in read_events(log) if isinstance(event, Divergence)]

    assert ExitCode.ADAPTER_FAILED == done.returncode, done.stderr
    assert ("adapter-error", "dup") == (divergence.verdict, divergence.op)
    assert "did not answer within 1 s" in divergence.observed


def test_replay_runs_a_program_on_the_worker(fdconform: Fdconform, tmp_path: Path) -> None:
    program = tmp_path / "p.fd"
    program.write_text('r0, r1 = pipe2(O_NONBLOCK)\nclose(r0)\nwrite(r1, b"x")\n')
    done = fdconform("replay", "--on", f"process:{WORKER}", str(program))

    assert ExitCode.CONFORMS == done.returncode, done.stderr
    assert 'write(r1, b"x") == EPIPE & SIGPIPE' in done.stdout


@pytest.mark.parametrize(
    ("on", "says"),
    [
        ("process:", "names no command"),
        ("process:'", "not a command: No closing quotation"),
        ("elsewhere", "unknown system 'elsewhere'"),
    ],
)
def test_a_system_that_cannot_be_meant_is_a_mistake_of_the_caller(
    fdconform: Fdconform, on: str, says: str, tmp_path: Path
) -> None:
    done = fdconform("run", "--on", on, "--reports", str(tmp_path))

    assert ExitCode.USAGE == done.returncode
    assert says in done.stderr
    assert [] == list(tmp_path.iterdir())
