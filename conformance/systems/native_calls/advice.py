# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls about the page cache and about whole file systems."""

from __future__ import annotations

import ctypes
import os

from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.state import NativeState
from reference.constants.limits import ULONG_MAX

_offset = ctypes.c_longlong
_posix_fadvise = function("posix_fadvise", ctypes.c_int, _offset, _offset, ctypes.c_int)
_readahead = function("readahead", ctypes.c_int, _offset, ctypes.c_size_t, result=ctypes.c_ssize_t)
_syncfs = function("syncfs", ctypes.c_int)


class NativeAdvice(NativeState):
    """posix_fadvise, readahead, syncfs."""

    def posix_fadvise(self, fd: int, offset: int, length: int, advice: int) -> int:
        number: int = _posix_fadvise(fd, offset, length, advice)
        if number:
            raise OSError(number, os.strerror(number))
        return 0

    def readahead(self, fd: int, offset: int, count: int) -> int:
        return checked(_readahead(fd, offset, count & ULONG_MAX))

    def syncfs(self, fd: int) -> int:
        return checked(_syncfs(fd))
