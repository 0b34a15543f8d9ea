# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""gVisor with descriptors donated to it: both sides of a program, and what is left of it afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.grammar import read_program
from conformance.named_systems import named_systems
from conformance.observation import BLOCKED, failure
from conformance.ops import Op
from conformance.systems.process import ProcessSystem
from donations import donated_to, run
from reference.constants.errors import ENOTTY, EPERM

SYSTEM = named_systems()["gvisor-donated"]
pytestmark = [
    pytest.mark.alternative,
    pytest.mark.once,
    pytest.mark.skipif(bool(SYSTEM.missing) or os.getuid() != 0, reason="needs root, and runsc"),
]


@pytest.fixture(scope="module")
def system() -> Iterator[ProcessSystem]:
    with donated_to("gvisor-donated") as started_system:
        yield started_system


def test_the_end_of_a_pipe_that_stays_outside_is_seen_from_inside(system: ProcessSystem) -> None:
    text = 'r0, r1 = pipe2(0)\nr2 = import_fd(r0)\nread(r2, 1)\nwrite(r1, b"xy")\nread(r2, 9)\nclose(r1)\nread(r2, 1)'

    assert [(3, 4), 5, BLOCKED, 2, b"xy", 0, b""] == run(system, text)


def test_both_sides_hand_out_numbers_of_one_table(system: ProcessSystem) -> None:
    text = (
        "r0, r1 = pipe2(0)\nr2 = import_fd(r0)\nr3 = dup(r2)\nr4 = dup(r1)\nclose(r3)\nr5 = dup(r1)\nr6 = dup2(r2, r5)"
    )

    assert [(3, 4), 5, 6, 7, 0, 6, 6] == run(system, text)


def test_a_number_that_was_the_sandboxs_can_become_the_hosts(system: ProcessSystem) -> None:
    text = "r0, r1 = pipe2(0)\nr2 = import_fd(r1)\nclose(r1)\nr3 = dup2(r0, r2)\nclose(r2)\nread(r0, 1)"

    assert [(3, 4), 5, 0, 5, 0, b""] == run(system, text)


def test_what_the_client_does_to_a_donated_file_is_undone(system: ProcessSystem) -> None:
    observed = run(system, 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0)\nfstat(r0)')

    assert (os.getuid(), os.getgid()) == observed[2][2:4]


def test_a_device_of_the_machine_keeps_its_times_where_the_sandbox_would_hand_them_on(system: ProcessSystem) -> None:
    text = 'r0 = open("/dev/null", O_RDONLY, 0o600)\nr1 = import_fd(r0)\nfutimens(r1, 0, 0)'

    assert failure(EPERM) == run(system, text)[-1]
    assert os.stat("/dev/null").st_mtime > 0


def test_a_directory_is_refused_by_the_sandbox(system: ProcessSystem) -> None:
    assert [3, failure(EPERM)] == run(system, 'r0 = open(".", O_RDONLY, 0o0)\nr1 = import_fd(r0)')


def test_a_slave_is_a_terminal_where_it_is_imported_as_one_and_a_device_where_it_is_not(system: ProcessSystem) -> None:
    text = "r0 = posix_openpt(O_RDWR)\nunlockpt(r0)\nr1 = open_slave(r0, O_RDWR)\n"
    text += "r2 = import_fd(r1, tty={tty})\nioctl(r2, TIOCGWINSZ)"

    assert (0, 0, 0, 0) == run(system, text.format(tty=1))[-1]
    assert failure(ENOTTY) == run(system, text.format(tty=0))[-1]


def test_a_program_of_another_way_to_import_is_not_run(system: ProcessSystem) -> None:
    ops: tuple[Op, ...] = read_program("r0, r1 = pipe2(0)\nr2 = import_fd(r0, readonly=1)").ops

    assert [] == system.run_alone(ops)


def test_nothing_runs_on_when_the_system_is_killed() -> None:
    with donated_to("gvisor-donated") as other:
        run(other, "r0, r1 = pipe2(0)\nr2 = import_fd(r0)")
        directory = other._directory
        other.kill()

    deadline = time.monotonic() + 10
    while any(str(directory).encode() in line for line in command_lines()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [line for line in command_lines() if str(directory).encode() in line]


def command_lines() -> list[bytes]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue
    return lines
