# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Inodes: what a name or a descriptor leads to, with its mode, owner, links and times (inode(7)).

**Times.** A time is a number of nanoseconds that somebody set, or :data:`~reference.structures.NOW`:
the kernel took it while the program ran.
A time that somebody set lies either before :data:`PROGRAMS_RUN_AFTER_NS` or in the future, never in between.
So every comparison that relatime makes is known, but that of NOW with NOW,
and there the outcome is NOW whether the access time is taken again or not.

**Privileges.** Changing the content of a regular file takes its set-user-ID and set-group-ID bits away,
unless the caller may keep them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants import (
    EACCES,
    EINVAL,
    ELOOP,
    ENXIO,
    EPERM,
    O_ACCMODE,
    O_DIRECT,
    O_LARGEFILE,
    O_NOATIME,
    O_RDWR,
    O_TRUNC,
    O_WRONLY,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    S_ISGID,
    S_ISUID,
)
from reference.linux.description import OpenFileDescription
from reference.linux.objects import FileObject
from reference.outcomes import Refused
from reference.structures import NOW, Stat

if TYPE_CHECKING:
    from reference.linux.profile import Filesystem
    from reference.linux.state import KernelState

MAY_EXECUTE, MAY_WRITE, MAY_READ = 1, 2, 4
PERMISSION_BITS = 0o7777
GROUP_EXECUTE = 0o010
ANY_EXECUTE = 0o111

PROGRAMS_RUN_AFTER_NS = 1_750_000_000 * 10**9
"""A set time before this one is past, another lies in the future: no program sets a time between here and its own run."""

Time = Any
"""Nanoseconds since the epoch, or NOW."""

_ACCESS_WANTED = {0: MAY_READ, O_WRONLY: MAY_WRITE, O_RDWR: MAY_READ | MAY_WRITE, 3: MAY_READ | MAY_WRITE}
"""The permissions that an access mode of open(2) asks for. Mode 3 asks for both and then grants neither."""


class Inode(FileObject):
    """Base of the objects that have attributes. ``mode`` holds the type and the permission bits.

    ``nlink`` counts names, ``filesystem`` says where the inode lives.
    """

    def __init__(
        self, kernel: KernelState, mode: int, uid: int, gid: int, filesystem: Filesystem | None = None
    ) -> None:
        super().__init__(kernel)
        self.filesystem = filesystem or kernel.profile.filesystem
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.nlink = 1
        self.atime: Time = NOW
        self.mtime: Time = NOW
        self.ctime: Time = NOW

    # Attributes -------------------------------------------------------------------------------

    @property
    def kind(self) -> int:
        """The type bits of the mode: S_IFREG and its like."""
        return self.mode & S_IFMT

    def size(self) -> Any:
        """st_size in bytes."""
        return 0

    def blocks(self) -> Any:
        """st_blocks, in units of 512 bytes."""
        return 0

    def stat(self) -> Stat:
        return Stat(
            self.mode,
            self.nlink,
            self.uid,
            self.gid,
            self.size(),
            self.filesystem.block_size_bytes,
            self.blocks(),
            self.atime,
            self.mtime,
            self.ctime,
        )

    # What data operations report --------------------------------------------------------------

    def accessed(self, description: OpenFileDescription) -> None:
        """Data was read through a description: take the access time when relatime asks for it (mount(8))."""
        if description.flags & O_NOATIME:
            return
        atime = self.atime
        if atime is NOW or not self.filesystem.relatime:
            self.atime = NOW
        elif atime < PROGRAMS_RUN_AFTER_NS or _at_or_after(self.mtime, atime) or _at_or_after(self.ctime, atime):
            self.kernel.cite("TIME-RELATIME")
            self.atime = NOW
        else:
            self.kernel.cite("TIME-RELATIME-KEEPS")

    def content_changed(self) -> None:
        """Data was written or the size was changed: new times, and the file loses privileges that it grants."""
        if self.mode & (S_ISUID | S_ISGID):
            self.remove_privileges()
        self.mtime = self.ctime = NOW

    def status_changed(self) -> None:
        """Something other than the content changed: a new change time."""
        self.ctime = NOW

    def remove_privileges(self) -> None:
        """Clear set-user-ID and set-group-ID of a regular file, as a write by an ordinary caller does (inode(7))."""
        if self.kind != S_IFREG or self.kernel.profile.capable:
            return
        lost = self.mode & S_ISUID
        if self.mode & S_ISGID and self.loses_setgid():
            lost |= S_ISGID
        if lost:
            self.kernel.cite("INODE-PRIVILEGES")
            self.mode &= ~lost

    def loses_setgid(self) -> bool:
        """Whether a change that takes privileges takes set-group-ID: not when it marks mandatory locks of the caller's group."""
        return bool(self.mode & GROUP_EXECUTE) or not self.in_group()

    # Permissions ------------------------------------------------------------------------------

    def owned(self) -> bool:
        """Whether the caller owns the inode, or may act as its owner."""
        profile = self.kernel.profile
        return profile.capable or profile.uid == self.uid

    def in_group(self) -> bool:
        """Whether the caller is in the inode's group, or may act as if it was."""
        profile = self.kernel.profile
        return profile.capable or profile.gid == self.gid

    def permits(self, wanted: int) -> bool:
        """Whether the mode grants the caller what is wanted (a union of MAY_*); path_resolution(7), "Permissions"."""
        profile = self.kernel.profile
        if profile.capable:
            return not wanted & MAY_EXECUTE or self._capable_may_execute()
        shift = 6 if profile.uid == self.uid else 3 if profile.gid == self.gid else 0
        return not wanted & ~(self.mode >> shift)

    def _capable_may_execute(self) -> bool:
        return self.kind != S_IFREG or bool(self.mode & ANY_EXECUTE)

    # Opening ----------------------------------------------------------------------------------

    def open(self, flags: int, created: bool = False) -> OpenFileDescription:
        """open(2) of an inode that was found, or was ``created`` by this very call. Never with O_PATH."""
        # CHECK
        if not created:
            self.check_open(flags)
        description = OpenFileDescription(self, flags | O_LARGEFILE)
        # CHANGE
        self.opened(description)
        if flags & O_DIRECT and not self.takes_direct():
            raise Refused(EINVAL, "OPEN-DIRECT")
        description.direct = self.takes_direct()
        if flags & O_TRUNC and not created and self.kind == S_IFREG:
            self.kernel.cite("OPEN-TRUNC")
            self.truncate(0)
        # RETURN
        return description

    def reopen(self, flags: int) -> OpenFileDescription:
        return self.open(flags)

    def check_open(self, flags: int) -> None:
        """Refuse an open that the type or the mode of the inode does not allow."""
        if self.kind == S_IFLNK:
            raise Refused(ELOOP, "OPEN-NOFOLLOW")
        wanted = _ACCESS_WANTED[flags & O_ACCMODE] | (MAY_WRITE if flags & O_TRUNC else 0)
        self.check_type(wanted)
        if not self.permits(wanted):
            raise Refused(EACCES, "OPEN-PERMISSION")
        if flags & O_NOATIME and not self.owned():
            raise Refused(EPERM, "OPEN-NOATIME")
        if self.kind == S_IFSOCK:
            raise Refused(ENXIO, "OBJ-REOPEN")

    def check_type(self, wanted: int) -> None:
        """Refuse access that no inode of this type gives, whatever its mode. The base allows all."""

    def opened(self, description: OpenFileDescription) -> None:
        """A description was made: what a kind does then. A FIFO may wait here for its other end."""

    def takes_direct(self) -> bool:
        """Whether O_DIRECT is possible."""
        return False


def _at_or_after(time: Time, set_time: int) -> bool:
    """Whether a time is at or after one that somebody set."""
    if time is NOW:
        return set_time < PROGRAMS_RUN_AFTER_NS
    return bool(time >= set_time)
