# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Datagrams to Unix sockets by name, in the model."""

from __future__ import annotations

from struct import pack

import pytest

from reference.constants.errors import (
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EISCONN,
    ENOENT,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
)
from reference.constants.readiness import EPOLL_CTL_ADD, EPOLLET, EPOLLOUT, POLLIN, POLLOUT, POLLRDHUP
from reference.constants.sockets import (
    AF_UNIX,
    MSG_DONTWAIT,
    MSG_PEEK,
    SO_ERROR,
    SO_PASSCRED,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.outcomes import Sleeps
from reference.syscalls import AUTOMATIC_NAME
from refusals import refused
from unix_sockets import make, option

ON = pack("<i", 1)
QUEUED_MAX = Profile().datagram_queue_max + 1


def poll(kernel: Linux, fd: int) -> int:
    return kernel.poll(((fd, POLLIN | POLLOUT | POLLRDHUP),), 0)[0]


def flood(kernel: Linux, sender: int, address: str) -> None:
    for _ in range(QUEUED_MAX):
        kernel.sendto(sender, b"x", 0, address)


def test_a_datagram_goes_to_an_address_and_tells_the_name_of_its_sender(kernel: Linux) -> None:
    one, other = make(kernel, SOCK_DGRAM, "s"), make(kernel, SOCK_DGRAM)
    kernel.sendto(other, b"first", 0, "s")
    assert (b"first", None) == kernel.recvfrom(one, 10, MSG_PEEK)
    kernel.bind(other, "t")
    assert (b"first", "t") == kernel.recvfrom(one, 10, 0)


def test_a_datagram_without_an_address_goes_to_the_peer(kernel: Linux) -> None:
    one, other = make(kernel, SOCK_DGRAM, "s"), make(kernel, SOCK_DGRAM)
    refused(ENOTCONN, kernel.sendto, other, b"x", 0, None)
    kernel.connect(other, "s")
    kernel.sendto(other, b"x", 0, None)
    assert b"x" == kernel.recv(one, 1, 0)
    kernel.connect(other, None)
    refused(ENOTCONN, kernel.send, other, b"x", 0)


def test_who_has_a_peer_takes_messages_from_nobody_else(kernel: Linux) -> None:
    one, _, third = make(kernel, SOCK_DGRAM, "s"), make(kernel, SOCK_DGRAM, "t"), make(kernel, SOCK_DGRAM)
    kernel.connect(one, "t")
    refused(EPERM, kernel.sendto, third, b"x", 0, "s")
    refused(EPERM, kernel.connect, third, "s")


def test_a_stream_takes_no_address_and_a_sequence_overlooks_it(kernel: Linux) -> None:
    one, _ = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    refused(EISCONN, kernel.sendto, one, b"x", 0, "s")
    refused(EOPNOTSUPP, kernel.sendto, make(kernel, SOCK_STREAM), b"x", 0, "s")
    one, other = kernel.socketpair(AF_UNIX, SOCK_SEQPACKET, 0)
    assert 1 == kernel.sendto(one, b"x", 0, "missing")
    assert (b"x", None) == kernel.recvfrom(other, 1, 0)


def test_leaving_a_peer_loses_what_waits_and_tells_the_peer(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)
    kernel.send(other, b"lost", 0)
    kernel.connect(one, None)
    refused(EAGAIN, kernel.recv, one, 10, 0)
    assert ECONNRESET == option(kernel, other, SO_ERROR)


def test_leaving_a_peer_with_an_empty_queue_tells_nobody(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)
    kernel.connect(one, None)
    assert 0 == option(kernel, other, SO_ERROR)


def test_strangers_fill_a_queue_and_the_owner_may_go_on(kernel: Linux) -> None:
    one, other = make(kernel, SOCK_DGRAM, "s"), make(kernel, SOCK_DGRAM)
    flood(kernel, other, "s")
    refused(EAGAIN, kernel.sendto, other, b"x", 0, "s")
    assert POLLOUT == poll(kernel, other)
    assert 1 == kernel.sendto(one, b"x", 0, "s")
    with pytest.raises(Sleeps):
        kernel.sendto(make(kernel, SOCK_DGRAM, flags=0), b"x", 0, "s")
    refused(EAGAIN, kernel.sendto, make(kernel, SOCK_DGRAM, flags=0), b"x", MSG_DONTWAIT, "s")


def test_who_is_connected_to_a_full_queue_has_no_room_and_is_woken_by_a_read(kernel: Linux) -> None:
    one, other = make(kernel, SOCK_DGRAM, "s"), make(kernel, SOCK_DGRAM)
    kernel.connect(other, "s")
    epoll = kernel.epoll_create1(0)
    kernel.epoll_ctl(epoll, EPOLL_CTL_ADD, other, EPOLLOUT | EPOLLET, 7)
    assert ((EPOLLOUT, 7),) == kernel.epoll_wait(epoll, 8, 0)
    flood(kernel, other, "s")
    refused(EAGAIN, kernel.send, other, b"x", 0)
    assert 0 == poll(kernel, other)
    assert () == kernel.epoll_wait(epoll, 8, 0)
    kernel.recv(one, 1, 0)
    assert ((EPOLLOUT, 7),) == kernel.epoll_wait(epoll, 8, 0)
    assert POLLOUT == poll(kernel, other)


def test_who_waits_at_a_full_queue_hears_of_its_end(kernel: Linux) -> None:
    one, other = make(kernel, SOCK_DGRAM, "s"), make(kernel, SOCK_DGRAM)
    kernel.connect(other, "s")
    flood(kernel, other, "s")
    epoll = kernel.epoll_create1(0)
    kernel.epoll_ctl(epoll, EPOLL_CTL_ADD, other, EPOLLOUT | EPOLLET, 7)
    assert () == kernel.epoll_wait(epoll, 8, 0)
    kernel.close(one)
    assert ((EPOLLOUT, 7),) == kernel.epoll_wait(epoll, 8, 0)
    refused(ECONNREFUSED, kernel.send, other, b"x", 0)


def test_asking_for_credentials_names_a_socket_before_it_sends(kernel: Linux) -> None:
    fd = make(kernel, SOCK_DGRAM)
    kernel.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, ON)
    refused(EINVAL, kernel.sendto, fd, b"x", 0, "")
    assert "" == kernel.getsockname(fd)
    refused(ENOENT, kernel.sendto, fd, b"x", 0, "missing")
    assert AUTOMATIC_NAME == kernel.getsockname(fd)


def test_asking_for_credentials_names_a_socket_before_it_connects(kernel: Linux) -> None:
    for kind in (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM):
        fd = make(kernel, kind)
        kernel.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, ON)
        refused(ENOENT, kernel.connect, fd, "missing")
        assert AUTOMATIC_NAME == kernel.getsockname(fd)


def test_a_datagram_socket_may_be_its_own_peer(kernel: Linux) -> None:
    fd = make(kernel, SOCK_DGRAM, "s")
    kernel.connect(fd, "s")
    kernel.send(fd, b"x", 0)
    assert (b"x", "s") == kernel.recvfrom(fd, 1, 0)
    assert "s" == kernel.getpeername(fd)
