# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A run that is killed leaves nothing of a named system that mounts: no process, no mount, no loop device."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.named_systems import FOLDER, named_systems
from conformance.systems.directories import sweep
from tests.wire.campaigns import campaign, processes_of

pytestmark = [pytest.mark.alternative, pytest.mark.once]

END_S = 60
MOUNTING = {name: system for name, system in named_systems().items() if system.setup}
SETUP_ENDS = "\n]\n"
READY = b"ready\n"


def waiting(name: str, place: Path) -> tuple[Path, int]:
    """A named system that says when it has been set up, and waits then; and where it says so."""
    said, never = place / "said", place / "never"
    os.mkfifo(said)
    os.mkfifo(never)
    step = f'  ["sh", "-c", "echo ready > {said}; read nothing < {never}"],'
    path = place / f"{name}.toml"
    path.write_text((FOLDER / f"{name}.toml").read_text().replace(SETUP_ENDS, f"\n{step}{SETUP_ENDS}", 1))
    return path, os.open(said, os.O_RDWR)


def wait_for(text: bytes, source: int, run: subprocess.Popen[str]) -> None:
    """Return once a text has come; fail when the run has ended before."""
    ended = os.pidfd_open(run.pid)
    heard = b""
    while len(heard) < len(text):
        assert [source] == select.select([source, ended], [], [])[0], f"the run ended, and had said {heard!r}"
        heard += os.read(source, len(text) - len(heard))
    os.close(ended)
    assert text == heard


def mentions(base: Path, texts: Iterator[Path]) -> list[Path]:
    """The files of the kernel's that name a path below ``base``."""
    return [path for path in texts if str(base) in _text_of(path)]


def _text_of(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@pytest.mark.parametrize("name", MOUNTING)
def test_nothing_of_a_system_outlives_a_run_that_is_killed(name: str, tmp_path: Path) -> None:
    if MOUNTING[name].missing:
        pytest.skip(f"needs {MOUNTING[name].missing}")
    base = tmp_path / "base"
    base.mkdir()
    system, said = waiting(name, tmp_path)
    run = campaign(system, base)
    wait_for(READY, said, run)
    processes = list(processes_of(base))
    mounted = mentions(base, Path("/proc").glob("[0-9]*/mountinfo"))
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    os.close(said)
    for process in processes:
        assert select.select([process], [], [], END_S)[0]
        os.close(process)

    assert processes
    assert mounted
    assert [] == list(processes_of(base))
    assert [] == mentions(base, Path("/proc").glob("[0-9]*/mountinfo"))
    assert [] == mentions(base, Path("/sys/block").glob("loop*/loop/backing_file"))
    assert sweep(base)
    assert [] == list(base.glob("fdconform-*"))
