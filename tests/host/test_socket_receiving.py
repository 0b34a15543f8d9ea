# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What an imported socket receives, over the model of Linux: data, descriptors, credentials."""

from __future__ import annotations

from struct import pack

import pytest

from imported_sockets import Pair, imported, pair, turn_on
from reference.constants.descriptors import F_GETFD, F_GETFL, FD_CLOEXEC
from reference.constants.errors import EAGAIN, EINVAL, EMFILE, EPIPE
from reference.constants.limits import LLONG_MAX
from reference.constants.open_flags import O_APPEND, O_CREAT, O_DIRECTORY, O_NONBLOCK, O_RDONLY, O_RDWR
from reference.constants.sockets import (
    AF_UNIX,
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_EOR,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SCM_CREDENTIALS,
    SO_PASSCRED,
    SO_RCVTIMEO,
    SO_SNDBUF,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.constants.transfers import SEEK_CUR
from reference.host.caller import Caller
from reference.host.kernel import Host
from reference.linux.kernel import Linux
from reference.outcomes import Sleeps
from reference.structures import Message
from refusals import fails

BUFFER_BYTES = 212992
IN_THE_PAST = pack("<qq", -1, 0)


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

    assert b"abab" == host.recv(fd, 4, MSG_PEEK | MSG_WAITALL)
    assert b"ababab" == host.recv(fd, 9, MSG_PEEK | MSG_WAITALL)
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
