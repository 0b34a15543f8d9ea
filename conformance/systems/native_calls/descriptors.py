# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on descriptors, and the dispatch of fcntl(2) and ioctl(2)."""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Callable
from typing import Any, ClassVar

from conformance.systems.native_calls.libc import LIBC, checked, function
from conformance.systems.native_calls.state import NativeState

DESCRIPTOR_NUMBER_MAX = 255
"""close_range(2) never reaches the worker's own descriptors, which lie above the limit of a program."""

_close_range = function("close_range", ctypes.c_uint, ctypes.c_uint, ctypes.c_int)
_dup3 = function("dup3", ctypes.c_int, ctypes.c_int, ctypes.c_int)
_dup2 = function("dup2", ctypes.c_int, ctypes.c_int)


class NativeDescriptors(NativeState):
    """close, dup, fcntl, ioctl."""

    fcntl_commands: ClassVar[dict[int, Callable[[Any, int, Any], Any]]] = {}
    ioctl_requests: ClassVar[dict[int, Callable[[Any, int, Any], Any]]] = {}
    """Commands whose argument or result is a structure, by number; filled by the modules of their subjects."""

    def open(self, path: str, flags: int, mode: int) -> int:
        return os.open(path, flags, mode)

    def reopen(self, fd: int, flags: int) -> int:
        return os.open(f"/proc/self/fd/{fd}", flags)

    def close(self, fd: int) -> int:
        os.close(fd)
        return 0

    def close_range(self, first: int, last: int, flags: int) -> int:
        last &= 0xFFFFFFFF
        first &= 0xFFFFFFFF
        if first <= DESCRIPTOR_NUMBER_MAX < last:
            last = DESCRIPTOR_NUMBER_MAX
        return checked(_close_range(first, last, flags))

    def dup(self, fd: int) -> int:
        return checked(LIBC.dup(fd))

    def dup2(self, fd: int, newfd: int) -> int:
        return checked(_dup2(fd, newfd))

    def dup3(self, fd: int, newfd: int, flags: int) -> int:
        return checked(_dup3(fd, newfd, flags))

    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        call = self.fcntl_commands.get(command)
        return fcntl.fcntl(fd, command, argument) if call is None else call(self, fd, argument)

    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        call = self.ioctl_requests.get(request)
        return fcntl.ioctl(fd, request, argument) if call is None else call(self, fd, argument)
