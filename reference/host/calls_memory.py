# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Memory mappings of imported descriptors: their pages are the host file's own (MMAP-07)."""

from __future__ import annotations

from dataclasses import dataclass

from reference.constants import (
    EACCES,
    EFAULT,
    EINVAL,
    ENOMEM,
    EOVERFLOW,
    LLONG_MAX,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MS_SYNC,
    PAGE_SIZE,
    PROT_WRITE,
)
from reference.host.caller import Caller
from reference.host.description import Description
from reference.host.inode import Inode
from reference.host.state import HostState, Kernel
from reference.outcomes import Refused

_TYPE_MASK = 0xF
NOT_MAPPED = -1
"""The handle below of a mapping whose pages the host would not give: every access faults (MMAP-06)."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping: its handle in the kernel below, and the imported description that it maps, if it is one's."""

    handle: int
    file: Description | None


class MemoryCalls(HostState):
    """mmap(2), munmap(2), msync(2); load and store."""

    def __init__(self, kernel: Kernel, caller: Caller | None = None) -> None:
        super().__init__(kernel, caller)
        self._mappings: dict[int, Mapped] = {}
        self._mappings_made = 0

    def mmap(self, fd: int, length: int, protection: int, flags: int, offset: int) -> int:
        """mmap(2)."""
        file = self.imported(fd)
        if file is None:
            return self._mapped(Mapped(self.kernel.mmap(fd, length, protection, flags, offset), None))
        if flags & _TYPE_MASK not in (MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE):
            raise Refused(EINVAL, "MMAP-01")
        if offset % PAGE_SIZE:
            raise Refused(EINVAL, "MMAP-05")
        if not file.readable:
            raise Refused(EACCES, "MMAP-01")
        file.check_mapping()
        if offset + length > LLONG_MAX:
            raise Refused(EOVERFLOW, "MMAP-04")
        if not length:
            raise Refused(EINVAL, "MMAP-05")
        if flags & _TYPE_MASK != MAP_PRIVATE and protection & PROT_WRITE and not file.writable:
            raise Refused(EACCES, "MMAP-05")
        return self._mapped(Mapped(self._on_the_host(fd, length, protection, flags, offset), file))

    def _on_the_host(self, fd: int, length: int, protection: int, flags: int, offset: int) -> int:
        try:
            handle = self.kernel.mmap(fd, length, protection, flags, offset)
        except OSError as error:
            if error.errno != EACCES:
                raise
            self.cite("MMAP-06")
            return NOT_MAPPED
        self.cite("MMAP-07")
        return handle

    def _mapped(self, mapped: Mapped) -> int:
        handle = self._mappings_made
        self._mappings[handle] = mapped
        self._mappings_made += 1
        if mapped.file is not None:
            mapped.file.inode.mappings += 1
        return handle

    def load(self, mapping: int, offset: int, count: int) -> bytes:
        """Read memory of a mapping."""
        return self.kernel.load(self._accessible(mapping, count), offset, count)

    def store(self, mapping: int, offset: int, data: bytes) -> int:
        """Write memory of a mapping."""
        return self.kernel.store(self._accessible(mapping, len(data)), offset, data)

    def msync(self, mapping: int, flags: int) -> int:
        """msync(2): a sync of the file behind it."""
        mapped = self._mapping(mapping, ENOMEM)
        result = self.kernel.msync(mapped.handle, flags)
        if mapped.file is not None and flags & MS_SYNC:
            self.cite("SYNC-07")
            if mapped.file.inode.readonly:
                raise Refused(1, "SYNC-07")
        return result

    def munmap(self, mapping: int) -> int:
        """munmap(2)."""
        mapped = self._mapping(mapping, EINVAL)
        if mapped.handle != NOT_MAPPED:
            self.kernel.munmap(mapped.handle)
        del self._mappings[mapping]
        if mapped.file is not None:
            self.release_mapping(mapped.file.inode)
        return 0

    def release_mapping(self, inode: Inode) -> None:
        """A mapping of an inode went away (CLS-04)."""
        inode.mappings -= 1
        self.cite("CLS-04")

    def _accessible(self, mapping: int, count: int) -> int:
        handle = self._mapping(mapping, EFAULT).handle
        if handle == NOT_MAPPED and count:
            raise Refused(EFAULT, "MMAP-06")
        return handle

    def _mapping(self, handle: int, error: int) -> Mapped:
        found = self._mappings.get(handle)
        if found is None:
            raise Refused(error, "MMAP-01")
        return found
