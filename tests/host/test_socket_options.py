# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Options of imported sockets, over the model of Linux."""

from __future__ import annotations

from struct import pack, unpack

import pytest

from imported_sockets import ON, Pair, imported, pair, turn_on
from reference.constants.errors import EDOM, EINVAL, ENOPROTOOPT
from reference.constants.sockets import (
    AF_UNIX,
    SO_DEBUG,
    SO_DOMAIN,
    SO_LINGER,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PEERCRED,
    SO_RCVBUF,
    SO_RCVTIMEO,
    SO_SNDBUF,
    SO_SNDTIMEO,
    SO_TYPE,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.host.caller import Caller
from reference.host.kernel import Host
from reference.linux.kernel import Linux
from refusals import fails
from unix_sockets import option

BUFFER_BYTES = 212992


def test_options_are_the_sandboxs_own(host: Host) -> None:
    one, _ = host.socketpair(AF_UNIX, SOCK_STREAM, 0)
    fd = imported(host, one)

    host.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, pack("<i", 5000))
    turn_on(host, fd, SO_PASSCRED)
    assert (BUFFER_BYTES, 1) == (option(host, fd, SO_SNDBUF), option(host, fd, SO_PASSCRED))
    assert (BUFFER_BYTES, 0) == (option(host, one, SO_SNDBUF), option(host, one, SO_PASSCRED))
    host.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, pack("<i", 0))
    assert 0 == option(host, fd, SO_PASSCRED)


def test_data_out_of_band_are_said_to_be_inline_whatever_was_set(host: Host, stream: Pair) -> None:
    assert 1 == option(host, stream[0], SO_OOBINLINE)
    host.setsockopt(stream[0], SOL_SOCKET, SO_OOBINLINE, pack("<i", 0))

    assert 1 == option(host, stream[0], SO_OOBINLINE)
    with fails(EINVAL):
        host.setsockopt(stream[0], SOL_SOCKET, SO_OOBINLINE, b"xxx")


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
