# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A system that its user started: it is spoken to on a socket, is never ended, and may go away."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.replay import command as replay
from conformance.environment import profile_for, working_base
from conformance.errors import ConformanceError, ExitCode, ProgramFailed
from conformance.grammar import read_program
from conformance.named_systems import subject_of
from conformance.runners import run_offered, started
from conformance.systems.process import AdapterFailed, ProcessSystem
from conformance.worker_bundle import worker_text

pytestmark = pytest.mark.once

LISTENING = str(Path(__file__).with_name("listening.py"))
HOSTILE = (sys.executable, str(Path(__file__).with_name("hostile.py")))
CLOSED = read_program("r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)").ops
Listen = Callable[..., tuple[str, subprocess.Popen[str]]]


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Listen]:
    """Start a command on a socket: what ``--on`` calls it, and the process that listens."""
    with ExitStack() as ends:

        def start(*words: str) -> tuple[str, subprocess.Popen[str]]:
            path = tmp_path / "toy.sock"
            server = ends.enter_context(
                subprocess.Popen([sys.executable, LISTENING, str(path), *words], stdout=subprocess.PIPE, text=True)
            )
            ends.callback(server.kill)
            assert server.stdout is not None
            assert "listening\n" == server.stdout.readline()
            return f"attached:{path}", server

        yield start


def attached(on: str) -> ProcessSystem:
    subject = subject_of(on, 5.0)
    assert subject is not None
    base = working_base(None)
    return started(subject, profile_for(base), base)


def test_a_system_is_spoken_to_again_and_again_and_never_ended(listen: Listen) -> None:
    on, server = listen(*HOSTILE, "honest")
    for _ in range(2):
        with attached(on) as system:
            assert CLOSED == run_offered(system, CLOSED)[0]
    with attached(on) as system:
        system.run([CLOSED])
        system.kill()

    assert server.poll() is None
    with attached(on) as system:
        assert "toy" == system.hello.name


def test_the_python_worker_conforms_on_a_socket(listen: Listen, tmp_path: Path) -> None:
    worker, program = tmp_path / "worker.py", tmp_path / "p.fd"
    worker.write_text(worker_text())
    program.write_text('r0, r1 = pipe2(O_NONBLOCK)\nclose(r0)\nwrite(r1, b"x")\n')
    on, _ = listen(sys.executable, str(worker))
    done = CliRunner().invoke(replay, ["--on", on, str(program)], standalone_mode=False)

    assert ExitCode.CONFORMS == done.return_value, done.output
    assert 'write(r1, b"x") == EPIPE & SIGPIPE' in done.output


def test_a_system_that_lies_is_found_on_a_socket_as_well(listen: Listen, tmp_path: Path) -> None:
    program = tmp_path / "p.fd"
    program.write_text("r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\n")
    on, _ = listen(*HOSTILE, "closed-works")
    done = CliRunner().invoke(replay, ["--on", on, str(program)], standalone_mode=False)

    assert ExitCode.DIVERGES == done.return_value, done.output
    assert "attached:toy.sock  0" in done.output


def test_a_system_that_goes_away_is_said_to_have_done_so_with_what_to_do(listen: Listen) -> None:
    on, server = listen("--once", *HOSTILE, "marked-dies")
    with attached(on) as system:
        with pytest.raises(ProgramFailed) as gone:
            system.run([read_program("r0, r1 = pipe2(0)\nr2 = dup(r1)").ops])
        assert 0 == server.wait(timeout=60)
        with pytest.raises(AdapterFailed) as unreachable:
            system.run([CLOSED])

    assert "attached:toy.sock: went away, or hung up\n  mend: replay the program" == str(gone.value)
    assert "cannot be reached: Connection refused" == unreachable.value.message
    assert unreachable.value.hint.startswith("start it, and have it listen on /")


def test_a_system_that_is_killed_is_no_longer_reached(listen: Listen) -> None:
    on, server = listen(*HOSTILE, "honest")
    server.send_signal(signal.SIGKILL)
    server.wait()

    with pytest.raises(AdapterFailed, match="cannot be reached: Connection refused"):
        attached(on).run([CLOSED])


def test_what_is_no_socket_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError) as caught:
        subject_of(f"attached:{tmp_path}")

    assert "names no socket" == caught.value.message
    assert ExitCode.USAGE == caught.value.exit_code
