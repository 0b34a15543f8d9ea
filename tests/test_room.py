# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The side of a donation that is inside a sandbox, on our own machine: what it says when something goes wrong in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.systems.frames import receive, send
from conformance.systems.room import ARRIVE, BEGIN, CALL, END, VALUE
from conformance.systems.worker import GIVE_UP

SETTINGS = {"umask": 0o22, "descriptors_max": 256, "file_size_bytes_max": (2**30, 2**30), "started_ns": 0}
NUMBER = 3
NOTHING_HELD: set[int] = set()
pytestmark = pytest.mark.once


class Outside:
    """The other side of a room: it asks, and gets what went wrong and an answer."""

    def __init__(self) -> None:
        self._given, self.kept = os.pipe()
        questions, self._requests = os.pipe()
        self._answers, replies = os.pipe()
        command = [sys.executable, "-m", "conformance.systems.room"]
        self.process = subprocess.Popen(command, stdin=self._given, stdout=replies, stderr=questions)
        for fd in (self._given, questions, replies):
            os.close(fd)
        assert receive(self._answers) == "ready"

    def ask(self, *request: Any) -> tuple[str, Any]:
        send(self._requests, request)
        answer: tuple[str, Any] = receive(self._answers)
        return answer

    def close(self) -> None:
        for fd in (self._requests, self._answers, self.kept):
            os.close(fd)
        self.process.wait()

    @property
    def runner(self) -> int:
        """The process of the program."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


@pytest.fixture
def outside() -> Iterator[Outside]:
    made = Outside()
    assert ("", 0) == made.ask(BEGIN, SETTINGS)
    assert ("", None) == made.ask(ARRIVE, NUMBER, 0, False)
    yield made
    made.close()


def read_one(outside: Outside, count: int) -> tuple[str, Any]:
    os.write(outside.kept, b"x")
    return outside.ask(CALL, count, NOTHING_HELD, "read", (NUMBER, 1))


def test_a_call_that_has_ended_is_not_given_up_on(outside: Outside) -> None:
    os.kill(outside.runner, GIVE_UP)

    assert ("", (VALUE, b"x", [], {NUMBER})) == read_one(outside, 1)


def test_a_request_that_cannot_be_answered_is_told_as_such_and_the_next_is_answered(outside: Outside) -> None:
    failure, answer = outside.ask(ARRIVE, -1, 0, False)

    assert answer is None
    assert "OSError" in failure
    assert ("", (VALUE, b"x", [], {NUMBER})) == read_one(outside, 1)


def test_the_end_of_a_programs_process_is_not_that_of_the_room(outside: Outside) -> None:
    os.kill(outside.runner, signal.SIGKILL)

    assert ("the process of the program has ended", None) == outside.ask(CALL, 1, NOTHING_HELD, "read", (NUMBER, 1))
    assert ("", None) == outside.ask(END)
