# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""gVisor saved and restored in the middle of programs: what goes on, and what is left of it afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.named_systems import named_systems
from conformance.systems.process import ProcessSystem
from donations import donated_to, run
from reference.constants.readiness import POLLERR

SYSTEM = named_systems()["gvisor-restored"]
pytestmark = [
    pytest.mark.alternative,
    pytest.mark.once,
    pytest.mark.skipif(bool(SYSTEM.missing), reason=f"needs {', '.join(SYSTEM.missing) or 'nothing'}"),
]


@pytest.fixture(scope="module")
def system() -> Iterator[ProcessSystem]:
    with donated_to("gvisor-restored") as started_system:
        yield started_system


def test_what_a_pipe_held_is_in_the_image_and_comes_before_what_is_written_later(system: ProcessSystem) -> None:
    text = (
        'r0, r1 = pipe2(O_NONBLOCK)\nwrite(r1, b"hello")\nr2 = import_fd(r0)\nread(r2, 2)\nsave()\n'
        'read(r0, 9)\nwrite(r1, b"yy")\nread(r2, 9)'
    )

    assert [b"he", 0, 0] == run(system, text)[3:6]
    assert b"lloyy" == run(system, text)[-1]


def test_the_position_of_a_file_goes_on_and_its_end_is_seen_when_the_sandbox_lets_go(system: ProcessSystem) -> None:
    text = (
        'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nwrite(r0, b"abc")\nr1 = import_fd(r0)\nlseek(r1, 1, SEEK_SET)\n'
        "save()\nread(r1, 1)"
    )
    assert b"b" == run(system, text)[-1]

    text = "r0, r1 = pipe2(0)\nr2 = import_fd(r1)\nclose(r1)\nsave()\nclose(r2)\nread(r0, 1)"
    assert b"" == run(system, text)[-1]


def test_a_sandbox_that_is_restored_keeps_nothing_of_the_hosts_side_open(system: ProcessSystem) -> None:
    # What the client gives to the sandbox takes the lowest numbers, and would cover what it inherits there.
    text = (
        'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0)\nr2, r3 = pipe2(0)\n'
        "r4 = fcntl(r2, F_DUPFD, 100)\nsave()\nclose(r2)\nclose(r4)\npoll([(r3, 0)], 0)"
    )

    observed = run(system, text)[-1]
    assert isinstance(observed, (list, tuple))
    assert [POLLERR] == list(observed)


def test_no_sandbox_outlives_its_program(system: ProcessSystem) -> None:
    run(system, "r0, r1 = pipe2(0)\nr2 = import_fd(r0)\nsave()\nclose(r1)")
    (ours,) = [path for path in Path("/proc").glob("[0-9]*/cmdline") if _is_ours(path)]
    directory = ours.read_bytes().split(b"\0")[3]

    assert not any(
        directory in text for path in Path("/proc").glob("[0-9]*/cmdline") if b"runsc" in (text := _read(path))
    )


def _is_ours(path: Path) -> bool:
    words = _read(path).split(b"\0")
    parent = path.parent / "status"
    return words[2:3] == [b"conformance.systems.gvisor_restored"] and f"PPid:\t{os.getpid()}\n" in parent.read_text()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
