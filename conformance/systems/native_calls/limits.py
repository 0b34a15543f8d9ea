# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on the limits of the process, which are put back when a program ends."""

from __future__ import annotations

import ctypes
import resource as limits

from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.state import NativeState
from reference.constants.limits import RLIMIT_FSIZE, ULONG_MAX


class _Limit(ctypes.Structure):
    _fields_ = (("soft", ctypes.c_ulong), ("hard", ctypes.c_ulong))


_setrlimit = function("setrlimit", ctypes.c_int, ctypes.POINTER(_Limit))


class NativeLimits(NativeState):
    """setrlimit."""

    def __init__(self) -> None:
        super().__init__()
        self._limited = False

    def reset(self) -> None:
        super().reset()
        if self._limited:
            hard = limits.getrlimit(RLIMIT_FSIZE)[1]
            limits.setrlimit(RLIMIT_FSIZE, (hard, hard))
            self._limited = False

    def setrlimit(self, resource: int, soft: int) -> int:
        hard = limits.getrlimit(resource)[1]
        self._limited = True
        return checked(_setrlimit(resource, _Limit(soft & ULONG_MAX, hard & ULONG_MAX)))
