# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls that move data, move the position, and change the extent of files."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.scratch import SCRATCH_BYTES, place, places, scratch_address
from conformance.systems.native_calls.state import NativeState
from reference.constants.errors import EINTR


class _Buffer(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


_ssize = ctypes.c_ssize_t
_offset = ctypes.c_longlong
_read = function("read", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, result=_ssize)
_pread = function("pread", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, _offset, result=_ssize)
_readv = function("readv", ctypes.c_int, ctypes.POINTER(_Buffer), ctypes.c_int, result=_ssize)
_preadv2 = function(
    "preadv2", ctypes.c_int, ctypes.POINTER(_Buffer), ctypes.c_int, _offset, ctypes.c_int, result=_ssize
)
_ftruncate = function("ftruncate", ctypes.c_int, _offset)
_truncate = function("truncate", ctypes.c_char_p, _offset)
_fallocate = function("fallocate", ctypes.c_int, ctypes.c_int, _offset, _offset)
_sync_file_range = function("sync_file_range", ctypes.c_int, _offset, _offset, ctypes.c_uint)
_fsync = function("fsync", ctypes.c_int)
_fdatasync = function("fdatasync", ctypes.c_int)
_memfd_create = function("memfd_create", ctypes.c_char_p, ctypes.c_uint)

SIZE_MASK = 2**64 - 1
INT_SIGN = 2**31


def _signed_int(flags: int) -> int:
    """A 32-bit flag word as the C int that os functions take."""
    return flags - 2 * INT_SIGN if flags >= INT_SIGN else flags


def _scratch_vector(lengths: tuple[int, ...]) -> ctypes.Array[_Buffer]:
    """Buffers of these lengths, one behind the other, in the scratch buffer; wrapped where they leave it."""
    vector = (_Buffer * len(lengths))()
    address = scratch_address()
    position = 0
    for buffer, length in zip(vector, lengths, strict=True):
        buffer.base = address + position
        buffer.length = length & SIZE_MASK
        position = min(position + max(length, 0), SCRATCH_BYTES)
    return vector


def _vector_fits(lengths: tuple[int, ...]) -> bool:
    return not lengths or (min(lengths) >= 0 and sum(lengths) <= SCRATCH_BYTES)


def _scratch_bytes(count: int) -> bytes:
    return ctypes.string_at(scratch_address(), checked(count))


def _raise_unless_interrupted() -> None:
    """Raise the error of the call that just failed, unless a signal interrupted it: then it is made again."""
    number = ctypes.get_errno()
    if number != EINTR:
        raise OSError(number, os.strerror(number))


def _joined(buffers: Sequence[bytearray | memoryview], count: int) -> bytes:
    return b"".join(buffers)[:count]


def _placed(data: bytes) -> bytes | memoryview:
    """Data to write, on the desk."""
    length = len(data)
    if not length:
        return data
    view = place(length)
    view[:] = data
    return view


def _all_placed(buffers: tuple[bytes, ...]) -> Sequence[bytes | memoryview]:
    views = places([len(buffer) for buffer in buffers])
    if views is None:
        return buffers
    for view, data in zip(views, buffers, strict=True):
        view[:] = data
    return views


class NativeFiles(NativeState):
    """read, write and their forms; lseek, truncate, fallocate, fsync; memfd_create."""

    def read(self, fd: int, count: int) -> bytes:
        address, size = scratch_address(), count & SIZE_MASK
        while True:
            moved = _read(fd, address, size)
            if moved >= 0:
                return ctypes.string_at(address, moved)
            _raise_unless_interrupted()

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, _placed(data))

    def readv(self, fd: int, lengths: tuple[int, ...]) -> bytes:
        if _vector_fits(lengths):
            buffers: Sequence[bytearray | memoryview] = places(lengths) or [bytearray(length) for length in lengths]
            return _joined(buffers, os.readv(fd, buffers))
        return _scratch_bytes(_readv(fd, _scratch_vector(lengths), len(lengths)))

    def writev(self, fd: int, buffers: tuple[bytes, ...]) -> int:
        return os.writev(fd, _all_placed(buffers))

    def pread(self, fd: int, count: int, offset: int) -> bytes:
        return _scratch_bytes(_pread(fd, scratch_address(), count & SIZE_MASK, offset))

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        return os.pwrite(fd, _placed(data), offset)

    def preadv2(self, fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        if _vector_fits(lengths):
            buffers: Sequence[bytearray | memoryview] = places(lengths) or [bytearray(length) for length in lengths]
            return _joined(buffers, os.preadv(fd, buffers, offset, _signed_int(flags)))
        return _scratch_bytes(_preadv2(fd, _scratch_vector(lengths), len(lengths), offset, flags))

    def pwritev2(self, fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        return os.pwritev(fd, _all_placed(buffers), offset, _signed_int(flags))

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        return os.lseek(fd, offset, whence)

    def truncate(self, path: str, length: int) -> int:
        return checked(_truncate(os.fsencode(path), length))

    def truncate_fd(self, fd: int, length: int) -> int:
        return checked(_truncate(b"/proc/self/fd/%d" % fd, length))

    def ftruncate(self, fd: int, length: int) -> int:
        return checked(_ftruncate(fd, length))

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> int:
        return checked(_fallocate(fd, mode, offset, length))

    def fsync(self, fd: int) -> int:
        return checked(_fsync(fd))

    def fdatasync(self, fd: int) -> int:
        return checked(_fdatasync(fd))

    def sync_file_range(self, fd: int, offset: int, count: int, flags: int) -> int:
        return checked(_sync_file_range(fd, offset, count, flags))

    def memfd_create(self, name: str, flags: int) -> int:
        return checked(_memfd_create(os.fsencode(name), flags))
