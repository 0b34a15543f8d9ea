# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on directories. A program that left its own directory is taken back when it ends."""

from __future__ import annotations

import ctypes
import os

from conformance.systems.native_calls.attributes import NativeAttributes
from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.scratch import SCRATCH_BYTES, scratch_address

_NAME_OFFSET = 19
"""Where the name begins in an entry; before it lie inode number, position, length and type (getdents(2))."""
_LENGTH = slice(16, 18)
_getdents64 = function("getdents64", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, result=ctypes.c_ssize_t)
_fchdir = function("fchdir", ctypes.c_int)


class NativeDirectories(NativeAttributes):
    """getdents, fchdir."""

    def __init__(self) -> None:
        super().__init__()
        self._away = False

    def reset(self) -> None:
        # The program's directory can be entered again once its mode is what it was.
        super().reset()
        if self._away:
            os.fchdir(self.home_fd)
            self._away = False

    def getdents(self, fd: int, count: int) -> tuple[str, ...]:
        length = checked(_getdents64(fd, scratch_address(), min(count, SCRATCH_BYTES)))
        entries = ctypes.string_at(scratch_address(), length)
        names = []
        while entries:
            end = int.from_bytes(entries[_LENGTH], "little")
            names.append(os.fsdecode(entries[_NAME_OFFSET:end].partition(b"\0")[0]))
            entries = entries[end:]
        return tuple(sorted(names))

    def fchdir(self, fd: int) -> int:
        result = checked(_fchdir(fd))
        self._away = True
        return result
