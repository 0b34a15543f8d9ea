# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in regular files, files in memory and mappings."""

from __future__ import annotations

from conformance.systems.miniatures.base import PlantedBug
from reference.constants.limits import PAGE_SIZE
from reference.constants.open_flags import O_APPEND, O_EXCL, O_TRUNC
from reference.constants.signals import SIGXFSZ
from reference.constants.transfers import FALLOC_FL_KEEP_SIZE, SEEK_DATA, SEEK_END
from reference.linux.directory import DELETED
from reference.linux.kernel import Linux
from reference.linux.regular import RegularFile


class _NameKept(Linux):
    def mapping_path(self, mapping: int) -> str:
        return super().mapping_path(mapping).removesuffix(DELETED)


class _CutByDescriptor(Linux):
    def truncate_fd(self, fd: int, length: int) -> int:
        return self.ftruncate(fd, length)


class _LinksBelow(Linux):
    def readlinkat(self, fd: int, path: str) -> str:
        if path:
            return super().readlinkat(fd, path)
        return self.readlink_fd(fd)


class _NoAppend(Linux):
    def write(self, fd: int, data: bytes) -> int:
        description = self.fds.lookup(fd)
        kept, description.flags = description.flags, description.flags & ~O_APPEND
        try:
            return super().write(fd, data)
        finally:
            description.flags = kept


class _PositionalAppend(Linux):
    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        description = self.fds.entries.get(fd)
        if description is None:
            return super().pwrite(fd, data, offset)
        kept, description.flags = description.flags, description.flags & ~O_APPEND
        try:
            return super().pwrite(fd, data, offset)
        finally:
            description.flags = kept


class _EndPlusOne(Linux):
    def lseek(self, fd: int, offset: int, whence: int) -> int:
        position = super().lseek(fd, offset, whence)
        description = self.description(fd)
        if whence == SEEK_END and isinstance(description.object, RegularFile):
            description.offset = position = position + 1
        return position


class _HolesAreData(Linux):
    def lseek(self, fd: int, offset: int, whence: int) -> int:
        description = self.fds.lookup(fd)
        target = description.object
        if whence != SEEK_DATA or description.path_only or not isinstance(target, RegularFile):
            return super().lseek(fd, offset, whence)
        if not 0 <= offset < target.size():
            return super().lseek(fd, offset, whence)
        description.offset = offset
        return offset


class _TruncateMoves(Linux):
    def ftruncate(self, fd: int, length: int) -> int:
        result = super().ftruncate(fd, length)
        description = self.description(fd)
        description.offset = min(description.offset, length)
        return result


class _PreadMoves(Linux):
    def pread(self, fd: int, count: int, offset: int) -> bytes:
        data = super().pread(fd, count, offset)
        self.description(fd).offset += len(data)
        return data


class _BrightHoles(Linux):
    def read(self, fd: int, count: int) -> bytes:
        description = self.fds.lookup(fd)
        start = description.offset
        data = super().read(fd, count)
        target = description.object
        if not isinstance(target, RegularFile):
            return data
        pages = target.content.pages
        return bytes([byte if (start + place) // PAGE_SIZE in pages else 0xFF for place, byte in enumerate(data)])


class _KeepSizeGrows(Linux):
    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> int:
        return super().fallocate(fd, 0 if mode == FALLOC_FL_KEEP_SIZE else mode, offset, length)


class _SilentLimit(Linux):
    def ftruncate(self, fd: int, length: int) -> int:
        try:
            return super().ftruncate(fd, length)
        finally:
            if SIGXFSZ in self.signals:
                self.signals.remove(SIGXFSZ)


class _OpenWithout(Linux):
    """open(2) that does not know a flag."""

    unknown = 0

    def open(self, path: str, flags: int, mode: int) -> int:
        return super().open(path, flags & ~self.unknown, mode)


class _NoExclusive(_OpenWithout):
    unknown = O_EXCL


class _NoTruncate(Linux):
    def open(self, path: str, flags: int, mode: int) -> int:
        fd = super().open(path, flags & ~O_TRUNC, mode)
        if isinstance(self.fds.lookup(fd).object, RegularFile):
            return fd
        # What is no file is opened, or refused, as ever.
        self.close(fd)
        return super().open(path, flags, mode)


class _SealsForgotten(Linux):
    def write(self, fd: int, data: bytes) -> int:
        target = self.fds.lookup(fd).object
        if not isinstance(target, RegularFile) or not target.seals:
            return super().write(fd, data)
        kept, target.seals = target.seals, 0
        try:
            return super().write(fd, data)
        finally:
            target.seals = kept


class _PrivateShared(Linux):
    def store(self, mapping: int, offset: int, data: bytes) -> int:
        found = self._mappings.get(mapping)
        if found is None:
            return super().store(mapping, offset, data)
        kept, found.shared = found.shared, True
        try:
            return super().store(mapping, offset, data)
        finally:
            found.shared = kept


_FILE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\n'
_APPENDING = 'r0 = open("f", O_RDWR | O_CREAT | O_APPEND, 0o600)\n'
_BYTE = "ftruncate(r0, 1)\n"
_POSITION = "lseek(r0, 0, SEEK_CUR)\n"
_END = "lseek(r0, 0, SEEK_END)\n"

BUGS = (
    PlantedBug(
        "append-ignored",
        "files",
        "write(2) ignores O_APPEND.",
        "files",
        _APPENDING + 'lseek(r0, 2**21, SEEK_SET)\nwrite(r0, b"x")\n',
        _NoAppend,
    ),
    PlantedBug(
        "pwrite-where-asked",
        "files",
        "pwrite(2) of a file opened with O_APPEND writes where it was asked to.",
        "files",
        _APPENDING + 'pwrite(r0, b"x", 2**21)\n',
        _PositionalAppend,
    ),
    PlantedBug(
        "seek-end-plus-one",
        "files",
        "SEEK_END counts from one byte behind the end.",
        "files",
        _FILE + _END,
        _EndPlusOne,
    ),
    PlantedBug(
        "holes-are-data",
        "files",
        "SEEK_DATA finds data in holes.",
        "files",
        _FILE + _BYTE + "lseek(r0, 0, SEEK_DATA)\n",
        _HolesAreData,
    ),
    PlantedBug(
        "truncate-moves",
        "files",
        "ftruncate(2) moves a position that lies behind the new end.",
        "files",
        _FILE + 'write(r0, b"x")\nftruncate(r0, 0)\n' + _POSITION,
        _TruncateMoves,
    ),
    PlantedBug(
        "pread-moves",
        "files",
        "pread(2) moves the position.",
        "files",
        _FILE + _BYTE + "pread(r0, 1, 0)\n" + _POSITION,
        _PreadMoves,
    ),
    PlantedBug(
        "holes-are-bright",
        "files",
        "A hole is read as bytes 255.",
        "files",
        _FILE + _BYTE + "read(r0, 1)\n",
        _BrightHoles,
    ),
    PlantedBug(
        "keep-size-grows",
        "files",
        "fallocate(2) with FALLOC_FL_KEEP_SIZE makes the file larger.",
        "files",
        _FILE + "fallocate(r0, FALLOC_FL_KEEP_SIZE, 2**21, 1)\n",
        _KeepSizeGrows,
    ),
    PlantedBug(
        "cut-by-descriptor",
        "files",
        "truncate(2) of the link of a descriptor asks what the descriptor may do.",
        "files",
        'r0 = open("f", O_RDONLY | O_CREAT, 0o600)\ntruncate_fd(r0, 0)\n',
        _CutByDescriptor,
    ),
    PlantedBug(
        "links-everywhere",
        "files",
        "readlinkat(2) of an empty path reads the link of any descriptor.",
        "files",
        'r0 = open(".", O_RDONLY, 0o0)\nreadlinkat(r0, "")\n',
        _LinksBelow,
    ),
    PlantedBug(
        "size-limit-silent",
        "files",
        "ftruncate(2) beyond RLIMIT_FSIZE raises no SIGXFSZ.",
        "files",
        _FILE + "ftruncate(r0, 2**21 + 1)\n",
        _SilentLimit,
    ),
    PlantedBug(
        "exclusive-ignored",
        "files",
        "open(2) ignores O_EXCL.",
        "files",
        'open(".", O_RDONLY | O_CREAT | O_EXCL, 0o600)\n',
        _NoExclusive,
    ),
    PlantedBug(
        "truncate-on-open-ignored",
        "files",
        "open(2) ignores O_TRUNC.",
        "files",
        'r0 = open("f", O_WRONLY | O_CREAT, 0o600)\nftruncate(r0, 1)\n'
        'r1 = open("f", O_RDONLY | O_TRUNC, 0o600)\nfstat(r0)\n',
        _NoTruncate,
    ),
    PlantedBug(
        "write-seal-forgotten",
        "files",
        "F_SEAL_WRITE does not keep write(2) away.",
        "files",
        'r0 = memfd_create("f", MFD_ALLOW_SEALING)\nfcntl(r0, F_ADD_SEALS, F_SEAL_WRITE)\nwrite(r0, b"x")\n',
        _SealsForgotten,
    ),
    PlantedBug(
        "private-mapping-shared",
        "files",
        "A store into a private mapping changes the file.",
        "files",
        _FILE + _BYTE + 'm0 = mmap(r0, 1, PROT_WRITE, MAP_PRIVATE, 0)\nstore(m0, 0, b"x")\nread(r0, 1)\n',
        _PrivateShared,
    ),
    PlantedBug(
        "mapping-keeps-its-name",
        "files",
        "A mapping has no mark in the list when its file is deleted.",
        "files",
        _FILE + 'm0 = mmap(r0, 1, PROT_READ, MAP_SHARED, 0)\nunlink("f")\nmapping_path(m0)\n',
        _NameKept,
    ),
)
