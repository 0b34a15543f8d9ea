# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls that ask what is ready: poll, ppoll, select, epoll.

The wrappers of Python's select module check numbers and start interrupted calls again;
here every value reaches the kernel, and an interrupted call says so.
"""

from __future__ import annotations

import ctypes
import struct

from conformance.domains.base import NEVER_OPENED
from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.scratch import scratch_address
from conformance.systems.native_calls.state import NativeState
from reference.syscalls import FdList, PollList

FOR_EVER = -1
"""The timeout, in milliseconds, that stands for none."""
FD_SET_BYTES = 128
POLL_SLOTS = 512
NS_PER_MS = 10**6
US_PER_MS = 10**3
_EVENTS_MASK = 0xFFFF
_UINT_MASK = 2**32 - 1
_ULLONG_MASK = 2**64 - 1


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("fraction", ctypes.c_long))


_int = ctypes.c_int
_pointer = ctypes.c_void_p
_poll = function("poll", _pointer, ctypes.c_ulong, _int)
_ppoll = function("ppoll", _pointer, ctypes.c_ulong, ctypes.POINTER(_Timespec), _pointer)
_select = function("select", _int, _pointer, _pointer, _pointer, ctypes.POINTER(_Timespec))
_epoll_create1 = function("epoll_create1", _int)
_epoll_ctl = function("epoll_ctl", _int, _int, _int, _pointer)
_epoll_wait = function("epoll_wait", _int, _pointer, _int, _int)

_POLL_ENTRY = struct.Struct("=iHH")
_EPOLL_EVENT = struct.Struct("=IQ")


def _fractional(timeout: int, fractions_per_ms: int) -> _Timespec | None:
    """Milliseconds as seconds and a fraction; nothing for the timeout that stands for none."""
    if timeout == FOR_EVER:
        return None
    seconds, milliseconds = divmod(timeout, 1000)
    return _Timespec(seconds, milliseconds * fractions_per_ms)


def _in_set(fd: int) -> int:
    """The number in a set. A handle of a mapping lies beyond what one holds, and is as little a descriptor as this."""
    return min(fd, NEVER_OPENED)


def _fd_set(members: FdList) -> ctypes.Array[ctypes.c_char]:
    bits = 0
    for fd in members:
        bits |= 1 << _in_set(fd)
    return ctypes.create_string_buffer(bits.to_bytes(FD_SET_BYTES, "little"), FD_SET_BYTES)


def _members(fd_set: ctypes.Array[ctypes.c_char], asked: FdList) -> FdList:
    bits = int.from_bytes(fd_set.raw, "little")
    return tuple(sorted({fd for fd in asked if bits >> fd & 1})) if bits else ()


class NativeReadiness(NativeState):
    """poll, ppoll, select, epoll_create1, epoll_ctl, epoll_wait."""

    def __init__(self) -> None:
        super().__init__()
        self._entries = ctypes.create_string_buffer(POLL_SLOTS * _POLL_ENTRY.size)
        self._event = ctypes.create_string_buffer(_EPOLL_EVENT.size)

    def _pack(self, fds: PollList) -> None:
        entries, size = self._entries, _POLL_ENTRY.size
        for place, (fd, events) in enumerate(fds):
            _POLL_ENTRY.pack_into(entries, place * size, fd, events & _EVENTS_MASK, 0)

    def _returned(self, fds: PollList) -> tuple[int, ...]:
        entries, size = self._entries, _POLL_ENTRY.size
        return tuple([_POLL_ENTRY.unpack_from(entries, place * size)[2] for place in range(len(fds))])

    def poll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        self._pack(fds)
        checked(_poll(self._entries, len(fds), timeout))
        return self._returned(fds)

    def ppoll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        self._pack(fds)
        checked(_ppoll(self._entries, len(fds), _fractional(timeout, NS_PER_MS), None))
        return self._returned(fds)

    def select(self, read: FdList, write: FdList, urgent: FdList, timeout: int) -> tuple[FdList, FdList, FdList]:
        sets = (_fd_set(read), _fd_set(write), _fd_set(urgent))
        limit = max(map(_in_set, (*read, *write, *urgent)), default=-1) + 1
        checked(_select(limit, *sets, _fractional(timeout, US_PER_MS)))
        return _members(sets[0], read), _members(sets[1], write), _members(sets[2], urgent)

    def epoll_create1(self, flags: int) -> int:
        return checked(_epoll_create1(flags))

    def epoll_ctl(self, fd: int, operation: int, target: int, events: int, data: int) -> int:
        _EPOLL_EVENT.pack_into(self._event, 0, events & _UINT_MASK, data & _ULLONG_MASK)
        return checked(_epoll_ctl(fd, operation, target, self._event))

    def epoll_wait(self, fd: int, events_max: int, timeout: int) -> tuple[tuple[int, int], ...]:
        address = scratch_address()
        count = checked(_epoll_wait(fd, address, events_max, timeout))
        return tuple(_EPOLL_EVENT.iter_unpack(ctypes.string_at(address, count * _EPOLL_EVENT.size)))
