# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The host's side of a donation, with a client that only says no: what of a refusal is the donated descriptor's."""

from __future__ import annotations

import errno
import json
import os
import pickle
import socket
import sys
import threading

import pytest

from conformance.interpreter import Unreachable
from conformance.systems.donated import EXEC, Donated
from conformance.systems.frames import send
from conformance.systems.room import CALL

pytestmark = pytest.mark.once

CLIENT = (
    "import os, sys\n"
    # The client makes what it passes on block, and the sandbox makes what it looks at not block.
    "os.set_blocking(0, True)\n"
    "os.set_blocking({looked_at}, False)\n"
    "os.write(2, b'opening file in sandbox: not a typewriter')\n"
    "sys.exit(1)\n"
)


def refused(monkeypatch: pytest.MonkeyPatch, looked_at: int) -> OSError | None:
    """How the donation of a socket as a terminal ends, where the sandbox looks at one of the standard streams first."""
    monkeypatch.setenv(EXEC, json.dumps({"tty": [sys.executable, "-S", "-c", CLIENT.format(looked_at=looked_at)]}))
    one, other = socket.socketpair()
    with one, other:
        return Donated()._donate(one.fileno(), "tty")


def test_a_socket_that_the_sandbox_has_looked_at_is_refused_as_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = refused(monkeypatch, 0)

    assert refusal is not None
    assert errno.ENOTTY == refusal.errno


def test_a_refusal_of_another_stream_says_nothing_of_the_donated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match="another of the three streams"):
        refused(monkeypatch, 2)


def test_a_request_that_is_longer_than_a_pipe_is_waited_for_while_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXEC, "{}")
    donated, told, told_while_sending = Donated(), list[bool](), list[list[bool]]()
    donated.tell_waiting = told.append
    requests, ours = os.pipe()
    answers, replies = os.pipe()
    donated._room = (ours, answers)
    long = b"x" * 2**20

    def answer() -> None:
        head = os.read(requests, 4)
        told_while_sending.append([*told])
        with os.fdopen(requests, "rb") as rest:
            kind, value = pickle.loads(rest.read(int.from_bytes(head, "little")))
        send(replies, ("", (kind, len(value))))

    room = threading.Thread(target=answer)
    room.start()
    assert (CALL, len(long)) == donated._ask(CALL, long)
    room.join()

    assert [[True]] == told_while_sending
    assert told[-1] is False


def test_terminal_data_is_waited_for_when_a_call_in_the_sandbox_may_have_moved_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(EXEC, "{}")
    donated, waits = Donated(), list[str]()
    monkeypatch.setattr(donated._workers, "wait_until_idle", lambda: waits.append("waited"))
    with open(os.devnull, "wb") as stand_in:
        donated.settle("write", (stand_in.fileno(), b"x"))
        assert not waits

        # The same number, when it is there for one of the sandbox: what that is does not show here.
        donated._held.add(stand_in.fileno())
        donated.settle("write", (stand_in.fileno(), b"x"))
    assert waits == ["waited"]
