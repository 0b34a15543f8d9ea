# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Connected Unix sockets in the model."""

from __future__ import annotations

from struct import pack, unpack

import pytest

from reference.constants.descriptors import F_DUPFD, F_GETFD, F_GETFL, FD_CLOEXEC
from reference.constants.errors import (
    EACCES,
    EAFNOSUPPORT,
    EAGAIN,
    EBADF,
    ECONNREFUSED,
    ECONNRESET,
    EDOM,
    EINVAL,
    EMFILE,
    EMSGSIZE,
    ENOPROTOOPT,
    ENOTCONN,
    ENOTSOCK,
    ENXIO,
    EOPNOTSUPP,
    EPIPE,
    ESPIPE,
)
from reference.constants.file_status import S_IFSOCK
from reference.constants.open_flags import O_NONBLOCK, O_RDWR
from reference.constants.readiness import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP
from reference.constants.requests import FIONREAD, SIOCATMARK, SIOCOUTQ
from reference.constants.signals import SIGPIPE
from reference.constants.sockets import (
    AF_INET,
    AF_UNIX,
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SCM_CREDENTIALS,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SO_DEBUG,
    SO_ERROR,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PEEK_OFF,
    SO_RCVTIMEO,
    SO_SNDBUF,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SO_TYPE,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.constants.transfers import SEEK_CUR
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.linux.socket_room import datagram_cost, stream_cost, stream_piece
from reference.outcomes import Sleeps
from refusals import refused
from unix_sockets import option

BUFFER_BYTES = 212992
ON = pack("<i", 1)


@pytest.fixture
def stream(kernel: Linux) -> tuple[int, int]:
    return kernel.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)


@pytest.fixture
def datagram(kernel: Linux) -> tuple[int, int]:
    return kernel.socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)


@pytest.fixture
def sequenced(kernel: Linux) -> tuple[int, int]:
    return kernel.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0)


def poll(kernel: Linux, fd: int) -> int:
    events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP
    return kernel.poll(((fd, events),), 0)[0]


# Pairs ----------------------------------------------------------------------------------------


def test_a_pair_has_the_lowest_numbers_and_the_flags_of_its_type(kernel: Linux) -> None:
    assert kernel.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) == (3, 4)
    assert kernel.fcntl(3, F_GETFL) == O_RDWR | O_NONBLOCK
    assert kernel.fcntl(4, F_GETFD) == FD_CLOEXEC


def test_a_raw_pair_is_a_datagram_pair(kernel: Linux) -> None:
    one, _ = kernel.socketpair(AF_UNIX, SOCK_RAW, 1)
    assert option(kernel, one, SO_TYPE) == SOCK_DGRAM


def test_internet_sockets_come_in_no_pairs(kernel: Linux) -> None:
    refused(EOPNOTSUPP, kernel.socketpair, AF_INET, SOCK_STREAM, 0)


def test_descriptors_are_looked_for_before_the_domain(kernel: Linux) -> None:
    kernel.fcntl(0, F_DUPFD, 255)
    for _ in range(252):
        kernel.dup(0)
    refused(EMFILE, kernel.socketpair, 100, SOCK_STREAM, 0)
    kernel.close(10)
    kernel.close(11)
    refused(EAFNOSUPPORT, kernel.socketpair, 100, SOCK_STREAM, 0)


def test_a_socket_is_an_inode_without_position_that_cannot_be_opened(kernel: Linux, stream: tuple[int, int]) -> None:
    assert kernel.fstat(stream[0]).mode == S_IFSOCK | 0o777
    refused(ESPIPE, kernel.lseek, stream[0], 0, SEEK_CUR)
    refused(ENXIO, kernel.reopen, stream[0], O_RDWR)


def test_only_sockets_answer_socket_calls(kernel: Linux) -> None:
    refused(ENOTSOCK, kernel.send, 0, b"x", 0)
    refused(EBADF, kernel.send, 50, b"x", 0)


# Streams --------------------------------------------------------------------------------------


def test_a_read_of_a_stream_goes_on_through_messages(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.send(stream[0], b"abc", 0)
    kernel.send(stream[0], b"def", 0)
    assert kernel.ioctl(stream[1], FIONREAD) == 6
    assert kernel.recv(stream[1], 4, MSG_PEEK) == b"abcd"
    assert kernel.recv(stream[1], 4, 0) == b"abcd"
    assert kernel.read(stream[1], 10) == b"ef"


def test_an_empty_stream_refuses_or_sleeps(kernel: Linux) -> None:
    one, _ = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    refused(EAGAIN, kernel.recv, one, 1, MSG_DONTWAIT)
    with pytest.raises(Sleeps):
        kernel.recv(one, 1, 0)
    assert kernel.read(one, 0) == b""


def test_a_stream_takes_as_much_as_its_buffer_pays_for(kernel: Linux, stream: tuple[int, int]) -> None:
    sent = kernel.send(stream[0], bytes(400000), 0)
    pieces = [36544] * (sent // 36544)
    assert sum(pieces) == sent
    assert kernel.ioctl(stream[0], SIOCOUTQ) == sum(stream_cost(piece) for piece in pieces)
    assert kernel.ioctl(stream[0], SIOCOUTQ) - stream_cost(36544) < BUFFER_BYTES <= kernel.ioctl(stream[0], SIOCOUTQ)
    refused(EAGAIN, kernel.send, stream[0], b"x", 0)


def test_the_cost_of_a_message_is_memory_and_not_data() -> None:
    assert [stream_cost(size) for size in (1, 192, 193, 3776, 3777, 36544)] == [768, 768, 1280, 4352, 4864, 37120]
    assert [datagram_cost(size) for size in (0, 3777, 16064, 16065)] == [768, 8448, 16640, 20736]
    assert stream_piece(10**6, 4608) == 2240


def test_wait_all_returns_what_there_is_when_interrupted(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    kernel.send(one, b"abc", 0)
    assert kernel.recv(other, 10, MSG_WAITALL) == b"abc"


def test_a_shut_stream_raises_sigpipe_unless_told_not_to(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.shutdown(stream[1], SHUT_RD)
    refused(EPIPE, kernel.send, stream[0], b"x", MSG_NOSIGNAL)
    assert kernel.signals == []
    refused(EPIPE, kernel.write, stream[0], b"x")
    assert kernel.signals == [SIGPIPE]


def test_a_shutdown_closes_the_mirror_image_at_the_peer(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.send(stream[0], b"x", 0)
    kernel.shutdown(stream[0], SHUT_WR)
    assert poll(kernel, stream[1]) == POLLIN | POLLOUT | POLLRDHUP
    assert kernel.recv(stream[1], 5, 0) == b"x"
    assert kernel.recv(stream[1], 5, 0) == b""
    refused(EINVAL, kernel.shutdown, stream[0], 3)


def test_closing_with_data_unread_resets_the_peer_once(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.send(stream[0], b"x", 0)
    kernel.close(stream[1])
    assert poll(kernel, stream[0]) & (POLLERR | POLLHUP) == POLLERR | POLLHUP
    refused(ECONNRESET, kernel.recv, stream[0], 1, 0)
    assert kernel.recv(stream[0], 1, 0) == b""


# Out-of-band data -----------------------------------------------------------------------------


def test_a_read_stops_before_the_mark_and_then_skips_it(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.send(stream[0], b"abc", MSG_OOB)
    kernel.send(stream[0], b"de", 0)
    assert poll(kernel, stream[1]) & POLLPRI
    assert kernel.recv(stream[1], 10, 0) == b"ab"
    assert kernel.ioctl(stream[1], SIOCATMARK) == 1
    assert kernel.recv(stream[1], 10, 0) == b"de"


def test_the_urgent_byte_is_received_out_of_order(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.send(stream[0], b"abc", MSG_OOB)
    message = kernel.recvmsg(stream[1], (10,), 0, MSG_OOB)
    assert (message.data, message.flags) == (b"c", MSG_OOB)
    refused(EINVAL, kernel.recv, stream[1], 1, MSG_OOB)
    assert kernel.recv(stream[1], 10, 0) == b"ab"


def test_an_older_urgent_byte_becomes_ordinary(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.send(stream[0], b"a", MSG_OOB)
    kernel.send(stream[0], b"b", MSG_OOB)
    assert kernel.recv(stream[1], 10, 0) == b"a"
    assert kernel.recv(stream[1], 10, MSG_OOB) == b"b"


def test_inline_urgent_bytes_are_ordinary_but_for_the_mark(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.setsockopt(stream[1], SOL_SOCKET, SO_OOBINLINE, ON)
    kernel.send(stream[0], b"ab", MSG_OOB)
    refused(EINVAL, kernel.recv, stream[1], 1, MSG_OOB)
    assert kernel.recv(stream[1], 10, 0) == b"a"
    assert kernel.recv(stream[1], 10, 0) == b"b"


def test_out_of_band_data_is_for_streams(kernel: Linux, datagram: tuple[int, int], stream: tuple[int, int]) -> None:
    refused(EOPNOTSUPP, kernel.send, datagram[0], b"x", MSG_OOB)
    refused(EOPNOTSUPP, kernel.recv, datagram[0], 1, MSG_OOB)
    refused(EOPNOTSUPP, kernel.ioctl, datagram[0], SIOCATMARK)
    refused(EOPNOTSUPP, kernel.send, stream[0], b"", MSG_OOB)


# Messages -------------------------------------------------------------------------------------


def test_a_datagram_comes_whole_or_cut(kernel: Linux, datagram: tuple[int, int]) -> None:
    kernel.send(datagram[0], b"hello", 0)
    kernel.send(datagram[0], b"", 0)
    assert kernel.ioctl(datagram[1], FIONREAD) == 5
    message = kernel.recvmsg(datagram[1], (1, 1), 0, 0)
    assert (message.data, message.flags) == (b"he", MSG_TRUNC)
    assert kernel.recv(datagram[1], 5, 0) == b""
    refused(EAGAIN, kernel.recv, datagram[1], 5, 0)


def test_a_datagram_must_fit_the_send_buffer(kernel: Linux, datagram: tuple[int, int]) -> None:
    refused(EMSGSIZE, kernel.send, datagram[0], bytes(BUFFER_BYTES - 31), 0)
    assert kernel.send(datagram[0], bytes(BUFFER_BYTES - 32), 0) == BUFFER_BYTES - 32
    refused(EAGAIN, kernel.send, datagram[0], b"x", 0)


def test_a_datagram_socket_learns_of_a_close_when_it_sends(kernel: Linux, datagram: tuple[int, int]) -> None:
    kernel.send(datagram[1], b"late", 0)
    kernel.close(datagram[1])
    refused(ECONNREFUSED, kernel.send, datagram[0], b"x", 0)
    refused(ENOTCONN, kernel.send, datagram[0], b"x", 0)
    refused(EAGAIN, kernel.recv, datagram[0], 5, 0)


def test_sequenced_packets_end_in_end_of_file(kernel: Linux, sequenced: tuple[int, int]) -> None:
    kernel.send(sequenced[0], b"one", 0)
    kernel.send(sequenced[0], b"two", 0)
    assert kernel.ioctl(sequenced[1], FIONREAD) == 6
    kernel.close(sequenced[0])
    assert kernel.recv(sequenced[1], 10, 0) == b"one"
    assert kernel.recv(sequenced[1], 10, 0) == b"two"
    assert kernel.recv(sequenced[1], 10, 0) == b""
    refused(EPIPE, kernel.send, sequenced[1], b"x", 0)
    assert kernel.signals == []


def test_one_empty_packet_is_overlooked_at_close(kernel: Linux, sequenced: tuple[int, int]) -> None:
    kernel.send(sequenced[0], b"", 0)
    kernel.close(sequenced[1])
    assert option(kernel, sequenced[0], SO_ERROR) == 0


def test_peeks_follow_the_peek_offset(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.setsockopt(stream[1], SOL_SOCKET, SO_PEEK_OFF, pack("<i", 1))
    kernel.send(stream[0], b"abcd", 0)
    assert kernel.recv(stream[1], 2, MSG_PEEK) == b"bc"
    assert kernel.recv(stream[1], 2, 0) == b"ab"
    assert option(kernel, stream[1], SO_PEEK_OFF) == 1
    assert kernel.recv(stream[1], 9, MSG_PEEK) == b"d"


# Beside the data ------------------------------------------------------------------------------


def test_descriptors_travel_as_references(kernel: Linux, stream: tuple[int, int]) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.sendmsg(stream[0], (b"x",), (writer,), 0)
    kernel.close(writer)
    refused(EAGAIN, kernel.read, reader, 1)
    message = kernel.recvmsg(stream[1], (10,), 1, MSG_CMSG_CLOEXEC)
    assert message.rights == (writer,)
    assert kernel.fcntl(writer, F_GETFD) == FD_CLOEXEC
    assert kernel.write(writer, b"y") == 1


def test_descriptors_without_room_are_closed(kernel: Linux, stream: tuple[int, int]) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.sendmsg(stream[0], (b"x",), (0, writer), 0)
    kernel.close(writer)
    message = kernel.recvmsg(stream[1], (10,), 1, 0)
    assert (len(message.rights), message.flags) == (1, MSG_CTRUNC)
    assert kernel.read(reader, 1) == b""


def test_descriptors_of_an_unread_message_are_closed_with_the_socket(kernel: Linux, datagram: tuple[int, int]) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.sendmsg(datagram[0], (b"x",), (writer,), 0)
    kernel.close(writer)
    kernel.close(datagram[1])
    assert kernel.read(reader, 1) == b""


def test_a_peek_makes_descriptors_of_its_own(kernel: Linux, datagram: tuple[int, int]) -> None:
    kernel.sendmsg(datagram[0], (b"x",), (0,), 0)
    assert kernel.recvmsg(datagram[1], (1,), 1, MSG_PEEK).rights == (5,)
    assert kernel.recvmsg(datagram[1], (1,), 1, 0).rights == (6,)


def test_a_read_stops_behind_descriptors(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.sendmsg(stream[0], (b"ab",), (0,), 0)
    kernel.send(stream[0], b"cd", 0)
    assert kernel.recv(stream[1], 10, 0) == b"ab"


def test_a_closed_number_cannot_be_passed(kernel: Linux, stream: tuple[int, int]) -> None:
    refused(EBADF, kernel.sendmsg, stream[0], (b"x",), (0, 77), 0)
    refused(EINVAL, kernel.sendmsg, stream[0], (b"x",), (0,) * 254, 0)
    refused(EMSGSIZE, kernel.sendmsg, stream[0], (b"x",) * 1025, (), 0)
    assert kernel.ioctl(stream[1], FIONREAD) == 0


def test_a_socket_that_only_waits_in_its_own_queue_is_closed(kernel: Linux, stream: tuple[int, int]) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.sendmsg(stream[1], (b"x",), (stream[0], writer), 0)
    kernel.close(writer)
    kernel.close(stream[0])
    assert kernel.read(reader, 1) == b""
    assert poll(kernel, stream[1]) & POLLHUP


def test_a_ring_that_somebody_holds_on_to_lives(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    two, another = kernel.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    kernel.sendmsg(other, (b"x",), (two,), 0)
    kernel.sendmsg(another, (b"y",), (one,), 0)
    kernel.close(two)
    assert kernel.send(another, b"z", 0) == 1
    kernel.close(one)
    refused(EPIPE, kernel.send, another, b"z", 0)
    refused(EPIPE, kernel.send, other, b"z", 0)


def test_credentials_say_who_sent(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.send(stream[0], b"ab", 0)
    kernel.setsockopt(stream[1], SOL_SOCKET, SO_PASSCRED, ON)
    kernel.send(stream[0], b"cd", 0)
    assert kernel.recvmsg(stream[1], (10,), 3, 0).control == ((SCM_CREDENTIALS, (0, 65534, 65534)),)
    cut = kernel.recvmsg(stream[1], (10,), 1, 0)
    assert (cut.data, cut.control, cut.flags) == (b"cd", ((SCM_CREDENTIALS, (1,)),), MSG_CTRUNC)


def test_time_stamps_come_first(kernel: Linux, datagram: tuple[int, int]) -> None:
    kernel.setsockopt(datagram[1], SOL_SOCKET, SO_TIMESTAMP, ON)
    kernel.sendmsg(datagram[0], (b"x",), (0,), 0)
    message = kernel.recvmsg(datagram[1], (1,), 9, 0)
    assert (message.control, message.rights, message.flags) == (((SO_TIMESTAMP, ()),), (5,), 0)


# Options --------------------------------------------------------------------------------------


def test_options_are_bytes_of_their_structures(kernel: Linux, stream: tuple[int, int]) -> None:
    assert kernel.getsockopt(stream[0], SOL_SOCKET, SO_TYPE, 1) == b"\x01"
    assert kernel.getsockopt(stream[0], SOL_SOCKET, SO_TYPE, 99) == b"\x01\0\0\0"
    refused(EINVAL, kernel.getsockopt, stream[0], SOL_SOCKET, SO_TYPE, -1)
    refused(EOPNOTSUPP, kernel.getsockopt, stream[0], 6, SO_TYPE, 4)
    refused(ENOPROTOOPT, kernel.getsockopt, stream[0], SOL_SOCKET, 1000, 4)
    refused(ENOPROTOOPT, kernel.setsockopt, stream[0], SOL_SOCKET, SO_TYPE, ON)
    refused(EINVAL, kernel.setsockopt, stream[0], SOL_SOCKET, SO_TYPE, b"\1")


def test_a_buffer_gets_twice_what_was_asked_for(kernel: Linux, stream: tuple[int, int]) -> None:
    kernel.setsockopt(stream[0], SOL_SOCKET, SO_SNDBUF, pack("<i", 10000))
    assert option(kernel, stream[0], SO_SNDBUF) == 20000
    kernel.setsockopt(stream[0], SOL_SOCKET, SO_SNDBUF, pack("<i", 0))
    assert option(kernel, stream[0], SO_SNDBUF) == 4608
    kernel.setsockopt(stream[0], SOL_SOCKET, SO_SNDBUF, pack("<i", -1))
    assert option(kernel, stream[0], SO_SNDBUF) == 2 * kernel.profile.socket_buffer_bytes_max


def test_a_timeout_in_the_past_means_not_to_wait(kernel: Linux) -> None:
    one, _ = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    kernel.setsockopt(one, SOL_SOCKET, SO_RCVTIMEO, pack("<qq", -1, 0))
    refused(EAGAIN, kernel.recv, one, 1, 0)
    kernel.setsockopt(one, SOL_SOCKET, SO_SNDTIMEO, pack("<qq", 1, 1))
    assert unpack("<qq", kernel.getsockopt(one, SOL_SOCKET, SO_SNDTIMEO, 16)) == (1, 4000)
    refused(EDOM, kernel.setsockopt, one, SOL_SOCKET, SO_SNDTIMEO, pack("<qq", 1, -1))


def test_debugging_is_for_the_privileged() -> None:
    kernel = Linux(Profile(uid=1000, gid=1000, capable=False))
    one, _ = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    refused(EACCES, kernel.setsockopt, one, SOL_SOCKET, SO_DEBUG, ON)
    assert kernel.setsockopt(one, SOL_SOCKET, SO_DEBUG, pack("<i", 0)) == 0


# Wake-ups -------------------------------------------------------------------------------------


def test_a_reader_makes_room_for_the_sender_and_says_so(kernel: Linux, stream: tuple[int, int]) -> None:
    heard: list[int] = []
    kernel.send(stream[0], bytes(100000), 0)
    kernel.description(stream[0]).object.wait_queues(kernel.description(stream[0]))[0].watchers.append(heard.append)  # type: ignore[index]
    kernel.recv(stream[1], 36544, 0)
    assert heard == []
    kernel.recv(stream[1], 36544, 0)
    assert [bool(events & POLLOUT) for events in heard] == [True]
    kernel.shutdown(stream[1], SHUT_RDWR)
    assert heard[1:] == [0]
