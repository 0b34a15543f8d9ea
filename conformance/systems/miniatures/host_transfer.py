# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in reads and writes of imported descriptors."""

from __future__ import annotations

from collections.abc import Callable

from conformance.systems.miniatures.wrong_host import host_bug, with_plain
from reference.constants.errors import EAGAIN, EINVAL, EOPNOTSUPP, ESPIPE
from reference.constants.open_flags import O_APPEND, O_DSYNC, O_SYNC
from reference.constants.signals import SIGPIPE
from reference.constants.transfers import RWF_HIPRI, RWF_NOWAIT, SEEK_SET
from reference.host.description import Description, PlainDescription, WouldBlockError
from reference.host.kernel import Host
from reference.outcomes import Refused, Sleeps


class _ReadMovesHost(PlainDescription):
    def _read_at_own_offset(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        data = super()._read_at_own_offset(host_fd, lengths, flags)
        if data and self.host.kernel.fstat(host_fd).size:
            self.host.kernel.lseek(host_fd, self.offset, SEEK_SET)
        return data


class _WriteMovesHost(PlainDescription):
    def write(self, host_fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        taken = super().write(host_fd, buffers, flags)
        if taken and self.inode.seekable:
            self.host.kernel.lseek(host_fd, self.offset, SEEK_SET)
        return taken


class _PreadMoves(PlainDescription):
    def read_at(self, host_fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        data = super().read_at(host_fd, lengths, offset, flags)
        self.offset += len(data)
        return data


class _PwriteMoves(PlainDescription):
    def write_at(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        taken = super().write_at(host_fd, buffers, offset, flags)
        self.offset += taken
        return taken


class _PositionalAppend(PlainDescription):
    def write_at(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        if self.flags & O_APPEND and self.inode.seekable:
            offset = self.host.kernel.fstat(host_fd).size
        return super().write_at(host_fd, buffers, offset, flags)


class _AppendForgotten(PlainDescription):
    def write(self, host_fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        kept, self.flags = self.flags, self.flags & ~O_APPEND
        try:
            return super().write(host_fd, buffers, flags)
        finally:
            self.flags = kept


class _RefusedAppendStays(PlainDescription):
    def write(self, host_fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        before = self.offset
        try:
            return super().write(host_fd, buffers, flags)
        except OSError:
            self.offset = before
            raise


class _EmptyAppendStays(PlainDescription):
    def write(self, host_fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        before = self.offset
        taken = super().write(host_fd, buffers, flags)
        if not taken:
            self.offset = before
        return taken


class _NoHipri(PlainDescription):
    def check_read_flags(self, flags: int) -> None:
        if flags:
            raise Refused(EOPNOTSUPP, "RD-01")


class _Nowait(PlainDescription):
    def check_read_flags(self, flags: int) -> None:
        super().check_read_flags(flags & ~RWF_NOWAIT)


class _HipriWritten(PlainDescription):
    def _to_host(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        return super()._to_host(host_fd, buffers, offset, flags & ~RWF_HIPRI)


class _PositionBeforeFlags(PlainDescription):
    def read_at(self, host_fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        if not self.inode.seekable:
            raise Refused(ESPIPE, "RD-02")
        return super().read_at(host_fd, lengths, offset, flags)


class _FlagsBeforePosition(PlainDescription):
    def write_at(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        if flags:
            raise Refused(EOPNOTSUPP, "WR-02")
        return super().write_at(host_fd, buffers, offset, flags)


class _PositionBeforeDirection(PlainDescription):
    def check_positional(self) -> None:
        if not self.inode.seekable and not self.readable:
            raise Refused(ESPIPE, "RD-02")


class _EmptyWritesPass(PlainDescription):
    def _to_host(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        return super()._to_host(host_fd, buffers, offset, flags) if any(buffers) else 0


class _ReadonlyForgotten(PlainDescription):
    def _to_host(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        kept, self.inode.readonly = self.inode.readonly, False
        try:
            return super()._to_host(host_fd, buffers, offset, flags)
        finally:
            self.inode.readonly = kept


class _EmptyReadsAsk(PlainDescription):
    def _from_host(self, host_fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        return self.host.kernel.preadv2(host_fd, lengths, offset, flags)


class _NothingIsEnd(PlainDescription):
    def read(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        try:
            return super().read(host_fd, lengths, flags)
        except WouldBlockError:
            return b""


class _NeverWaits(PlainDescription):
    def would_block(self) -> Exception:
        return Refused(EAGAIN, "LAY-07")


class _AlwaysWaits(PlainDescription):
    def would_block(self) -> Exception:
        return Sleeps("LAY-07")


class _ShortWriteLost(Host):
    def _written(self, fd: int, file: Description, buffers: tuple[bytes, ...], flags: int) -> int:
        try:
            return file.write(fd, buffers, flags)
        except WouldBlockError:
            raise file.would_block() from None


class _SyncFails(PlainDescription):
    def _sync_written(self, host_fd: int) -> None:
        if self.flags & (O_SYNC | O_DSYNC):
            self.host.kernel.fsync(host_fd)


class _SigpipePassed(Host):
    def keep_signals_in(self) -> None:
        raised = self.signals.count(SIGPIPE)
        super().keep_signals_in()
        self.signals.extend([SIGPIPE] * raised)


class _SilentLimit(Host):
    def limited(self, write: Callable[[], int]) -> int:
        return write()


class _MinusOneRefused(Host):
    def _positioned(self, fd: int, offset: int, clause: str, lowest: int = 0) -> Description | None:
        file = super()._positioned(fd, offset, clause, lowest)
        if file is not None and offset < 0:
            raise Refused(EINVAL, clause)
        return file


class _FirstBufferRead(Host):
    def readv(self, fd: int, lengths: tuple[int, ...]) -> bytes:
        return super().readv(fd, lengths[:1] if self.imported(fd) else lengths)


_FILE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\n'
_UNWRITABLE = 'r0 = open("f", O_RDONLY | O_CREAT, 0o600)\n'
_BYTE = "ftruncate(r0, 1)\n"
_IMPORT = "r1 = import_fd(r0)\n"
_APPENDING = "r1 = import_fd(r0, flags=O_RDWR | O_APPEND)\n"
_READONLY = "r1 = import_fd(r0, readonly=1, flags=O_RDWR)\n"
_POSITION = "lseek(r1, 0, SEEK_CUR)\n"
_WRITE = 'write(r1, b"x")\n'
_PIPE = "r0, r1 = pipe2(0)\n"
_NONBLOCKING = "r0, r1 = pipe2(O_NONBLOCK)\n"
_READER = "r2 = import_fd(r0)\n"
_WRITER = "r2 = import_fd(r1)\n"
_KIND = "host-transfer"

BUGS = (
    host_bug(
        "host-read-moves-host",
        _KIND,
        "A read moves the host's position.",
        "host-files",
        _FILE + _BYTE + _IMPORT + "read(r1, 1)\nlseek(r0, 0, SEEK_CUR)\n",
        with_plain(_ReadMovesHost),
    ),
    host_bug(
        "host-write-moves-host",
        _KIND,
        "A write moves the host's position.",
        "host-files",
        _FILE + _IMPORT + _WRITE + "lseek(r0, 0, SEEK_CUR)\n",
        with_plain(_WriteMovesHost),
    ),
    host_bug(
        "host-pread-moves",
        _KIND,
        "A positional read moves the offset.",
        "host-files",
        _FILE + _BYTE + _IMPORT + "pread(r1, 1, 0)\n" + _POSITION,
        with_plain(_PreadMoves),
    ),
    host_bug(
        "host-pwrite-moves",
        _KIND,
        "A positional write moves the offset.",
        "host-files",
        _FILE + _IMPORT + 'pwrite(r1, b"x", 0)\n' + _POSITION,
        with_plain(_PwriteMoves),
    ),
    host_bug(
        "host-pwrite-appends",
        _KIND,
        "A positional write honours O_APPEND.",
        "host-files",
        _FILE + _APPENDING + 'pwrite(r1, b"x", 2**21)\n',
        with_plain(_PositionalAppend),
    ),
    host_bug(
        "host-append-ignored",
        _KIND,
        "A write ignores O_APPEND.",
        "host-files",
        _FILE + _APPENDING + "lseek(r1, 2**21, SEEK_SET)\n" + _WRITE,
        with_plain(_AppendForgotten),
    ),
    host_bug(
        "host-refused-append-stays",
        _KIND,
        "An appending write that is refused leaves the offset where it was.",
        "host-files",
        _FILE + _APPENDING + 'lseek(r1, 1, SEEK_SET)\npwritev2(r1, [b"x"], -1, RWF_HIPRI)\n' + _POSITION,
        with_plain(_RefusedAppendStays),
    ),
    host_bug(
        "host-empty-append-stays",
        _KIND,
        "An appending write of no bytes leaves the offset where it was.",
        "host-files",
        _FILE + _APPENDING + 'lseek(r1, 1, SEEK_SET)\nwrite(r1, b"")\n' + _POSITION,
        with_plain(_EmptyAppendStays),
    ),
    host_bug(
        "host-hipri-refused",
        _KIND,
        "A read refuses RWF_HIPRI.",
        "host-files",
        _FILE + _IMPORT + "preadv2(r1, [1], 0, RWF_HIPRI)\n",
        with_plain(_NoHipri),
    ),
    host_bug(
        "host-nowait-accepted",
        _KIND,
        "A read accepts RWF_NOWAIT.",
        "host-pipes",
        _PIPE + _READER + "preadv2(r2, [1], -1, RWF_NOWAIT)\n",
        with_plain(_Nowait),
    ),
    host_bug(
        "host-hipri-written",
        _KIND,
        "A write accepts RWF_HIPRI.",
        "host-files",
        _FILE + _IMPORT + 'pwritev2(r1, [b"x"], 0, RWF_HIPRI)\n',
        with_plain(_HipriWritten),
    ),
    host_bug(
        "host-position-before-flags",
        _KIND,
        "A positional read of a pipe fails with ESPIPE before its flags are looked at.",
        "host-pipes",
        _PIPE + _READER + "preadv2(r2, [1], 0, RWF_NOWAIT)\n",
        with_plain(_PositionBeforeFlags),
    ),
    host_bug(
        "host-flags-before-position",
        _KIND,
        "The flags of a positional write to a pipe are looked at before it fails with ESPIPE.",
        "host-pipes",
        _PIPE + _WRITER + 'pwritev2(r2, [b"x"], 0, RWF_HIPRI)\n',
        with_plain(_FlagsBeforePosition),
    ),
    host_bug(
        "host-position-before-direction",
        _KIND,
        "A positional read of a pipe's writing end fails with ESPIPE.",
        "host-pipes",
        _PIPE + _WRITER + "pread(r2, 1, 0)\n",
        with_plain(_PositionBeforeDirection),
    ),
    host_bug(
        "readonly-empty-write",
        _KIND,
        "A write of no bytes to a readonly import succeeds.",
        "host-files",
        _UNWRITABLE + _READONLY + 'write(r1, b"")\n',
        with_plain(_EmptyWritesPass),
    ),
    host_bug(
        "readonly-write-asks-host",
        _KIND,
        "A write to a readonly import is the host's to refuse.",
        "host-files",
        _UNWRITABLE + _READONLY + _WRITE,
        with_plain(_ReadonlyForgotten),
    ),
    host_bug(
        "host-empty-read-asks",
        _KIND,
        "A read of no bytes asks the host.",
        "host-files",
        'r0 = open("f", O_WRONLY | O_CREAT, 0o600)\nr1 = import_fd(r0, flags=O_RDWR)\nread(r1, 0)\n',
        with_plain(_EmptyReadsAsk),
    ),
    host_bug(
        "host-nothing-is-end",
        _KIND,
        "A pipe that is empty reads as ended.",
        "host-pipes",
        _NONBLOCKING + _READER + "read(r2, 1)\n",
        with_plain(_NothingIsEnd),
    ),
    host_bug(
        "host-never-waits",
        _KIND,
        "A read that would wait fails, whether the application asked not to wait or not.",
        "host-pipes",
        _PIPE + _READER + "read(r2, 1)\n",
        with_plain(_NeverWaits),
    ),
    host_bug(
        "host-always-waits",
        _KIND,
        "A read that would wait waits, whether the application asked not to or not.",
        "host-pipes",
        _NONBLOCKING + _READER + "read(r2, 1)\n",
        with_plain(_AlwaysWaits),
    ),
    host_bug(
        "host-short-write-lost",
        _KIND,
        "A write that a pipe took in part fails.",
        "host-pipes",
        _NONBLOCKING + _WRITER + "write(r2, pattern(65537, seed=0))\n",
        _ShortWriteLost,
    ),
    host_bug(
        "host-sync-failure-shown",
        _KIND,
        "A write with O_SYNC to a pipe fails, as the pipe cannot be synced.",
        "host-pipes",
        _PIPE + 'r2 = import_fd(r1, flags=O_WRONLY | O_SYNC)\nwrite(r2, b"x")\n',
        with_plain(_SyncFails),
    ),
    host_bug(
        "host-sigpipe-passed",
        _KIND,
        "The application is sent the SIGPIPE that the host raised.",
        "host-pipes",
        _PIPE + 'close(r0)\nr2 = import_fd(r1)\nwrite(r2, b"x")\n',
        _SigpipePassed,
    ),
    host_bug(
        "host-size-limit-silent",
        _KIND,
        "A write beyond RLIMIT_FSIZE raises no SIGXFSZ.",
        "host-files",
        _FILE + _IMPORT + 'pwrite(r1, b"x", 2**21)\n',
        _SilentLimit,
    ),
    host_bug(
        "host-minus-one-refused",
        _KIND,
        "Offset -1 of preadv2(2) does not stand for the file offset.",
        "host-files",
        _FILE + _IMPORT + "preadv2(r1, [1], -1, 0)\n",
        _MinusOneRefused,
    ),
    host_bug(
        "host-first-buffer-read",
        _KIND,
        "readv(2) fills its first buffer only.",
        "host-files",
        'r0 = open("/dev/zero", O_RDONLY, 0o600)\n' + _IMPORT + "readv(r1, [0, 1])\n",
        _FirstBufferRead,
    ),
)
