# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Memory mappings of imported descriptors: their pages are the host file's own (MMAP-07)."""

from __future__ import annotations

from dataclasses import dataclass

from reference.constants.errors import EACCES, EFAULT, EINVAL, ENOENT, ENOMEM, EOVERFLOW, EPERM
from reference.constants.limits import LLONG_MAX, PAGE_SIZE
from reference.constants.memory import (
    MAP_PRIVATE,
    MAP_SHARED,
    MS_ASYNC,
    MS_INVALIDATE,
    MS_SYNC,
    PROT_NONE,
    PROT_READ,
    PROT_WRITE,
)
from reference.host.caller import Caller
from reference.host.description import Description
from reference.host.inode import Inode, name_of
from reference.host.state import HostState, Kernel
from reference.outcomes import Refused

_TYPE_MASK = 0xF
_WORD = 2**64
_SYNC_FLAGS = MS_ASYNC | MS_INVALIDATE | MS_SYNC
NOT_MAPPED = -1
"""The handle below of a mapping whose pages the host would not give: every access faults (MMAP-06)."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping: its handle in the kernel below, and the imported description that it maps, if it is one's.

    ``size_bytes`` is how far it reaches, to the end of a page; ``protection`` and ``shared`` are as it was asked for.
    """

    handle: int
    file: Description | None
    size_bytes: int = 0
    protection: int = PROT_NONE
    shared: bool = False


class MemoryCalls(HostState):
    """mmap(2), munmap(2), msync(2); load and store."""

    def __init__(self, kernel: Kernel, caller: Caller | None = None) -> None:
        super().__init__(kernel, caller)
        self._mappings: dict[int, Mapped] = {}
        self._mappings_made = 0

    def mmap(self, fd: int, length: int, protection: int, flags: int, offset: int) -> int:
        """mmap(2)."""
        file = self.found(fd)
        if file is None:
            return self._mapped(Mapped(self.kernel.mmap(fd, length, protection, flags, offset), None))
        if flags & _TYPE_MASK not in (MAP_SHARED, MAP_PRIVATE):
            # MAP_SHARED_VALIDATE has the bits of both.
            raise Refused(EINVAL, "MMAP-01")
        if not length or offset % PAGE_SIZE:
            # Refused at the end, unless something else is found to refuse before.
            self.cite("MMAP-05")
        if not file.readable:
            raise Refused(EACCES, "MMAP-01")
        file.check_mapping()
        # Neither has a sign: what looks negative is large, and a sum of 64 bits starts again at 0.
        end = offset % _WORD + length % _WORD
        if end % _WORD > LLONG_MAX:
            raise Refused(EOVERFLOW, "MMAP-04")
        if not length or offset % PAGE_SIZE:
            raise Refused(EINVAL, "MMAP-05")
        if end >= _WORD and length % _WORD <= _WORD - PAGE_SIZE:
            # A sum that started again is found out once the length is in pages, unless that has no room in 64 bits.
            raise Refused(EOVERFLOW, "MMAP-04")
        shared = flags & _TYPE_MASK != MAP_PRIVATE
        if shared and protection & PROT_WRITE and not file.writable:
            raise Refused(EACCES, "MMAP-05")
        handle = self._on_the_host(fd, length, protection, flags, offset)
        return self._mapped(Mapped(handle, file, -(-length // PAGE_SIZE) * PAGE_SIZE, protection, shared))

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
        handle = self._accessible(mapping, count)
        try:
            data = self.kernel.load(handle, offset, count)
        except OSError:
            self._cite_end(mapping, PROT_READ, offset, count)
            raise
        self._cite_end(mapping, PROT_READ, offset + len(data), count - len(data))
        return data

    def store(self, mapping: int, offset: int, data: bytes) -> int:
        """Write memory of a mapping."""
        handle = self._accessible(mapping, len(data))
        try:
            moved = self.kernel.store(handle, offset, data)
        except OSError:
            self._cite_end(mapping, PROT_WRITE, offset, len(data))
            raise
        self._cite_end(mapping, PROT_WRITE, offset + moved, len(data) - moved)
        return moved

    def _cite_end(self, mapping: int, access: int, offset: int, missing: int) -> None:
        """Bytes that were not reached, though the mapping has them and allows the access: the file ends before."""
        mapped = self._mappings[mapping]
        if missing and 0 <= offset < mapped.size_bytes and mapped.protection & access:
            self.cite("MMAP-08")

    def msync(self, mapping: int, flags: int) -> int:
        """msync(2): a sync of the file behind it."""
        mapped = self._mapping(mapping, ENOMEM)
        if mapped.handle != NOT_MAPPED:
            self.kernel.msync(mapped.handle, flags)
        elif flags & ~_SYNC_FLAGS or (flags & MS_ASYNC and flags & MS_SYNC):
            raise Refused(EINVAL, "MMAP-06")
        if mapped.file is not None and mapped.shared and flags & MS_SYNC:
            # A private mapping has nothing that the file does not have.
            if mapped.file.inode.readonly:
                raise Refused(EPERM, "SYNC-07")
            self.cite("SYNC-07")
        return 0

    def mapping_path(self, mapping: int) -> str:
        """The name in the list of mappings: the one that the import has everywhere."""
        mapped = self._mapping(mapping, ENOENT)
        if mapped.file is None:
            return self.kernel.mapping_path(mapped.handle)
        self.cite("MMAP-09")
        return name_of(self, mapped.file.inode)

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
