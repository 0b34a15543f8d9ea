# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Who may open again, and who may change attributes (sections 5 and 6 of the specification).

Owner and mode are the effective ones: those of the virtual owner where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.errors import EACCES, EFBIG, EPERM
from reference.constants.file_status import (
    STATX_ATIME,
    STATX_GID,
    STATX_MODE,
    STATX_MTIME,
    STATX_SIZE,
    STATX_UID,
    UTIME_NOW,
)
from reference.constants.open_flags import O_ACCMODE, O_RDONLY, O_TRUNC, O_WRONLY
from reference.outcomes import Refused
from reference.structures import Stat

if TYPE_CHECKING:
    from reference.host.inode import Change
    from reference.host.state import HostState

READ, WRITE, EXECUTE = 4, 2, 1
OWNER_SHIFT, GROUP_SHIFT = 6, 3
ANYONE_EXECUTES = 0o111
UNLIMITED = 2**63
"""A limit of file sizes from here on is none."""


def check_access(host: HostState, status: Stat, wanted: int) -> None:
    """EACCES unless the bits of the caller's own class, or its capabilities, grant all of ``wanted``."""
    caller = host.caller
    if status.uid == caller.uid:
        granted = status.mode >> OWNER_SHIFT
    elif status.gid == caller.gid:
        granted = status.mode >> GROUP_SHIFT
    else:
        granted = status.mode
    if granted & wanted == wanted:
        host.cite("PERM-01")
    elif caller.capable and wanted == READ:
        host.cite("PERM-03")
    elif caller.capable and (not wanted & EXECUTE or status.mode & ANYONE_EXECUTES):
        host.cite("PERM-04")
    else:
        raise Refused(EACCES, "PERM-05")


def access_to_open(flags: int) -> int:
    """What an open with these flags needs to be allowed (PERM-06). O_TRUNC needs writing, though it cuts nothing."""
    mode = flags & O_ACCMODE
    if mode == O_RDONLY:
        return READ | WRITE if flags & O_TRUNC else READ
    return WRITE if mode == O_WRONLY else READ | WRITE


def check_set_attributes(host: HostState, change: Change, status: Stat, needs_write: bool) -> None:
    """Whether the caller may change what ``change`` asks for, given the effective owner and mode (SET-05)."""
    host.cite("SET-05")
    owns = status.uid == host.caller.uid
    may_act = owns or host.caller.capable
    mask = change.mask
    if mask & STATX_SIZE:
        _check_size(host, change.size)
    if mask & STATX_MODE and not may_act:
        raise Refused(EPERM, "SET-07")
    if mask & STATX_UID and not host.caller.capable and not (owns and change.uid == status.uid):
        raise Refused(EPERM, "SET-08")
    if mask & STATX_GID and not host.caller.capable and not (owns and change.gid == host.caller.gid):
        raise Refused(EPERM, "SET-09")
    if needs_write and not host.caller.capable:
        host.cite("SET-10")
        check_access(host, status, WRITE)
    if mask & (STATX_ATIME | STATX_MTIME) and not may_act:
        _check_times(host, change, status)


def _check_size(host: HostState, size: int) -> None:
    """EFBIG above the caller's limit, for a file that would shrink as well; the calls add SIGXFSZ."""
    limit = host.file_size_bytes_max
    if limit < UNLIMITED and (limit == 0 or size > limit):
        raise Refused(EFBIG, "SET-06")


def _check_times(host: HostState, change: Change, status: Stat) -> None:
    explicit = [
        time
        for time, bit in ((change.atime, STATX_ATIME), (change.mtime, STATX_MTIME))
        if change.mask & bit and time != -UTIME_NOW
    ]
    if explicit:
        raise Refused(EPERM, "SET-11")
    host.cite("SET-11")
    check_access(host, status, WRITE)
