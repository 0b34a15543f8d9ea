# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls that move data through an imported descriptor, and that move its offset."""

from __future__ import annotations

from reference.constants.errors import EBADF, EFAULT, EINVAL
from reference.constants.limits import IOV_MAX, LLONG_MAX, MAX_RW_COUNT
from reference.host.description import Description, WouldBlockError, check_direction
from reference.host.state import HostState
from reference.outcomes import Refused

ADDRESS_SPACE_BYTES = 2**47
"""A buffer that is longer than all of user memory cannot be a valid one (x86-64)."""
CURRENT_POSITION = -1
"""The offset of preadv2(2) and pwritev2(2) that stands for the file offset."""


class TransferCalls(HostState):
    """read(2), write(2), their vector and positional forms, lseek(2)."""

    # Reading ----------------------------------------------------------------------------------

    def read(self, fd: int, count: int) -> bytes:
        """read(2)."""
        file = self.found(fd)
        return self.kernel.read(fd, count) if file is None else self._read(fd, file, (self._single(count),), 0)

    def readv(self, fd: int, lengths: tuple[int, ...]) -> bytes:
        """readv(2)."""
        file = self.found(fd)
        return self.kernel.readv(fd, lengths) if file is None else self._read(fd, file, lengths, 0)

    def pread(self, fd: int, count: int, offset: int) -> bytes:
        """pread(2)."""
        file = self._positioned(fd, offset, "RD-18")
        if file is None:
            return self.kernel.pread(fd, count, offset)
        _check_span(offset, count, "RD-09")
        return self._read_at(fd, file, checked_lengths((self._single(count),)), offset, 0)

    def preadv2(self, fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        """preadv2(2); offset -1 is the file offset."""
        file = self._positioned(fd, offset, "RD-18", CURRENT_POSITION)
        if file is None:
            return self.kernel.preadv2(fd, lengths, offset, flags)
        if offset == CURRENT_POSITION:
            return self._read(fd, file, lengths, flags)
        _check_offset(offset, "RD-18")
        return self._read_at(fd, file, checked_lengths(lengths), offset, flags)

    def _read(self, fd: int, file: Description, lengths: tuple[int, ...], flags: int) -> bytes:
        lengths = checked_lengths(lengths)
        check_direction(file.readable, file.direction_clause)
        self._cite_unasked(file)
        try:
            data = file.read(fd, lengths, flags)
        except WouldBlockError:
            raise file.would_block() from None
        if not data and any(lengths):
            self.cite("LAY-05")
        return data

    def _read_at(self, fd: int, file: Description, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        file.check_positional()
        if not file.readable and not file.inode.seekable:
            self.cite("RD-17")
        check_direction(file.readable, file.direction_clause)
        return file.read_at(fd, lengths, offset, flags)

    # Writing ----------------------------------------------------------------------------------

    def write(self, fd: int, data: bytes) -> int:
        """write(2)."""
        file = self.found(fd)
        return self.kernel.write(fd, data) if file is None else self._write(fd, file, (data,), 0)

    def writev(self, fd: int, buffers: tuple[bytes, ...]) -> int:
        """writev(2)."""
        file = self.found(fd)
        return self.kernel.writev(fd, buffers) if file is None else self._write(fd, file, buffers, 0)

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """pwrite(2)."""
        file = self._positioned(fd, offset, "WR-18")
        if file is None:
            return self.kernel.pwrite(fd, data, offset)
        _check_span(offset, len(data), "WR-18")
        return self._write_at(fd, file, (data,), offset, 0)

    def pwritev2(self, fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        """pwritev2(2); offset -1 is the file offset."""
        file = self._positioned(fd, offset, "WR-18", CURRENT_POSITION)
        if file is None:
            return self.kernel.pwritev2(fd, buffers, offset, flags)
        if offset == CURRENT_POSITION:
            return self._write(fd, file, buffers, flags)
        _check_offset(offset, "WR-18")
        return self._write_at(fd, file, buffers, offset, flags)

    def _write(self, fd: int, file: Description, buffers: tuple[bytes, ...], flags: int) -> int:
        checked_lengths(tuple([len(buffer) for buffer in buffers]))
        check_direction(file.writable, file.direction_clause)
        self._cite_unasked(file)
        return self.limited(lambda: self._written(fd, file, buffers, flags))

    def _written(self, fd: int, file: Description, buffers: tuple[bytes, ...], flags: int) -> int:
        """Write until the host takes no more; a call that has moved something returns what it moved (LAY-08)."""
        taken = 0
        while True:
            try:
                return taken + file.write(fd, buffers, flags)
            except WouldBlockError as stop:
                taken += stop.moved
                if not taken:
                    raise file.would_block() from None
                if file.nonblocking or not stop.moved:
                    self.cite("LAY-08")
                    return taken
                self.cite("WR-14")
                buffers = (b"".join(buffers)[stop.moved :],)

    def _write_at(self, fd: int, file: Description, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        checked_lengths(tuple([len(buffer) for buffer in buffers]))
        file.check_positional()
        if not file.writable and not file.inode.seekable:
            self.cite("WR-01")
        check_direction(file.writable, file.direction_clause)
        return self.limited(lambda: file.write_at(fd, buffers, offset, flags))

    def _cite_unasked(self, file: Description) -> None:
        """A virtual mode may have become one that would not let the caller open; it is not looked at again."""
        if file.inode.owner is not None:
            self.cite("PERM-08")

    def _positioned(self, fd: int, offset: int, clause: str, lowest: int = 0) -> Description | None:
        """The description behind a number, which is looked up before the offset is looked at; None for the host's own.

        A closed number is the sandbox's own where an import was the last that it meant.
        """
        file = self.found(fd)
        if offset < 0 and file is not None:
            self.cite(clause)
        if offset < lowest and file is None and fd in self.left and not self.is_open(fd):
            raise Refused(EBADF, clause)
        return file

    def _single(self, count: int) -> int:
        """How much of a single buffer a call uses: cut before its address is looked at, unlike one of a vector."""
        if count >= ADDRESS_SPACE_BYTES:
            self.cite("LAY-11")
        return min(count, MAX_RW_COUNT)

    # Position ---------------------------------------------------------------------------------

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """lseek(2)."""
        file = self.imported(fd)
        return self.kernel.lseek(fd, offset, whence) if file is None else file.seek(fd, offset, whence)


def checked_lengths(lengths: tuple[int, ...]) -> tuple[int, ...]:
    """The lengths of a vector as one call serves them. EINVAL, EFAULT."""
    if len(lengths) > IOV_MAX or any(length < 0 for length in lengths):
        raise Refused(EINVAL, "LAY-01")
    if any(length >= ADDRESS_SPACE_BYTES for length in lengths):
        raise Refused(EFAULT, "LAY-11")
    room = MAX_RW_COUNT
    cut = []
    for length in lengths:
        cut.append(min(length, room))
        room -= cut[-1]
    return tuple(cut)


def _check_offset(offset: int, clause: str) -> None:
    """EINVAL for a negative offset. Whether a vector goes past the largest one, is left to the host."""
    if offset < 0:
        raise Refused(EINVAL, clause)


def _check_span(offset: int, count: int, clause: str) -> None:
    """EINVAL for a negative offset, and for bytes past the largest offset."""
    if offset < 0 or offset + count > LLONG_MAX:
        raise Refused(EINVAL, clause)
