# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The flags of open(2), before any path is looked at: which are known, which go together, which imply others."""

from __future__ import annotations

from reference.constants.errors import EINVAL
from reference.constants.open_flags import (
    O_ACCMODE,
    O_APPEND,
    O_ASYNC,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_DSYNC,
    O_EXCL,
    O_LARGEFILE,
    O_NOATIME,
    O_NOCTTY,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_SYNC,
    O_TMPFILE,
    O_TRUNC,
    SYNC_BIT,
    TMPFILE_BIT,
)
from reference.outcomes import Refused

_PATH_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
_KNOWN = (
    O_ACCMODE
    | O_CREAT
    | O_EXCL
    | O_NOCTTY
    | O_TRUNC
    | O_APPEND
    | O_NONBLOCK
    | O_SYNC
    | O_ASYNC
    | O_DIRECT
    | O_LARGEFILE
    | O_TMPFILE
    | O_NOFOLLOW
    | O_NOATIME
    | O_CLOEXEC
    | O_PATH
)


def effective_flags(flags: int) -> int:
    """The flags as open(2) acts on them. EINVAL for those that contradict each other.

    Unknown bits are dropped. Beside O_PATH only O_DIRECTORY, O_NOFOLLOW and O_CLOEXEC count.
    """
    flags &= _KNOWN
    if flags & O_PATH:
        return flags & _PATH_FLAGS
    if flags & O_CREAT and flags & O_DIRECTORY:
        raise Refused(EINVAL, "OPEN-CREATE-DIRECTORY")
    if flags & TMPFILE_BIT and (not flags & O_DIRECTORY or flags & O_ACCMODE == O_RDONLY):
        raise Refused(EINVAL, "OPEN-TMPFILE-FLAGS")
    if flags & SYNC_BIT:
        flags |= O_DSYNC
    return flags
