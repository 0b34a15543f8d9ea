# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls where what they stand on does other than Linux: an emulator, another kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.domains.slots import MAPPINGS_FROM
from conformance.systems.native import Native
from conformance.systems.native_calls import readiness, sockets
from reference.constants.sockets import AF_UNIX, SOCK_STREAM
from reference.structures import Message


@pytest.fixture
def pair() -> Iterator[tuple[Native, int, int]]:
    native = Native()
    one, other = native.socketpair(AF_UNIX, SOCK_STREAM, 0)
    yield native, one, other
    native.close(one)
    native.close(other)


def test_what_nobody_filled_in_is_not_what_an_earlier_message_left(
    pair: tuple[Native, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    native, one, other = pair
    native.sendmsg(one, (b"x",), (one,), 0)
    (passed,) = native.recvmsg(other, (1,), 1, 0).rights
    native.close(passed)
    # An emulator that makes no call of a message without buffers leaves the header as it was given.
    monkeypatch.setattr(sockets, "_recvmsg", lambda *unused: 0)

    assert native.recvmsg(other, (), 1, 0) == Message(b"", (), (), 0)


@pytest.mark.parametrize("length", [0, 1, 15])
def test_the_items_of_a_message_end_before_one_that_is_shorter_than_its_header(
    pair: tuple[Native, int, int], monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    native, _, other = pair

    def fill(fd: int, header: int, flags: int) -> int:
        sockets._HEADER.pack_into(native._control, 0, length, sockets.SOL_SOCKET, sockets.SCM_RIGHTS)
        return 0

    monkeypatch.setattr(sockets, "_recvmsg", fill)

    assert native.recvmsg(other, (), 300, 0) == Message(b"", (), (), 0)


def test_select_asks_for_no_more_than_its_sets_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def select(limit: int, *sets: Any) -> int:
        asked.append(limit)
        return 0

    monkeypatch.setattr(readiness, "_select", select)
    Native().select((3,), (MAPPINGS_FROM,), (), 0)

    assert asked[0] <= 8 * readiness.FD_SET_BYTES
