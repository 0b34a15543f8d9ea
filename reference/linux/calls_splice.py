# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that move data between two descriptors: splice(2), tee(2), vmsplice(2), sendfile(2), copy_file_range(2).

Here are the checks, in the order in which Linux makes them, which differs from call to call.
How the data moves is in :mod:`reference.linux.splicing`.
"""

from __future__ import annotations

from reference.constants.errors import EBADF, EFBIG, EINVAL, EISDIR, EOVERFLOW, ESPIPE, EXDEV
from reference.constants.limits import LLONG_MAX, MAX_RW_COUNT, PAGE_SIZE, SIZE_MAX, UINT_MAX
from reference.constants.open_flags import O_APPEND
from reference.constants.signals import SIGXFSZ
from reference.constants.transfers import SPLICE_F_GIFT, SPLICE_F_MORE, SPLICE_F_MOVE, SPLICE_F_NONBLOCK
from reference.linux.calls_transfer import CURRENT_POSITION, check_lengths
from reference.linux.description import OpenFileDescription
from reference.linux.directory import Directory
from reference.linux.inode import Inode
from reference.linux.pipe import PipeEnds
from reference.linux.regular import RegularFile
from reference.linux.releases import SPLICE_SPAN_FIRST_SINCE
from reference.linux.ring import Ring
from reference.linux.splicing import discard, drain, fill, move_slots, offered, send_through, share_slots, wait_for_room
from reference.linux.state import KernelState
from reference.outcomes import Refused

_SPLICE_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT


def _ring_of(description: OpenFileDescription) -> Ring | None:
    """The ring of a pipe or FIFO; None for what is neither."""
    target = description.object
    return target.ring if isinstance(target, PipeEnds) else None


def _check_span(position: int, count: int) -> None:
    """Refuse a range that begins below zero or ends past the largest offset."""
    if count > LLONG_MAX or position < 0 or position + count > LLONG_MAX:
        raise Refused(EINVAL, "SPLICE-SPAN")


def _start(description: OpenFileDescription, offset: int) -> int:
    """Where a transfer begins: at the offset given, else at the position of the description."""
    return description.object.starts_at(description) if offset == CURRENT_POSITION else offset


def _behind(description: OpenFileDescription, offset: int, position: int) -> int:
    """Keep the position behind a transfer where it belongs, and say what the caller's offset has become."""
    if offset != CURRENT_POSITION:
        return position
    description.offset = position
    return CURRENT_POSITION


class SpliceCalls(KernelState):
    """splice(2), tee(2), vmsplice(2), sendfile(2), copy_file_range(2)."""

    # splice -------------------------------------------------------------------------------------

    def splice(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        """splice(2)."""
        # CHECK
        length &= SIZE_MAX
        if not length:
            self.cite("SPLICE-NOTHING")
            return 0, off_in, off_out
        self._check_flags(flags)
        # RESOLVE
        source, target = self.description(fd_in), self.description(fd_out)
        # CHECK
        for description, offset in ((source, off_in), (target, off_out)):
            self._enter_pipe(description, offset)
        self._check_access(source, target)
        # CHANGE
        nonblocking = bool(flags & SPLICE_F_NONBLOCK)
        ring_in, ring_out = _ring_of(source), _ring_of(target)
        if ring_in is not None and ring_out is not None:
            if ring_in is ring_out:
                raise Refused(EINVAL, "SPLICE-SAME-PIPE")
            nonblocking = nonblocking or source.nonblocking or target.nonblocking
            return move_slots(self, ring_in, ring_out, length, nonblocking), off_in, off_out
        if ring_in is not None:
            return self._splice_out(ring_in, target, off_out, length, nonblocking or source.nonblocking)
        if ring_out is not None:
            return self._splice_in(source, off_in, ring_out, length, nonblocking or target.nonblocking)
        raise Refused(EINVAL, "SPLICE-NO-PIPE")

    def _splice_out(
        self, ring: Ring, target: OpenFileDescription, offset: int, length: int, nonblocking: bool
    ) -> tuple[int, int, int]:
        """From a pipe to another object."""
        # CHECK
        self._check_offset(target, offset)
        if target.flags & O_APPEND:
            raise Refused(EINVAL, "SPLICE-APPEND")
        position = _start(target, offset)
        _check_span(position, length)
        # CHANGE
        moved, position = drain(self, ring, target, position, length, nonblocking)
        # RETURN
        return moved, CURRENT_POSITION, _behind(target, offset, position)

    def _splice_in(
        self, source: OpenFileDescription, offset: int, ring: Ring, length: int, nonblocking: bool
    ) -> tuple[int, int, int]:
        """From another object into a pipe."""
        # CHECK
        self._check_offset(source, offset)
        position = _start(source, offset)
        if self.profile.kernel < SPLICE_SPAN_FIRST_SINCE:
            length = min(length, ring.room * PAGE_SIZE)
        _check_span(position, length)
        # CHANGE
        moved, position = fill(self, source, ring, position, length, nonblocking)
        # RETURN
        return moved, _behind(source, offset, position), CURRENT_POSITION

    def _check_flags(self, flags: int) -> None:
        if flags & UINT_MAX & ~_SPLICE_FLAGS:
            raise Refused(EINVAL, "SPLICE-FLAGS")

    def _check_access(self, source: OpenFileDescription, target: OpenFileDescription) -> None:
        if not source.readable or not target.writable:
            raise Refused(EBADF, "SPLICE-ACCESS")

    def _enter_pipe(self, description: OpenFileDescription, offset: int) -> None:
        """A pipe takes no offset. One that is spliced offers RWF_NOWAIT no longer: a splice may hold it for long."""
        if _ring_of(description) is not None:
            if offset != CURRENT_POSITION:
                raise Refused(ESPIPE, "SPLICE-PIPE-OFFSET")
            self._forget_nowait(description)

    def _forget_nowait(self, description: OpenFileDescription) -> None:
        if description.nowait:
            self.cite("SPLICE-NOWAIT-LOST")
            description.nowait = False

    def _check_offset(self, description: OpenFileDescription, offset: int) -> None:
        if offset != CURRENT_POSITION and not description.object.seekable:
            raise Refused(EINVAL, "SPLICE-OFFSET")

    # tee and vmsplice ---------------------------------------------------------------------------

    def tee(self, fd_in: int, fd_out: int, length: int, flags: int) -> int:
        """tee(2)."""
        # CHECK
        self._check_flags(flags)
        length &= SIZE_MAX
        if not length:
            self.cite("TEE-NOTHING")
            return 0
        # RESOLVE
        source, target = self.description(fd_in), self.description(fd_out)
        # CHECK
        self._check_access(source, target)
        ring_in, ring_out = _ring_of(source), _ring_of(target)
        if ring_in is None or ring_out is None or ring_in is ring_out:
            raise Refused(EINVAL, "TEE-TWO-PIPES")
        # CHANGE
        nonblocking = bool(flags & SPLICE_F_NONBLOCK) or source.nonblocking or target.nonblocking
        return share_slots(self, ring_in, ring_out, length, nonblocking)

    def vmsplice(self, fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        """vmsplice(2)."""
        # CHECK
        self._check_flags(flags)
        # RESOLVE
        description = self.description(fd)
        # CHECK
        if not description.readable and not description.writable:
            raise Refused(EBADF, "SPLICE-ACCESS")
        count = check_lengths(tuple([len(buffer) for buffer in buffers]))
        if not count:
            self.cite("VMSPLICE-NOTHING")
            return 0
        ring = _ring_of(description)
        if ring is None:
            raise Refused(EBADF, "VMSPLICE-PIPE")
        self._forget_nowait(description)
        # CHANGE
        nonblocking = bool(flags & SPLICE_F_NONBLOCK)
        if not description.writable:
            self.cite("VMSPLICE-READS")
            return discard(self, ring, count, nonblocking)
        wait_for_room(self, ring, nonblocking)
        self.cite("VMSPLICE-PAGES")
        moved = ring.add(offered(buffers))
        ring.read_queue.wake(0)
        # RETURN
        return moved

    # sendfile -----------------------------------------------------------------------------------

    def sendfile(self, out_fd: int, in_fd: int, offset: int, count: int) -> tuple[int, int]:
        """sendfile(2)."""
        # RESOLVE
        source = self.description(in_fd)
        # CHECK
        count &= SIZE_MAX
        if not source.readable:
            raise Refused(EBADF, "SPLICE-ACCESS")
        if offset != CURRENT_POSITION and not source.object.seekable:
            raise Refused(ESPIPE, "SENDFILE-OFFSET")
        position = _start(source, offset)
        _check_span(position, count)
        count = min(count, MAX_RW_COUNT)
        # RESOLVE
        target = self.description(out_fd)
        # CHECK
        if not target.writable:
            raise Refused(EBADF, "SPLICE-ACCESS")
        count = self._within_largest(source, target, position, count)
        # CHANGE
        ring = _ring_of(target)
        if ring is not None:
            moved, position = fill(self, source, ring, position, count, target.nonblocking)
        else:
            _check_span(target.offset, count)
            moved, position, target_position = send_through(self, source, position, target, target.offset, count)
            if moved:
                target.offset = target_position
        # RETURN
        return moved, _behind(source, offset, position)

    def _within_largest(
        self, source: OpenFileDescription, target: OpenFileDescription, position: int, count: int
    ) -> int:
        """What of a count lies below the largest file of both file systems."""
        largest = min(
            [
                description.object.filesystem.file_size_bytes_max
                for description in (source, target)
                if isinstance(description.object, Inode)
            ],
            default=LLONG_MAX,
        )
        if position + count <= largest:
            return count
        if position >= largest:
            raise Refused(EOVERFLOW, "SENDFILE-LARGEST")
        return largest - position

    # copy_file_range ----------------------------------------------------------------------------

    def copy_file_range(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        """copy_file_range(2)."""
        # RESOLVE
        source, target = self.description(fd_in), self.description(fd_out)
        # CHECK
        if flags & UINT_MAX:
            raise Refused(EINVAL, "COPYRANGE-FLAGS")
        file_in, file_out = self._check_files(source, target)
        position, target_position = _start(source, off_in), _start(target, off_out)
        length = self._copyable(file_in, position, file_out, target_position, length & SIZE_MAX)
        _check_span(position, length)
        _check_span(target_position, length)
        if not length:
            self.cite("COPYRANGE-NOTHING")
            return 0, off_in, off_out
        # CHANGE
        length = min(length, MAX_RW_COUNT)
        moved, position, target_position = send_through(self, source, position, target, target_position, length)
        # RETURN
        return moved, _behind(source, off_in, position), _behind(target, off_out, target_position)

    def _check_files(self, source: OpenFileDescription, target: OpenFileDescription) -> tuple[RegularFile, RegularFile]:
        """The two files of copy_file_range(2), when they are files, open for it, and of one file system."""
        file_in, file_out = source.object, target.object
        if isinstance(file_in, Directory) or isinstance(file_out, Directory):
            raise Refused(EISDIR, "COPYRANGE-DIRECTORY")
        if not isinstance(file_in, RegularFile) or not isinstance(file_out, RegularFile):
            raise Refused(EINVAL, "COPYRANGE-REGULAR")
        if not source.readable or not target.writable or target.flags & O_APPEND:
            raise Refused(EBADF, "COPYRANGE-ACCESS")
        if file_in.filesystem is not file_out.filesystem:
            raise Refused(EXDEV, "COPYRANGE-FILESYSTEMS")
        return file_in, file_out

    def _copyable(
        self, file_in: RegularFile, position: int, file_out: RegularFile, target_position: int, length: int
    ) -> int:
        """How much of a range there is to copy. Ranges are compared as numbers without sign."""
        if (position & SIZE_MAX) + length > SIZE_MAX or (target_position & SIZE_MAX) + length > SIZE_MAX:
            raise Refused(EOVERFLOW, "COPYRANGE-OVERFLOW")
        length = min(length, max(file_in.size() - position, 0))
        limit = self.file_size_bytes_max
        if target_position >= limit:
            self.signals.append(SIGXFSZ)
            raise Refused(EFBIG, "FILE-LIMIT")
        length = min(length, limit - target_position)
        if file_in is file_out and position < target_position + length and target_position < position + length:
            raise Refused(EINVAL, "COPYRANGE-OVERLAP")
        return length
