# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""open(2) of an imported descriptor through its link in /proc/self/fd (section 3 of the specification)."""

from __future__ import annotations

from reference.constants.descriptors import F_SETFD, FD_CLOEXEC
from reference.constants.errors import EEXIST, EINVAL, EISDIR, ENOTDIR, ENXIO
from reference.constants.file_status import S_IFDIR, S_IFIFO, S_IFMT, S_IFSOCK
from reference.constants.open_flags import (
    O_ACCMODE,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECTORY,
    O_DSYNC,
    O_EXCL,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_TRUNC,
    SYNC_BIT,
    TMPFILE_BIT,
)
from reference.host.description import Description
from reference.host.importing import ImportingCalls
from reference.host.inode import Inode
from reference.host.path_only import PathDescription
from reference.host.permissions import access_to_open, check_access
from reference.outcomes import Refused


class ReopeningCalls(ImportingCalls):
    """reopen."""

    def reopen(self, fd: int, flags: int) -> int:
        """open(2) of ``/proc/self/fd/N``: a new description of the same inode, with offset 0 (OPN-04)."""
        file = self.files.get(fd)
        if file is None or flags & O_NOFOLLOW:
            # Without following it there is only the link of the number, which is the host's own.
            return self.kernel.reopen(fd, flags)
        inode = file.inode
        _check_unnamed(flags)
        if flags & O_PATH:
            return self._numbered(fd, self._path_only(fd, inode, flags), flags)
        _check_made(flags)
        self.cite("OPN-02")
        self.cite("PERM-06")
        status = inode.stat(fd)
        if inode.owner is not None:
            self.cite("SET-15")
        check_access(self, status, access_to_open(flags))
        file_type = status.mode & S_IFMT
        if file_type == S_IFSOCK:
            raise Refused(ENXIO, "OPN-03")
        if not file_type:
            self.cite("OPN-05")
        self.cite("OPN-04")
        self._cite_reopened(inode, file_type, flags)
        if flags & SYNC_BIT:
            flags |= O_DSYNC
        return self._numbered(fd, self.opened(inode, fd, file_type, flags), flags)

    def _path_only(self, fd: int, inode: Inode, flags: int) -> Description:
        """A description that only names the inode. What has the bit of directories in its type passes for one."""
        self.cite("OPN-10")
        if flags & O_DIRECTORY and not inode.stat(fd).mode & S_IFDIR:
            raise Refused(ENOTDIR, "OPN-10")
        return PathDescription(self, inode, flags & O_DIRECTORY)

    def _cite_reopened(self, inode: Inode, file_type: int, flags: int) -> None:
        """The rules that make a re-open another thing than it is on Linux; none of them decides about its success."""
        self.cite("OPN-07")
        if file_type == S_IFIFO:
            self.cite("OPN-08")
            self.cite("OPN-09")
        if flags & O_TRUNC:
            self.cite("OPN-06")
        if flags & O_ACCMODE == O_ACCMODE:
            self.cite("OPN-11")
        if inode.tty:
            self.cite("OPN-12")
        if inode.readonly and flags & O_ACCMODE != O_RDONLY:
            self.cite("OPN-13")

    def _numbered(self, fd: int, file: Description, flags: int) -> int:
        number = self.kernel.dup(fd)
        if flags & O_CLOEXEC:
            self.kernel.fcntl(number, F_SETFD, FD_CLOEXEC)
        return self.install(number, file)


def _check_unnamed(flags: int) -> None:
    """EINVAL where a file without a name is asked for in a way that no file system could give it."""
    if not flags & TMPFILE_BIT:
        return
    if not flags & O_DIRECTORY or flags & O_CREAT or flags & O_ACCMODE == O_RDONLY:
        raise Refused(EINVAL, "OPN-10")


def _check_made(flags: int) -> None:
    """Refuse to make a directory, to make what is there, and to take it for a directory, in this order."""
    if flags & O_CREAT and flags & O_DIRECTORY:
        raise Refused(EISDIR, "OPN-10")
    if flags & O_CREAT and flags & O_EXCL:
        raise Refused(EEXIST, "OPN-10")
    if flags & O_DIRECTORY:
        raise Refused(ENOTDIR, "OPN-10")
