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
from collections.abc import Hashable
from pathlib import Path
from typing import NamedTuple

from conformance.systems.native_calls.identity import NativeIdentity
from conformance.systems.native_calls.libc import checked, function
from reference.constants.errors import EFAULT, EINVAL, ENOENT, ENOMEM
from reference.constants.limits import PAGE_SIZE
from reference.constants.memory import PROT_NONE

WINDOW_BYTES = 2**26
WINDOWS_MAX = 64
MAPPED_BYTES_MAX = WINDOW_BYTES // 2
_FIELDS_BEFORE_NAME = 5
_ARENA_ADDRESS = 2**36
"""User-mode Linux has nothing from 2**39 on."""
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


class _Mapped(NamedTuple):
    """A mapping: where it lies, and the number and the key of the inode that was mapped."""

    address: int
    length: int
    inode: int
    key: Hashable


def _name_in_maps(address: int) -> str:
    """The name of the mapping at an address in /proc/self/maps."""
    begin = b"%08x-" % address
    with Path("/proc/self/maps").open("rb") as maps:
        line = next(line for line in maps if line.startswith(begin))
    return os.fsdecode(line.split(maxsplit=_FIELDS_BEFORE_NAME)[-1].rstrip(b"\n"))


class NativeMemory(NativeIdentity):
    """mmap, munmap, msync; load and store."""

    def __init__(self) -> None:
        super().__init__()
        self._maps: dict[int, _Mapped] = {}
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
        found = os.fstat(fd)
        key = self.inode_key(fd, found.st_dev, found.st_ino, found.st_mode, found.st_rdev)
        self._maps[handle] = _Mapped(made, length, found.st_ino, key)
        self._maps_made += 1
        return handle

    def load(self, mapping: int, offset: int, count: int) -> bytes:
        address = self._map(mapping, EFAULT).address
        buffer = ctypes.create_string_buffer(count)
        local = _Span(ctypes.addressof(buffer), count)
        remote = _Span((address + offset) % 2**64, count)
        moved = checked(_process_vm_readv(os.getpid(), ctypes.byref(local), 1, ctypes.byref(remote), 1, 0))
        return buffer.raw[:moved]

    def store(self, mapping: int, offset: int, data: bytes) -> int:
        address = self._map(mapping, EFAULT).address
        local = _Span(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value, len(data))
        remote = _Span((address + offset) % 2**64, len(data))
        return checked(_process_vm_writev(os.getpid(), ctypes.byref(local), 1, ctypes.byref(remote), 1, 0))

    def msync(self, mapping: int, flags: int) -> int:
        mapped = self._map(mapping, ENOMEM)
        return checked(_msync(mapped.address, mapped.length, flags))

    def mapping_path(self, mapping: int) -> str:
        mapped = self._map(mapping, ENOENT)
        return self.mapped_name(_name_in_maps(mapped.address), mapped.inode, mapped.key)

    def munmap(self, mapping: int) -> int:
        address, length, *_ = self._map(mapping, EINVAL)
        del self._maps[mapping]
        if _ARENA_ADDRESS <= address < _ARENA_ADDRESS + WINDOWS_MAX * WINDOW_BYTES:
            return checked(_munmap(address - WINDOW_BYTES // 4, WINDOW_BYTES))
        return checked(_munmap(address, -(-length // PAGE_SIZE) * PAGE_SIZE))

    def _map(self, handle: int, error: int) -> _Mapped:
        found = self._maps.get(handle)
        if found is None:
            raise _absent(error)
        return found
