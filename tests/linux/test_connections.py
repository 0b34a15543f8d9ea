# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Connections of Unix sockets by name, in the model."""

from __future__ import annotations

from struct import pack, unpack

import pytest

from reference.constants.descriptors import F_GETFD, FD_CLOEXEC
from reference.constants.errors import (
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EISCONN,
    EMFILE,
    ENOENT,
    ENOTCONN,
    ENOTSOCK,
    EOPNOTSUPP,
    EPIPE,
)
from reference.constants.limits import UINT_MAX
from reference.constants.open_flags import O_NONBLOCK
from reference.constants.readiness import EPOLL_CTL_ADD, EPOLLET, EPOLLIN, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from reference.constants.requests import FIONREAD, SIOCATMARK
from reference.constants.signals import SIGPIPE
from reference.constants.sockets import (
    AF_UNIX,
    SHUT_RD,
    SO_ACCEPTCONN,
    SO_PASSCRED,
    SO_PEERCRED,
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.outcomes import Sleeps
from refusals import refused
from unix_sockets import make, option, server

ON = pack("<i", 1)
PAST = pack("<qq", -1, 0)


def client(kernel: Linux, kind: int = SOCK_STREAM) -> int:
    fd = make(kernel, kind)
    kernel.connect(fd, "s")
    return fd


def peer_credentials(kernel: Linux, fd: int) -> tuple[int, ...]:
    return unpack("<iII", kernel.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, 12))


def poll(kernel: Linux, fd: int) -> int:
    return kernel.poll(((fd, POLLIN | POLLOUT | POLLRDHUP),), 0)[0]


def test_an_unconnected_stream_reports_a_hangup_and_moves_nothing(kernel: Linux) -> None:
    fd = make(kernel, SOCK_STREAM)
    assert POLLHUP | POLLOUT == poll(kernel, fd)
    refused(EINVAL, kernel.read, fd, 1)
    refused(ENOTCONN, kernel.write, fd, b"x")
    refused(ENOTCONN, kernel.getpeername, fd)
    assert [] == kernel.signals


def test_an_unconnected_sequence_moves_nothing_either(kernel: Linux) -> None:
    fd = make(kernel, SOCK_SEQPACKET)
    assert POLLHUP | POLLOUT == poll(kernel, fd)
    refused(ENOTCONN, kernel.recv, fd, 1, 0)
    refused(ENOTCONN, kernel.sendmsg, fd, (b"x",), (99,), 0)


@pytest.mark.parametrize("kind", [SOCK_STREAM, SOCK_SEQPACKET])
def test_data_may_wait_in_a_connection_before_it_is_accepted(kernel: Linux, kind: int) -> None:
    listening = server(kernel, kind)
    one = client(kernel, kind)
    kernel.bind(one, "t")
    kernel.write(one, b"early")
    accepted, address = kernel.accept4(listening, SOCK_CLOEXEC)
    assert "t" == address == kernel.getpeername(accepted)
    assert "s" == kernel.getsockname(accepted) == kernel.getpeername(one)
    assert FD_CLOEXEC == kernel.fcntl(accepted, F_GETFD)
    assert (b"early", "t") == kernel.recvfrom(accepted, 10, 0)


def test_connections_are_accepted_in_the_order_they_came(kernel: Linux) -> None:
    listening = server(kernel)
    for name in "tuv":
        kernel.bind(client(kernel), name)
    assert ["t", "u", "v"] == [kernel.accept4(listening, 0)[1] for _ in range(3)]


def test_a_listening_socket_is_ready_while_a_connection_waits(kernel: Linux) -> None:
    listening = server(kernel)
    assert 0 == poll(kernel, listening) == kernel.ioctl(listening, SIOCATMARK)
    client(kernel)
    assert POLLIN == poll(kernel, listening)
    assert 1 == kernel.ioctl(listening, SIOCATMARK)
    refused(EINVAL, kernel.ioctl, listening, FIONREAD)
    refused(EINVAL, kernel.recv, listening, 1, 0)


def test_a_connection_wakes_who_watches_the_listening_socket(kernel: Linux) -> None:
    listening = server(kernel)
    epoll = kernel.epoll_create1(0)
    kernel.epoll_ctl(epoll, EPOLL_CTL_ADD, listening, EPOLLIN | EPOLLET, 7)
    client(kernel)
    assert ((EPOLLIN, 7),) == kernel.epoll_wait(epoll, 8, 0)
    client(kernel)
    assert ((EPOLLIN, 7),) == kernel.epoll_wait(epoll, 8, 0)


def test_one_more_connection_waits_than_the_backlog(kernel: Linux) -> None:
    listening = server(kernel, backlog=1)
    client(kernel)
    client(kernel)
    last = make(kernel, SOCK_STREAM)
    refused(EAGAIN, kernel.connect, last, "s")
    kernel.listen(listening, -1)
    assert 0 == kernel.connect(last, "s")


def test_connecting_waits_for_room_unless_a_send_timeout_is_past(kernel: Linux) -> None:
    server(kernel, backlog=0)
    client(kernel)
    fd = make(kernel, SOCK_STREAM, flags=0)
    with pytest.raises(Sleeps):
        kernel.connect(fd, "s")
    kernel.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, PAST)
    refused(EAGAIN, kernel.connect, fd, "s")


def test_a_stream_connects_once_and_a_listening_one_never(kernel: Linux) -> None:
    listening = server(kernel)
    one = client(kernel)
    refused(EISCONN, kernel.connect, one, "s")
    refused(ENOENT, kernel.connect, one, "missing")
    refused(EINVAL, kernel.connect, listening, "s")
    refused(EINVAL, kernel.listen, kernel.accept4(listening, 0)[0], 1)


def test_listening_needs_a_name_and_no_peer(kernel: Linux) -> None:
    fd, _ = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    refused(EINVAL, kernel.listen, fd, 1)
    kernel.bind(fd, "t")
    refused(EINVAL, kernel.listen, fd, 1)
    refused(EOPNOTSUPP, kernel.listen, make(kernel, SOCK_DGRAM, "u"), 1)
    refused(ECONNREFUSED, kernel.connect, make(kernel, SOCK_STREAM), "t")


def test_accepting_checks_in_the_order_of_the_kernel(kernel: Linux) -> None:
    pair = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    refused(EINVAL, kernel.accept4, 0, 1)
    refused(ENOTSOCK, kernel.accept4, 0, 0)
    refused(EOPNOTSUPP, kernel.accept4, make(kernel, SOCK_DGRAM), 0)
    refused(EINVAL, kernel.accept4, pair[0], 0)
    full = Linux(Profile(descriptors_max=4))
    full.socket(AF_UNIX, SOCK_STREAM, 0)
    refused(EMFILE, full.accept4, 0, 0)


def test_accepting_waits_unless_it_may_not(kernel: Linux) -> None:
    listening = server(kernel, flags=0)
    with pytest.raises(Sleeps):
        kernel.accept4(listening, SOCK_NONBLOCK)
    kernel.shutdown(listening, SHUT_RD)
    refused(EINVAL, kernel.accept4, listening, 0)
    kernel.setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, PAST)
    refused(EAGAIN, kernel.accept4, listening, 0)


def test_a_listening_socket_that_was_shut_down_takes_nobody_and_gives_those_that_wait(kernel: Linux) -> None:
    listening = server(kernel)
    client(kernel)
    kernel.shutdown(listening, SHUT_RD)
    refused(ECONNREFUSED, kernel.connect, make(kernel, SOCK_STREAM), "s")
    assert "" == kernel.accept4(listening, 0)[1]


def test_closing_a_listening_socket_resets_those_that_wait(kernel: Linux) -> None:
    listening = server(kernel)
    early, late = client(kernel), client(kernel)
    accepted, _ = kernel.accept4(listening, SOCK_NONBLOCK)
    kernel.close(listening)
    assert POLLIN | POLLOUT | POLLHUP | POLLERR | POLLRDHUP == poll(kernel, late)
    refused(ECONNRESET, kernel.read, late, 1)
    assert b"" == kernel.read(late, 1)
    assert 1 == kernel.write(early, b"x")
    assert b"x" == kernel.read(accepted, 1)


def test_a_shutdown_before_the_connection_is_felt_by_the_other_end(kernel: Linux) -> None:
    listening = server(kernel)
    fd = make(kernel, SOCK_STREAM)
    kernel.shutdown(fd, SHUT_RD)
    kernel.connect(fd, "s")
    accepted, _ = kernel.accept4(listening, SOCK_NONBLOCK)
    refused(EPIPE, kernel.write, accepted, b"x")
    assert [SIGPIPE] == kernel.signals
    assert 1 == kernel.write(fd, b"x")


def test_credentials_of_the_peer_are_known_where_there_was_a_handshake(user: Linux) -> None:
    nobody, caller = (0, UINT_MAX, UINT_MAX), (1, 1000, 1000)
    listening = make(user, SOCK_STREAM, "s")
    assert nobody == peer_credentials(user, listening)
    user.listen(listening, 1)
    one = client(user)
    accepted, _ = user.accept4(listening, 0)
    assert {caller} == {peer_credentials(user, fd) for fd in (listening, one, accepted)}
    datagram = make(user, SOCK_DGRAM, "d")
    user.connect(datagram, "d")
    assert nobody == peer_credentials(user, datagram)


def test_only_a_listening_socket_says_that_it_accepts(kernel: Linux) -> None:
    fd = make(kernel, SOCK_STREAM, "s")
    assert 0 == option(kernel, fd, SO_ACCEPTCONN)
    kernel.listen(fd, 1)
    assert 1 == option(kernel, fd, SO_ACCEPTCONN)


def test_an_accepted_socket_has_the_credentials_option_of_its_listener(kernel: Linux) -> None:
    listening = make(kernel, SOCK_STREAM, "s")
    kernel.setsockopt(listening, SOL_SOCKET, SO_PASSCRED, ON)
    kernel.listen(listening, 1)
    client(kernel)
    kernel.setsockopt(listening, SOL_SOCKET, SO_PASSCRED, pack("<i", 0))
    assert 1 == option(kernel, kernel.accept4(listening, 0)[0], SO_PASSCRED)


def test_descriptors_that_wait_in_a_connection_are_closed_with_the_listening_socket(kernel: Linux) -> None:
    listening = server(kernel)
    one = client(kernel)
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.sendmsg(one, (b"x",), (writer,), 0)
    kernel.close(writer)
    assert 0 == poll(kernel, reader)
    kernel.close(listening)
    assert POLLHUP == poll(kernel, reader)


def test_a_listening_socket_in_the_queue_of_its_own_connection_is_a_ring(kernel: Linux) -> None:
    listening = server(kernel)
    one = client(kernel)
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.sendmsg(one, (b"x",), (listening, writer), 0)
    kernel.close(writer)
    kernel.close(listening)
    assert POLLHUP == poll(kernel, reader)
    refused(ECONNRESET, kernel.read, one, 1)
