# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Options of sockets at the level SOL_SOCKET (socket(7)).

Values travel as the bytes of C structures. Reading gives as many bytes as the caller has room for,
even when that cuts a number in two; writing needs the whole structure, and more does no harm.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from reference.constants.errors import EACCES, EDOM, EINVAL, ENOPROTOOPT
from reference.constants.limits import INT_MAX, LLONG_MAX, UINT_MAX
from reference.constants.sockets import (
    AF_UNIX,
    SO_ACCEPTCONN,
    SO_BROADCAST,
    SO_DEBUG,
    SO_DOMAIN,
    SO_ERROR,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PEEK_OFF,
    SO_PEERCRED,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_REUSEADDR,
    SO_SNDBUF,
    SO_SNDLOWAT,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SO_TYPE,
)
from reference.outcomes import Refused

if TYPE_CHECKING:
    from reference.linux.unix_socket import UnixSocket

SEND_BUFFER_BYTES_MIN = 4608
RECEIVE_BUFFER_BYTES_MIN = 2304
WAIT_FOREVER_TICKS = LLONG_MAX
MICROSECONDS_PER_SECOND = 10**6
UNKNOWN_PEER = (0, UINT_MAX, UINT_MAX)
"""What SO_PEERCRED says while there is no peer: no process, and an id that nobody has."""

_INT = Struct("<i")
_LINGER = Struct("<ii")
_TIME = Struct("<qq")
_CREDENTIALS = Struct("<iII")
_SWITCHES = frozenset((SO_DEBUG, SO_REUSEADDR, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_PASSCRED, SO_TIMESTAMP))
_FIXED = {SO_DOMAIN: AF_UNIX, SO_PROTOCOL: 0, SO_SNDLOWAT: 1}
_READ_ONLY = frozenset((SO_TYPE, SO_PROTOCOL, SO_DOMAIN, SO_ERROR, SO_ACCEPTCONN, SO_PEERCRED, SO_SNDLOWAT))


class SocketOptions:
    """The options of one socket. Times are in timer ticks of the kernel, sizes in bytes."""

    __slots__ = (
        "enabled",
        "linger_ticks",
        "low_water_bytes",
        "peek_offset",
        "receive_buffer_bytes",
        "receive_ticks",
        "send_buffer_bytes",
        "send_ticks",
    )

    def __init__(self, buffer_bytes: int) -> None:
        self.enabled: set[int] = set()
        self.send_buffer_bytes = buffer_bytes
        self.receive_buffer_bytes = buffer_bytes
        self.low_water_bytes = 1
        self.peek_offset = -1
        self.linger_ticks = 0
        self.receive_ticks = WAIT_FOREVER_TICKS
        self.send_ticks = WAIT_FOREVER_TICKS

    def move_peek_offset(self, count: int) -> None:
        """Follow ``count`` bytes that were peeked at, or, below 0, left the queue. A negative offset is off."""
        if self.peek_offset >= 0:
            self.peek_offset = max(self.peek_offset + count, 0)


# getsockopt(2) --------------------------------------------------------------------------------


def get_option(socket: UnixSocket, option: int, length: int) -> bytes:
    """The bytes of an option, cut to ``length``."""
    options = socket.options
    if option in _SWITCHES:
        value = _INT.pack(option in options.enabled)
    elif option in _FIXED:
        value = _INT.pack(_FIXED[option])
    elif option == SO_TYPE:
        value = _INT.pack(socket.type)
    elif option == SO_ACCEPTCONN:
        socket.kernel.cite("SOCKOPT-ACCEPTCONN")
        value = _INT.pack(socket.listener is not None)
    elif option == SO_ERROR:
        socket.kernel.cite("SOCKOPT-ERROR")
        value = _INT.pack(socket.take_error())
    elif option == SO_SNDBUF:
        value = _INT.pack(options.send_buffer_bytes)
    elif option == SO_RCVBUF:
        value = _INT.pack(options.receive_buffer_bytes)
    elif option == SO_RCVLOWAT:
        value = _INT.pack(options.low_water_bytes)
    elif option == SO_PEEK_OFF:
        value = _INT.pack(options.peek_offset)
    elif option == SO_LINGER:
        value = _linger(socket)
    elif option == SO_RCVTIMEO:
        value = _time(socket, options.receive_ticks)
    elif option == SO_SNDTIMEO:
        value = _time(socket, options.send_ticks)
    elif option == SO_PEERCRED:
        socket.kernel.cite("SOCKOPT-PEERCRED")
        value = _CREDENTIALS.pack(*socket.peer_credentials)
    else:
        raise Refused(ENOPROTOOPT, "SOCKOPT-UNKNOWN")
    if length < len(value):
        socket.kernel.cite("SOCKOPT-SHORT")
    return value[:length]


def _linger(socket: UnixSocket) -> bytes:
    seconds = socket.options.linger_ticks // socket.kernel.profile.timer_ticks_per_second
    return _LINGER.pack(SO_LINGER in socket.options.enabled, _as_int(seconds))


def _time(socket: UnixSocket, ticks: int) -> bytes:
    if ticks == WAIT_FOREVER_TICKS:
        return _TIME.pack(0, 0)
    per_second = socket.kernel.profile.timer_ticks_per_second
    return _TIME.pack(ticks // per_second, ticks % per_second * MICROSECONDS_PER_SECOND // per_second)


def _as_int(number: int) -> int:
    """The low 32 bits of a number, with their sign."""
    return ((number & UINT_MAX) ^ (INT_MAX + 1)) - (INT_MAX + 1)


# setsockopt(2) --------------------------------------------------------------------------------


def set_option(socket: UnixSocket, option: int, value: bytes) -> None:
    """Set an option from the bytes of its structure."""
    # CHECK
    if len(value) < _INT.size:
        raise Refused(EINVAL, "SOCKOPT-LENGTH")
    if option in _READ_ONLY:
        raise Refused(ENOPROTOOPT, "SOCKOPT-READ-ONLY")
    number: int = _INT.unpack_from(value)[0]
    if option == SO_DEBUG and number and not socket.kernel.profile.capable:
        raise Refused(EACCES, "SOCKOPT-DEBUG")
    # CHANGE
    options = socket.options
    if option in _SWITCHES:
        _switch(options, option, number)
    elif option == SO_SNDBUF:
        socket.kernel.cite("SOCKOPT-BUFFER")
        options.send_buffer_bytes = max(_doubled(socket, number), SEND_BUFFER_BYTES_MIN)
        socket.announce_room(0)
    elif option == SO_RCVBUF:
        socket.kernel.cite("SOCKOPT-BUFFER")
        options.receive_buffer_bytes = max(_doubled(socket, number), RECEIVE_BUFFER_BYTES_MIN)
    elif option == SO_RCVLOWAT:
        socket.kernel.cite("SOCKOPT-RCVLOWAT")
        options.low_water_bytes = INT_MAX if number < 0 else number or 1
    elif option == SO_PEEK_OFF:
        options.peek_offset = number
    elif option == SO_LINGER:
        _set_linger(socket, value)
    elif option == SO_RCVTIMEO:
        options.receive_ticks = _ticks(socket, value)
    elif option == SO_SNDTIMEO:
        options.send_ticks = _ticks(socket, value)
    else:
        raise Refused(ENOPROTOOPT, "SOCKOPT-UNKNOWN")


def _switch(options: SocketOptions, option: int, on: int) -> None:
    if on:
        options.enabled.add(option)
    else:
        options.enabled.discard(option)


def _doubled(socket: UnixSocket, number: int) -> int:
    """Twice the size asked for, which is held below the limit of the system; below zero means the limit."""
    return 2 * min(number & UINT_MAX, socket.kernel.profile.socket_buffer_bytes_max)


def _set_linger(socket: UnixSocket, value: bytes) -> None:
    # CHECK
    if len(value) < _LINGER.size:
        raise Refused(EINVAL, "SOCKOPT-LENGTH")
    on, seconds = _LINGER.unpack_from(value)
    # CHANGE
    options = socket.options
    _switch(options, SO_LINGER, on)
    if on:
        per_second = socket.kernel.profile.timer_ticks_per_second
        options.linger_ticks = WAIT_FOREVER_TICKS if seconds < 0 else seconds * per_second


def _ticks(socket: UnixSocket, value: bytes) -> int:
    """A time to wait, rounded up to ticks: none when it lies in the past, for ever when it is zero or too large."""
    # CHECK
    if len(value) < _TIME.size:
        raise Refused(EINVAL, "SOCKOPT-LENGTH")
    seconds, microseconds = _TIME.unpack_from(value)
    if not 0 <= microseconds < MICROSECONDS_PER_SECOND:
        raise Refused(EDOM, "SOCKOPT-TIME-RANGE")
    if seconds < 0:
        socket.kernel.cite("SOCKOPT-TIME-PAST")
        return 0
    # RETURN
    per_second = socket.kernel.profile.timer_ticks_per_second
    if not (seconds or microseconds) or seconds >= WAIT_FOREVER_TICKS // per_second - 1:
        socket.kernel.cite("SOCKOPT-TIME-FOREVER")
        return WAIT_FOREVER_TICKS
    return int(seconds * per_second - (-microseconds // (MICROSECONDS_PER_SECOND // per_second)))
