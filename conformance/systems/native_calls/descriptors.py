# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on descriptors, and the dispatch of fcntl(2) and ioctl(2)."""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import struct
from collections.abc import Callable
from typing import Any, ClassVar

from conformance.systems.native_calls.identity import NativeIdentity
from conformance.systems.native_calls.libc import checked, function
from reference.constants.descriptors import F_GET_SEALS
from reference.constants.limits import INT_MAX, UINT_MAX
from reference.constants.requests import FIGETBSZ, FIOASYNC, FIONBIO, FIONREAD

SHARED_NUMBER_MAX = 511
"""close_range(2) stays below the worker's own descriptors, and above the limit of a program there are no others."""

PATH_BYTES_MAX = 4096

REOPEN_MODE = 0o600
"""The mode of a file that reopen makes with O_TMPFILE: the call has no argument for it."""

_open = function("open", ctypes.c_char_p, ctypes.c_int, ctypes.c_uint)
_readlink = function("readlink", ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, result=ctypes.c_ssize_t)
_close_range = function("close_range", ctypes.c_uint, ctypes.c_uint, ctypes.c_int)
_dup = function("dup", ctypes.c_int)
_readlinkat = function(
    "readlinkat", ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, result=ctypes.c_ssize_t
)
_HELD_LINK = re.compile(r"/proc/\d+/fd/(\d+)")
_dup2 = function("dup2", ctypes.c_int, ctypes.c_int)
_dup3 = function("dup3", ctypes.c_int, ctypes.c_int, ctypes.c_int)
_fcntl = function("fcntl", ctypes.c_int, ctypes.c_int, ctypes.c_long)
_INT = struct.Struct("i")
_UINT = struct.Struct("I")
_NO_INT = bytes(_INT.size)


class NativeDescriptors(NativeIdentity):
    """close, dup, fcntl, ioctl."""

    fcntl_commands: ClassVar[dict[int, Callable[[Any, int, Any], Any]]] = {}
    ioctl_requests: ClassVar[dict[int, Callable[[Any, int, Any], Any]]] = {}
    """Commands whose argument or result is a structure, by number; filled by the modules of their subjects."""

    def open(self, path: str, flags: int, mode: int) -> int:
        return checked(_open(os.fsencode(path), flags, mode))

    def reopen(self, fd: int, flags: int) -> int:
        made = checked(_open(b"/proc/self/fd/%d" % fd, flags, REOPEN_MODE))
        self.master_opened(made)
        return made

    def readlink_fd(self, fd: int) -> str:
        buffer = ctypes.create_string_buffer(PATH_BYTES_MAX)
        length = checked(_readlink(b"/proc/self/fd/%d" % fd, buffer, PATH_BYTES_MAX))
        return self.link_text(fd, os.fsdecode(buffer.raw[:length]))

    def readlinkat(self, fd: int, path: str) -> str:
        buffer = ctypes.create_string_buffer(PATH_BYTES_MAX)
        length = checked(_readlinkat(fd, os.fsencode(path), buffer, PATH_BYTES_MAX))
        text = os.fsdecode(buffer.raw[:length])
        # A link of /proc/self/fd that is held itself: which number it belongs to, its own name tells.
        held = None if path else _HELD_LINK.match(os.readlink(f"/proc/self/fd/{fd}"))
        return self.link_text(int(held[1]), text) if held else text

    def close(self, fd: int) -> int:
        os.close(fd)
        return 0

    def close_range(self, first: int, last: int, flags: int) -> int:
        first &= UINT_MAX
        last &= UINT_MAX
        if first <= last:
            first, last = min(first, SHARED_NUMBER_MAX), min(last, SHARED_NUMBER_MAX)
        return checked(_close_range(first, last, flags))

    def dup(self, fd: int) -> int:
        return checked(_dup(fd))

    def dup2(self, fd: int, newfd: int) -> int:
        return checked(_dup2(fd, newfd))

    def dup3(self, fd: int, newfd: int, flags: int) -> int:
        return checked(_dup3(fd, newfd, flags))

    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        call = self.fcntl_commands.get(command)
        if call is not None:
            return call(self, fd, argument)
        if command != F_GET_SEALS and 0 <= argument <= INT_MAX:
            return fcntl.fcntl(fd, command, argument)
        # All seals at once, which Linux refuses to set and another system may keep, are -1: an answer, and no error.
        ctypes.set_errno(0)
        result = _fcntl(fd, command, argument)
        return checked(result) if ctypes.get_errno() else result

    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        call = self.ioctl_requests.get(request)
        return fcntl.ioctl(fd, request, argument) if call is None else call(self, fd, argument)


def takes_int(request: int) -> Callable[[Any, int, Any], int]:
    """A request of ioctl(2) whose argument points to a number."""

    def call(native: NativeDescriptors, fd: int, argument: Any) -> int:
        fcntl.ioctl(fd, request, _UINT.pack(argument & UINT_MAX))
        return 0

    return call


def gives_int(request: int) -> Callable[[Any, int, Any], int]:
    """A request of ioctl(2) that stores a number."""

    def call(native: NativeDescriptors, fd: int, argument: Any) -> int:
        number: int = _INT.unpack(fcntl.ioctl(fd, request, _NO_INT))[0]
        return number

    return call


NativeDescriptors.ioctl_requests.update(
    {
        FIONBIO: takes_int(FIONBIO),
        FIOASYNC: takes_int(FIOASYNC),
        FIONREAD: gives_int(FIONREAD),
        FIGETBSZ: gives_int(FIGETBSZ),
    }
)
