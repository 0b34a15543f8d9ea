# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on names and attributes of inodes.

**Times.** A time that the kernel took while the program ran is reported as NOW.
The kernel stamps with its coarse clock, which stands still between ticks,
so that clock, read before the program starts, is the earliest time the program can see.

**What outlives the program.** The program's directory gets its mode and owner back when the program ends.
The device nodes belong to the machine, and so does the inode that all epoll instances share, which older kernels let
root change: what would change their attributes is refused here as the kernel refuses it to everybody but root.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import stat
import time
from errno import EPERM
from functools import cache

from conformance.environment import kernel_release
from conformance.systems.native_calls.identity import PTY_SLAVE_MAJORS, NativeIdentity
from conformance.systems.native_calls.libc import checked, function
from reference.constants.file_status import AT_EMPTY_PATH, UTIME_NOW, UTIME_OMIT
from reference.constants.limits import UINT_MAX
from reference.linux.releases import ANONYMOUS_ATTRIBUTES_SINCE
from reference.structures import NOW, Stat, Statfs, Statx

CLOCK_REALTIME_COARSE = 5
"""The clock that the kernel stamps inodes with (clock_gettime(2)); the time module does not name it."""
_NS_PER_S = 10**9
_SPECIAL_TIMES = {-UTIME_NOW: UTIME_NOW, -UTIME_OMIT: UTIME_OMIT}


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _StatxTime(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_uint32), ("reserved", ctypes.c_int32))


class _StatxBuffer(ctypes.Structure):
    _fields_ = (
        ("mask", ctypes.c_uint32),
        ("blksize", ctypes.c_uint32),
        ("attributes", ctypes.c_uint64),
        ("nlink", ctypes.c_uint32),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("mode", ctypes.c_uint16),
        ("ino", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("blocks", ctypes.c_uint64),
        ("attributes_mask", ctypes.c_uint64),
        ("atime", _StatxTime),
        ("btime", _StatxTime),
        ("ctime", _StatxTime),
        ("mtime", _StatxTime),
        ("rdev_major", ctypes.c_uint32),
        ("rdev_minor", ctypes.c_uint32),
        ("dev_major", ctypes.c_uint32),
        ("dev_minor", ctypes.c_uint32),
        ("rest", ctypes.c_uint8 * 112),
    )


class _StatfsBuffer(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_long),
        ("bsize", ctypes.c_long),
        ("counts", ctypes.c_ulong * 5),
        ("fsid", ctypes.c_int * 2),
        ("namelen", ctypes.c_long),
        ("frsize", ctypes.c_long),
        ("flags", ctypes.c_long),
        ("spare", ctypes.c_long * 4),
    )


_path = ctypes.c_char_p
_fchmod = function("fchmod", ctypes.c_int, ctypes.c_uint)
_fchown = function("fchown", ctypes.c_int, ctypes.c_uint, ctypes.c_uint)
_futimens = function("futimens", ctypes.c_int, ctypes.POINTER(_Timespec))
_statx = function("statx", ctypes.c_int, _path, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_StatxBuffer))
_fstatfs = function("fstatfs", ctypes.c_int, ctypes.POINTER(_StatfsBuffer))
_faccessat = function("faccessat", ctypes.c_int, _path, ctypes.c_int, ctypes.c_int)
_unlink = function("unlink", _path)
_link = function("link", _path, _path)
_symlink = function("symlink", _path, _path)
_mkdir = function("mkdir", _path, ctypes.c_uint)
_mkfifo = function("mkfifo", _path, ctypes.c_uint)


@cache
def _shares_attributes() -> bool:
    """Whether root can change the inode that epoll instances share. What calls itself older than 6.1 is no Linux."""
    return (6, 1) <= kernel_release() < ANONYMOUS_ATTRIBUTES_SINCE


def _path_only(fd: int) -> bool:
    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_PATH)


def refuse_device(fd: int, found: os.stat_result) -> None:
    """Refuse to change a device node of the machine, as what describes a descriptor tells it. EPERM."""
    device = stat.S_ISCHR(found.st_mode) and os.major(found.st_rdev) not in PTY_SLAVE_MAJORS
    if device and not _path_only(fd):
        raise OSError(EPERM, os.strerror(EPERM))


def _timespec(nanoseconds: int) -> tuple[int, int]:
    special = _SPECIAL_TIMES.get(nanoseconds)
    return divmod(nanoseconds, _NS_PER_S) if special is None else (0, special)


class NativeAttributes(NativeIdentity):
    """fstat, statx, fstatfs, faccessat2, fchmod, fchown, futimens; unlink, link, symlink, mkdir, mkfifo."""

    def __init__(self) -> None:
        super().__init__()
        self._started_ns = time.clock_gettime_ns(CLOCK_REALTIME_COARSE)
        self._directory: os.stat_result | None = None
        """The program's directory as it was, once a program has touched the attributes of a directory."""

    def reset(self) -> None:
        super().reset()
        if self._directory is not None:
            os.fchown(self.home_fd, self._directory.st_uid, self._directory.st_gid)
            os.fchmod(self.home_fd, stat.S_IMODE(self._directory.st_mode))
            self._directory = None
        self._started_ns = time.clock_gettime_ns(CLOCK_REALTIME_COARSE)

    @property
    def started_ns(self) -> int:
        """The earliest time that the program can see."""
        return self._started_ns

    def started_at(self, nanoseconds: int) -> None:
        """The program started elsewhere, and earlier."""
        self._started_ns = nanoseconds

    def fstat(self, fd: int) -> Stat:
        s = os.fstat(fd)
        atime, mtime, ctime = s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns
        start, now = self._started_ns, time.time_ns()
        return Stat(
            s.st_mode,
            s.st_nlink,
            s.st_uid,
            s.st_gid,
            s.st_size,
            s.st_blksize,
            s.st_blocks,
            NOW if start <= atime <= now else atime,
            NOW if start <= mtime <= now else mtime,
            NOW if start <= ctime <= now else ctime,
        )

    def statx(self, fd: int, flags: int, mask: int) -> Statx:
        s = _StatxBuffer()
        checked(_statx(fd, b"", flags | AT_EMPTY_PATH, mask, s))
        device, node = os.makedev(s.dev_major, s.dev_minor), os.makedev(s.rdev_major, s.rdev_minor)
        return Statx(
            s.mask,
            s.mode,
            s.nlink,
            s.uid,
            s.gid,
            s.size,
            s.blksize,
            s.blocks,
            self._time_seen(s.atime),
            self._time_seen(s.mtime),
            self._time_seen(s.ctime),
            s.attributes,
            self.inode_number(fd, device, s.ino, s.mode, node),
            self.device_number(device, s.mode, node),
            self.device_numbers(node),
        )

    def _time_seen(self, taken: _StatxTime) -> object:
        nanoseconds = taken.seconds * _NS_PER_S + taken.nanoseconds
        return NOW if self._started_ns <= nanoseconds <= time.time_ns() else nanoseconds

    def fstatfs(self, fd: int) -> Statfs:
        s = _StatfsBuffer()
        checked(_fstatfs(fd, s))
        return Statfs(s.type, s.bsize, s.frsize, s.namelen)

    def faccessat_fd(self, fd: int, mode: int, flags: int) -> int:
        return checked(_faccessat(fd, b"", mode, flags | AT_EMPTY_PATH))

    def fchmod(self, fd: int, mode: int) -> int:
        self._protect(fd)
        return checked(_fchmod(fd, mode))

    def fchown(self, fd: int, uid: int, gid: int) -> int:
        if uid & UINT_MAX != UINT_MAX or gid & UINT_MAX != UINT_MAX:
            self._protect(fd)
        return checked(_fchown(fd, uid, gid))

    def futimens(self, fd: int, atime: int, mtime: int) -> int:
        if atime != mtime or atime not in _SPECIAL_TIMES:
            self._protect_times(fd)
        times = (_Timespec * 2)(_Timespec(*_timespec(atime)), _Timespec(*_timespec(mtime)))
        return checked(_futimens(fd, times))

    def _protect(self, fd: int) -> None:
        """Refuse changes to the machine's devices; remember how the program's directory was."""
        try:
            found = os.fstat(fd)
        except OSError:
            return
        kind = stat.S_IFMT(found.st_mode)
        refuse_device(fd, found)
        if not kind and _shares_attributes():
            raise OSError(EPERM, os.strerror(EPERM))
        if kind == stat.S_IFDIR and self._directory is None:
            self._directory = os.fstat(self.home_fd)

    def _protect_times(self, fd: int) -> None:
        """The same, where times alone are set."""
        self._protect(fd)

    def unlink(self, path: str) -> int:
        return checked(_unlink(os.fsencode(path)))

    def link(self, path: str, new_path: str) -> int:
        return checked(_link(os.fsencode(path), os.fsencode(new_path)))

    def symlink(self, target: str, path: str) -> int:
        return checked(_symlink(os.fsencode(target), os.fsencode(path)))

    def mkdir(self, path: str, mode: int) -> int:
        return checked(_mkdir(os.fsencode(path), mode))

    def mkfifo(self, path: str, mode: int) -> int:
        return checked(_mkfifo(os.fsencode(path), mode))
