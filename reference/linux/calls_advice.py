# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls about the page cache behind a descriptor, and about the file system that holds it."""

from __future__ import annotations

from reference.constants.errors import EBADF, EINVAL, ESPIPE
from reference.constants.file_status import S_IFIFO, S_IFMT
from reference.constants.limits import LLONG_MAX, ULONG_MAX
from reference.constants.transfers import (
    POSIX_FADV_DONTNEED,
    POSIX_FADV_NOREUSE,
    POSIX_FADV_NORMAL,
    POSIX_FADV_WILLNEED,
)
from reference.linux.objects import FileObject
from reference.linux.regular import RegularFile
from reference.linux.state import KernelState
from reference.outcomes import Refused


class AdviceCalls(KernelState):
    """posix_fadvise(2), readahead(2), syncfs(2)."""

    def posix_fadvise(self, fd: int, offset: int, length: int, advice: int) -> int:
        """posix_fadvise(2)."""
        # RESOLVE
        target = self.description(fd).object
        # CHECK
        if target.stat().mode & S_IFMT == S_IFIFO:
            raise Refused(ESPIPE, "FADVISE-PIPE")
        if length < 0:
            raise Refused(EINVAL, "FADVISE-LENGTH")
        if not POSIX_FADV_NORMAL <= advice <= POSIX_FADV_NOREUSE:
            raise Refused(EINVAL, "FADVISE-ADVICE")
        # CHANGE
        self.cite("FADVISE-TAKEN")
        _advise(target, offset, length, advice)
        return 0

    def readahead(self, fd: int, offset: int, count: int) -> int:
        """readahead(2)."""
        # RESOLVE
        description = self.description(fd)
        # CHECK
        if not description.readable:
            raise Refused(EBADF, "READAHEAD-ACCESS")
        target = description.object
        if not isinstance(target, RegularFile):
            raise Refused(EINVAL, "READAHEAD-KIND")
        if count & ULONG_MAX > LLONG_MAX:
            raise Refused(EINVAL, "READAHEAD-COUNT")
        # CHANGE
        _advise(target, offset, count, POSIX_FADV_WILLNEED)
        return 0

    def syncfs(self, fd: int) -> int:
        """syncfs(2)."""
        # RESOLVE
        target = self.description(fd).object
        # CHANGE
        self.cite("SYNCFS-ALL")
        for file in self.files:
            if file.filesystem == target.filesystem:
                file.written_back()
        return 0


def _advise(target: FileObject, offset: int, length: int, advice: int) -> None:
    """Only a disk has anything to do: to bring pages into the cache, or to write them back and drop them."""
    if not isinstance(target, RegularFile) or not target.filesystem.extents:
        return
    if advice == POSIX_FADV_WILLNEED:
        target.read_ahead = True
    elif advice == POSIX_FADV_DONTNEED and offset >= 0:
        target.not_needed(offset, min(offset + length, LLONG_MAX) if length else LLONG_MAX)
