# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Imported sockets, over the model of Linux: what they are, and what none of them can do."""

from __future__ import annotations

from struct import pack

import pytest

from imported_sockets import ON, Pair, imported, pair
from reference.constants.descriptors import F_GETFL
from reference.constants.errors import EBADF, EINVAL, ENODEV, ENOTSOCK, ENOTTY, ENXIO, EOPNOTSUPP, EPIPE, ESPIPE
from reference.constants.memory import MAP_SHARED, PROT_READ
from reference.constants.open_flags import O_NONBLOCK, O_PATH, O_RDWR, O_WRONLY
from reference.constants.requests import FIONBIO, FIONREAD, SIOCATMARK, SIOCOUTQ
from reference.constants.sockets import (
    AF_UNIX,
    MSG_EOR,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SO_DEBUG,
    SO_PASSCRED,
    SO_SNDBUF,
    SO_TYPE,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_RAW,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.constants.transfers import RWF_HIPRI, SEEK_CUR
from reference.host.kernel import Host
from reference.outcomes import Declined
from reference.structures import Message
from refusals import fails
from unix_sockets import option

BUFFER_BYTES = 212992


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
