# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls that lock: flock(2), and the record locks of fcntl(2).

Some inodes belong to the machine: the memory devices, the multiplexer that pseudoterminal masters share,
and the one behind all descriptors without a name (epoll).
A lock taken there would meet the locks of other programs that run at the same time,
so it is refused here with ENOLCK, after the checks that the kernel makes of an unlocking call.
A range counted from the end of a directory is refused as well:
how large a directory is, is its file system's own business.
"""

from __future__ import annotations

import ctypes
import os
import stat
from errno import ENOLCK

from conformance.systems.native_calls.descriptors import NativeDescriptors
from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.state import NativeState
from reference.constants.descriptors import F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_SETLK
from reference.constants.locks import F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN
from reference.constants.transfers import SEEK_END, SEEK_SET
from reference.structures import Flock

SHARED_DEVICE_MAJORS = (1, 5)
"""Memory devices, and /dev/ptmx with the other alternate terminal devices."""


class _Flock(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_short),
        ("whence", ctypes.c_short),
        ("start", ctypes.c_longlong),
        ("len", ctypes.c_longlong),
        ("pid", ctypes.c_int),
    )


_TAKEN = (F_RDLCK, F_WRLCK)
_flock = function("flock", ctypes.c_int, ctypes.c_int)
_fcntl_prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.POINTER(_Flock), use_errno=True)
_fcntl = _fcntl_prototype(("fcntl", ctypes.CDLL(None)))


def _shared(fd: int) -> bool:
    """Whether the inode behind a descriptor belongs to the machine; False for a number that is not open."""
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    kind = stat.S_IFMT(status.st_mode)
    return kind == 0 or (kind == stat.S_IFCHR and os.major(status.st_rdev) in SHARED_DEVICE_MAJORS)


class NativeLocks(NativeState):
    """flock. ``is_shared`` says whether a lock would meet those of other programs."""

    def is_shared(self, fd: int) -> bool:
        return _shared(fd)

    def flock(self, fd: int, operation: int) -> int:
        if operation & ~LOCK_NB in (LOCK_SH, LOCK_EX) and self.is_shared(fd):
            checked(_flock(fd, LOCK_UN))
            raise OSError(ENOLCK, os.strerror(ENOLCK))
        return checked(_flock(fd, operation))


def _register(command: int, setting: int) -> None:
    """Register a command; ``setting`` is the command that sets what it sets or asks for."""
    asks = command != setting

    def refuse_end_of_directory(fd: int, kind: int) -> None:
        try:
            directory = stat.S_ISDIR(os.fstat(fd).st_mode)
        except OSError:
            return
        if directory:
            probe = _Flock(kind if command == F_GETLK else F_RDLCK, SEEK_SET, 0, 0, 0)
            checked(_fcntl(fd, F_GETLK, ctypes.byref(probe)))
            raise OSError(ENOLCK, os.strerror(ENOLCK))

    def call(native: NativeLocks, fd: int, argument: Flock) -> Flock | int:
        if argument.whence == SEEK_END:
            refuse_end_of_directory(fd, argument.type)
        lock = _Flock(*argument)
        if argument.type in _TAKEN and native.is_shared(fd):
            lock.type = F_UNLCK
            checked(_fcntl(fd, setting, ctypes.byref(lock)))
            raise OSError(ENOLCK, os.strerror(ENOLCK))
        result = checked(_fcntl(fd, command, ctypes.byref(lock)))
        if not asks:
            return result
        pid = native.number_of(lock.pid) or lock.pid
        return Flock(lock.type, lock.whence, lock.start, lock.len, pid)

    NativeDescriptors.fcntl_commands[command] = call


for _asking, _setting in ((F_GETLK, F_SETLK), (F_OFD_GETLK, F_OFD_SETLK)):
    _register(_asking, _setting)
    _register(_setting, _setting)
