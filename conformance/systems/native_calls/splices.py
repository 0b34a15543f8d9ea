# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls that move data between two descriptors.

A pipe that is given memory by vmsplice holds that very memory, so each call gets fresh pages, and lets go of them.
"""

from __future__ import annotations

import ctypes
import mmap
from struct import Struct

from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.state import NativeState
from reference.constants.limits import PAGE_SIZE, SIZE_MAX

NO_OFFSET = -1

_SEGMENT = Struct("<QQ")
_ssize = ctypes.c_ssize_t
_offset_pointer = ctypes.POINTER(ctypes.c_longlong)
_int = ctypes.c_int
_between = (_int, _offset_pointer, _int, _offset_pointer, ctypes.c_size_t, ctypes.c_uint)
_splice = function("splice", *_between, result=_ssize)
_copy_file_range = function("copy_file_range", *_between, result=_ssize)
_tee = function("tee", _int, _int, ctypes.c_size_t, ctypes.c_uint, result=_ssize)
_vmsplice = function("vmsplice", _int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint, result=_ssize)
_sendfile = function("sendfile", _int, _int, _offset_pointer, ctypes.c_size_t, result=_ssize)


def _given(offset: int) -> ctypes.c_longlong | None:
    """Room for an offset that the call moves; None, a null pointer, when there is none."""
    return None if offset == NO_OFFSET else ctypes.c_longlong(offset)


def _became(offset: ctypes.c_longlong | None) -> int:
    return NO_OFFSET if offset is None else offset.value


def _whole_pages(size: int) -> int:
    return -(-size // PAGE_SIZE) * PAGE_SIZE


class NativeSplices(NativeState):
    """splice, tee, vmsplice, sendfile, copy_file_range."""

    def splice(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        one, other = _given(off_in), _given(off_out)
        moved = checked(_splice(fd_in, one, fd_out, other, length & SIZE_MAX, flags))
        return moved, _became(one), _became(other)

    def tee(self, fd_in: int, fd_out: int, length: int, flags: int) -> int:
        return checked(_tee(fd_in, fd_out, length & SIZE_MAX, flags))

    def vmsplice(self, fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        with mmap.mmap(-1, max(sum([_whole_pages(len(buffer)) for buffer in buffers]), PAGE_SIZE)) as memory:
            base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
            segments = bytearray()
            position = 0
            for buffer in buffers:
                memory[position : position + len(buffer)] = buffer
                segments += _SEGMENT.pack(base + position, len(buffer))
                position += _whole_pages(len(buffer))
            vector = ctypes.create_string_buffer(bytes(segments), len(segments) + 1)
            return checked(_vmsplice(fd, vector, len(buffers), flags))

    def sendfile(self, out_fd: int, in_fd: int, offset: int, count: int) -> tuple[int, int]:
        start = _given(offset)
        moved = checked(_sendfile(out_fd, in_fd, start, count & SIZE_MAX))
        return moved, _became(start)

    def copy_file_range(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        one, other = _given(off_in), _given(off_out)
        moved = checked(_copy_file_range(fd_in, one, fd_out, other, length & SIZE_MAX, flags))
        return moved, _became(one), _became(other)
