# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What is asked around an imported descriptor: its name, its access, its file system, and attributes beside.

Most of it the sandbox does not ask the host about.
"""

from __future__ import annotations

from reference.constants.errors import E2BIG, EBADF, EINVAL, ENOSYS, ENOTDIR, EOPNOTSUPP, ERANGE
from reference.constants.file_status import (
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_SYMLINK_NOFOLLOW,
    S_IFSOCK,
    XATTR_CREATE,
    XATTR_REPLACE,
)
from reference.constants.limits import UINT_MAX
from reference.constants.transfers import POSIX_FADV_NOREUSE, POSIX_FADV_NORMAL
from reference.host.inode import name_of
from reference.host.permissions import check_access
from reference.host.state import HostState
from reference.outcomes import Refused
from reference.structures import Statfs

PATH_BYTES_MAX = 4095
"""PATH_MAX without the final NUL."""
ATTRIBUTE_BYTES_MAX = 2**16
ATTRIBUTE_NAME_BYTES_MAX = 255
ENTRY_BYTES_MIN = 20
"""An entry of getdents64(2) with a name of one byte, as the sandbox counts it."""
_SIGN_BIT = 2**31
_ATTRIBUTE_FLAGS = XATTR_CREATE | XATTR_REPLACE
_ACCESS_BITS = 7
_ACCESS_FLAGS = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH


class QueryCalls(HostState):
    """readlink_fd, readlinkat, faccessat_fd, fstatfs, extended attributes, directories, advice, setrlimit."""

    def readlink_fd(self, fd: int) -> str:
        """readlink(2) of ``/proc/self/fd/N``: a name that the sandbox makes up."""
        file = self.files.get(fd)
        if file is None:
            return self.kernel.readlink_fd(fd)
        return name_of(self, file.inode)

    def readlinkat(self, fd: int, path: str) -> str:
        """readlinkat(2): no import is a directory or a link. Paths that are too long are refused below."""
        absolute_or_too_long = path.startswith("/") or len(path.encode()) > PATH_BYTES_MAX
        if fd not in self.files or absolute_or_too_long:
            return self.kernel.readlinkat(fd, path)
        raise Refused(ENOTDIR if path else EINVAL, "ID-09")

    def faccessat_fd(self, fd: int, mode: int, flags: int) -> int:
        """faccessat2(2) of the descriptor itself. Bad flags are refused below."""
        file = self.files.get(fd)
        if file is None or mode & ~_ACCESS_BITS or flags & ~_ACCESS_FLAGS:
            return self.kernel.faccessat_fd(fd, mode, flags)
        status = file.inode.stat(fd)
        self.cite("PERM-07")
        if file.inode.owner is not None:
            self.cite("SET-15")
        if mode:
            check_access(self, status, mode)
        return 0

    def fstatfs(self, fd: int) -> Statfs:
        """fstatfs(2): the sandbox's file system has none."""
        if fd in self.files:
            raise Refused(ENOSYS, "ID-10")
        return self.kernel.fstatfs(fd)

    # Extended attributes ----------------------------------------------------------------------

    def fsetxattr(self, fd: int, name: str, value: bytes, flags: int) -> int:
        """fsetxattr(2)."""
        if fd not in self.files:
            return self.kernel.fsetxattr(fd, name, value, flags)
        if flags & ~_ATTRIBUTE_FLAGS:
            raise Refused(EINVAL, "ID-11")
        self._check_attribute_name(name)
        if len(value) > ATTRIBUTE_BYTES_MAX:
            raise Refused(E2BIG, "ID-11")
        self.imported(fd)
        raise Refused(EOPNOTSUPP, "ID-11")

    def fgetxattr(self, fd: int, name: str, size: int) -> tuple[int, bytes]:
        """fgetxattr(2)."""
        if fd not in self.files:
            return self.kernel.fgetxattr(fd, name, size)
        self._check_attribute_name(name)
        self.imported(fd)
        raise Refused(EOPNOTSUPP, "ID-11")

    def fremovexattr(self, fd: int, name: str) -> int:
        """fremovexattr(2)."""
        if fd not in self.files:
            return self.kernel.fremovexattr(fd, name)
        self._check_attribute_name(name)
        self.imported(fd)
        raise Refused(EOPNOTSUPP, "ID-11")

    def flistxattr(self, fd: int, size: int) -> tuple[int, tuple[str, ...]]:
        """flistxattr(2): no names; sockets refuse."""
        file = self.imported(fd)
        if file is None:
            return self.kernel.flistxattr(fd, size)
        if file.inode.type == S_IFSOCK:
            raise Refused(EOPNOTSUPP, "ID-11")
        self.cite("ID-11")
        return 0, ()

    def _check_attribute_name(self, name: str) -> None:
        """ERANGE for a name that is empty, or longer than names may be."""
        if not 0 < len(name.encode()) <= ATTRIBUTE_NAME_BYTES_MAX:
            raise Refused(ERANGE, "ID-11")

    # Directories ------------------------------------------------------------------------------

    def getdents(self, fd: int, count: int) -> tuple[str, ...]:
        """getdents64(2): no import is a directory, which shows only to who has room for an entry."""
        if self.found(fd) is None:
            return self.kernel.getdents(fd, count)
        if (count & UINT_MAX ^ _SIGN_BIT) - _SIGN_BIT < ENTRY_BYTES_MIN:
            # The room is a number of 32 bits, with a sign.
            raise Refused(EINVAL, "ID-12")
        self.imported(fd)
        raise Refused(ENOTDIR, "ID-12")

    def fchdir(self, fd: int) -> int:
        """fchdir(2): no import is a directory."""
        if fd in self.files:
            raise Refused(ENOTDIR, "ID-12")
        return self.kernel.fchdir(fd)

    # Advice and limits ------------------------------------------------------------------------

    def posix_fadvise(self, fd: int, offset: int, length: int, advice: int) -> int:
        """posix_fadvise(2): taken for every kind, pipes included, and without effect."""
        if length < 0 and fd in self.files:
            raise Refused(EINVAL, "SPL-07")
        if self.imported(fd) is None:
            return self.kernel.posix_fadvise(fd, offset, length, advice)
        if not POSIX_FADV_NORMAL <= advice <= POSIX_FADV_NOREUSE:
            raise Refused(EINVAL, "SPL-07")
        self.cite("SPL-07")
        return 0

    def readahead(self, fd: int, offset: int, count: int) -> int:
        """readahead(2): never possible."""
        file = self.found(fd)
        if file is None:
            return self.kernel.readahead(fd, offset, count)
        raise Refused(EINVAL if file.readable else EBADF, "SPL-08")

    def syncfs(self, fd: int) -> int:
        """syncfs(2): nothing to do."""
        if self.imported(fd) is None:
            return self.kernel.syncfs(fd)
        self.cite("SYNC-06")
        return 0

    def setrlimit(self, resource: int, soft: int) -> int:
        """setrlimit(2): the caller's limit, which the sandbox looks at where it changes sizes itself (LAY-10)."""
        self.kernel.setrlimit(resource, soft)
        self.file_size_bytes_max = soft % 2**64
        self.cite("LAY-10")
        return 0
