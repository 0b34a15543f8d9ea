# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""User-mode Linux: another kernel, whose console carries the conversation."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.environment import profile_for, working_base
from conformance.grammar import read_program
from conformance.named_systems import named_systems, subject_of
from conformance.observation import BLOCKED
from conformance.runners import run_offered, started

UML = named_systems()["uml"]
END_S = 30.0
LONG = "\n".join(["r0, r1 = pipe2(0)", *['write(r1, b"x")'] * 2000, "read(r0, 3000)"])
"""A program whose message is several times as long as the queue of a console."""

pytestmark = [
    pytest.mark.alternative,
    pytest.mark.once,
    pytest.mark.skipif(bool(UML.missing), reason=f"needs {', '.join(UML.missing) or 'nothing'}"),
]


@pytest.mark.parametrize("filesystem", ["tmpfs", "hostfs"])
def test_programs_run_on_another_kernel_and_long_ones_too(filesystem: str) -> None:
    subject = subject_of("uml")
    assert subject is not None
    subject = replace(subject, command=(*subject.command[:-1], filesystem))
    base = working_base(None)
    with started(subject, profile_for(base), base) as system:
        facts = system.hello.facts
        _, short = run_offered(system, read_program('r0 = open("f", O_RDWR | O_CREAT, 0o600)\nwrite(r0, b"xy")').ops)
        _, asleep = run_offered(system, read_program("r0, r1 = pipe2(0)\nread(r0, 1)").ops)
        _, long = run_offered(system, read_program(LONG).ops)

    assert facts.kernel is not None
    assert (6, 1) <= facts.kernel < (6, 18)
    assert [filesystem, 0, True] == [facts.filesystem, facts.uid, facts.capable]
    assert [3, 2] == short
    assert [(3, 4), BLOCKED] == asleep
    assert [1] * 2000 + [b"x" * 2000] == long[1:]


def test_the_kernel_does_not_outlive_those_that_it_talks_to(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance.systems.uml", str(tmp_path), "tmpfs"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as system:
        assert system.stdout is not None
        assert system.stdout.readline().startswith(b'{"message":"hello"')
        kernel = os.pidfd_open(_child_of(_child_of(system.pid)))
        os.kill(system.pid, signal.SIGKILL)

        assert select.select([kernel], [], [], END_S)[0]
        os.close(kernel)


def test_without_a_bye_the_kernel_ends_when_there_are_no_more_messages(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance.systems.uml", str(tmp_path), "tmpfs"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=END_S, check=True)

    assert 1 == done.stdout.count(b"\n")


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
