# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The splice family on imported descriptors (section 18 of the specification).

A pipe that was not imported is a pipe like any of the sandbox's own; one that was, is a file that does not seek.
"""

from __future__ import annotations

from reference.constants.descriptors import F_GETFL, F_GETPIPE_SZ
from reference.constants.errors import EAGAIN, EBADF, EINTR, EINVAL, ENOSYS, ESPIPE
from reference.constants.file_status import S_IFMT, S_IFREG, S_IFSOCK
from reference.constants.limits import LLONG_MAX, MAX_RW_COUNT, SIZE_MAX
from reference.constants.open_flags import O_ACCMODE, O_APPEND, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.transfers import (
    SEEK_CUR,
    SEEK_SET,
    SPLICE_F_GIFT,
    SPLICE_F_MORE,
    SPLICE_F_MOVE,
    SPLICE_F_NONBLOCK,
)
from reference.host.description import Description, WouldBlockError
from reference.host.pipe_contents import discard, has_writers, offered, peeked
from reference.host.state import HostState
from reference.outcomes import Refused, Sleeps

_SPLICE_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT
PIECE_BYTES = 2**16
"""What sendfile(2) reads at once: as much as a pipe holds."""
NO_OFFSET = -1
"""An offset that is not given: the position of the descriptor counts."""


class SpliceCalls(HostState):
    """splice, tee, vmsplice, sendfile, copy_file_range."""

    def splice(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        """splice(2) between a pipe and an import: the host moves the data, at the sandbox's offsets."""
        source, target = self.found(fd_in), self.found(fd_out)
        if source is None and target is None:
            return self.kernel.splice(fd_in, off_in, fd_out, off_out, length, flags)
        self.cite("SPL-02")
        if not length:
            return 0, off_in, off_out
        self._check_arguments(length, flags, "SPL-02")
        self._check_directions(fd_in, fd_out, "LAY-03")
        if not any(file is None and self._is_pipe(fd) for file, fd in ((source, fd_in), (target, fd_out))):
            raise Refused(EINVAL, "SPL-01")
        for file, offset in ((source, off_in), (target, off_out)):
            if offset != NO_OFFSET:
                _check_offset(file, offset)
        if target is not None:
            return self._splice_out(fd_in, fd_out, target, off_out, length, flags)
        assert source is not None
        return self._splice_in(fd_in, source, off_in, fd_out, length, flags)

    def _splice_out(
        self, fd_in: int, fd_out: int, target: Description, offset: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        """Into an import: what the pipe holds is written, and what was taken leaves the pipe.

        A write of nothing is made as well, for what else it does.
        """
        data = peeked(self.kernel, fd_in, length)
        ends = not data and not has_writers(self.kernel, fd_in)
        try:
            taken = self.limited(lambda: _written(fd_out, target, data, offset))
        except WouldBlockError as stop:
            taken = stop.moved
        if not taken and not ends:
            raise self._would_block(fd_in, target, flags)
        discard(self.kernel, fd_in, taken)
        return taken, NO_OFFSET, offset if offset == NO_OFFSET else offset + taken

    def _splice_in(
        self, fd_in: int, source: Description, offset: int, fd_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        """Out of an import: the host moves the data, from the sandbox's offset, and never waits."""
        if offset != NO_OFFSET and not source.inode.seekable:
            source.read_at(fd_in, (1,), offset, 0)
        source.check_reader()
        kept = self._put_kept(source, fd_out, length)
        try:
            moved, after, _ = self.kernel.splice(
                fd_in, _start(source, offset), fd_out, NO_OFFSET, length - kept, flags | SPLICE_F_NONBLOCK
            )
        except OSError as error:
            if kept:
                return kept, NO_OFFSET, NO_OFFSET
            if error.errno == EAGAIN:
                raise self._would_block(fd_out, source, flags) from None
            if error.errno != EINVAL or not self._is_at_its_end(fd_in, source, offset):
                raise
            moved, after = 0, _start(source, offset)
        return kept + moved, _behind(source, offset, after, moved), NO_OFFSET

    def _put_kept(self, source: Description, fd_out: int, length: int) -> int:
        """Bytes that a save kept come first (RD-11), as far as the pipe has room. How many they were."""
        kept = source.inode.take_saved(length)
        put = offered(self.kernel, fd_out, kept) if kept else 0
        source.inode.saved = kept[put:] + source.inode.saved
        return put

    def _is_at_its_end(self, fd: int, source: Description, offset: int) -> bool:
        """Whether a device that the host cannot splice from has no bytes anyway."""
        return source.inode.seekable and not source.read_at(fd, (1,), _start(source, offset), 0)

    def _would_block(self, pipe: int, file: Description, flags: int) -> Exception:
        """How a call ends that can only wait: with EAGAIN where either side, or the call, is not to wait."""
        own = self.kernel.fcntl(pipe, F_GETFL)
        if flags & SPLICE_F_NONBLOCK or (own | file.flags) & O_NONBLOCK:
            return Refused(EAGAIN, "SPL-02")
        return Sleeps("SPL-02")

    def _check_arguments(self, length: int, flags: int, clause: str) -> None:
        """EINVAL for a length that is none, and for unknown flags. No length at all has ended the call before."""
        if _signed(length) < 0 or flags & ~_SPLICE_FLAGS:
            raise Refused(EINVAL, clause)

    def _check_directions(self, fd_in: int, fd_out: int, clause: str) -> None:
        """EBADF unless the one may be read and the other written."""
        if not self._directions(fd_in)[0] or not self._directions(fd_out)[1]:
            raise Refused(EBADF, clause)

    def _directions(self, fd: int) -> tuple[bool, bool]:
        """Whether a descriptor may be read, and whether it may be written: neither, where the number is not open."""
        file = self.files.get(fd)
        if file is not None:
            return file.readable, file.writable
        if not self.is_open(fd):
            return False, False
        flags = self.kernel.fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH)
        return flags in (O_RDONLY, O_RDWR), flags in (O_WRONLY, O_RDWR)

    def _is_pipe(self, fd: int) -> bool:
        try:
            self.kernel.fcntl(fd, F_GETPIPE_SZ)
        except OSError:
            return False
        return True

    def tee(self, fd_in: int, fd_out: int, length: int, flags: int) -> int:
        """tee(2): both ends must be pipes of the sandbox's own."""
        if fd_in not in self.files and fd_out not in self.files:
            return self.kernel.tee(fd_in, fd_out, length, flags)
        self.cite("SPL-01")
        if not length:
            return 0
        self._check_arguments(length, flags, "SPL-01")
        self._check_directions(fd_in, fd_out, "LAY-03")
        raise Refused(EINVAL, "SPL-01")

    def vmsplice(self, fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        """vmsplice(2): the sandbox has none."""
        if fd in self.files:
            raise Refused(ENOSYS, "SPL-06")
        return self.kernel.vmsplice(fd, buffers, flags)

    def copy_file_range(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        """copy_file_range(2): the sandbox has none."""
        if fd_in in self.files or fd_out in self.files:
            raise Refused(ENOSYS, "SPL-06")
        return self.kernel.copy_file_range(fd_in, off_in, fd_out, off_out, length, flags)

    # sendfile ---------------------------------------------------------------------------------

    def sendfile(self, out_fd: int, in_fd: int, offset: int, count: int) -> tuple[int, int]:
        """sendfile(2): from a regular file, at the sandbox's offset where the source was imported."""
        source, target = self.found(in_fd), self.found(out_fd)
        if source is None and target is None:
            return self.kernel.sendfile(out_fd, in_fd, offset, count)
        if not self._directions(in_fd)[0]:
            raise Refused(EBADF, "SPL-03")
        if not self._directions(out_fd)[1]:
            raise Refused(EBADF, "SPL-04")
        if target is not None and target.flags & O_APPEND:
            raise Refused(EINVAL, "SPL-04")
        status = self.kernel.fstat(in_fd) if source is None else source.inode.stat(in_fd)
        if status.mode & S_IFMT != S_IFREG:
            raise Refused(EINVAL, "SPL-03")
        count = _signed(count)
        if count < 0 or (offset != NO_OFFSET and not 0 <= offset <= LLONG_MAX - count):
            raise Refused(EINVAL, "SPL-05")
        self.cite("SPL-05")
        if not count:
            return 0, offset
        if source is not None and source.path_only:
            raise Refused(EBADF, "OPN-10")
        count = min(count, MAX_RW_COUNT)
        if target is not None:
            return self._copied(out_fd, target, in_fd, offset, count)
        assert source is not None
        moved, after = self.kernel.sendfile(out_fd, in_fd, _start(source, offset), count)
        return moved, _behind(source, offset, after, moved)

    def _copied(self, out_fd: int, target: Description, in_fd: int, offset: int, count: int) -> tuple[int, int]:
        """Into an import: by reading and writing. What was read and not written is not passed over."""
        source = self.files.get(in_fd)
        begin = offset
        if offset == NO_OFFSET:
            begin = source.offset if source is not None else self.kernel.lseek(in_fd, 0, SEEK_CUR)
        moved = self.limited(lambda: self._pieces_copied(out_fd, target, in_fd, begin, count))
        if offset != NO_OFFSET:
            return moved, offset + moved
        if source is not None:
            source.offset += moved
        else:
            self.kernel.lseek(in_fd, begin + moved, SEEK_SET)
        return moved, NO_OFFSET

    def _pieces_copied(self, out_fd: int, target: Description, in_fd: int, begin: int, count: int) -> int:
        """The number of bytes that arrived, piece by piece: a later piece may be what an earlier one has written."""
        moved = 0
        while moved < count:
            data = self.kernel.pread(in_fd, min(count - moved, PIECE_BYTES), begin + moved)
            if not data:
                break
            try:
                taken = target.write(out_fd, (data,), 0)
            except WouldBlockError as stop:
                moved += stop.moved
                if not moved:
                    raise target.would_block() from None
                break
            except OSError as error:
                if not moved or error.errno == EINTR:
                    raise
                break
            moved += taken
            if taken < len(data):
                break
        return moved


def _check_offset(file: Description | None, offset: int) -> None:
    """Refuse an offset for a pipe of the sandbox's own or a socket, and a negative one."""
    if file is None:
        raise Refused(ESPIPE, "SPL-02")
    if offset < 0 or (file.inode.type == S_IFSOCK and not file.path_only):
        raise Refused(EINVAL, "SPL-02")


def _written(fd: int, target: Description, data: bytes, offset: int) -> int:
    if offset == NO_OFFSET:
        return target.write(fd, (data,), 0)
    return target.write_at(fd, (data,), offset, 0)


def _signed(count: int) -> int:
    """A number of 64 bits as the sandbox takes it."""
    return (count & SIZE_MAX ^ 2**63) - 2**63


def _start(file: Description | None, offset: int) -> int:
    """Where the host is to begin: at an import's own offset, unless one was given."""
    if file is None or offset != NO_OFFSET or not file.inode.seekable:
        return offset
    return file.offset


def _behind(file: Description | None, offset: int, after: int, moved: int) -> int:
    """Keep an import's own offset where it belongs, and say what the caller's offset has become."""
    if file is None or offset != NO_OFFSET or not file.inode.seekable:
        return after
    file.offset += moved
    return NO_OFFSET
