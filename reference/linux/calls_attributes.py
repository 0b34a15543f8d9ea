# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on the attributes of an inode: mode, owner, times, size on disk."""

from __future__ import annotations

from typing import Any

from reference.constants.errors import EACCES, EINVAL
from reference.constants.file_status import (
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_NO_AUTOMOUNT,
    AT_STATX_DONT_SYNC,
    AT_STATX_FORCE_SYNC,
    AT_SYMLINK_NOFOLLOW,
    R_OK,
    STATX__RESERVED,
    STATX_ATIME,
    STATX_BASIC_STATS,
    STATX_BLOCKS,
    STATX_CTIME,
    STATX_MTIME,
    STATX_NLINK,
    STATX_SIZE,
    UTIME_OMIT,
    W_OK,
    X_OK,
)
from reference.constants.limits import PAGE_SIZE
from reference.linux.releases import FLAGS_IGNORED_SINCE
from reference.linux.state import KernelState
from reference.outcomes import Anything, Refused
from reference.structures import Stat, Statfs, Statx

_BOTH_SYNC = AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC
_REMEMBERED = {
    "nlink": STATX_NLINK,
    "size": STATX_SIZE,
    "blocks": STATX_BLOCKS,
    "atime": STATX_ATIME,
    "mtime": STATX_MTIME,
    "ctime": STATX_CTIME,
}
"""What of the attributes another process may change behind the kernel's back."""
_KNOWN_FLAGS = _BOTH_SYNC | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW
NO_ATTRIBUTES = 0


class AttributeCalls(KernelState):
    """fstat(2), statx(2), fstatfs(2), faccessat2(2), fchmod(2), fchown(2), futimens(3)."""

    def fstat(self, fd: int) -> Stat:
        """fstat(2). An O_PATH descriptor will do."""
        return self.fds.lookup(fd).object.stat()

    def statx(self, fd: int, flags: int, mask: int) -> Statx:
        """statx(2) of the descriptor itself. An O_PATH descriptor will do."""
        # CHECK
        if mask & STATX__RESERVED:
            raise Refused(EINVAL, "STATX-MASK")
        if flags & _BOTH_SYNC == _BOTH_SYNC:
            raise Refused(EINVAL, "STATX-SYNC")
        if flags & ~_KNOWN_FLAGS:
            if self.profile.kernel < FLAGS_IGNORED_SINCE:
                raise Refused(EINVAL, "STATX-FLAGS")
            self.cite("STATX-FLAGS")
        # RESOLVE
        target = self.fds.lookup(fd).object
        filled = target.statx_mask(mask)
        found = target.stat()
        # RETURN
        if target.filesystem.remembers:
            asked = 0 if flags & AT_STATX_DONT_SYNC else mask
            if flags & AT_STATX_FORCE_SYNC and mask & STATX_BASIC_STATS:
                # The answer has all basic fields. Who asks for none is not answered anew, whatever the flag.
                asked = STATX_BASIC_STATS
            unsure: dict[str, Any] = {name: Anything() for name, bit in _REMEMBERED.items() if not asked & bit}
            found = found._replace(**unsure)
        if not filled & STATX_MTIME:
            found = found._replace(mtime=0, ctime=0)
        self.cite("STATX-IDENTITY")
        names = target.inode_number(), target.device_number(), target.device_numbers()
        return Statx(filled, *found, NO_ATTRIBUTES, *names)

    def fstatfs(self, fd: int) -> Statfs:
        """fstatfs(2). An O_PATH descriptor will do."""
        target = self.fds.lookup(fd).object
        self.cite("STATFS-TYPE")
        filesystem = target.filesystem
        return Statfs(filesystem.magic, PAGE_SIZE, PAGE_SIZE, filesystem.name_bytes_max)

    def faccessat_fd(self, fd: int, mode: int, flags: int) -> int:
        """faccessat2(2) of the descriptor itself. An O_PATH descriptor will do."""
        # CHECK
        if mode & ~(R_OK | W_OK | X_OK):
            raise Refused(EINVAL, "ACCESS-MODE")
        if flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
            raise Refused(EINVAL, "ACCESS-FLAGS")
        # RESOLVE
        target = self.fds.lookup(fd).object
        # CHECK
        if not target.permits(mode):
            raise Refused(EACCES, "ACCESS-PERMISSION")
        return 0

    def fchmod(self, fd: int, mode: int) -> int:
        """fchmod(2)."""
        self.description(fd).object.change_mode(mode)
        return 0

    def fchown(self, fd: int, uid: int, gid: int) -> int:
        """fchown(2)."""
        self.description(fd).object.change_owner(uid, gid)
        return 0

    def futimens(self, fd: int, atime: int, mtime: int) -> int:
        """futimens(3)."""
        # CHECK
        if atime == mtime == -UTIME_OMIT:
            # Nothing is asked, so not even the descriptor is looked at.
            self.cite("UTIMES-NOTHING")
            return 0
        # RESOLVE
        self.description(fd).object.change_times(atime, mtime)
        return 0
