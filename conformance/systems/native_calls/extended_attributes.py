# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on extended attributes. Those of the program's directory are taken away when the program ends."""

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
        self._directory_has_attributes = False

    def reset(self) -> None:
        super().reset()
        if self._directory_has_attributes:
            for name in os.listxattr(self.home_fd):
                if name.startswith("user."):
                    os.removexattr(self.home_fd, name)
            self._directory_has_attributes = False

    def fsetxattr(self, fd: int, name: str, value: bytes, flags: int) -> int:
        result = checked(_fsetxattr(fd, os.fsencode(name), value, len(value), flags))
        self._directory_has_attributes = self._directory_has_attributes or stat.S_ISDIR(os.fstat(fd).st_mode)
        return result

    def fgetxattr(self, fd: int, name: str, size: int) -> tuple[int, bytes]:
        return _filled(_fgetxattr(fd, os.fsencode(name), scratch_address(), size & ULONG_MAX), size)

    def flistxattr(self, fd: int, size: int) -> tuple[int, tuple[str, ...]]:
        length, names = _filled(_flistxattr(fd, scratch_address(), size & ULONG_MAX), size)
        return length, tuple(sorted(os.fsdecode(name) for name in names.split(b"\0") if name))

    def fremovexattr(self, fd: int, name: str) -> int:
        return checked(_fremovexattr(fd, os.fsencode(name)))
