# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The plain description of an imported regular file, pipe or character device, and what all descriptions share.

``host_fd`` is a number of the kernel below that refers to the host's description: the application's own number,
as each of them is a duplicate of the descriptor that was donated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.errors import (
    EAGAIN,
    EBADF,
    EINTR,
    EINVAL,
    EIO,
    ENODEV,
    ENOSPC,
    ENOTTY,
    EOPNOTSUPP,
    EOVERFLOW,
    EPERM,
    EPIPE,
    ESPIPE,
)
from reference.constants.file_status import S_IFCHR, S_IFIFO, S_IFREG
from reference.constants.limits import LLONG_MAX
from reference.constants.open_flags import O_ACCMODE, O_APPEND, O_DSYNC, O_NONBLOCK, O_RDONLY, O_RDWR, O_SYNC, O_WRONLY
from reference.constants.readiness import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP, POLLRDNORM, POLLWRNORM
from reference.constants.requests import FIONREAD
from reference.constants.transfers import RWF_HIPRI, SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET
from reference.outcomes import Refused, Sleeps

if TYPE_CHECKING:
    from reference.host.inode import Inode
    from reference.host.state import HostState

KEPT_FLAGS = O_ACCMODE | O_NONBLOCK | O_DSYNC | O_SYNC | O_APPEND
"""The flags of an open or an import that the sandbox keeps (OPN-01)."""
ALL_EVENTS = POLLIN | POLLPRI | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM | POLLRDHUP
"""The events that the sandbox knows; others are taken out of every answer."""
CURRENT_POSITION = -1
"""Where the host's own position counts: on descriptors without offsets of the sandbox's."""


class WouldBlockError(Exception):
    """The host would block, after ``moved`` bytes. The calls make EAGAIN, a sleep or a short count of it (LAY-07)."""

    def __init__(self, moved: int = 0) -> None:
        super().__init__(moved)
        self.moved = moved


class Description:
    """A sandbox description: status flags, directions, an offset, and an inode.

    ``references`` counts the numbers that refer to it. The directions follow from the sandbox's flags alone,
    whatever the host's descriptor allows (LAY-02, LAY-04).
    ``path_only``: opened again with O_PATH. An import of a host's O_PATH descriptor is a description like any.
    """

    path_only = False

    def __init__(self, host: HostState, inode: Inode, flags: int) -> None:
        self.host = host
        self.inode = inode
        self.flags = flags & KEPT_FLAGS
        host.cite("LAY-02")
        mode = flags & O_ACCMODE
        self.readable = mode in (O_RDONLY, O_RDWR)
        self.writable = mode in (O_WRONLY, O_RDWR)
        self.offset = 0
        self.references = 0

    @property
    def nonblocking(self) -> bool:
        """Whether the application asked not to wait. The host's descriptor never waits where it could (IMP-12)."""
        return bool(self.flags & O_NONBLOCK)

    direction_clause = "LAY-03"
    """The clause by which reading and writing need the right of the status flags."""

    def would_block(self) -> Exception:
        """How a call ends that has moved nothing and could only wait (LAY-07)."""
        return Refused(EAGAIN, "LAY-07") if self.nonblocking else Sleeps("LAY-07")

    def released(self, host_fd: int) -> None:
        """The last number goes; ``host_fd`` is still open (CLS-02)."""

    def restored(self, host_fd: int) -> None:
        """The sandbox was restored, and has the host's descriptor again (SR-04)."""

    def check_positional(self) -> None:
        """Refuse pread(2) and pwrite(2) before the direction is looked at, where no position is ever possible."""

    # Reading ----------------------------------------------------------------------------------

    def check_reader(self) -> None:
        """Refuse, or stop, a caller that may not read now, before anything is read."""

    def check_read_flags(self, flags: int) -> None:
        """EOPNOTSUPP for any RWF flag but RWF_HIPRI, before anything else is looked at."""
        if flags & ~RWF_HIPRI:
            raise Refused(EOPNOTSUPP, "RD-01")

    def read(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        """The bytes that read(2) gives, at the sandbox's offset where there is one."""
        raise NotImplementedError

    def read_at(self, host_fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        """The bytes that pread(2) gives."""
        raise NotImplementedError

    # Writing ----------------------------------------------------------------------------------

    def write(self, host_fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        """The number of bytes that write(2) takes, at the sandbox's offset where there is one."""
        raise NotImplementedError

    def write_at(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        """The number of bytes that pwrite(2) takes."""
        raise NotImplementedError

    # The rest ---------------------------------------------------------------------------------

    def seek(self, host_fd: int, offset: int, whence: int) -> int:
        """lseek(2): the new offset."""
        raise Refused(ESPIPE, "SCK-03")

    def allocate(self, host_fd: int, mode: int, offset: int, length: int) -> int:
        """fallocate(2)."""
        raise Refused(ENODEV, "ALLOC-05")

    def sync(self, host_fd: int) -> int:
        """fsync(2) and fdatasync(2)."""
        raise Refused(EINVAL, "SYNC-03")

    def check_mapping(self) -> None:
        """ENODEV where mmap(2) is not possible."""
        raise Refused(ENODEV, "MMAP-03")

    def readiness(self, host_fd: int, mask: int) -> int:
        """The events among ``mask`` that are true now; POLLERR and POLLHUP may come unasked."""
        raise NotImplementedError

    def epoll_interest(self, events: int) -> int:
        """What the host's epoll is asked when an epoll instance of the application asks for ``events``."""
        return events

    def epoll_events(self, host_fd: int, events: int) -> int:
        """What an epoll instance of the application reports when the host's reports ``events``; 0: nothing."""
        return events & ALL_EVENTS

    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        """The requests of ioctl(2) that the calls leave to the description."""
        raise Refused(ENOTTY, "IOC-06")


class PlainDescription(Description):
    """A regular file, a pipe end, or a character device."""

    # Reading ----------------------------------------------------------------------------------

    def read(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        self.check_read_flags(flags)
        if self.inode.seekable:
            return self._read_at_own_offset(host_fd, lengths, flags)
        count = sum(lengths)
        saved = self.inode.take_saved(count)
        if len(saved) == count:
            self.host.cite("RD-12" if count else "RD-16")
            return saved
        self.host.cite("RD-10")
        try:
            data = self._from_host(host_fd, (count - len(saved),), CURRENT_POSITION, flags)
        except OSError as error:
            self.host.cite("RD-13" if error.errno == EAGAIN else "RD-15")
            if saved and error.errno != EINTR:
                # Where the host itself would wait, so does the sandbox, whatever it has.
                return saved
            if error.errno == EAGAIN:
                raise WouldBlockError from None
            raise
        if not data:
            self._cite_end(bool(saved))
        return saved + data

    def _cite_end(self, after_saved: bool) -> None:
        """The host has no bytes and never will: its other end is gone, or a terminal's line said so."""
        if after_saved:
            self.host.cite("RD-14")
        self.host.cite("RD-19" if self.inode.type == S_IFIFO else "RD-20")

    def _read_at_own_offset(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        self.host.cite("RD-04")
        self.host.cite("IMP-22")
        data = self._from_host(host_fd, lengths, self.offset, flags)
        self.offset += len(data)
        return data

    def read_at(self, host_fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        if not self.inode.seekable:
            self.host.cite("RD-02")
        self.check_read_flags(flags)
        if not self.inode.seekable:
            raise Refused(ESPIPE, "RD-02")
        self.host.cite("RD-03")
        return self._from_host(host_fd, lengths, offset, flags)

    def _from_host(self, host_fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        if not sum(lengths):
            self.host.cite("RD-16")
            return b""
        if flags:
            self.host.cite("RD-07")
        if self.inode.readonly:
            self.host.cite("RD-22")
        try:
            data = self.host.kernel.preadv2(host_fd, lengths, offset, flags)
        except OSError:
            if offset + sum(lengths) > LLONG_MAX:
                self.host.cite("WR-22")
            raise
        if self.inode.seekable and self.inode.type == S_IFCHR:
            self.host.cite("RD-08")
        elif self.inode.type == S_IFREG and not data:
            self.host.cite("RD-06")
        return data

    # Writing ----------------------------------------------------------------------------------

    def write(self, host_fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        if not self.inode.seekable:
            self.host.cite("WR-12")
            return self._to_host(host_fd, buffers, CURRENT_POSITION, flags)
        if self.flags & O_APPEND:
            # The move to the end is made before anything is checked, and stays when the write is refused.
            self.host.cite("WR-09" if self.inode.type != S_IFREG else "WR-05")
            self.offset = self.host.kernel.fstat(host_fd).size
        self.host.cite("WR-04")
        self.host.cite("IMP-22")
        taken = self._to_host(host_fd, buffers, self.offset, flags)
        self.offset += taken
        return taken

    def write_at(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        if not self.inode.seekable:
            raise Refused(ESPIPE, "WR-01")
        self.host.cite("WR-07" if self.flags & O_APPEND else "WR-03")
        return self._to_host(host_fd, buffers, offset, flags)

    def _to_host(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        if self.inode.readonly:
            raise Refused(EPERM, "WR-02")
        if flags:
            raise Refused(EOPNOTSUPP, "WR-02")
        length = sum(map(len, buffers))
        if not length:
            if self.inode.type == S_IFCHR:
                self.host.cite("WR-16" if self.inode.seekable else "WR-21")
            return 0
        try:
            taken = self.host.kernel.pwritev2(host_fd, buffers, offset, 0)
        except OSError as error:
            self._cite_refusal(error.errno or 0, offset + length)
            if error.errno == EAGAIN and not self.inode.seekable:
                raise WouldBlockError from None
            raise
        finally:
            self.host.keep_signals_in()
        if self.inode.host_appends and (offset != self.offset or not self.flags & O_APPEND):
            self.host.cite("WR-08")
        self.inode.cite_identity_kept()
        self._sync_written(host_fd)
        if taken < length and not self.inode.seekable:
            if self.inode.type == S_IFIFO:
                self.host.cite("WR-13")
            raise WouldBlockError(taken)
        return taken

    def _cite_refusal(self, error: int, end: int) -> None:
        """The host refused a write, by the rules of its kind."""
        if error == EBADF:
            self.host.cite("WR-17")
        elif error == EINVAL and end > LLONG_MAX:
            self.host.cite("WR-22")
        elif self.inode.type == S_IFIFO and error in (EAGAIN, EPIPE):
            self.host.cite("WR-13" if error == EAGAIN else "WR-15")
        elif error == EIO:
            self.host.cite("WR-21")
        elif error == ENOSPC:
            self.host.cite("WR-16")

    def _sync_written(self, host_fd: int) -> None:
        """O_SYNC and O_DSYNC. A failure comes with bytes moved, and so never reaches the application (LAY-06)."""
        if self.flags & (O_SYNC | O_DSYNC):
            self.host.cite("WR-10")
            try:
                self.host.kernel.fsync(host_fd)
            except OSError:
                self.host.cite("WR-11")

    # Seeking ----------------------------------------------------------------------------------

    def seek(self, host_fd: int, offset: int, whence: int) -> int:
        if not self.inode.seekable:
            raise Refused(ESPIPE, "SEEK-01")
        if self.inode.type != S_IFREG:
            self.host.cite("SEEK-18")
        self.offset = self._sought(host_fd, offset, whence)
        if self.inode.readonly or self.flags & O_APPEND:
            self.host.cite("SEEK-20")
        if self.references > 1 or len(self.inode.descriptions) > 1:
            self.host.cite("SEEK-21")
        return self.offset

    def _sought(self, host_fd: int, offset: int, whence: int) -> int:
        """The offset that a seek leads to; when it is refused, the old one stays."""
        if whence == SEEK_SET:
            if offset < 0:
                raise Refused(EINVAL, "SEEK-03")
            self.host.cite("SEEK-04")
            return offset
        if whence == SEEK_CUR:
            return self._moved(self.offset, offset, "SEEK-05", "SEEK-06", "SEEK-07")
        if whence == SEEK_END:
            self.host.cite("SEEK-08")
            return self._moved(self.host.kernel.fstat(host_fd).size, offset, "SEEK-09", "SEEK-10", "SEEK-11")
        if whence in (SEEK_DATA, SEEK_HOLE):
            return self._sought_on_the_host(host_fd, offset, whence)
        raise Refused(EINVAL, "SEEK-16")

    def _moved(self, base: int, offset: int, overflow: str, negative: str, moved: str) -> int:
        if offset > LLONG_MAX - base:
            raise Refused(EOVERFLOW, overflow)
        if base + offset < 0:
            raise Refused(EINVAL, negative)
        self.host.cite(moved)
        return base + offset

    def _sought_on_the_host(self, host_fd: int, offset: int, whence: int) -> int:
        """SEEK_DATA and SEEK_HOLE: the only operation that moves the host's own position."""
        try:
            found = self.host.kernel.lseek(host_fd, offset, whence)
        except OSError:
            self.host.cite("SEEK-13")
            raise
        self.host.cite("SEEK-12")
        self.host.cite("SEEK-17")
        if self.inode.type == S_IFREG and found != offset:
            # The layout of the file decided: the start of its next extent, or its end.
            self.host.cite("SEEK-14")
        return found

    # The rest ---------------------------------------------------------------------------------

    def allocate(self, host_fd: int, mode: int, offset: int, length: int) -> int:
        if self.inode.readonly:
            raise Refused(EPERM, "ALLOC-03")
        self.host.cite("ALLOC-04")
        try:
            self.host.kernel.fallocate(host_fd, mode, offset, length)
        finally:
            self.host.keep_signals_in()
        self.host.cite("ALLOC-06")
        self.host.cite("ALLOC-07")
        return 0

    def sync(self, host_fd: int) -> int:
        if self.inode.readonly:
            raise Refused(EPERM, "SYNC-01")
        self.host.cite("SYNC-02")
        return self.host.kernel.fsync(host_fd)

    def check_mapping(self) -> None:
        self.host.cite("IMP-09")
        if self.inode.type != S_IFREG:
            raise Refused(ENODEV, "MMAP-02")

    def readiness(self, host_fd: int, mask: int) -> int:
        self.host.cite("EV-01")
        (found,) = self.host.kernel.poll(((host_fd, mask),), 0)
        self._cite_asked()
        return found & ALL_EVENTS

    def epoll_events(self, host_fd: int, events: int) -> int:
        self._cite_asked()
        return super().epoll_events(host_fd, events)

    def _cite_asked(self) -> None:
        """The host alone was asked, by the rules of its kind; bytes that a save has kept are none of its own."""
        if self.inode.type == S_IFIFO:
            self.host.cite("EV-04")
            self._cite_kept("EV-06")
        else:
            self.host.cite("EV-03" if self.inode.seekable else "EV-05")

    def _cite_kept(self, clause: str) -> None:
        """A clause that decides only where a save has kept bytes, of which the host does not know."""
        if self.inode.saved:
            self.host.cite(clause)
            self.host.cite("SR-07")

    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        if self.inode.readonly:
            self.host.cite("IOC-07")
        if request == FIONREAD:
            return self._readable_bytes(host_fd, argument)
        maybe_terminal = self.inode.type == S_IFCHR and not self.inode.seekable
        raise Refused(ENOTTY, "IOC-05" if maybe_terminal else "IOC-06")

    def _readable_bytes(self, host_fd: int, argument: Any) -> Any:
        """FIONREAD: what the host says of its own descriptor."""
        self.host.cite("IOC-02" if self.inode.type == S_IFREG else "IOC-01")
        if self.inode.type == S_IFIFO:
            self._cite_kept("IOC-03")
        try:
            return self.host.kernel.ioctl(host_fd, FIONREAD, argument)
        except OSError:
            if self.inode.type == S_IFCHR:
                self.host.cite("IOC-04")
            raise


def check_direction(allowed: bool, clause: str) -> None:
    """EBADF where the sandbox's flags do not allow the direction, even for no bytes."""
    if not allowed:
        raise Refused(EBADF, clause)
