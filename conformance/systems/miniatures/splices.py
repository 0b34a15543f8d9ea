# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in splice(2) and its relatives."""

from __future__ import annotations

from conformance.systems.miniatures.base import PlantedBug
from reference.constants.limits import PAGE_SIZE
from reference.constants.signals import SIGPIPE
from reference.linux.content import FilePage
from reference.linux.kernel import Linux
from reference.linux.pipe import PipeEnds
from reference.linux.regular import RegularFile
from reference.linux.ring import Ring
from reference.outcomes import Refused


def _ring(kernel: Linux, fd: int) -> Ring | None:
    target = kernel.description(fd).object
    return target.ring if isinstance(target, PipeEnds) else None


class _Copying(Linux):
    def splice(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        moved = super().splice(fd_in, off_in, fd_out, off_out, length, flags)
        ring = _ring(self, fd_out) if length else None
        for slot in ring.slots if ring is not None else ():
            if isinstance(slot.data, FilePage):
                slot.data = slot.data[0:PAGE_SIZE]
        return moved


class _Unpacking(Linux):
    def splice(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        moved = super().splice(fd_in, off_in, fd_out, off_out, length, flags)
        ring = _ring(self, fd_out) if moved[0] else None
        for slot in ring.slots if ring is not None else ():
            slot.packet = False
        return moved


class _LosingPackets(Linux):
    def splice(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        moved = super().splice(fd_in, off_in, fd_out, off_out, length, flags)
        ring = _ring(self, fd_in) if moved[0] else None
        if ring is not None and ring.slots and ring.slots[0].packet and ring.slots[0].taken:
            ring.slots.popleft()
        return moved


class _KeepingNowait(Linux):
    def splice(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        known = [(description, description.nowait) for description in self.fds.entries.values()]
        try:
            return super().splice(fd_in, off_in, fd_out, off_out, length, flags)
        finally:
            for description, nowait in known:
                description.nowait = nowait


class _TakingTee(Linux):
    def tee(self, fd_in: int, fd_out: int, length: int, flags: int) -> int:
        moved = super().tee(fd_in, fd_out, length, flags)
        ring = _ring(self, fd_in) if moved else None
        if ring is not None:
            ring.drop(moved)
        return moved


class _Packing(Linux):
    def vmsplice(self, fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        return super().vmsplice(fd, (b"".join(buffers),), flags)


class _SilentSplices(Linux):
    def vmsplice(self, fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        try:
            return super().vmsplice(fd, buffers, flags)
        finally:
            if SIGPIPE in self.signals:
                self.signals.remove(SIGPIPE)


class _MovingAnyway(Linux):
    def sendfile(self, out_fd: int, in_fd: int, offset: int, count: int) -> tuple[int, int]:
        moved = super().sendfile(out_fd, in_fd, offset, count)
        source = self.description(in_fd)
        if isinstance(source.object, RegularFile) and moved[1] >= 0:
            source.offset = moved[1]
        return moved


class _OverlapCopiesNothing(Linux):
    def copy_file_range(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        try:
            return super().copy_file_range(fd_in, off_in, fd_out, off_out, length, flags)
        except Refused as refusal:
            if refusal.clause != "COPYRANGE-OVERLAP":
                raise
            return 0, off_in, off_out


_PIPE = "r0, r1 = pipe2(O_NONBLOCK)\n"
_FILE = 'r2 = open("f", O_RDWR | O_CREAT, 0o600)\nwrite(r2, b"x")\n'
_FILE_ALONE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nwrite(r0, b"x")\n'

BUGS: tuple[PlantedBug, ...] = (
    PlantedBug(
        "splice-copies-pages",
        "splices",
        "splice(2) copies a page of a file: what is written to it later does not show in the pipe.",
        "files",
        _PIPE + _FILE + 'splice(r2, 0, r1, -1, 1, 0)\npwrite(r2, b"y", 0)\nread(r0, 1)\n',
        _Copying,
    ),
    PlantedBug(
        "splice-unpacks",
        "splices",
        "Packets that splice(2) moved from pipe to pipe run together.",
        "pipes",
        "r0, r1 = pipe2(O_DIRECT)\nr2, r3 = pipe2(0)\n"
        + "write(r1, pattern(4097, seed=0))\nsplice(r0, -1, r3, -1, 4097, 0)\nread(r2, 4097)\n",
        _Unpacking,
    ),
    PlantedBug(
        "splice-loses-packets",
        "splices",
        "What splice(2) leaves of a packet is lost, as with read(2).",
        "pipes",
        "r0, r1 = pipe2(O_DIRECT)\nr2, r3 = pipe2(0)\n"
        + 'write(r1, b"xx")\nsplice(r0, -1, r3, -1, 1, 0)\nioctl(r0, FIONREAD)\n',
        _LosingPackets,
    ),
    PlantedBug(
        "splice-keeps-nowait",
        "splices",
        "A pipe that was spliced still knows RWF_NOWAIT.",
        "pipes",
        "r0, r1 = pipe2(0)\nsplice(r0, -1, r0, -1, 1, 0)\npreadv2(r0, [1], -1, RWF_NOWAIT)\n",
        _KeepingNowait,
    ),
    PlantedBug(
        "tee-takes",
        "splices",
        "tee(2) takes the data out of the first pipe.",
        "pipes",
        'r0, r1 = pipe2(0)\nr2, r3 = pipe2(0)\nwrite(r1, b"x")\ntee(r0, r3, 1, 0)\nioctl(r0, FIONREAD)\n',
        _TakingTee,
    ),
    PlantedBug(
        "vmsplice-packs",
        "splices",
        "vmsplice(2) puts small buffers into one page.",
        "pipes",
        _PIPE + 'fcntl(r0, F_SETPIPE_SZ, 0)\nvmsplice(r1, [b"x", b"x"], 0)\n',
        _Packing,
    ),
    PlantedBug(
        "vmsplice-without-sigpipe",
        "splices",
        "vmsplice(2) to a pipe without reader raises no SIGPIPE.",
        "pipes",
        'r0, r1 = pipe2(0)\nclose(r0)\nvmsplice(r1, [b"x"], 0)\n',
        _SilentSplices,
    ),
    PlantedBug(
        "sendfile-moves-position",
        "splices",
        "sendfile(2) with an offset moves the position of the source too.",
        "files",
        'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nsendfile(r0, r0, 1, 0)\nlseek(r0, 0, SEEK_CUR)\n',
        _MovingAnyway,
    ),
    PlantedBug(
        "copy-range-overlap",
        "splices",
        "copy_file_range(2) of overlapping ranges copies nothing, and returns 0.",
        "files",
        _FILE_ALONE + "copy_file_range(r0, 0, r0, 0, 1, 0)\n",
        _OverlapCopiesNothing,
    ),
)
