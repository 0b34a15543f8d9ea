# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on sockets.

Data is received into the shared scratch buffer, so a count may be as large as it likes.
The control buffer of recvmsg has 16 + 4 x ``rights_max`` bytes, not rounded up: so many descriptors and no more.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from struct import Struct
from typing import Any

from conformance.systems.native_calls.descriptors import NativeDescriptors, gives_int
from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.rings import Rings, collect
from conformance.systems.native_calls.scratch import SCRATCH_BYTES, scratch_address
from conformance.systems.native_calls.state import NativeState
from reference.constants.requests import SIOCATMARK, SIOCOUTQ
from reference.constants.sockets import SCM_CREDENTIALS, SCM_RIGHTS, SO_PEERCRED, SOL_SOCKET
from reference.structures import Message

CONTROL_HEADER_BYTES = 16
CONTROL_BYTES_MAX = 2**16
OPTION_BYTES_MAX = 2**12
CREDENTIALS_BYTES = 12
"""The size of what SO_PEERCRED gives (unix(7), struct ucred)."""

_INT = Struct("<i")
_HEADER = Struct("<Qii")
_SEGMENT = Struct("<QQ")
_MESSAGE = Struct("<QQQQQQQ")
"""msghdr: name and its length, segments and their number, control and its length, flags."""

_size = ctypes.c_size_t
_socketpair = function("socketpair", ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_send = function("send", ctypes.c_int, ctypes.c_char_p, _size, ctypes.c_int, result=ctypes.c_ssize_t)
_recv = function("recv", ctypes.c_int, ctypes.c_void_p, _size, ctypes.c_int, result=ctypes.c_ssize_t)
_sendmsg = function("sendmsg", ctypes.c_int, ctypes.c_void_p, ctypes.c_int, result=ctypes.c_ssize_t)
_recvmsg = function("recvmsg", ctypes.c_int, ctypes.c_void_p, ctypes.c_int, result=ctypes.c_ssize_t)
_shutdown = function("shutdown", ctypes.c_int, ctypes.c_int)
_getsockopt = function(
    "getsockopt", ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint)
)
_setsockopt = function("setsockopt", ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)


def as_int(number: int) -> int:
    """The number as C makes an int of it."""
    return ctypes.c_int(number).value


_LETTING_GO = frozenset("close close_range dup2 dup3 read readv preadv2 recv recvmsg recvfrom connect".split())
"""Calls that can give up the last reference to a socket from outside a ring."""


class NativeSockets(NativeState):
    """socketpair, send, recv, sendmsg, recvmsg, shutdown, getsockopt, setsockopt."""

    def __init__(self) -> None:
        super().__init__()
        self._pair = (ctypes.c_int * 2)()
        self._pair_address = ctypes.addressof(self._pair)
        self._control = ctypes.create_string_buffer(CONTROL_BYTES_MAX)
        self._control_address = ctypes.addressof(self._control)
        self._header = ctypes.create_string_buffer(_MESSAGE.size)
        self._header_address = ctypes.addressof(self._header)
        self._option = ctypes.create_string_buffer(OPTION_BYTES_MAX)
        self._rings = Rings()

    def reset(self) -> None:
        super().reset()
        if self._rings.in_use:
            self._rings = Rings()

    def settle(self, call: str, arguments: tuple[Any, ...]) -> None:
        self.break_up_rings(call, arguments)
        super().settle(call, arguments)

    def break_up_rings(self, call: str, arguments: tuple[Any, ...]) -> None:
        """Wait until the kernel has closed sockets that only wait in each other's queues, when there may be such."""
        if call in _LETTING_GO and self._rings.abandoned():
            collect()

    def socketpair(self, domain: int, type: int, protocol: int) -> tuple[int, int]:
        checked(_socketpair(as_int(domain), as_int(type), as_int(protocol), self._pair_address))
        one, other = self._pair
        self._rings.made(one, other)
        return one, other

    def send(self, fd: int, data: bytes, flags: int) -> int:
        return checked(_send(fd, data, len(data), as_int(flags)))

    def recv(self, fd: int, count: int, flags: int) -> bytes:
        self._rings.received = True
        address = scratch_address()
        received = checked(_recv(fd, address, count & (2**64 - 1), as_int(flags)))
        return ctypes.string_at(address, min(received, count) if count >= 0 else received)

    def sendmsg(self, fd: int, buffers: tuple[bytes, ...], rights: tuple[int, ...], flags: int) -> int:
        segments = (ctypes.c_char_p * (2 * len(buffers)))()
        segments[::2] = list(buffers)
        lengths = (_size * (2 * len(buffers))).from_buffer(segments)
        lengths[1::2] = [len(buffer) for buffer in buffers]
        room = 0
        if rights:
            room = CONTROL_HEADER_BYTES + _INT.size * len(rights)
            _HEADER.pack_into(self._control, 0, room, SOL_SOCKET, SCM_RIGHTS)
            for position, right in enumerate(rights):
                _INT.pack_into(self._control, CONTROL_HEADER_BYTES + _INT.size * position, right)
        self._header.raw = _MESSAGE.pack(
            0, 0, ctypes.addressof(segments), len(buffers), self._control_address if room else 0, room, 0
        )
        sent = checked(_sendmsg(fd, self._header_address, as_int(flags)))
        if rights:
            self._rings.passed(fd, rights)
        return sent

    def recvmsg(self, fd: int, lengths: tuple[int, ...], rights_max: int, flags: int) -> Message:
        self._rings.received = True
        base = scratch_address()
        segments = bytearray()
        offset = 0
        for length in lengths:
            segments += _SEGMENT.pack(base + offset, length & (2**64 - 1))
            offset = min(offset + max(length, 0), SCRATCH_BYTES)
        vector = (ctypes.c_char * len(segments)).from_buffer(segments) if segments else None
        room = CONTROL_HEADER_BYTES + 4 * rights_max if rights_max else 0
        self._header.raw = _MESSAGE.pack(
            0,
            0,
            ctypes.addressof(vector) if vector is not None else 0,
            len(lengths),
            self._control_address if room else 0,
            room,
            0,
        )
        # What a system does not fill in, though it tells of it, is not to be what an earlier message left.
        ctypes.memset(self._control_address, 0, room)
        received = checked(_recvmsg(fd, self._header_address, as_int(flags)))
        filled = _MESSAGE.unpack(self._header.raw)
        rights, control = _items(ctypes.string_at(self._control_address, filled[5]) if room else b"", self.number_of)
        return Message(ctypes.string_at(base, min(received, offset)), rights, control, filled[6] & 0xFFFFFFFF)

    def shutdown(self, fd: int, how: int) -> int:
        return checked(_shutdown(fd, as_int(how)))

    def getsockopt(self, fd: int, level: int, option: int, length: int) -> bytes:
        given = ctypes.c_uint(length & 0xFFFFFFFF)
        checked(_getsockopt(fd, as_int(level), as_int(option), self._option, ctypes.byref(given)))
        value = ctypes.string_at(self._option, min(given.value, OPTION_BYTES_MAX))
        if level == SOL_SOCKET and option == SO_PEERCRED:
            return (_INT.pack(self._peer_number(fd)) + value[_INT.size :])[: len(value)]
        return value

    def _peer_number(self, fd: int) -> int:
        """The number of the process of SO_PEERCRED. It is asked for whole: some kernels cut nothing short."""
        given = ctypes.c_uint(CREDENTIALS_BYTES)
        checked(_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, self._option, ctypes.byref(given)))
        return self.number_of(_INT.unpack_from(self._option)[0])

    def setsockopt(self, fd: int, level: int, option: int, value: bytes) -> int:
        return checked(_setsockopt(fd, as_int(level), as_int(option), value, len(value)))


def _items(control: bytes, number_of: Callable[[int], int]) -> tuple[tuple[int, ...], tuple[tuple[int, Any], ...]]:
    """The descriptors, and the other items, of a control buffer as the kernel filled it."""
    rights: tuple[int, ...] = ()
    others: list[tuple[int, Any]] = []
    offset = 0
    while offset + CONTROL_HEADER_BYTES <= len(control):
        length, _, kind = _HEADER.unpack_from(control, offset)
        if length < CONTROL_HEADER_BYTES:
            # No item is shorter than its header: nothing was filled in from here on (cmsg(3)).
            break
        payload = control[offset + CONTROL_HEADER_BYTES : offset + length]
        numbers = tuple([number for (number,) in _INT.iter_unpack(payload[: len(payload) // 4 * 4])])
        if kind == SCM_RIGHTS:
            rights += numbers
        elif kind == SCM_CREDENTIALS:
            others.append((kind, (*map(number_of, numbers[:1]), *numbers[1:])))
        else:
            others.append((kind, ()))
        offset += -(-length // 8) * 8
    return rights, tuple(others)


NativeDescriptors.ioctl_requests.update({SIOCOUTQ: gives_int(SIOCOUTQ), SIOCATMARK: gives_int(SIOCATMARK)})
