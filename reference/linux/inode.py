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

from reference.constants.errors import EACCES, EINVAL, ELOOP, ENXIO, EPERM
from reference.constants.file_status import (
    S_IFDIR,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    S_ISGID,
    S_ISUID,
    STATX_BTIME,
    STATX_CTIME,
    STATX_DIOALIGN,
    STATX_MTIME,
    UTIME_NOW,
    UTIME_OMIT,
)
from reference.constants.limits import UINT_MAX
from reference.constants.open_flags import O_ACCMODE, O_DIRECT, O_LARGEFILE, O_NOATIME, O_RDWR, O_TRUNC, O_WRONLY
from reference.linux.description import OpenFileDescription
from reference.linux.objects import FileObject
from reference.linux.permissions import MAY_READ, MAY_WRITE, mode_permits
from reference.linux.releases import MULTIGRAIN_SINCE
from reference.outcomes import Anything, Refused
from reference.structures import NOW, Stat

if TYPE_CHECKING:
    from collections.abc import Hashable

    from reference.linux.profile import Filesystem
    from reference.linux.state import KernelState

PERMISSION_BITS = 0o7777
GROUP_EXECUTE = 0o010

NS_PER_S = 10**9

PROGRAMS_RUN_AFTER_NS = 1_750_000_000 * NS_PER_S
"""A set time before this one is past, others lie in the future: no program sets one between here and its own run."""

_CHANGE_TIMES = STATX_CTIME | STATX_MTIME

Time = Any
"""Nanoseconds since the epoch, or NOW."""

_ACCESS_WANTED = {0: MAY_READ, O_WRONLY: MAY_WRITE, O_RDWR: MAY_READ | MAY_WRITE, 3: MAY_READ | MAY_WRITE}
"""The permissions that an access mode of open(2) asks for. Mode 3 asks for both and then grants neither."""


class Inode(FileObject):
    """Base of the objects that have attributes. ``mode`` holds the type and the permission bits.

    ``nlink`` counts names.
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
    def identity(self) -> Hashable:
        return self

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

    def statx_mask(self, asked: int) -> int:
        mask = super().statx_mask(asked)
        filesystem = self.filesystem
        if filesystem.birth_time:
            mask |= asked & STATX_BTIME
        if filesystem.direct_alignment and self.kind == S_IFREG:
            mask |= asked & STATX_DIOALIGN
        if filesystem.multigrain_times and not asked & _CHANGE_TIMES and self.kernel.profile.kernel >= MULTIGRAIN_SINCE:
            self.kernel.cite("STATX-TIMES-UNASKED")
            mask &= ~_CHANGE_TIMES
        return mask

    def change_mode(self, mode: int) -> None:
        """fchmod(2): new permission bits. An ordinary caller does not get set-group-ID of a group it is not in."""
        # CHECK
        if not self.owned():
            raise Refused(EPERM, "CHMOD-OWNER")
        # CHANGE
        mode &= PERMISSION_BITS
        if mode & S_ISGID and not self.in_group():
            self.kernel.cite("CHMOD-SETGID")
            mode &= ~S_ISGID
        self.mode = self.kind | mode
        self.ctime = NOW

    def change_owner(self, uid: int, gid: int) -> None:
        """fchown(2): a new owner and group; -1 leaves an id. Set-user-ID and set-group-ID go away, for root too."""
        profile = self.kernel.profile
        uid, gid = uid & UINT_MAX, gid & UINT_MAX
        # CHECK
        if not profile.capable:
            owner = profile.uid == self.uid
            if uid != UINT_MAX and not (owner and uid == self.uid):
                raise Refused(EPERM, "CHOWN-OWNER")
            if gid != UINT_MAX and not (owner and gid in (self.gid, profile.gid)):
                raise Refused(EPERM, "CHOWN-GROUP")
        # CHANGE
        lost = self.mode & S_ISUID
        if self.mode & S_ISGID and self.loses_setgid():
            lost |= S_ISGID
        if uid != UINT_MAX:
            self.uid = uid
        if gid != UINT_MAX:
            self.gid = gid
        if lost and self.kind != S_IFDIR:
            self.kernel.cite("CHOWN-PRIVILEGES")
            self.mode &= ~lost
            if not self.in_group():
                self.mode &= ~S_ISGID
        self.ctime = NOW

    def change_times(self, atime: int, mtime: int) -> None:
        """futimens(3): new times in nanoseconds, or -UTIME_NOW or -UTIME_OMIT, but not OMIT for both."""
        # CHECK
        if not self.owned():
            if not atime == mtime == -UTIME_NOW:
                raise Refused(EPERM, "UTIMES-OWNER")
            if not self.permits(MAY_WRITE):
                raise Refused(EACCES, "UTIMES-WRITE")
        # CHANGE
        if atime != -UTIME_OMIT:
            self.atime = self._time_kept(atime)
        if mtime != -UTIME_OMIT:
            self.mtime = self._time_kept(mtime)
        self.ctime = NOW

    def _time_kept(self, time: int) -> Time:
        """What the file system keeps of a time that was set."""
        if time == -UTIME_NOW:
            return NOW
        low, high = self.filesystem.time_min_s, self.filesystem.time_max_s
        seconds = time // NS_PER_S
        if low < seconds < high:
            return time
        self.kernel.cite("UTIMES-RANGE")
        return min(max(seconds, low), high) * NS_PER_S

    # What data operations report --------------------------------------------------------------

    def accessed(self, description: OpenFileDescription) -> None:
        """Data was read through a description: take the access time when relatime asks for it (mount(8))."""
        if not description.flags & O_NOATIME:
            self.touched()

    def touched(self) -> None:
        """The inode was used: take the access time when relatime asks for it."""
        atime = self.atime
        if atime is NOW or not self.filesystem.relatime:
            self.atime = NOW
        elif isinstance(atime, Anything) or isinstance(self.mtime, Anything):
            # Other processes take such a time too, and the program's directory is older than the program.
            self.kernel.cite("TIME-RELATIME")
            self.atime = Anything()
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
        """Whether a change that takes privileges takes set-group-ID: not when it only marks the caller's own group."""
        return bool(self.mode & GROUP_EXECUTE) or not self.in_group()

    # Permissions ------------------------------------------------------------------------------

    def in_group(self) -> bool:
        """Whether the caller is in the inode's group, or may act as if it was."""
        profile = self.kernel.profile
        return profile.capable or profile.gid == self.gid

    def permits(self, wanted: int) -> bool:
        return mode_permits(self.kernel.profile, self.mode, self.uid, self.gid, wanted)

    # Opening ----------------------------------------------------------------------------------

    def link_text(self, description: OpenFileDescription) -> str:
        self.kernel.cite("LINKFD-PATH")
        assert description.name is not None
        return description.name.path(self)

    def open(self, flags: int, created: bool = False) -> OpenFileDescription:
        """open(2) of an inode that was found, or was ``created`` by this very call. Never with O_PATH."""
        # CHECK
        if not created:
            self.check_open(flags)
        description = OpenFileDescription(self, flags | O_LARGEFILE)
        description.direct = self.takes_direct()
        # CHANGE
        self.opened(description)
        if flags & O_DIRECT and not description.direct:
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
        if flags & O_NOATIME and not Inode.owned(self):  # A shared device is only spared changes of its attributes.
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
