# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that move data through a descriptor, and that move its position.

Here are the checks that every kind of object shares, in the order in which Linux makes them:
the offset as a number, the descriptor, whether the object has positions, the access mode, the vector,
whether position and count stay below 2**63, the RWF flags.
What is left is the object's own: see :class:`~reference.linux.objects.FileObject`.

A call with one buffer reaches the object even when it moves nothing;
a call with a vector returns 0 before that when the vector holds nothing.
"""

from __future__ import annotations

from reference.constants.errors import EBADF, EFAULT, EINVAL, EOPNOTSUPP, ESPIPE
from reference.constants.limits import IOV_MAX, LLONG_MAX, MAX_RW_COUNT
from reference.constants.transfers import (
    RWF_APPEND,
    RWF_ATOMIC,
    RWF_DONTCACHE,
    RWF_DSYNC,
    RWF_HIPRI,
    RWF_NOAPPEND,
    RWF_NOSIGNAL,
    RWF_NOWAIT,
    RWF_SYNC,
    SEEK_HOLE,
)
from reference.linux.description import OpenFileDescription
from reference.linux.releases import ATOMIC_SINCE, DONTCACHE_SINCE, LENGTHS_LATER_SINCE, NOAPPEND_SINCE, NOSIGNAL_SINCE
from reference.linux.state import KernelState
from reference.outcomes import Refused

ADDRESS_SPACE_BYTES = 2**47
"""A buffer that is longer than all of user memory cannot be a valid one (x86-64)."""

CURRENT_POSITION = -1
"""The offset of preadv2(2) and pwritev2(2) that stands for the file offset."""

_RWF_KNOWN = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND
_RWF_KNOWN_SINCE = (
    (RWF_NOAPPEND, NOAPPEND_SINCE),
    (RWF_ATOMIC, ATOMIC_SINCE),
    (RWF_DONTCACHE, DONTCACHE_SINCE),
    (RWF_NOSIGNAL, NOSIGNAL_SINCE),
)


def _check_span(description: OpenFileDescription, position: int, count: int) -> None:
    """EINVAL when an object with positions would be asked for bytes past the largest offset."""
    if position + count > LLONG_MAX and description.object.seekable:
        raise Refused(EINVAL, "XFER-SPAN")


def _check_flags(description: OpenFileDescription, flags: int, writing: bool) -> None:
    """The RWF flags of preadv2(2) and pwritev2(2), against what the object offers."""
    if not flags:
        return
    target = description.object
    if not (target.vector_writes if writing else target.vectors):
        if flags & ~RWF_HIPRI:
            raise Refused(EOPNOTSUPP, "XFER-FLAGS-PIECEWISE")
        return
    kernel = target.kernel.profile.kernel
    known = _RWF_KNOWN
    for flag, since in _RWF_KNOWN_SINCE:
        known |= flag if kernel >= since else 0
    if flags & ~known:
        raise Refused(EOPNOTSUPP, "XFER-FLAGS")
    if flags & RWF_APPEND and flags & RWF_NOAPPEND:
        raise Refused(EINVAL, "XFER-FLAGS-APPEND")
    if flags & RWF_NOWAIT and not target.offers_nowait(description):
        raise Refused(EOPNOTSUPP, "XFER-FLAGS-NOWAIT")
    if flags & RWF_ATOMIC and not (writing and target.offers_atomic_write(description)):
        raise Refused(EOPNOTSUPP, "XFER-FLAGS-ATOMIC")
    if flags & RWF_DONTCACHE and not target.uncached:
        raise Refused(EOPNOTSUPP, "XFER-FLAGS-DONTCACHE")


def check_lengths(lengths: tuple[int, ...]) -> int:
    """The bytes that a vector asks for, at most the most that one call moves."""
    if len(lengths) > IOV_MAX:
        raise Refused(EINVAL, "XFER-IOV-MAX")
    if lengths and min(lengths) < 0:
        raise Refused(EINVAL, "XFER-IOV-NEGATIVE")
    if len(lengths) > 1 and max(lengths) >= ADDRESS_SPACE_BYTES:
        raise Refused(EFAULT, "XFER-IOV-FAULT")
    return min(sum(lengths), MAX_RW_COUNT)


class TransferCalls(KernelState):
    """read(2), write(2), their vector and positional forms, lseek(2)."""

    # One buffer -------------------------------------------------------------------------------

    def read(self, fd: int, count: int) -> bytes:
        """read(2)."""
        # RESOLVE
        description = self._readable(self.description(fd))
        # CHECK
        count = self._count(description, count, description.object.starts_at(description))
        # CHANGE
        return description.object.read(description, count)

    def write(self, fd: int, data: bytes) -> int:
        """write(2)."""
        # RESOLVE
        description = self._writable(self.description(fd))
        # CHECK
        _check_span(description, description.object.starts_at(description), len(data))
        # CHANGE
        return description.object.write(description, data)

    def pread(self, fd: int, count: int, offset: int) -> bytes:
        """pread(2)."""
        # RESOLVE
        description = self._readable(self._positional(fd, offset))
        # CHECK
        count = self._count(description, count, offset)
        # CHANGE
        return description.object.read_at(description, count, offset)

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """pwrite(2)."""
        # RESOLVE
        description = self._writable(self._positional(fd, offset))
        # CHECK
        _check_span(description, offset, len(data))
        # CHANGE
        return description.object.write_at(description, data, offset)

    # Vectors ----------------------------------------------------------------------------------

    def readv(self, fd: int, lengths: tuple[int, ...]) -> bytes:
        """readv(2)."""
        return self._read_vector(self.description(fd), lengths, 0)

    def writev(self, fd: int, buffers: tuple[bytes, ...]) -> int:
        """writev(2)."""
        return self._write_vector(self.description(fd), buffers, 0)

    def preadv2(self, fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        """preadv2(2)."""
        if offset == CURRENT_POSITION:
            self.cite("XFER-CURRENT")
            return self._read_vector(self.description(fd), lengths, flags)
        # RESOLVE
        description = self._positional(fd, offset)
        self._look_at_lengths(lengths)
        self._readable(description)
        # CHECK
        if not self._vector_asks(description, lengths, offset):
            return b""
        _check_flags(description, flags, writing=False)
        # CHANGE
        return description.object.read_vector_at(description, lengths, offset, flags)

    def pwritev2(self, fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        """pwritev2(2)."""
        if offset == CURRENT_POSITION:
            self.cite("XFER-CURRENT")
            return self._write_vector(self.description(fd), buffers, flags)
        # RESOLVE
        description = self._positional(fd, offset)
        self._look_at_lengths(tuple(map(len, buffers)))
        self._writable(description)
        # CHECK
        if not self._vector_asks(description, tuple([len(buffer) for buffer in buffers]), offset):
            return 0
        _check_flags(description, flags, writing=True)
        # CHANGE
        return description.object.write_vector_at(description, buffers, offset, flags)

    def _read_vector(self, description: OpenFileDescription, lengths: tuple[int, ...], flags: int) -> bytes:
        # CHECK
        self._look_at_lengths(lengths)
        self._readable(description)
        if not self._vector_asks(description, lengths, description.object.starts_at(description)):
            return b""
        _check_flags(description, flags, writing=False)
        # CHANGE
        return description.object.read_vector(description, lengths, flags)

    def _write_vector(self, description: OpenFileDescription, buffers: tuple[bytes, ...], flags: int) -> int:
        # CHECK
        self._look_at_lengths(tuple(map(len, buffers)))
        self._writable(description)
        lengths = tuple([len(buffer) for buffer in buffers])
        if not self._vector_asks(description, lengths, description.object.starts_at(description)):
            return 0
        _check_flags(description, flags, writing=True)
        # CHANGE
        return description.object.write_vector(description, buffers, flags)

    # Position ---------------------------------------------------------------------------------

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """lseek(2)."""
        # RESOLVE
        description = self.description(fd)
        # CHECK
        if not 0 <= whence <= SEEK_HOLE:
            raise Refused(EINVAL, "SEEK-WHENCE")
        # CHANGE
        return description.object.seek(description, offset, whence)

    # Checks that need the descriptor ----------------------------------------------------------

    def _positional(self, fd: int, offset: int) -> OpenFileDescription:
        """The description that a positional call works on."""
        if offset < 0:
            raise Refused(EINVAL, "XFER-OFFSET")
        description = self.description(fd)
        if not description.object.seekable:
            raise Refused(ESPIPE, "OBJ-POSITION")
        return description

    def _readable(self, description: OpenFileDescription) -> OpenFileDescription:
        if not description.readable:
            raise Refused(EBADF, "XFER-ACCESS")
        if not description.object.transfers:
            raise Refused(EINVAL, "OBJ-READ")
        return description

    def _writable(self, description: OpenFileDescription) -> OpenFileDescription:
        if not description.writable:
            raise Refused(EBADF, "XFER-ACCESS")
        if not description.object.transfers:
            raise Refused(EINVAL, "OBJ-WRITE")
        return description

    def _count(self, description: OpenFileDescription, count: int, position: int) -> int:
        """The count of a read as one call serves it."""
        if not 0 <= count < ADDRESS_SPACE_BYTES:
            raise Refused(EFAULT, "XFER-FAULT")
        _check_span(description, position, count)
        if count > MAX_RW_COUNT:
            self.cite("XFER-COUNT-MAX")
            return MAX_RW_COUNT
        return count

    def _look_at_lengths(self, lengths: tuple[int, ...]) -> None:
        """Refuse a vector that is not valid before the access mode is looked at, on kernels that do."""
        if self.profile.kernel < LENGTHS_LATER_SINCE:
            check_lengths(lengths)

    def _vector_asks(self, description: OpenFileDescription, lengths: tuple[int, ...], position: int) -> bool:
        """Whether a vector that is valid asks for anything at all."""
        total = check_lengths(lengths)
        if not total:
            self.cite("XFER-IOV-EMPTY")
            return False
        _check_span(description, position, total)
        return True
