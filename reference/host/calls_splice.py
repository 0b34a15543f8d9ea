# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The splice family on imported descriptors (section 18 of the specification).

A pipe that was not imported is a pipe like any of the sandbox's own; one that was, is a file that does not seek.
"""

from __future__ import annotations

from reference.constants import (
    EBADF,
    EINTR,
    EINVAL,
    ENOSYS,
    EPERM,
    ESPIPE,
    F_GETFL,
    F_GETPIPE_SZ,
    LLONG_MAX,
    MAX_RW_COUNT,
    O_ACCMODE,
    O_APPEND,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    SEEK_CUR,
    SEEK_SET,
    SIZE_MAX,
    SPLICE_F_GIFT,
    SPLICE_F_MORE,
    SPLICE_F_MOVE,
    SPLICE_F_NONBLOCK,
)
from reference.host.description import Description, WouldBlockError
from reference.host.state import HostState
from reference.outcomes import Refused

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
            if offset != NO_OFFSET and file is None:
                raise Refused(ESPIPE, "SPL-02")
            if offset != NO_OFFSET and file is not None and file.inode.type == S_IFSOCK:
                raise Refused(EINVAL, "SPL-02")
        if source is not None and source.path_only:
            raise Refused(EBADF, "OPN-10")
        if target is not None and target.inode.readonly:
            raise Refused(EPERM, "WR-02")
        moved, after_in, after_out = self.kernel.splice(
            fd_in, _start(source, off_in), fd_out, _start(target, off_out), length, flags
        )
        return moved, _behind(source, off_in, after_in, moved), _behind(target, off_out, after_out, moved)

    def _check_arguments(self, length: int, flags: int, clause: str) -> None:
        """EINVAL for a length that is none, and for unknown flags. No length at all has ended the call before."""
        if _signed(length) < 0 or flags & ~_SPLICE_FLAGS:
            raise Refused(EINVAL, clause)

    def _check_directions(self, fd_in: int, fd_out: int, clause: str) -> None:
        """EBADF unless the one may be read and the other written."""
        if not self._directions(fd_in)[0] or not self._directions(fd_out)[1]:
            raise Refused(EBADF, clause)

    def _directions(self, fd: int) -> tuple[bool, bool]:
        """Whether a descriptor may be read, and whether it may be written. EBADF for a number that is not open."""
        file = self.files.get(fd)
        if file is not None:
            return file.readable, file.writable
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
