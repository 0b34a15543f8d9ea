# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on the size, the storage and the durability of files, and memfd_create(2)."""

from __future__ import annotations

from reference.constants.errors import EBADF, EFBIG, EINVAL, EOPNOTSUPP, ESPIPE
from reference.constants.limits import LLONG_MAX, UINT_MAX
from reference.constants.memory import MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC, MFD_NOEXEC_SEAL
from reference.constants.open_flags import O_CLOEXEC, O_LARGEFILE, O_RDWR
from reference.constants.transfers import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_UNSHARE_RANGE,
    FALLOC_FL_WRITE_ZEROES,
    FALLOC_FL_ZERO_RANGE,
    SYNC_FILE_RANGE_WAIT_AFTER,
    SYNC_FILE_RANGE_WAIT_BEFORE,
    SYNC_FILE_RANGE_WRITE,
)
from reference.linux.description import OpenFileDescription
from reference.linux.regular import RegularFile
from reference.linux.releases import ALLOCATION_SORTED_SINCE, EXECUTABLE_MEMORY_SINCE, WRITTEN_ZEROS_SINCE
from reference.linux.seals import MemoryFile
from reference.linux.state import KernelState
from reference.outcomes import Refused

_KEPT_SIZE_MAY = (0, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_UNSHARE_RANGE)
_ALLOCATIONS = frozenset(
    (
        0,
        FALLOC_FL_ZERO_RANGE,
        FALLOC_FL_UNSHARE_RANGE,
        FALLOC_FL_COLLAPSE_RANGE,
        FALLOC_FL_INSERT_RANGE,
        FALLOC_FL_WRITE_ZEROES,
        *(mode | FALLOC_FL_KEEP_SIZE for mode in _KEPT_SIZE_MAY),
    )
)
"""The modes of fallocate(2) that exist: one operation, and KEEP_SIZE where it makes sense (a punched hole needs it)."""

_SYNC_FLAGS = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
_MEMFD_FLAGS = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC
_ALLOCATION_BITS = (
    FALLOC_FL_KEEP_SIZE
    | FALLOC_FL_PUNCH_HOLE
    | FALLOC_FL_ZERO_RANGE
    | FALLOC_FL_UNSHARE_RANGE
    | FALLOC_FL_COLLAPSE_RANGE
    | FALLOC_FL_INSERT_RANGE
)
MEMFD_NAME_BYTES_MAX = 249


class FileCalls(KernelState):
    """ftruncate(2), fallocate(2), fsync(2) and its like, memfd_create(2)."""

    def ftruncate(self, fd: int, length: int) -> int:
        """ftruncate(2)."""
        # CHECK
        if length < 0:
            raise Refused(EINVAL, "TRUNC-LENGTH")
        # RESOLVE
        description = self.description(fd)
        # CHECK
        if not description.writable:
            raise Refused(EINVAL, "TRUNC-ACCESS")
        # CHANGE
        return description.object.truncate(length)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> int:
        """fallocate(2)."""
        # RESOLVE
        description = self.description(fd)
        # CHECK
        if offset < 0 or length <= 0:
            raise Refused(EINVAL, "ALLOC-NEGATIVE")
        if mode not in _ALLOCATIONS or (mode == FALLOC_FL_WRITE_ZEROES and self.profile.kernel < WRITTEN_ZEROS_SINCE):
            raise Refused(self._allocation_error(mode), "ALLOC-MODE")
        if not description.writable:
            raise Refused(EBADF, "ALLOC-ACCESS")
        target = description.object
        if isinstance(target, RegularFile) and offset + length > min(target.filesystem.file_size_bytes_max, LLONG_MAX):
            raise Refused(EFBIG, "ALLOC-RANGE")
        # CHANGE
        return target.allocate(description, mode, offset, length)

    def _allocation_error(self, mode: int) -> int:
        """What a mode fails with that does not exist: of known bits that do not go together, EINVAL at times once."""
        if self.profile.kernel >= ALLOCATION_SORTED_SINCE or mode & ~_ALLOCATION_BITS:
            return EOPNOTSUPP
        if mode & FALLOC_FL_PUNCH_HOLE and (mode & FALLOC_FL_ZERO_RANGE or not mode & FALLOC_FL_KEEP_SIZE):
            return EOPNOTSUPP
        return EINVAL

    def fsync(self, fd: int) -> int:
        """fsync(2)."""
        description = self.description(fd)
        return description.object.sync(description)

    def fdatasync(self, fd: int) -> int:
        """fdatasync(2)."""
        description = self.description(fd)
        return description.object.sync(description)

    def sync_file_range(self, fd: int, offset: int, count: int, flags: int) -> int:
        """sync_file_range(2)."""
        # RESOLVE
        description = self.description(fd)
        # CHECK
        if flags & ~_SYNC_FLAGS:
            raise Refused(EINVAL, "SYNC-FLAGS")
        if offset < 0 or count < 0 or offset + count > LLONG_MAX:
            raise Refused(EINVAL, "SYNC-RANGE")
        if not description.object.syncs_ranges:
            raise Refused(ESPIPE, "SYNC-OBJECT")
        # CHANGE
        if flags & SYNC_FILE_RANGE_WRITE and isinstance(description.object, RegularFile):
            description.object.written_back()
            description.object.writeback_begun = True
        return 0

    def memfd_create(self, name: str, flags: int) -> int:
        """memfd_create(2)."""
        # CHECK
        known = _MEMFD_FLAGS
        if self.profile.kernel < EXECUTABLE_MEMORY_SINCE:
            known &= ~(MFD_EXEC | MFD_NOEXEC_SEAL)
        if flags & UINT_MAX & ~known or (flags & MFD_EXEC and flags & MFD_NOEXEC_SEAL):
            raise Refused(EINVAL, "MEMFD-FLAGS")
        if len(name.encode()) > MEMFD_NAME_BYTES_MAX:
            raise Refused(EINVAL, "MEMFD-NAME")
        # CHANGE
        self.fds.lowest_free()
        description = OpenFileDescription(MemoryFile(self, name, flags), O_RDWR | O_LARGEFILE)
        return self.open_descriptor(description, O_CLOEXEC if flags & MFD_CLOEXEC else 0)
