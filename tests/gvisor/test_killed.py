# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""gVisor's own objects: a sandbox that hangs is replaced, and a run that is killed leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from conformance.environment import profile_for
from conformance.errors import ProgramFailed
from conformance.grammar import read_program
from conformance.named_systems import named_systems, subject_of
from conformance.runners import started
from conformance.systems.directories import sweep

SYSTEM = named_systems()["gvisor"]
OPS = read_program('r0, r1 = pipe2(0)\nwrite(r1, b"xy")\nread(r0, 10)').ops
OBSERVED = [(3, 4), 2, b"xy"]
WITHIN_S = 60.0
pytestmark = [
    pytest.mark.alternative,
    pytest.mark.once,
    pytest.mark.skipif(bool(SYSTEM.missing) or os.getuid() != 0, reason="needs root, and runsc"),
]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place with a base for the directories of systems, and another one for temporary files that have none.

    The sandbox of `runsc do` is nobody, who has to get there.
    """
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        place = Path(name)
        (place / "base").mkdir()
        (place / "temporary").mkdir()
        monkeypatch.setenv("TMPDIR", str(place / "temporary"))
        yield place


def left(place: Path) -> list[Path]:
    """What is left there."""
    return [*(place / "base").iterdir(), *(place / "temporary").iterdir()]


@contextmanager
def campaign(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A long run on gVisor of which a sandbox has started. It is killed in the end."""
    options = ["--on", "gvisor", "--budget", "1h", "--jobs", "2", "--dir", str(place / "base")]
    options += ["--reports", str(place / "reports")]
    running = subprocess.Popen(
        [sys.executable, "-m", "conformance.cli", "run", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert become(True, b"runsc-sandbox", place)
        yield running
    finally:
        running.kill()
        running.wait()


def processes(words: bytes, place: Path) -> list[int]:
    """The processes whose command line has some words, and a place."""
    return [pid for pid, line in command_lines() if words in line and bytes(place) in line]


def command_lines() -> Iterator[tuple[int, bytes]]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield int(path.parent.name), path.read_bytes()
        except OSError:
            continue


def become(wanted: bool, words: bytes, place: Path) -> bool:
    """Whether there come to be such processes, or there come to be none."""
    deadline = time.monotonic() + WITHIN_S
    while bool(processes(words, place)) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(processes(words, place)) == wanted


def test_a_sandbox_that_does_not_answer_is_ended_and_another_one_takes_its_place(place: Path) -> None:
    subject = subject_of("gvisor", 2.0)
    assert subject is not None
    base = place / "base"
    with started(subject, profile_for(base), base) as system:
        assert OBSERVED == system.run_alone(OPS)
        (sandbox,) = processes(b"runsc-sandbox", place)
        os.kill(sandbox, signal.SIGSTOP)
        with pytest.raises(ProgramFailed, match="did not answer within 2 s"):
            system.run_alone(OPS)
        assert ([], []) == (processes(b"", place), left(place))
        assert OBSERVED == system.run_alone(OPS)

    assert become(False, b"", place)
    assert [] == left(place)


def test_a_run_that_is_killed_leaves_no_sandbox_no_mount_and_nothing_that_the_next_run_does_not_sweep_away(
    place: Path,
) -> None:
    with campaign(place):
        pass

    assert become(False, b"", place)
    assert str(place) not in Path("/proc/mounts").read_text(encoding="utf-8")
    sweep(place / "base")
    assert [] == left(place)


def test_what_a_sandbox_leaves_behind_that_is_killed_with_its_run_is_swept_away_by_the_next(place: Path) -> None:
    with campaign(place) as running:
        running.kill()
        while found := processes(b"", place):
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    assert [] != list(place.glob("**/runsc-do*"))
    sweep(place / "base")
    assert [] == left(place)


def test_a_sandbox_starts_where_only_we_get_to_the_directory_of_its_system(place: Path) -> None:
    subject = subject_of("gvisor", 60.0)
    assert subject is not None
    base = place / "base"
    base.chmod(0o700)

    with started(subject, profile_for(base), base) as system:
        assert OBSERVED == system.run_alone(OPS)
    assert [] == left(place)
