# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The sandbox's inode of an imported descriptor: what was learned at the import, and the attributes it presents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference.constants.errors import EINVAL, EPERM
from reference.constants.file_status import (
    S_IFMT,
    S_IFREG,
    S_ISGID,
    S_ISUID,
    STATX_ALL,
    STATX_ATIME,
    STATX_GID,
    STATX_INO,
    STATX_MODE,
    STATX_MTIME,
    STATX_SIZE,
    STATX_TYPE,
    STATX_UID,
    UTIME_OMIT,
)
from reference.host.locks import FileLocks
from reference.host.permissions import check_set_attributes
from reference.outcomes import Refused
from reference.structures import Stat, Statx

if TYPE_CHECKING:
    from reference.host.description import Description
    from reference.host.state import HostState

CHANGEABLE = STATX_MODE | STATX_SIZE | STATX_ATIME | STATX_MTIME
CHANGEABLE_OF_VIRTUAL_OWNER = STATX_UID | STATX_GID
DEVICE = -1
"""Stands for the one anonymous device that every imported inode reports (ID-04): no ordinal of the kernel's own."""


@dataclass
class VirtualOwner:
    """Owner and mode that the application sees and may change, while the host's stay as they are."""

    uid: int
    gid: int
    mode: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of attributes asks for: STATX bits in ``mask``, and a value for each.

    Times are nanoseconds since the epoch, or -UTIME_NOW; a time that ``mask`` does not name is left alone.
    """

    mask: int
    mode: int = 0
    size: int = 0
    atime: int = -UTIME_OMIT
    mtime: int = -UTIME_OMIT
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What an import found out about the host's descriptor, and does not ask again (IMP-07, IMP-09, IMP-10)."""

    ino: int
    type: int
    seekable: bool
    epollable: bool
    tty: bool = False
    savable: bool = False
    readonly: bool = False


class Inode:
    """One import. Descriptions that were opened again share it; another import of the same file does not (IMP-23)."""

    def __init__(self, host: HostState, facts: Facts, owner: VirtualOwner | None) -> None:
        self.host = host
        self.ino = facts.ino
        self.type = facts.type
        self.seekable = facts.seekable
        self.epollable = facts.epollable
        self.tty = facts.tty
        self.savable = facts.savable
        self.readonly = facts.readonly
        self.owner = owner
        self.descriptions: set[Description] = set()
        self.locks = FileLocks()
        self.mappings = 0
        self.saved = b""
        """What a save read out of the host's pipe, and reads serve first (SR-06)."""
        self.host_appends = False
        """Whether the host's own description was found to append, which no flag of the sandbox changes (WR-08)."""

    # Stat -------------------------------------------------------------------------------------

    def stat(self, host_fd: int) -> Stat:
        """fstat(2) of the host, under the virtual owner."""
        found = self.host.kernel.fstat(host_fd)
        if self.owner is None:
            self.host.cite("STAT-11")
            return found
        self.host.cite("STAT-10")
        return found._replace(mode=self.owner.mode, uid=self.owner.uid, gid=self.owner.gid)

    def statx(self, host_fd: int, sync: int, mask: int) -> Statx:
        """statx(2): the host's answer to the bits that the sandbox knows, under numbers of the sandbox's own."""
        self.host.cite("STAT-03")
        found = self.host.kernel.statx(host_fd, sync, mask & STATX_ALL)
        self.host.cite("STAT-04")
        given = STATX_INO | found.mask & STATX_ALL
        self.host.cite("STAT-05")
        self.host.cite("ID-03")
        self.host.cite("ID-04")
        self.host.cite("STAT-06")
        for clause in ("STAT-07", "STAT-08", "STAT-09", "STAT-17"):
            self.host.cite(clause)
        found = found._replace(mask=given, ino=self.ino, dev=DEVICE, rdev=(0, 0))
        if self.owner is None:
            self.host.cite("STAT-11")
            return found
        self.host.cite("STAT-10")
        return self._under_owner(found, self.owner)

    def _under_owner(self, found: Statx, owner: VirtualOwner) -> Statx:
        mode = owner.mode & (S_IFMT if found.mask & STATX_TYPE else 0)
        mode |= owner.mode & ~S_IFMT if found.mask & STATX_MODE else 0
        return found._replace(
            mode=mode,
            uid=owner.uid if found.mask & STATX_UID else found.uid,
            gid=owner.gid if found.mask & STATX_GID else found.gid,
        )

    # SetStat ----------------------------------------------------------------------------------

    def set_attributes(self, host_fd: int, change: Change, *, needs_write: bool = False) -> None:
        """Change attributes, in the order that section 5 of the specification fixes. Nothing is rolled back."""
        if self.readonly:
            raise Refused(EPERM, "SET-01")
        mask = change.mask
        if not mask:
            self.host.cite("SET-02")
            return
        if mask & ~(CHANGEABLE | (CHANGEABLE_OF_VIRTUAL_OWNER if self.owner else 0)):
            if mask & STATX_UID and change.uid == self.host.caller.uid:
                # Perhaps the owner, who would change nothing; nobody asks.
                self.host.cite("SET-27")
            raise Refused(EPERM, "SET-03")
        self.host.cite("SET-04")
        before = self.stat(host_fd)
        check_set_attributes(self.host, change, before, needs_write)
        if mask & STATX_MODE:
            self._set_mode(change.mode, before)
        if mask & STATX_SIZE:
            self._set_size(host_fd, change.size, before)
        if mask & (STATX_ATIME | STATX_MTIME):
            self._set_times(host_fd, change)
        if self.owner is not None:
            self._set_owner(self.owner, change)

    def _set_mode(self, mode: int, before: Stat) -> None:
        if self.owner is None:
            raise Refused(EPERM, "SET-13")
        self.host.cite("SET-14")
        caller = self.host.caller
        if mode & S_ISGID and before.gid != caller.gid and not caller.capable:
            self.host.cite("SET-12")
        if not mode & S_IFMT:
            self.host.cite("SET-16")
        self.owner.mode = mode

    def _set_size(self, host_fd: int, size: int, before: Stat) -> None:
        if before.mode & S_IFMT != S_IFREG:
            raise Refused(EINVAL, "SET-17")
        self.host.cite("SET-18")
        try:
            self.host.kernel.ftruncate(host_fd, size)
        finally:
            self.host.keep_signals_in()
        self.host.cite("SET-21")
        if size < before.size:
            self.host.cite("SET-20")

    def _set_times(self, host_fd: int, change: Change) -> None:
        self.host.cite("SET-22")
        self.host.kernel.futimens(host_fd, change.atime, change.mtime)

    def _set_owner(self, owner: VirtualOwner, change: Change) -> None:
        if change.mask & (STATX_UID | STATX_GID):
            self.host.cite("SET-24")
        if change.mask & STATX_UID:
            owner.uid = change.uid
        if change.mask & STATX_GID:
            owner.gid = change.gid

    def cite_identity_kept(self) -> None:
        """Bytes were written, and what the virtual mode lends to whoever executes the file stays (WR-19)."""
        if self.owner is not None and self.owner.mode & (S_ISUID | S_ISGID):
            self.host.cite("WR-19")

    # The save buffer --------------------------------------------------------------------------

    def take_saved(self, count: int) -> bytes:
        """Up to ``count`` bytes that a save kept, which are then gone from here."""
        if not self.saved:
            return b""
        self.host.cite("RD-11")
        if len(self.descriptions) > 1:
            self.host.cite("SR-07")
        taken, self.saved = self.saved[:count], self.saved[count:]
        return taken


def name_of(host: HostState, inode: Inode) -> str:
    """The name of an import, which the sandbox makes up."""
    host.cite("ID-03")
    host.cite("ID-05")
    return f"host:[{inode.ino}]"
