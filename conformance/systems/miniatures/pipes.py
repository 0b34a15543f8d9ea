# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in pipes and FIFOs."""

from __future__ import annotations

from typing import Any

from conformance.systems.miniatures.base import PlantedBug
from reference.constants.descriptors import F_SETPIPE_SZ
from reference.constants.errors import EAGAIN, ENXIO
from reference.constants.limits import PAGE_SIZE
from reference.constants.open_flags import O_CLOEXEC
from reference.constants.signals import SIGPIPE
from reference.linux.kernel import Linux
from reference.linux.pipe import PipeEnds
from reference.linux.ring import Ring, Slot
from reference.outcomes import Refused, Sleeps
from reference.structures import Stat


class _Silent(Linux):
    def write(self, fd: int, data: bytes) -> int:
        try:
            return super().write(fd, data)
        finally:
            if SIGPIPE in self.signals:
                self.signals.remove(SIGPIPE)


class _FullFirst(Linux):
    def write(self, fd: int, data: bytes) -> int:
        target = self.description(fd).object
        if data and isinstance(target, PipeEnds) and target.ring.full and not target.ring.readers:
            raise Refused(EAGAIN, "PIPE-FULL")
        return super().write(fd, data)


class _WholeCount(Linux):
    def write(self, fd: int, data: bytes) -> int:
        taken = super().write(fd, data)
        return len(data) if isinstance(self.description(fd).object, PipeEnds) else taken


class _OwnRing(Linux):
    """Gives every new pipe a ring of another class."""

    ring: type[Ring] = Ring

    def pipe2(self, flags: int) -> tuple[int, int]:
        numbers = super().pipe2(flags)
        pipe = self.description(numbers[0]).object
        assert isinstance(pipe, PipeEnds)
        before, pipe.ring = pipe.ring, self.ring()
        pipe.ring.readers, pipe.ring.writers = before.readers, before.writers
        return numbers


class _LossyRing(Ring):
    __slots__ = ()

    def take(self, count: int) -> bytes:
        first = self.slots[0]
        data = super().take(count)
        if self.slots and self.slots[0] is first:
            self.slots.popleft()
        return data


class _RestLost(_OwnRing):
    ring = _LossyRing


class _PiecewiseRing(Ring):
    __slots__ = ()

    def put(self, data: bytes, packet: bool) -> int:
        done = 0
        while done < len(data) and not self.full:
            page = data[done : done + PAGE_SIZE]
            self.slots.append(Slot(page, packet))
            done += len(page)
        return done


class _NoMerging(_OwnRing):
    ring = _PiecewiseRing


class _MyopicRing(Ring):
    __slots__ = ()

    def waiting_bytes(self) -> int:
        return self.slots[-1].left if self.slots else 0


class _LastSlotWaiting(_OwnRing):
    ring = _MyopicRing


class _SizeAsAsked(Linux):
    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        result = super().fcntl(fd, command, argument)
        return argument if command == F_SETPIPE_SZ else result


class _SizeNeverBusy(Linux):
    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        target = self.description(fd).object if command == F_SETPIPE_SZ else None
        if isinstance(target, PipeEnds):
            slots, target.ring.slots = target.ring.slots, type(target.ring.slots)()
            try:
                return super().fcntl(fd, command, argument)
            finally:
                target.ring.slots = slots
        return super().fcntl(fd, command, argument)


class _StreamRing(Ring):
    __slots__ = ()

    def put(self, data: bytes, packet: bool) -> int:
        return super().put(data, packet=False)


class _NoPackets(_OwnRing):
    ring = _StreamRing


class _NoEnd(Linux):
    def read(self, fd: int, count: int) -> bytes:
        data = super().read(fd, count)
        if not data and count and isinstance(self.description(fd).object, PipeEnds):
            raise Refused(EAGAIN, "PIPE-EMPTY")
        return data


class _CloexecOnce(Linux):
    def pipe2(self, flags: int) -> tuple[int, int]:
        numbers = super().pipe2(flags)
        if flags & O_CLOEXEC:
            self.fds.close_on_exec.discard(numbers[1])
        return numbers


class _WriterWaits(Linux):
    def open(self, path: str, flags: int, mode: int) -> int:
        try:
            return super().open(path, flags, mode)
        except Refused as refusal:
            if refusal.errno == ENXIO and not path.startswith("/dev/"):
                raise Sleeps("FIFO-WRITER-WAITS") from None
            raise


class _SizeInStat(Linux):
    def fstat(self, fd: int) -> Stat:
        stat = super().fstat(fd)
        target = self.fds.lookup(fd).object
        return stat._replace(size=target.ring.waiting_bytes()) if isinstance(target, PipeEnds) else stat


_PIPE = "r0, r1 = pipe2(0)\n"
_NONBLOCKING = "r0, r1 = pipe2(O_NONBLOCK)\n"

BUGS = (
    PlantedBug(
        "pipe-sigpipe-missing",
        "pipes",
        "A write to a pipe without reader fails with EPIPE but raises no SIGPIPE.",
        "pipes",
        _PIPE + 'close(r0)\nwrite(r1, b"x")\n',
        _Silent,
    ),
    PlantedBug(
        "pipe-full-before-broken",
        "pipes",
        "A write to a pipe that is full and without reader fails with EAGAIN instead of EPIPE.",
        "pipes",
        _PIPE + 'write(r1, pattern(65536, seed=0))\nclose(r0)\nwrite(r1, b"x")\n',
        _FullFirst,
    ),
    PlantedBug(
        "pipe-whole-count",
        "pipes",
        "A write that a pipe took in part returns the whole count.",
        "pipes",
        _NONBLOCKING + "write(r1, pattern(65537, seed=0))\n",
        _WholeCount,
    ),
    PlantedBug(
        "pipe-rest-lost",
        "pipes",
        "A read of part of a pipe's page loses the rest of the page.",
        "pipes",
        _PIPE + 'write(r1, b"xx")\nread(r0, 1)\nread(r0, 1)\n',
        _RestLost,
    ),
    PlantedBug(
        "pipe-no-merging",
        "pipes",
        "A small write to a pipe never joins the page of the write before it.",
        "pipes",
        _PIPE + 'write(r1, pattern(61441, seed=0))\nwrite(r1, b"x")\n',
        _NoMerging,
    ),
    PlantedBug(
        "pipe-fionread-last-page",
        "pipes",
        "FIONREAD of a pipe counts its last page only.",
        "pipes",
        _NONBLOCKING + "write(r1, pattern(4097, seed=0))\nioctl(r0, FIONREAD)\n",
        _LastSlotWaiting,
    ),
    PlantedBug(
        "pipe-size-not-rounded",
        "pipes",
        "F_SETPIPE_SZ returns the size that was asked for.",
        "pipes",
        _PIPE + "fcntl(r0, F_SETPIPE_SZ, 0)\n",
        _SizeAsAsked,
    ),
    PlantedBug(
        "pipe-size-never-busy",
        "pipes",
        "F_SETPIPE_SZ makes a pipe smaller than what waits in it.",
        "pipes",
        _NONBLOCKING + "write(r1, pattern(4097, seed=0))\nfcntl(r0, F_SETPIPE_SZ, 0)\n",
        _SizeNeverBusy,
    ),
    PlantedBug(
        "pipe-no-packets",
        "pipes",
        "pipe2(2) ignores O_DIRECT: packets run together.",
        "pipes",
        "r0, r1 = pipe2(O_DIRECT)\nwrite(r1, pattern(4097, seed=0))\nread(r0, 4097)\n",
        _NoPackets,
    ),
    PlantedBug(
        "pipe-no-end",
        "pipes",
        "A pipe without writer never ends: a read of it fails with EAGAIN.",
        "pipes",
        _PIPE + "close(r1)\nread(r0, 1)\n",
        _NoEnd,
    ),
    PlantedBug(
        "pipe-cloexec-once",
        "pipes",
        "pipe2(2) with O_CLOEXEC marks the read end only.",
        "pipes",
        "r0, r1 = pipe2(O_CLOEXEC)\nfcntl(r1, F_GETFD)\n",
        _CloexecOnce,
    ),
    PlantedBug(
        "fifo-writer-waits",
        "pipes",
        "Opening a FIFO for writing waits for a reader in spite of O_NONBLOCK.",
        "pipes",
        'mkfifo("f", 0o600)\nr0 = open("f", O_WRONLY | O_NONBLOCK, 0o600)\n',
        _WriterWaits,
    ),
    PlantedBug(
        "pipe-size-in-stat",
        "pipes",
        "fstat(2) of a pipe gives the bytes that wait as its size.",
        "pipes",
        _PIPE + 'write(r1, b"x")\nfstat(r0)\n',
        _SizeInStat,
    ),
)
