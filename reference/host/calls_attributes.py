# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls on the attributes, the size and the storage of an imported descriptor."""

from __future__ import annotations

from reference.constants.errors import EFBIG, EINVAL, ENOSYS, EOPNOTSUPP
from reference.constants.file_status import (
    AT_EMPTY_PATH,
    AT_NO_AUTOMOUNT,
    AT_STATX_DONT_SYNC,
    AT_STATX_FORCE_SYNC,
    AT_SYMLINK_NOFOLLOW,
    S_IFSOCK,
    STATX__RESERVED,
    STATX_ATIME,
    STATX_GID,
    STATX_MODE,
    STATX_MTIME,
    STATX_SIZE,
    STATX_UID,
    UTIME_OMIT,
)
from reference.constants.limits import LLONG_MAX, UINT_MAX
from reference.constants.signals import SIGXFSZ
from reference.constants.transfers import SYNC_FILE_RANGE_WAIT_AFTER, SYNC_FILE_RANGE_WAIT_BEFORE, SYNC_FILE_RANGE_WRITE
from reference.host.description import check_direction
from reference.host.inode import Change, Inode
from reference.host.state import HostState
from reference.outcomes import Refused
from reference.structures import Stat, Statx

_BOTH_SYNC = AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC
_STATX_FLAGS = _BOTH_SYNC | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT
_SYNC_RANGE_FLAGS = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
_MODE_BITS = 0o7777
_LEAVE_ID = UINT_MAX


class AttributeCalls(HostState):
    """fstat, statx, fchmod, fchown, futimens, ftruncate, truncate_fd, fallocate, and the fsync family."""

    # Asking -----------------------------------------------------------------------------------

    def fstat(self, fd: int) -> Stat:
        """fstat(2). An O_PATH descriptor will do."""
        file = self.files.get(fd)
        if file is None:
            return self.kernel.fstat(fd)
        self.cite("STAT-15")
        self.cite("STAT-17")
        if file.inode.type == S_IFSOCK:
            self.cite("STAT-18")
        return file.inode.stat(fd)

    def statx(self, fd: int, flags: int, mask: int) -> Statx:
        """statx(2) of the descriptor itself. An O_PATH descriptor will do."""
        file = self.files.get(fd)
        if file is None:
            return self.kernel.statx(fd, flags, mask)
        if flags & ~_STATX_FLAGS:
            raise Refused(EINVAL, "STAT-16")
        if mask & STATX__RESERVED:
            raise Refused(EINVAL, "STAT-01")
        if flags & _BOTH_SYNC == _BOTH_SYNC:
            raise Refused(EINVAL, "STAT-02")
        return file.inode.statx(fd, flags & _BOTH_SYNC, mask)

    # Changing ---------------------------------------------------------------------------------

    def fchmod(self, fd: int, mode: int) -> int:
        """fchmod(2). Only the permission bits get as far as the inode (SET-16)."""
        file = self.imported(fd)
        if file is None:
            return self.kernel.fchmod(fd, mode)
        file.inode.set_attributes(fd, Change(STATX_MODE, mode=mode & _MODE_BITS))
        return 0

    def fchown(self, fd: int, uid: int, gid: int) -> int:
        """fchown(2). -1 leaves an id as it is."""
        file = self.imported(fd)
        if file is None:
            return self.kernel.fchown(fd, uid, gid)
        uid, gid = uid & UINT_MAX, gid & UINT_MAX
        mask = (STATX_UID if uid != _LEAVE_ID else 0) | (STATX_GID if gid != _LEAVE_ID else 0)
        file.inode.set_attributes(fd, Change(mask, uid=uid, gid=gid))
        return 0

    def futimens(self, fd: int, atime: int, mtime: int) -> int:
        """futimens(3). Two times to be left alone succeed before the descriptor is looked at (SET-23)."""
        if atime == mtime == -UTIME_OMIT:
            self.cite("SET-23")
            return 0
        file = self.imported(fd)
        if file is None:
            return self.kernel.futimens(fd, atime, mtime)
        mask = (STATX_ATIME if atime != -UTIME_OMIT else 0) | (STATX_MTIME if mtime != -UTIME_OMIT else 0)
        file.inode.set_attributes(fd, Change(mask, atime=atime, mtime=mtime))
        return 0

    # Size and storage -------------------------------------------------------------------------

    def ftruncate(self, fd: int, length: int) -> int:
        """ftruncate(2)."""
        file = self.found(fd)
        if file is None:
            return self.kernel.ftruncate(fd, length)
        if length < 0 or not file.writable:
            raise Refused(EINVAL, "SET-19")
        return self._set_size(fd, file.inode, length, needs_write=False)

    def truncate_fd(self, fd: int, length: int) -> int:
        """truncate(2) of ``/proc/self/fd/N``. What counts is who calls, not what the descriptor may do (SET-10)."""
        file = self.files.get(fd)
        if file is None:
            return self.kernel.truncate_fd(fd, length)
        if length < 0:
            raise Refused(EINVAL, "SET-19")
        return self._set_size(fd, file.inode, length, needs_write=True)

    def _set_size(self, fd: int, inode: Inode, length: int, *, needs_write: bool) -> int:
        try:
            inode.set_attributes(fd, Change(STATX_SIZE, size=length), needs_write=needs_write)
        except OSError as error:
            if error.errno == EFBIG:
                self.signals.append(SIGXFSZ)
            raise
        return 0

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> int:
        """fallocate(2)."""
        file = self.imported(fd)
        if file is None:
            return self.kernel.fallocate(fd, mode, offset, length)
        if not file.writable:
            self.cite("ALLOC-01")
        check_direction(file.writable, file.direction_clause)
        if mode:
            raise Refused(EOPNOTSUPP, "ALLOC-02")
        if offset < 0 or length <= 0:
            raise Refused(EINVAL, "ALLOC-02")
        if offset + length > LLONG_MAX:
            raise Refused(EFBIG, "ALLOC-02")
        if offset + length >= self.file_size_bytes_max:
            self.signals.append(SIGXFSZ)
            raise Refused(EFBIG, "ALLOC-02")
        return file.allocate(fd, mode, offset, length)

    def fsync(self, fd: int) -> int:
        """fsync(2)."""
        file = self.imported(fd)
        return self.kernel.fsync(fd) if file is None else file.sync(fd)

    def fdatasync(self, fd: int) -> int:
        """fdatasync(2): the same as fsync(2) (SYNC-04)."""
        file = self.imported(fd)
        if file is None:
            return self.kernel.fdatasync(fd)
        self.cite("SYNC-04")
        return file.sync(fd)

    def sync_file_range(self, fd: int, offset: int, count: int, flags: int) -> int:
        """sync_file_range(2): a whole sync where it must wait, and nothing otherwise."""
        file = self.found(fd)
        if file is None:
            return self.kernel.sync_file_range(fd, offset, count, flags)
        if offset < 0 or not 0 <= offset + count <= LLONG_MAX or flags & ~_SYNC_RANGE_FLAGS:
            raise Refused(EINVAL, "SYNC-05")
        if flags & SYNC_FILE_RANGE_WAIT_BEFORE and not flags & SYNC_FILE_RANGE_WAIT_AFTER:
            raise Refused(ENOSYS, "SYNC-05")
        self.cite("SYNC-05")
        return file.sync(fd) if flags & SYNC_FILE_RANGE_WAIT_AFTER else 0
