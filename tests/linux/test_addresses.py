# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Names of Unix sockets, and connections by name, in the model."""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import pack, unpack
from typing import Any

import pytest

from reference.constants import (
    AF_INET,
    AF_UNIX,
    EACCES,
    EADDRINUSE,
    EAFNOSUPPORT,
    EAGAIN,
    EBADF,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EISCONN,
    EMFILE,
    ENOENT,
    ENOTCONN,
    ENOTDIR,
    ENOTSOCK,
    ENXIO,
    EOPNOTSUPP,
    EPERM,
    EPIPE,
    EPOLL_CTL_ADD,
    EPOLLET,
    EPOLLIN,
    EPOLLOUT,
    EPROTOTYPE,
    F_GETFD,
    F_GETFL,
    FD_CLOEXEC,
    FIONREAD,
    MSG_DONTWAIT,
    MSG_PEEK,
    O_CREAT,
    O_NONBLOCK,
    O_PATH,
    O_RDWR,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    S_IFSOCK,
    SHUT_RD,
    SIGPIPE,
    SIOCATMARK,
    SO_ACCEPTCONN,
    SO_ERROR,
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
    UINT_MAX,
)
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.outcomes import Refused, Sleeps
from reference.syscalls import AUTOMATIC_NAME

ON = pack("<i", 1)
PAST = pack("<qq", -1, 0)
QUEUED_MAX = Profile().datagram_queue_max + 1


@pytest.fixture
def kernel() -> Linux:
    return Linux()


@pytest.fixture
def user() -> Linux:
    return Linux(Profile(uid=1000, gid=1000, capable=False))


def refused(number: int, call: Callable[..., Any], *arguments: Any) -> None:
    with pytest.raises(Refused, match=re.escape(f"[Errno {number}]")):
        call(*arguments)


def make(kernel: Linux, kind: int, address: str = "", flags: int = SOCK_NONBLOCK) -> int:
    """A socket, bound when an address is given."""
    fd = kernel.socket(AF_UNIX, kind | flags, 0)
    if address:
        kernel.bind(fd, address)
    return fd


def server(kernel: Linux, kind: int = SOCK_STREAM, backlog: int = 5, flags: int = SOCK_NONBLOCK) -> int:
    fd = make(kernel, kind, "s", flags)
    kernel.listen(fd, backlog)
    return fd


def client(kernel: Linux, kind: int = SOCK_STREAM) -> int:
    fd = make(kernel, kind)
    kernel.connect(fd, "s")
    return fd


def option(kernel: Linux, fd: int, name: int) -> int:
    value: int = unpack("<i", kernel.getsockopt(fd, SOL_SOCKET, name, 4))[0]
    return value


def peer_credentials(kernel: Linux, fd: int) -> tuple[int, ...]:
    return unpack("<iII", kernel.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, 12))


def poll(kernel: Linux, fd: int) -> int:
    return kernel.poll(((fd, POLLIN | POLLOUT | POLLRDHUP),), 0)[0]


def flood(kernel: Linux, sender: int, address: str) -> None:
    for _ in range(QUEUED_MAX):
        kernel.sendto(sender, b"x", 0, address)


# Names ----------------------------------------------------------------------------------------


def test_a_new_socket_has_the_lowest_number_and_the_flags_of_its_type(kernel: Linux) -> None:
    assert 3 == kernel.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    assert O_RDWR | O_NONBLOCK == kernel.fcntl(3, F_GETFL)
    assert FD_CLOEXEC == kernel.fcntl(3, F_GETFD)


@pytest.mark.parametrize("domain", [0, AF_INET, 16, 100, -1])
def test_no_other_domain_has_sockets(kernel: Linux, domain: int) -> None:
    refused(EAFNOSUPPORT, kernel.socket, domain, SOCK_STREAM, 0)


def test_flags_of_a_new_socket_are_looked_at_before_its_domain(kernel: Linux) -> None:
    refused(EINVAL, kernel.socket, 100, SOCK_STREAM | 16, 0)


def test_a_socket_without_a_name_has_an_address_without_one(kernel: Linux) -> None:
    assert "" == kernel.getsockname(make(kernel, SOCK_STREAM))


def test_both_ends_of_a_pair_have_no_name(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    assert ["", ""] == [kernel.getpeername(one), kernel.getsockname(other)]


def test_binding_makes_a_file_with_the_mode_of_the_socket(kernel: Linux) -> None:
    fd = make(kernel, SOCK_DGRAM)
    kernel.fchmod(fd, 0o666)
    kernel.bind(fd, "s")
    found = kernel.fstat(kernel.open("s", O_PATH, 0))
    assert (S_IFSOCK | 0o644, 1, 0) == (found.mode, found.nlink, found.size)
    assert "s" == kernel.getsockname(fd)


def test_the_file_of_a_socket_cannot_be_opened(kernel: Linux) -> None:
    make(kernel, SOCK_DGRAM, "s")
    refused(ENXIO, kernel.open, "s", O_RDWR, 0)


def test_a_name_that_exists_is_in_use_even_when_its_socket_is_closed(kernel: Linux) -> None:
    kernel.close(make(kernel, SOCK_DGRAM, "s"))
    refused(EADDRINUSE, kernel.bind, make(kernel, SOCK_DGRAM), "s")
    refused(EADDRINUSE, kernel.bind, make(kernel, SOCK_DGRAM), ".")


def test_a_second_name_is_refused_and_its_file_is_gone(kernel: Linux) -> None:
    fd = make(kernel, SOCK_DGRAM, "s")
    refused(EINVAL, kernel.bind, fd, "t")
    refused(ENOENT, kernel.open, "t", O_PATH, 0)
    refused(EADDRINUSE, kernel.bind, fd, "s")
    assert "s" == kernel.getsockname(fd)


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("missing/s", ENOENT),
        ("t/", ENOENT),
        ("f/s", ENOTDIR),
        (None, EINVAL),
        ("x" * 109, EINVAL),
        ("é" * 55, EINVAL),
        ("\0" + "x" * 108, EINVAL),
    ],
)
def test_a_name_that_cannot_be_made_is_refused(kernel: Linux, address: str | None, number: int) -> None:
    kernel.open("f", O_RDWR | O_CREAT, 0o600)
    refused(number, kernel.bind, make(kernel, SOCK_DGRAM), address)


def test_a_name_may_have_108_bytes(kernel: Linux) -> None:
    assert "x" * 108 == kernel.getsockname(make(kernel, SOCK_DGRAM, "x" * 108))


def test_a_directory_that_may_not_be_written_takes_no_name(user: Linux) -> None:
    user.mkdir("d", 0o500)
    refused(EACCES, user.bind, make(user, SOCK_DGRAM), "d/s")


def test_abstract_names_are_apart_by_type_and_free_again_after_a_close(kernel: Linux) -> None:
    first = make(kernel, SOCK_DGRAM, "\0a")
    make(kernel, SOCK_STREAM, "\0a")
    refused(EADDRINUSE, kernel.bind, make(kernel, SOCK_DGRAM), "\0a")
    refused(EINVAL, kernel.bind, first, "\0b")
    kernel.close(first)
    assert "\0a" == kernel.getsockname(make(kernel, SOCK_DGRAM, "\0a"))


def test_the_kernel_chooses_a_name_where_none_is_given_and_keeps_one_that_is_there(kernel: Linux) -> None:
    fd, named = make(kernel, SOCK_DGRAM), make(kernel, SOCK_DGRAM, "s")
    assert [0, 0] == [kernel.bind(fd, ""), kernel.bind(named, "")]
    assert [AUTOMATIC_NAME, "s"] == [kernel.getsockname(fd), kernel.getsockname(named)]
    refused(ECONNREFUSED, kernel.connect, named, AUTOMATIC_NAME)


def test_only_sockets_have_names(kernel: Linux) -> None:
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (kernel.bind, ("s",)),
        (kernel.listen, (1,)),
        (kernel.connect, ("s",)),
        (kernel.accept4, (0,)),
        (kernel.getsockname, ()),
        (kernel.getpeername, ()),
        (kernel.sendto, (b"x", 0, "s")),
        (kernel.recvfrom, (1, 0)),
    ]
    for call, arguments in calls:
        refused(ENOTSOCK, call, 0, *arguments)
        refused(EBADF, call, 77, *arguments)


def test_a_name_longer_than_any_is_refused_before_the_socket_is_looked_at(kernel: Linux) -> None:
    refused(EINVAL, kernel.connect, 0, "x" * 127)
    refused(ENOTSOCK, kernel.connect, 0, "x" * 126)


# Finding --------------------------------------------------------------------------------------


def test_links_lead_to_the_socket_and_the_name_does_not_matter(kernel: Linux) -> None:
    server(kernel)
    kernel.link("s", "t")
    kernel.symlink("t", "l")
    kernel.unlink("s")
    fd = make(kernel, SOCK_STREAM)
    kernel.connect(fd, "l")
    assert "s" == kernel.getpeername(fd)


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("missing", ENOENT),
        (".", ECONNREFUSED),
        ("f", ECONNREFUSED),
        ("d", EPROTOTYPE),
        ("gone", ECONNREFUSED),
        ("\0s", ECONNREFUSED),
        ("", EINVAL),
        (None, EINVAL),
    ],
)
def test_where_no_stream_answers_connecting_fails(kernel: Linux, address: str | None, number: int) -> None:
    kernel.open("f", O_RDWR | O_CREAT, 0o600)
    make(kernel, SOCK_DGRAM, "d")
    kernel.close(make(kernel, SOCK_STREAM, "gone"))
    refused(number, kernel.connect, make(kernel, SOCK_STREAM), address)


def test_who_may_not_write_to_a_name_may_not_connect_to_it(user: Linux) -> None:
    fd = make(user, SOCK_DGRAM)
    user.fchmod(fd, 0o400)
    user.bind(fd, "s")
    refused(EACCES, user.connect, make(user, SOCK_DGRAM), "s")


# Connections ----------------------------------------------------------------------------------


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


# Datagrams ------------------------------------------------------------------------------------


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
