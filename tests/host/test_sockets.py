# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Imported sockets, over the model of Linux."""

from __future__ import annotations

from struct import pack, unpack

import pytest

from reference.constants import (
    AF_UNIX,
    EAGAIN,
    EBADF,
    ECONNREFUSED,
    EDOM,
    EINVAL,
    EMFILE,
    EMSGSIZE,
    ENODEV,
    ENOPROTOOPT,
    ENOTSOCK,
    ENOTTY,
    ENXIO,
    EOPNOTSUPP,
    EPIPE,
    EPOLL_CTL_ADD,
    EPOLLIN,
    EPOLLONESHOT,
    EPOLLRDHUP,
    ESPIPE,
    F_GETFD,
    F_GETFL,
    FD_CLOEXEC,
    FIONBIO,
    FIONREAD,
    LLONG_MAX,
    MAP_SHARED,
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_EOR,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    O_APPEND,
    O_CREAT,
    O_DIRECTORY,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
    PROT_READ,
    RWF_HIPRI,
    SCM_CREDENTIALS,
    SEEK_CUR,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SIOCATMARK,
    SIOCOUTQ,
    SO_DEBUG,
    SO_DOMAIN,
    SO_LINGER,
    SO_PASSCRED,
    SO_PEERCRED,
    SO_RCVBUF,
    SO_RCVTIMEO,
    SO_SNDBUF,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SO_TYPE,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.host.caller import Caller
from reference.host.kernel import Host
from reference.linux.kernel import Linux
from reference.outcomes import Declined, Sleeps
from reference.structures import Message

BUFFER_BYTES = 212992
NARROW_BYTES = 4608
"""The smallest send buffer."""
ON = pack("<i", 1)
IN_THE_PAST = pack("<qq", -1, 0)
EVERYTHING = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLWRNORM | POLLWRBAND | POLLRDHUP

Pair = tuple[int, int]


@pytest.fixture
def host() -> Host:
    return Host(Linux())


@pytest.fixture
def stream(host: Host) -> Pair:
    return pair(host, SOCK_STREAM | SOCK_NONBLOCK)


@pytest.fixture
def datagram(host: Host) -> Pair:
    return pair(host, SOCK_DGRAM | SOCK_NONBLOCK)


@pytest.fixture
def sequenced(host: Host) -> Pair:
    return pair(host, SOCK_SEQPACKET | SOCK_NONBLOCK)


def pair(host: Host, type: int) -> Pair:
    """An imported end of a pair, and the other end, which is the host's. The host keeps no other descriptor."""
    one, other = host.socketpair(AF_UNIX, type, 0)
    return imported(host, one), other


def imported(host: Host, fd: int, flags: int | None = None, savable: int = 0) -> int:
    return host.import_fd(fd, 0, None, 0, flags, savable)


def fails(number: int) -> pytest.RaisesExc[OSError]:
    """The call inside fails with this error number."""
    return pytest.raises(OSError, check=lambda error: error.errno == number)


def option(host: Host, fd: int, name: int) -> int:
    value: int = unpack("<i", host.getsockopt(fd, SOL_SOCKET, name, 4))[0]
    return value


def turn_on(host: Host, fd: int, name: int) -> None:
    host.setsockopt(fd, SOL_SOCKET, name, ON)


# Importing ------------------------------------------------------------------------------------


def test_a_socket_cannot_be_imported_as_a_terminal_nor_read_only(host: Host) -> None:
    one, _ = host.socketpair(AF_UNIX, SOCK_STREAM, 0)

    with fails(ENOTTY):
        host.import_fd(one, 0, None, 1, None, 0)
    with pytest.raises(Declined, match="IMP-03"):
        host.import_fd(one, 1, None, 0, None, 0)


def test_an_import_makes_the_hosts_socket_non_blocking_and_keeps_the_flag_it_had(host: Host) -> None:
    one, _ = host.socketpair(AF_UNIX, SOCK_STREAM, 0)
    fd = imported(host, one)

    assert O_RDWR | O_NONBLOCK == host.fcntl(one, F_GETFL)
    assert O_RDWR == host.fcntl(fd, F_GETFL)


def test_a_raw_socket_counts_as_a_datagram_socket(host: Host) -> None:
    fd, _ = pair(host, SOCK_RAW)

    assert SOCK_DGRAM == option(host, fd, SO_TYPE)


def test_an_imported_socket_cannot_be_opened_again(host: Host, stream: Pair) -> None:
    with fails(ENXIO):
        host.reopen(stream[0], O_RDWR)


# What no socket can do ------------------------------------------------------------------------


def test_positional_calls_are_refused_before_the_direction_is_looked_at(host: Host) -> None:
    one, _ = host.socketpair(AF_UNIX, SOCK_STREAM, 0)
    fd = imported(host, one, O_WRONLY)

    with fails(ESPIPE):
        host.pread(fd, 1, 0)
    with fails(ESPIPE):
        host.preadv2(fd, (1,), 0, RWF_HIPRI)
    with fails(ESPIPE):
        host.lseek(fd, 0, SEEK_CUR)
    with fails(EBADF):
        host.read(fd, 1)


def test_a_socket_has_no_storage(host: Host, stream: Pair) -> None:
    fd, _ = stream

    with fails(EINVAL):
        host.fsync(fd)
    with fails(EINVAL):
        host.ftruncate(fd, 0)
    with fails(ENODEV):
        host.fallocate(fd, 0, 0, 1)
    with fails(ENODEV):
        host.mmap(fd, 4096, PROT_READ, MAP_SHARED, 0)


def test_any_flag_of_a_read_or_write_is_refused(host: Host, stream: Pair) -> None:
    fd, _ = stream

    with fails(EOPNOTSUPP):
        host.preadv2(fd, (0,), -1, RWF_HIPRI)
    with fails(EOPNOTSUPP):
        host.pwritev2(fd, (b"",), -1, RWF_HIPRI)


@pytest.mark.parametrize("request_", [FIONREAD, SIOCOUTQ, SIOCATMARK])
def test_sizes_of_queues_are_not_told(host: Host, stream: Pair, request_: int) -> None:
    with fails(ENOTTY):
        host.ioctl(stream[0], request_)


def test_receiving_does_not_ask_for_the_right_to_read(host: Host) -> None:
    one, other = host.socketpair(AF_UNIX, SOCK_STREAM, 0)
    fd = imported(host, one, O_WRONLY)
    host.send(other, b"x", 0)

    assert b"x" == host.recv(fd, 1, 0)


def test_socket_calls_on_other_imports_are_refused(host: Host) -> None:
    end, _ = host.pipe2(O_NONBLOCK)
    fd = imported(host, end)

    for call in (
        lambda: host.send(fd, b"x", 0),
        lambda: host.recv(fd, 1, 0),
        lambda: host.sendmsg(fd, (b"x",), (), 0),
        lambda: host.recvmsg(fd, (1,), 0, 0),
        lambda: host.shutdown(fd, SHUT_RD),
        lambda: host.getsockopt(fd, SOL_SOCKET, SO_TYPE, 4),
        lambda: host.setsockopt(fd, SOL_SOCKET, SO_DEBUG, ON),
    ):
        with fails(ENOTSOCK):
            call()


def test_sockets_that_were_not_imported_are_the_kernels_own(host: Host) -> None:
    one, other = host.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)

    assert 1 == host.sendmsg(one, (b"x",), (one,), MSG_EOR)
    assert Message(b"x", (5,), (), 0) == host.recvmsg(other, (1,), 1, 0)
    assert 3 == host.send(one, b"abc", 0)
    assert b"abc" == host.recv(other, 3, 0)
    assert 0 == host.setsockopt(one, SOL_SOCKET, SO_PASSCRED, ON)
    assert ON == host.getsockopt(one, SOL_SOCKET, SO_PASSCRED, 4)
    assert 0 == host.shutdown(one, SHUT_RD)


# Sending --------------------------------------------------------------------------------------


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


# Receiving ------------------------------------------------------------------------------------


def test_without_room_nothing_is_taken(host: Host, datagram: Pair) -> None:
    fd, other = datagram

    assert b"" == host.recv(fd, 0, 0)
    host.write(other, b"0123456789")
    assert b"" == host.recv(fd, 0, 0)
    assert Message(b"0123", (), (), MSG_TRUNC) == host.recvmsg(fd, (4,), 0, 0)
    with fails(EAGAIN):
        host.recv(fd, 4, 0)


def test_a_length_that_was_asked_for_takes_the_message(host: Host, datagram: Pair, stream: Pair) -> None:
    fd, other = datagram
    host.write(other, b"abc")

    assert Message(b"", (), (), MSG_TRUNC) == host.recvmsg(fd, (), 0, MSG_TRUNC | MSG_PEEK)
    assert Message(b"", (), (), MSG_TRUNC) == host.recvmsg(fd, (), 0, MSG_TRUNC)
    with fails(EAGAIN):
        host.recvmsg(fd, (), 0, MSG_TRUNC)
    with fails(EAGAIN):
        host.recv(stream[0], 0, MSG_TRUNC)


def test_reading_nothing_asks_nobody(host: Host, datagram: Pair) -> None:
    assert b"" == host.read(datagram[0], 0)


def test_a_peek_leaves_everything_where_it_is(host: Host, stream: Pair) -> None:
    fd, other = stream
    host.send(other, b"abc", 0)

    assert b"abc" == host.recv(fd, 5, MSG_PEEK)
    assert b"abc" == host.recv(fd, 5, MSG_PEEK)
    assert b"abc" == host.recv(fd, 5, 0)


def test_receives_wait_unless_told_not_to(host: Host) -> None:
    fd, _ = pair(host, SOCK_STREAM)

    with pytest.raises(Sleeps):
        host.recv(fd, 1, 0)
    with pytest.raises(Sleeps):
        host.read(fd, 1)
    with fails(EAGAIN):
        host.recv(fd, 1, MSG_DONTWAIT)


@pytest.mark.parametrize(
    ("seconds", "microseconds", "sleeps"), [(-1, 0, False), (0, 1000, False), (5, 0, True), (0, 0, True)]
)
def test_a_time_to_wait_that_is_short_or_past_is_over(
    host: Host, seconds: int, microseconds: int, sleeps: bool
) -> None:
    fd, _ = pair(host, SOCK_STREAM)
    host.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, pack("<qq", seconds, microseconds))

    for call in (lambda: host.recv(fd, 1, 0), lambda: host.read(fd, 1)):
        with pytest.raises(Sleeps) if sleeps else fails(EAGAIN):
            call()


def test_a_write_asks_the_time_that_is_meant_for_reading(host: Host) -> None:
    fd, _ = pair(host, SOCK_STREAM)
    host.send(fd, bytes(2 * BUFFER_BYTES), 0)
    host.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, IN_THE_PAST)

    with fails(EAGAIN):
        host.send(fd, b"x", 0)
    with pytest.raises(Sleeps):
        host.write(fd, b"x")
    host.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, pack("<qq", 0, 0))
    host.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, IN_THE_PAST)
    with pytest.raises(Sleeps):
        host.send(fd, b"x", 0)
    with fails(EAGAIN):
        host.write(fd, b"x")


def test_a_blocking_stream_gathers_what_there_is(host: Host) -> None:
    fd, other = pair(host, SOCK_STREAM)
    end, _ = host.pipe2(0)
    for data in (b"ab", b"cd"):
        host.sendmsg(other, (data,), (end,), 0)

    assert b"ab" == host.recv(fd, 4, MSG_PEEK | MSG_WAITALL)
    assert b"abc" == host.recv(fd, 3, MSG_WAITALL)
    assert b"d" == host.recv(fd, 3, MSG_WAITALL)
    host.send(other, b"e", 0)
    host.close(other)
    assert b"e" == host.recv(fd, 3, MSG_WAITALL)
    assert b"" == host.recv(fd, 3, MSG_WAITALL)


def test_of_what_comes_in_several_pieces_the_last_keeps_its_descriptors(host: Host) -> None:
    fd, other = pair(host, SOCK_STREAM)
    end, _ = host.pipe2(0)
    for _ in range(2):
        host.sendmsg(other, (b"ab",), (end,), 0)

    assert Message(b"abab", (8,), (), 0) == host.recvmsg(fd, (4,), 1, MSG_WAITALL)
    host.sendmsg(other, (b"ab",), (end,), 0)
    assert Message(b"ab", (), (), 0) == host.recvmsg(fd, (4,), 1, MSG_WAITALL)


def test_an_error_behind_data_is_lost(host: Host) -> None:
    fd, other = pair(host, SOCK_STREAM)
    host.send(other, b"ab", 0)
    host.send(fd, b"unread", 0)
    host.close(other)

    assert b"ab" == host.recv(fd, 4, MSG_WAITALL)
    assert b"" == host.recv(fd, 4, MSG_WAITALL)


def test_flags_that_are_not_for_receiving_are_refused_before_the_descriptor_is_looked_at(
    host: Host, stream: Pair
) -> None:
    fd, _ = stream
    end, _ = host.pipe2(0)

    for flags in (MSG_EOR, MSG_CMSG_CLOEXEC):
        with fails(EINVAL):
            host.recv(imported(host, end), 1, flags)
    with fails(EINVAL):
        host.recv(fd, LLONG_MAX + 1, 0)
    with fails(EINVAL):
        host.recvmsg(fd, (1,), 0, MSG_EOR)
    with fails(EAGAIN):
        host.recv(fd, 1, MSG_OOB)


def test_a_long_message_is_cut_at_the_send_buffer_of_the_receiver(host: Host) -> None:
    one, other = host.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0)
    host.setsockopt(one, SOL_SOCKET, SO_SNDBUF, pack("<i", 0))
    fd = imported(host, one)
    host.send(other, bytes(5000), 0)

    received = host.recvmsg(fd, (5000,), 0, 0)
    assert (4608, MSG_TRUNC) == (len(received.data), received.flags)


# Descriptors and credentials received ---------------------------------------------------------


def test_a_received_descriptor_is_a_new_import_that_forgot_its_flags(host: Host, sequenced: Pair) -> None:
    fd, other = sequenced
    file = host.open("f", O_RDWR | O_CREAT | O_APPEND, 0o600)
    host.write(file, b"0123456789")
    host.sendmsg(other, (b"x",), (file,), 0)

    (number,) = host.recvmsg(fd, (1,), 1, MSG_CMSG_CLOEXEC).rights
    assert O_RDWR == host.fcntl(number, F_GETFL)
    assert FD_CLOEXEC == host.fcntl(number, F_GETFD)
    assert 0 == host.lseek(number, 0, SEEK_CUR)


def test_a_received_pipe_is_made_non_blocking_on_the_host_even_where_it_has_no_room(
    host: Host, sequenced: Pair
) -> None:
    fd, other = sequenced
    first, _ = host.pipe2(0)
    second, _ = host.pipe2(0)
    host.sendmsg(other, (b"x",), (first, second), 0)

    received = host.recvmsg(fd, (1,), 1, 0)
    assert (1, MSG_CTRUNC) == (len(received.rights), received.flags)
    assert O_RDONLY | O_NONBLOCK == host.fcntl(second, F_GETFL)


def test_a_socket_that_had_no_room_is_shut_down(host: Host, sequenced: Pair) -> None:
    fd, other = sequenced
    one, peer = host.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    end, _ = host.pipe2(0)
    host.sendmsg(other, (b"x",), (end, one), 0)
    host.recvmsg(fd, (1,), 1, 0)

    with fails(EPIPE):
        host.send(one, b"x", 0)
    assert b"" == host.recv(peer, 1, 0)


def test_with_the_first_that_cannot_be_imported_the_rest_is_lost(host: Host, sequenced: Pair) -> None:
    fd, other = sequenced
    host.mkdir("d", 0o700)
    directory = host.open("d", O_RDONLY | O_DIRECTORY, 0)
    end, _ = host.pipe2(0)
    host.sendmsg(other, (b"x",), (end, directory, end), 0)
    host.sendmsg(other, (b"y",), (directory,), 0)

    assert Message(b"x", (9,), (), 0) == host.recvmsg(fd, (1,), 3, 0)
    assert Message(b"y", (), (), 0) == host.recvmsg(fd, (1,), 3, 0)
    assert 10 == host.dup(end)


def test_without_control_room_descriptors_are_dropped_and_it_is_said(host: Host, sequenced: Pair) -> None:
    fd, other = sequenced
    end, _ = host.pipe2(0)
    for _ in range(2):
        host.sendmsg(other, (b"x",), (end,), 0)

    assert Message(b"x", (), (), MSG_CTRUNC) == host.recvmsg(fd, (1,), 0, 0)
    assert b"x" == host.read(fd, 1)


def test_descriptors_that_find_no_number_are_not_missed(host: Host) -> None:
    host = Host(Linux(), Caller())
    fd, other = pair(host, SOCK_SEQPACKET | SOCK_NONBLOCK)
    end, _ = host.pipe2(0)
    host.sendmsg(other, (b"x",), (end,) * 253, 0)

    received = host.recvmsg(fd, (1,), 300, 0)
    assert len(received.rights) < 253
    assert 0 == received.flags
    with fails(EMFILE):
        host.dup(fd)


@pytest.mark.parametrize(
    ("rights_max", "stored", "flags"),
    [(0, None, MSG_CTRUNC), (1, (0,), MSG_CTRUNC), (2, (0, 65534), MSG_CTRUNC), (3, (0, 65534, 65534), 0)],
)
def test_credentials_are_those_of_nobody(
    host: Host, stream: Pair, rights_max: int, stored: tuple[int, ...] | None, flags: int
) -> None:
    fd, other = stream
    turn_on(host, fd, SO_PASSCRED)
    host.send(other, b"x", 0)

    control = () if stored is None else ((SCM_CREDENTIALS, stored),)
    assert Message(b"x", (), control, flags) == host.recvmsg(fd, (1,), rights_max, 0)


def test_credentials_take_the_room_of_eight_descriptors(host: Host, sequenced: Pair) -> None:
    fd, other = sequenced
    end, _ = host.pipe2(0)
    turn_on(host, fd, SO_PASSCRED)
    for _ in range(2):
        host.sendmsg(other, (b"x",), (end, end), 0)

    assert () == host.recvmsg(fd, (1,), 8, 0).rights
    assert 1 == len(host.recvmsg(fd, (1,), 9, 0).rights)


@pytest.mark.parametrize("name", [SO_PASSCRED, SO_TIMESTAMP])
def test_control_data_that_the_host_asked_for_spoils_the_message(host: Host, name: int) -> None:
    one, other = host.socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)
    fd = imported(host, one)
    end, _ = host.pipe2(0)
    turn_on(host, one, name)
    host.sendmsg(other, (b"x",), (end,), 0)

    with fails(EINVAL):
        host.recvmsg(fd, (1,), 20, 0)
    with fails(EAGAIN):
        host.recvmsg(fd, (1,), 20, 0)
    assert 8 == host.dup(end)


# Shutdown and close ---------------------------------------------------------------------------


def test_a_shutdown_happens_on_the_host(host: Host, sequenced: Pair) -> None:
    fd, other = sequenced
    host.send(other, b"left", 0)

    assert 0 == host.shutdown(fd, SHUT_RD)
    assert 0 == host.shutdown(fd, SHUT_RD)
    assert b"left" == host.recv(fd, 10, 0)
    assert b"" == host.recv(fd, 10, 0)
    with fails(EPIPE):
        host.send(other, b"x", 0)
    assert 0 == host.shutdown(fd, SHUT_RDWR)
    with fails(EPIPE):
        host.send(fd, b"x", 0)


@pytest.mark.parametrize("how", [-1, 3])
def test_there_are_three_ways_to_shut_down(host: Host, stream: Pair, how: int) -> None:
    with fails(EINVAL):
        host.shutdown(stream[0], how)


def test_the_last_close_shuts_the_hosts_socket_down(host: Host) -> None:
    one, other = host.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    fd = imported(host, one)
    again = host.dup(fd)
    host.close(fd)

    assert 1 == host.send(one, b"x", 0)
    host.close(again)
    with fails(EPIPE):
        host.send(one, b"x", 0)
    assert b"x" == host.recv(other, 10, 0)
    assert b"" == host.recv(other, 10, 0)


# Readiness ------------------------------------------------------------------------------------


def test_a_closed_peer_shows_as_data_only(host: Host, stream: Pair) -> None:
    fd, other = stream
    host.close(other)

    assert (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM,) == host.poll(((fd, EVERYTHING),), 0)
    assert (POLLIN,) == host.poll(((fd, POLLIN),), 0)
    assert (0,) == host.poll(((fd, POLLRDHUP),), 0)


def test_a_shutdown_of_its_own_shows_as_a_hang_up(host: Host) -> None:
    one, _ = host.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    fd, other = imported(host, one), imported(host, one)
    host.shutdown(fd, SHUT_RD)

    assert (POLLRDHUP, 0) == host.poll(((fd, POLLRDHUP), (other, POLLRDHUP)), 0)
    host.shutdown(fd, SHUT_WR)
    assert (POLLHUP, 0) == host.poll(((fd, 0), (other, 0)), 0)


def test_an_urgent_byte_does_not_show(host: Host, stream: Pair) -> None:
    fd, other = stream
    host.send(other, b"x", MSG_OOB)

    assert (POLLIN,) == host.poll(((fd, POLLIN | POLLPRI),), 0)
    assert ((), (), ()) == host.select((), (), (fd,), 0)


def test_more_entries_than_there_may_be_descriptors_are_refused(host: Host, stream: Pair) -> None:
    with fails(EINVAL):
        host.poll(((stream[0], 0),) * 257, 0)


def test_an_epoll_instance_reports_what_the_sandbox_would(host: Host, stream: Pair) -> None:
    fd, other = stream
    instance = host.epoll_create1(0)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, EPOLLRDHUP | EPOLLONESHOT, 1)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, other, EPOLLIN, 2)
    host.shutdown(other, SHUT_RDWR)
    hung_up = EPOLLIN | POLLHUP

    assert ((hung_up, 2),) == host.epoll_wait(instance, 1, 0)
    assert ((hung_up, 2),) == host.epoll_wait(instance, 9, 0)
    host.shutdown(fd, SHUT_RDWR)
    assert {(hung_up, 2), (POLLHUP | POLLRDHUP, 1)} == set(host.epoll_wait(instance, 9, 0))
    assert ((hung_up, 2),) == host.epoll_wait(instance, 9, 0)


def test_a_wait_for_what_the_sandbox_never_tells_has_no_end(host: Host, stream: Pair) -> None:
    fd, other = stream
    instance = host.epoll_create1(0)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, POLLPRI, 1)
    host.close(other)

    assert () == host.epoll_wait(instance, 1, 0)
    with pytest.raises(Sleeps):
        host.epoll_wait(instance, 1, -1)


def test_entries_of_the_hosts_own_that_look_the_same_are_all_reported(host: Host, stream: Pair) -> None:
    fd, other = stream
    instance = host.epoll_create1(0)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, POLLPRI, 1)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, other, POLLOUT, 2)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, host.dup(other), POLLOUT, 2)

    assert ((POLLOUT, 2), (POLLOUT, 2)) == host.epoll_wait(instance, 9, 0)


def test_a_description_that_is_gone_is_watched_no_longer(host: Host) -> None:
    one, _ = host.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    instance = host.epoll_create1(0)
    fd = imported(host, one)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, EPOLLIN, 1)
    host.close(fd)

    assert () == host.epoll_wait(instance, 9, 0)
    assert fd == imported(host, one)
    assert 0 == host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, EPOLLIN, 2)
    assert ((EPOLLIN, 2),) == host.epoll_wait(instance, 9, 0)


# Options --------------------------------------------------------------------------------------


def test_options_are_the_sandboxs_own(host: Host) -> None:
    one, _ = host.socketpair(AF_UNIX, SOCK_STREAM, 0)
    fd = imported(host, one)

    host.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, pack("<i", 5000))
    turn_on(host, fd, SO_PASSCRED)
    assert (BUFFER_BYTES, 1) == (option(host, fd, SO_SNDBUF), option(host, fd, SO_PASSCRED))
    assert (BUFFER_BYTES, 0) == (option(host, one, SO_SNDBUF), option(host, one, SO_PASSCRED))
    host.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, pack("<i", 0))
    assert 0 == option(host, fd, SO_PASSCRED)


@pytest.mark.parametrize(("asked", "given"), [(-1, 2**23), (0, 4096), (5000, 10000), (2**22 + 1, 2**23)])
def test_a_receive_buffer_is_doubled_within_limits(host: Host, stream: Pair, asked: int, given: int) -> None:
    host.setsockopt(stream[0], SOL_SOCKET, SO_RCVBUF, pack("<i", asked))

    assert given == option(host, stream[0], SO_RCVBUF)


def test_an_answer_is_never_cut(host: Host, stream: Pair) -> None:
    fd, _ = stream

    assert 1 == option(host, fd, SO_DOMAIN)
    for length in (3, -1):
        with fails(EINVAL):
            host.getsockopt(fd, SOL_SOCKET, SO_TYPE, length)
    with fails(EINVAL):
        host.getsockopt(fd, SOL_SOCKET, SO_LINGER, 4)


def test_an_unknown_option_cannot_be_asked_for_and_can_be_set(host: Host, stream: Pair) -> None:
    fd, _ = stream

    with fails(ENOPROTOOPT):
        host.getsockopt(fd, SOL_SOCKET, SO_DEBUG, 4)
    with fails(ENOPROTOOPT):
        host.getsockopt(fd, 6, SO_TYPE, 4)
    assert 0 == host.setsockopt(fd, SOL_SOCKET, SO_DEBUG, b"")
    assert 0 == host.setsockopt(fd, SOL_SOCKET, SO_TYPE, ON)
    assert 0 == host.setsockopt(fd, -1, SO_TYPE, ON)
    with fails(ENOPROTOOPT):
        host.setsockopt(fd, 6, SO_TYPE, ON)
    with fails(EINVAL):
        host.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, b"x")
    with fails(EINVAL):
        host.setsockopt(fd, SOL_SOCKET, SO_DEBUG, bytes(2**13 + 1))


def test_the_other_end_is_said_to_be_whoever_asks() -> None:
    host = Host(Linux(), Caller(uid=7, gid=8, capable=False))
    fd, _ = pair(host, SOCK_STREAM)

    assert pack("<iII", 1, 7, 8) == host.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, 12)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((0, 0), (0, 0)),
        ((5, 999999), (5, 999999)),
        ((-1, 0), (0, -999999)),
        ((-2, 0), (-1, -999999)),
        ((2**62, 0), (-9223372036, -854774)),
        ((-(2**63), 0), (0, 0)),
    ],
)
def test_times_are_counted_in_64_bits_of_nanoseconds(
    host: Host, stream: Pair, given: tuple[int, int], told: tuple[int, int]
) -> None:
    host.setsockopt(stream[0], SOL_SOCKET, SO_RCVTIMEO, pack("<qq", *given))

    assert told == unpack("<qq", host.getsockopt(stream[0], SOL_SOCKET, SO_RCVTIMEO, 16))


def test_a_time_has_less_than_a_million_microseconds(host: Host, stream: Pair) -> None:
    with fails(EDOM):
        host.setsockopt(stream[0], SOL_SOCKET, SO_SNDTIMEO, pack("<qq", 0, 10**6))


# Saving ---------------------------------------------------------------------------------------


def test_a_save_drains_no_socket_and_a_restore_asks_the_host_again(host: Host) -> None:
    one, other = host.socketpair(AF_UNIX, SOCK_STREAM, 0)
    fd = imported(host, one, savable=1)
    host.send(other, b"ab", 0)
    host.shutdown(fd, SHUT_WR)

    assert 0 == host.save()
    assert b"a" == host.recv(one, 1, 0)
    host.ioctl(one, FIONBIO, 0)
    host.setsockopt(one, SOL_SOCKET, SO_SNDBUF, pack("<i", 0))
    assert 0 == host.restore()
    assert O_RDWR | O_NONBLOCK == host.fcntl(one, F_GETFL)
    assert b"b" == host.recv(fd, 1, 0)
    with fails(EPIPE):
        host.send(fd, b"x", 0)
    assert BUFFER_BYTES == option(host, fd, SO_SNDBUF)
    host.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, ON)
    assert 4608 == option(host, fd, SO_SNDBUF)


def test_a_descriptor_that_only_names_a_socket_is_none(host: Host, stream: Pair) -> None:
    with fails(ENOTSOCK):
        host.recv(host.reopen(stream[0], O_PATH), 1, 0)
