# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on memory mappings, and what a program sees through them."""

from __future__ import annotations

from reference.constants.errors import EACCES, EFAULT, EINVAL, ENOENT, ENOMEM, EOPNOTSUPP, EOVERFLOW, EPERM
from reference.constants.file_status import S_IFMT, S_IFREG, S_IFSOCK
from reference.constants.limits import LLONG_MAX, PAGE_SIZE
from reference.constants.memory import (
    F_SEAL_FUTURE_WRITE,
    F_SEAL_WRITE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MS_ASYNC,
    MS_INVALIDATE,
    MS_SYNC,
    PROT_EXEC,
    PROT_WRITE,
)
from reference.linux.description import OpenFileDescription
from reference.linux.directory import DELETED
from reference.linux.fdtable import drop
from reference.linux.mapping import Mapping
from reference.linux.objects import FileObject
from reference.linux.profile import Profile
from reference.linux.releases import PROGRAMS_BARRED_SINCE
from reference.linux.state import KernelState
from reference.outcomes import Refused

USER_MEMORY_BYTES = 2**47 - PAGE_SIZE
_TYPE_MASK = 0xF
_SIGNED_SIZES = (S_IFREG, S_IFSOCK)
"""The types whose pages are counted as signed file sizes; others may have offsets up to 2**64."""


class MemoryCalls(KernelState):
    """mmap(2), munmap(2), msync(2); load and store."""

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self._mappings: dict[int, Mapping] = {}
        self._mappings_made = 0

    def mmap(self, fd: int, length: int, protection: int, flags: int, offset: int) -> int:
        """mmap(2)."""
        # CHECK
        if offset % PAGE_SIZE:
            raise Refused(EINVAL, "MMAP-OFFSET")
        # RESOLVE
        description = self.description(fd)
        # CHECK
        if length == 0:
            raise Refused(EINVAL, "MMAP-LENGTH")
        if not 0 < length <= USER_MEMORY_BYTES:
            raise Refused(ENOMEM, "MMAP-ROOM")
        length = -(-length // PAGE_SIZE) * PAGE_SIZE
        _check_offset(description, length, offset)
        shared = _check_access(description, protection, flags)
        # The kernel takes no mapping for shared that nobody could ever store through.
        file, offset = description.object.backing(description, offset, length, shared and description.writable)
        if file.seals and file.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) and shared and protection & PROT_WRITE:
            raise Refused(EPERM, "SEAL-MMAP")
        # CHANGE
        mapping = Mapping(description, file, offset, length, protection, shared)
        if file.seals and file.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
            mapping.may_write = False
        file.accessed(description)
        file.mappings.append(mapping)
        description.references += 1
        handle = self._mappings_made
        self._mappings[handle] = mapping
        self._mappings_made += 1
        # RETURN
        return handle

    def load(self, mapping: int, offset: int, count: int) -> bytes:
        """Read memory, as process_vm_readv(2) does."""
        found = self._mapping(mapping, EFAULT)
        return found.load(offset, count) if count else b""

    def store(self, mapping: int, offset: int, data: bytes) -> int:
        """Write memory, as process_vm_writev(2) does."""
        found = self._mapping(mapping, EFAULT)
        return found.store(offset, data) if data else 0

    def msync(self, mapping: int, flags: int) -> int:
        """msync(2)."""
        # RESOLVE
        found = self._mapping(mapping, ENOMEM)
        # CHECK
        if flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC):
            raise Refused(EINVAL, "MSYNC-FLAGS")
        if flags & MS_ASYNC and flags & MS_SYNC:
            raise Refused(EINVAL, "MSYNC-FLAGS")
        # CHANGE
        if flags & MS_SYNC and found.shared:
            self.cite("MSYNC-SYNC")
            found.file.written_back()
        return 0

    def mapping_path(self, mapping: int) -> str:
        """The name in /proc/self/maps: that of the file, or of what a device has made up to be one."""
        # RESOLVE
        found = self._mapping(mapping, ENOENT)
        # RETURN
        self.cite("MAPS-NAME")
        text = found.description.object.link_text(found.description)
        made_up = found.shared and found.description.writable and found.file is not found.description.object
        return f"{text}{DELETED}" if made_up else text

    def munmap(self, mapping: int) -> int:
        """munmap(2)."""
        # RESOLVE
        found = self._mapping(mapping, EINVAL)
        # CHANGE
        del self._mappings[mapping]
        found.file.mappings.remove(found)
        drop(found.description)
        return 0

    def _mapping(self, handle: int, error: int) -> Mapping:
        found = self._mappings.get(handle)
        if found is None:
            raise Refused(error, "MEM-UNMAPPED")
        return found


def _check_offset(description: OpenFileDescription, length: int, offset: int) -> None:
    """EOVERFLOW when the last page would lie past what can be numbered."""
    if 0 <= offset <= LLONG_MAX - length:
        return
    signed = description.object.stat().mode & S_IFMT in _SIGNED_SIZES
    limit = LLONG_MAX if signed else 2**64 - 1
    if (offset % 2**64) // PAGE_SIZE > (limit - length) // PAGE_SIZE:
        raise Refused(EOVERFLOW, "MMAP-OVERFLOW")


def _check_access(description: OpenFileDescription, protection: int, flags: int) -> bool:
    """Whether the mapping is shared, when type, flags and protection go with how the descriptor was opened."""
    kind = flags & _TYPE_MASK
    if kind not in (MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE):
        raise Refused(EINVAL, "MMAP-TYPE")
    if kind == MAP_SHARED_VALIDATE and flags & ~_TYPE_MASK:
        raise Refused(EOPNOTSUPP, "MMAP-VALIDATE")
    shared = kind != MAP_PRIVATE
    if shared and protection & PROT_WRITE and not description.writable:
        raise Refused(EACCES, "MMAP-WRITE")
    if not description.readable:
        raise Refused(EACCES, "MMAP-READ")
    if protection & PROT_EXEC and _bars_programs(description.object):
        raise Refused(EPERM, "MMAP-EXEC")
    return shared


def _bars_programs(target: FileObject) -> bool:
    """Whether an object lives on a mount without programs."""
    return not target.executable and target.kernel.profile.kernel >= PROGRAMS_BARRED_SINCE
