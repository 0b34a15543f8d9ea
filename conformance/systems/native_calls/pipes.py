# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls that make pipes."""

from __future__ import annotations

import ctypes
import os

from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.state import NativeState
from reference.constants.limits import INT_MAX

_Ends = ctypes.c_int * 2
_pipe2 = function("pipe2", ctypes.POINTER(ctypes.c_int), ctypes.c_int)


class NativePipes(NativeState):
    """pipe2."""

    def pipe2(self, flags: int) -> tuple[int, int]:
        if 0 <= flags <= INT_MAX:
            return os.pipe2(flags)
        ends = _Ends()
        checked(_pipe2(ends, flags))
        return ends[0], ends[1]
