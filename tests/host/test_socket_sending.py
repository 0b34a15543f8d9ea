# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What an imported socket sends, over the model of Linux."""

from __future__ import annotations

from struct import pack

import pytest

from imported_sockets import Pair, imported, pair, turn_on
from reference.constants.errors import EAGAIN, EBADF, ECONNREFUSED, EINVAL, EMSGSIZE, EPIPE
from reference.constants.sockets import (
    AF_UNIX,
    MSG_DONTWAIT,
    MSG_EOR,
    MSG_OOB,
    MSG_PEEK,
    SO_PASSCRED,
    SO_SNDBUF,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.host.kernel import Host
from reference.outcomes import Sleeps
from refusals import fails
from unix_sockets import option

BUFFER_BYTES = 212992
NARROW_BYTES = 4608
"""The smallest send buffer."""


def test_no_descriptor_leaves_the_sandbox(host: Host, stream: Pair) -> None:
    fd, other = stream

    with fails(EINVAL):
        host.sendmsg(fd, (b"x",), (fd,), 0)
    with fails(EBADF):
        host.sendmsg(fd, (b"x",), (99,), 0)
    with fails(EINVAL):
        host.sendmsg(fd, (b"x",), (99,) * 254, 0)
    assert 0 == host.sendmsg(fd, (), (fd,), 0)
    with fails(EAGAIN):
        host.recv(other, 1, 0)


def test_passing_credentials_is_asked_for_and_never_works(host: Host, stream: Pair) -> None:
    fd, _ = stream
    turn_on(host, fd, SO_PASSCRED)

    for call in (
        lambda: host.send(fd, b"x", 0),
        lambda: host.sendmsg(fd, (b"x",), (), 0),
        lambda: host.write(fd, b"x"),
        lambda: host.write(fd, b""),
    ):
        with fails(EINVAL):
            call()
    assert 0 == host.send(fd, b"", 0)


def test_what_the_peer_asks_for_makes_no_difference_to_a_sender(host: Host, stream: Pair) -> None:
    fd, other = stream
    turn_on(host, other, SO_PASSCRED)

    assert 1 == host.send(fd, b"x", 0)


def test_flags_of_a_send_do_not_reach_the_host(host: Host, stream: Pair, datagram: Pair) -> None:
    host.send(stream[0], b"ab", MSG_OOB)
    host.send(datagram[0], b"cd", MSG_OOB)

    assert b"ab" == host.recv(stream[1], 10, 0)
    assert b"cd" == host.recv(datagram[1], 10, 0)


def test_sendmsg_refuses_flags_that_are_for_receiving(host: Host, stream: Pair) -> None:
    fd, _ = stream

    with fails(EINVAL):
        host.sendmsg(fd, (b"x",), (), MSG_PEEK)
    assert 1 == host.send(fd, b"x", MSG_PEEK)
    assert 1 == host.sendmsg(fd, (b"x",), (), MSG_EOR | MSG_DONTWAIT)


def test_a_message_has_no_more_than_1024_pieces(host: Host, stream: Pair) -> None:
    fd, _ = stream

    with fails(EMSGSIZE):
        host.sendmsg(fd, (b"x",) * 1025, (), 0)
    with fails(EMSGSIZE):
        host.recvmsg(fd, (1,) * 1025, 0, 0)


@pytest.fixture
def narrow(host: Host) -> Pair:
    """An import of a blocking stream whose send buffer was small at the time, and is not any more."""
    one, other = host.socketpair(AF_UNIX, SOCK_STREAM, 0)
    host.setsockopt(one, SOL_SOCKET, SO_SNDBUF, pack("<i", 0))
    fd = imported(host, one)
    host.setsockopt(one, SOL_SOCKET, SO_SNDBUF, pack("<i", BUFFER_BYTES))
    return fd, other


def test_a_stream_offers_the_host_no_more_at_once_than_its_send_buffer_was(host: Host, narrow: Pair) -> None:
    fd, other = narrow

    assert NARROW_BYTES == option(host, fd, SO_SNDBUF)
    assert NARROW_BYTES == host.send(fd, bytes(10000), MSG_DONTWAIT)
    assert NARROW_BYTES == len(host.recv(other, 10000, 0))


def test_a_blocking_call_offers_the_rest_too(host: Host, narrow: Pair) -> None:
    fd, other = narrow

    assert 10000 == host.send(fd, bytes(10000), 0)
    assert 10000 == host.write(fd, bytes(10000))
    assert 20000 == len(host.recv(other, 30000, 0))


def test_a_message_longer_than_the_send_buffer_is_refused(host: Host, datagram: Pair) -> None:
    with fails(EMSGSIZE):
        host.send(datagram[0], bytes(BUFFER_BYTES + 1), 0)


def test_a_blocking_send_gives_what_it_moved_before_it_had_to_wait(host: Host) -> None:
    fd, other = pair(host, SOCK_STREAM)

    assert BUFFER_BYTES == host.send(fd, bytes(2 * BUFFER_BYTES), 0)
    for call in (lambda: host.send(fd, b"x", 0), lambda: host.write(fd, b"x")):
        with pytest.raises(Sleeps):
            call()
    with fails(EAGAIN):
        host.send(fd, b"x", MSG_DONTWAIT)
    assert BUFFER_BYTES == len(host.recv(other, 2 * BUFFER_BYTES, 0))


def test_a_broken_stream_gives_no_signal(host: Host, stream: Pair) -> None:
    fd, other = stream
    host.close(other)

    for call in (lambda: host.send(fd, b"x", 0), lambda: host.write(fd, b"x"), lambda: host.write(fd, b"")):
        with fails(EPIPE):
            call()
    assert [] == host.signals


def test_other_errors_of_the_host_pass(host: Host, datagram: Pair) -> None:
    fd, other = datagram
    host.close(other)

    with fails(ECONNREFUSED):
        host.send(fd, b"x", 0)


def test_writing_nothing_is_a_message_and_sending_nothing_is_none(host: Host, datagram: Pair) -> None:
    fd, other = datagram

    assert 0 == host.send(fd, b"", 0)
    assert 0 == host.sendmsg(fd, (b"", b""), (), 0)
    with fails(EAGAIN):
        host.recv(other, 1, 0)
    assert 0 == host.write(fd, b"")
    assert b"" == host.recv(other, 1, 0)
