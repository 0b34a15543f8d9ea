# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Options of an imported socket (SCK-58, SCK-59): the sandbox keeps them for itself, and tells the host of none.

They travel as the bytes of C structures. Unlike Linux the sandbox never cuts an answer:
a caller without room for the whole of it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

from reference.constants.errors import EDOM, EINVAL, ENOPROTOOPT
from reference.constants.limits import INT_MAX, LLONG_MAX
from reference.constants.sockets import (
    AF_UNIX,
    SO_ACCEPTCONN,
    SO_BROADCAST,
    SO_DOMAIN,
    SO_ERROR,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_NO_CHECK,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PEERCRED,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_SNDBUF,
    SO_SNDTIMEO,
    SO_TYPE,
    SOL_SOCKET,
)
from reference.outcomes import Refused

if TYPE_CHECKING:
    from reference.host.caller import Caller
    from reference.host.socket import SocketDescription

RECEIVE_BUFFER_BYTES = 212992
"""What SO_RCVBUF says until it is set."""
RECEIVE_BUFFER_BYTES_MIN = 2**12
RECEIVE_BUFFER_BYTES_MAX = 2**22
CALLER_PID = 1
"""Stands for the process id of the caller."""
MICROSECONDS_PER_SECOND = 10**6
NANOSECONDS_PER_MICROSECOND = 10**3
NANOSECONDS_PER_SECOND = 10**9
_OPTION_BYTES_MAX = 2**13

_INT = Struct("<i")
_SIZE = Struct("<I")
_LINGER = Struct("<ii")
_TIME = Struct("<qq")
_CREDENTIALS = Struct("<iII")
_SWITCHES = (SO_REUSEADDR, SO_REUSEPORT, SO_BROADCAST, SO_KEEPALIVE, SO_NO_CHECK, SO_PASSCRED)
_REFUSED_LEVELS = frozenset((0, 6, 41, 58, 263))
"""IPPROTO_IP, IPPROTO_TCP, IPPROTO_IPV6, IPPROTO_ICMPV6, SOL_PACKET: where no Unix socket has an option to set."""


class SocketOptions:
    """What was set on one description. ``receive_ns`` and ``send_ns`` are times to wait: 0 for ever, below 0 never."""

    def __init__(self, send_buffer_bytes: int) -> None:
        self.enabled: set[int] = set()
        self.send_buffer_bytes = send_buffer_bytes
        self.receive_buffer_bytes = RECEIVE_BUFFER_BYTES
        self.linger = (0, 0)
        self.receive_ns = 0
        self.send_ns = 0


# getsockopt(2) --------------------------------------------------------------------------------


def get_option(file: SocketDescription, level: int, option: int, length: int) -> bytes:
    """The bytes of an option. EINVAL when ``length`` has no room for them, ENOPROTOOPT for an option unknown."""
    if not 0 <= length <= INT_MAX:
        raise Refused(EINVAL, "LAY-01")
    ask = _QUESTIONS.get(option) if level == SOL_SOCKET else None
    if ask is None:
        raise Refused(ENOPROTOOPT, "SCK-58")
    value = ask(file)
    if length < len(value):
        raise Refused(EINVAL, "SCK-58")
    file.host.cite("SCK-58")
    return value


def _number(read: Callable[[SocketDescription], int]) -> Callable[[SocketDescription], bytes]:
    return lambda file: _INT.pack(read(file))


def _switch(option: int) -> Callable[[SocketDescription], bytes]:
    return lambda file: _INT.pack(option in file.options.enabled)


def _caller(file: SocketDescription) -> bytes:
    """SO_PEERCRED is whoever asks, not who made the pair."""
    caller: Caller = file.host.caller
    return _CREDENTIALS.pack(CALLER_PID, caller.uid, caller.gid)


_QUESTIONS: dict[int, Callable[[SocketDescription], bytes]] = {
    SO_TYPE: _number(lambda file: file.type),
    SO_DOMAIN: _number(lambda file: AF_UNIX),
    SO_PROTOCOL: _number(lambda file: 0),
    SO_ERROR: _number(lambda file: 0),
    SO_ACCEPTCONN: _number(lambda file: 0),
    SO_RCVLOWAT: _number(lambda file: 1),
    SO_OOBINLINE: _number(lambda file: 1),
    SO_SNDBUF: _number(lambda file: file.options.send_buffer_bytes),
    SO_RCVBUF: _number(lambda file: file.options.receive_buffer_bytes),
    SO_PEERCRED: _caller,
    SO_LINGER: lambda file: _LINGER.pack(*file.options.linger),
    SO_RCVTIMEO: lambda file: _time(file.options.receive_ns),
    SO_SNDTIMEO: lambda file: _time(file.options.send_ns),
    **{option: _switch(option) for option in _SWITCHES},
}


def _time(nanoseconds: int) -> bytes:
    """A time as seconds and microseconds, both cut towards zero after rounding up, in 64 bits that may overflow."""
    rounded = _wrapped(nanoseconds + NANOSECONDS_PER_MICROSECOND - 1)
    sign = -1 if rounded < 0 else 1
    seconds, rest = divmod(abs(rounded), NANOSECONDS_PER_SECOND)
    return _TIME.pack(sign * seconds, sign * (rest // NANOSECONDS_PER_MICROSECOND))


def _wrapped(number: int) -> int:
    """The low 64 bits of a number, with their sign."""
    return ((number + LLONG_MAX + 1) & (2**64 - 1)) - LLONG_MAX - 1


# setsockopt(2) --------------------------------------------------------------------------------


def set_option(file: SocketDescription, level: int, option: int, value: bytes) -> None:
    """Set an option, as far as the sandbox knows it: what it does not know is taken and forgotten."""
    if len(value) > _OPTION_BYTES_MAX:
        raise Refused(EINVAL, "LAY-01")
    if level != SOL_SOCKET:
        if level in _REFUSED_LEVELS:
            raise Refused(ENOPROTOOPT, "SCK-59")
        file.host.cite("SCK-59")
        return
    setter = _SETTERS.get(option)
    if setter is None:
        file.host.cite("SCK-59")
        return
    form, change = setter
    if len(value) < form.size:
        raise Refused(EINVAL, "SCK-59")
    change(file, *form.unpack_from(value))
    file.host.cite("SCK-59")


def _turn(option: int) -> Callable[..., None]:
    def change(file: SocketDescription, on: int) -> None:
        if on:
            file.options.enabled.add(option)
        else:
            file.options.enabled.discard(option)

    return change


def _set_send_buffer(file: SocketDescription, size: int) -> None:
    """Whatever size is asked for, the host's own is what there is."""
    file.options.send_buffer_bytes = file.send_buffer_bytes


def _set_receive_buffer(file: SocketDescription, size: int) -> None:
    file.options.receive_buffer_bytes = max(2 * min(size, RECEIVE_BUFFER_BYTES_MAX), RECEIVE_BUFFER_BYTES_MIN)


def _set_linger(file: SocketDescription, on: int, seconds: int) -> None:
    file.options.linger = (int(bool(on)), seconds)


def _set_receive_time(file: SocketDescription, seconds: int, microseconds: int) -> None:
    file.options.receive_ns = _nanoseconds(seconds, microseconds)


def _set_send_time(file: SocketDescription, seconds: int, microseconds: int) -> None:
    file.options.send_ns = _nanoseconds(seconds, microseconds)


def _nanoseconds(seconds: int, microseconds: int) -> int:
    """A time to wait, held below what 64 bits count; one that lies far in the past overflows."""
    if not 0 <= microseconds < MICROSECONDS_PER_SECOND:
        raise Refused(EDOM, "SCK-59")
    if seconds > LLONG_MAX // NANOSECONDS_PER_SECOND:
        return LLONG_MAX
    return _wrapped(seconds * NANOSECONDS_PER_SECOND + microseconds * NANOSECONDS_PER_MICROSECOND)


def _ignore(file: SocketDescription, number: int) -> None:
    """SO_RCVLOWAT is taken, and does nothing."""


_SETTERS: dict[int, tuple[Struct, Callable[..., None]]] = {
    SO_SNDBUF: (_SIZE, _set_send_buffer),
    SO_RCVBUF: (_SIZE, _set_receive_buffer),
    SO_LINGER: (_LINGER, _set_linger),
    SO_RCVTIMEO: (_TIME, _set_receive_time),
    SO_SNDTIMEO: (_TIME, _set_send_time),
    SO_RCVLOWAT: (_INT, _ignore),
    SO_OOBINLINE: (_INT, _ignore),
    **{option: (_INT, _turn(option)) for option in _SWITCHES},
}
