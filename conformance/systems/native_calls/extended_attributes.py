# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on extended attributes.

When a program ends, those of what outlives it are taken away: of its directory, and of devices, which all share.
"""

from __future__ import annotations

import ctypes
import os
import stat

from conformance.systems.native_calls.attributes import NativeAttributes
from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.scratch import scratch_address
from reference.constants.limits import ULONG_MAX

_name = ctypes.c_char_p
_fsetxattr = function("fsetxattr", ctypes.c_int, _name, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
_fgetxattr = function("fgetxattr", ctypes.c_int, _name, ctypes.c_void_p, ctypes.c_size_t, result=ctypes.c_ssize_t)
_flistxattr = function("flistxattr", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, result=ctypes.c_ssize_t)
_fremovexattr = function("fremovexattr", ctypes.c_int, _name)


def _filled(length: int, size: int) -> tuple[int, bytes]:
    return checked(length), ctypes.string_at(scratch_address(), length) if size else b""


class NativeExtendedAttributes(NativeAttributes):
    """fsetxattr, fgetxattr, flistxattr, fremovexattr. The kernel writes no more than 64 KiB, whatever the size."""

    def __init__(self) -> None:
        super().__init__()
        self._attributed: set[int | str] = set()
        """What outlives the program and was given attributes: the descriptor of its directory, paths of devices."""

    def reset(self) -> None:
        super().reset()
        for place in self._attributed:
            for name in os.listxattr(place):
                # Linux sets none but those of users. Another system may take the one name beside that programs may try.
                if name.startswith("user.") or name == "trusted.":
                    os.removexattr(place, name)
        self._attributed.clear()

    def fsetxattr(self, fd: int, name: str, value: bytes, flags: int) -> int:
        result = checked(_fsetxattr(fd, os.fsencode(name), value, len(value), flags))
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            self._attributed.add(self.home_fd)
        elif stat.S_ISCHR(mode):
            self._attributed.add(os.readlink(f"/proc/self/fd/{fd}"))
        return result

    def fgetxattr(self, fd: int, name: str, size: int) -> tuple[int, bytes]:
        return _filled(_fgetxattr(fd, os.fsencode(name), scratch_address(), size & ULONG_MAX), size)

    def flistxattr(self, fd: int, size: int) -> tuple[int, tuple[str, ...]]:
        length, names = _filled(_flistxattr(fd, scratch_address(), size & ULONG_MAX), size)
        return length, tuple(sorted(os.fsdecode(name) for name in names.split(b"\0") if name))

    def fremovexattr(self, fd: int, name: str) -> int:
        return checked(_fremovexattr(fd, os.fsencode(name)))
