# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The functions of libc that Python does not wrap."""

from __future__ import annotations

import ctypes
import os
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> int:
    """The result of a libc call; OSError with errno when it is -1."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def function(name: str, *argument_types: Any, result: Any = ctypes.c_int) -> Any:
    """A libc function with its types declared."""
    found = getattr(LIBC, name)
    found.argtypes = argument_types
    found.restype = result
    return found


_ioctl = function("ioctl", ctypes.c_int, ctypes.c_ulong, ctypes.c_long)


def request_with(fd: int, request: int, structure: Any) -> None:
    """ioctl(2) with a pointer to a ctypes object.

    Unlike fcntl.ioctl it fails in Python code: the handler of a signal that interrupted the call runs within it.
    """
    checked(_ioctl(fd, request, ctypes.addressof(structure)))
