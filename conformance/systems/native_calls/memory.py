# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on memory mappings.

The address of a mapping is nobody's to predict,
but what lies behind its end shows in a load that runs over it.
So each mapping is put into a window of its own in a reserved part of the address space,
with unreadable memory around it.
Memory is read and written by the kernel on the worker's behalf, so that a bad address is an error and not a crash.
"""

from __future__ import annotations

import ctypes
import os

from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.state import NativeState
from reference.constants import EFAULT, EINVAL, ENOMEM, PAGE_SIZE, PROT_NONE

WINDOW_BYTES = 2**26
WINDOWS_MAX = 64
MAPPED_BYTES_MAX = WINDOW_BYTES // 2
_ARENA_ADDRESS = 2**40
_MAP_FIXED = 0x10
_RESERVE = 0x2 | 0x20 | 0x4000 | _MAP_FIXED
"""Private, anonymous, without swap, at the given address."""

_mmap = function(
    "mmap",
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_longlong,
    result=ctypes.c_void_p,
)
_munmap = function("munmap", ctypes.c_void_p, ctypes.c_size_t)
_msync = function("msync", ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_MAP_FAILED = ctypes.c_void_p(-1).value


class _Span(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


_vm_arguments = (
    ctypes.c_int,
    ctypes.POINTER(_Span),
    ctypes.c_ulong,
    ctypes.POINTER(_Span),
    ctypes.c_ulong,
    ctypes.c_ulong,
)
_process_vm_readv = function("process_vm_readv", *_vm_arguments, result=ctypes.c_ssize_t)
_process_vm_writev = function("process_vm_writev", *_vm_arguments, result=ctypes.c_ssize_t)


def _reserve(address: int) -> None:
    if _mmap(address, WINDOW_BYTES, PROT_NONE, _RESERVE, -1, 0) != address:
        raise MemoryError("no room for a window")


def _absent(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class NativeMemory(NativeState):
    """mmap, munmap, msync; load and store."""

    def __init__(self) -> None:
        super().__init__()
        self._maps: dict[int, tuple[int, int]] = {}
        self._maps_made = 0

    def reset(self) -> None:
        super().reset()
        self.let_go()

    def let_go(self) -> None:
        super().let_go()
        if self._maps_made:
            for handle in list(self._maps):
                self.munmap(handle)
            self._maps_made = 0

    def mmap(self, fd: int, length: int, protection: int, flags: int, offset: int) -> int:
        address = None
        handle = self._maps_made
        if 0 < length <= MAPPED_BYTES_MAX and handle < WINDOWS_MAX:
            window = _ARENA_ADDRESS + handle * WINDOW_BYTES
            _reserve(window)
            address = window + WINDOW_BYTES // 4
        made = _mmap(address, length % 2**64, protection, flags | _MAP_FIXED if address else flags, fd, offset)
        if made in (_MAP_FAILED, None):
            if address:
                number = ctypes.get_errno()
                _munmap(address - WINDOW_BYTES // 4, WINDOW_BYTES)
                raise _absent(number)
            checked(-1)
        self._maps[handle] = (made, length)
        self._maps_made += 1
        return handle

    def load(self, mapping: int, offset: int, count: int) -> bytes:
        address, _ = self._map(mapping, EFAULT)
        buffer = ctypes.create_string_buffer(count)
        local = _Span(ctypes.addressof(buffer), count)
        remote = _Span((address + offset) % 2**64, count)
        moved = checked(_process_vm_readv(os.getpid(), ctypes.byref(local), 1, ctypes.byref(remote), 1, 0))
        return buffer.raw[:moved]

    def store(self, mapping: int, offset: int, data: bytes) -> int:
        address, _ = self._map(mapping, EFAULT)
        local = _Span(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value, len(data))
        remote = _Span((address + offset) % 2**64, len(data))
        return checked(_process_vm_writev(os.getpid(), ctypes.byref(local), 1, ctypes.byref(remote), 1, 0))

    def msync(self, mapping: int, flags: int) -> int:
        address, length = self._map(mapping, ENOMEM)
        return checked(_msync(address, length, flags))

    def munmap(self, mapping: int) -> int:
        address, length = self._map(mapping, EINVAL)
        del self._maps[mapping]
        if _ARENA_ADDRESS <= address < _ARENA_ADDRESS + WINDOWS_MAX * WINDOW_BYTES:
            return checked(_munmap(address - WINDOW_BYTES // 4, WINDOW_BYTES))
        return checked(_munmap(address, -(-length // PAGE_SIZE) * PAGE_SIZE))

    def _map(self, handle: int, error: int) -> tuple[int, int]:
        found = self._maps.get(handle)
        if found is None:
            raise _absent(error)
        return found
