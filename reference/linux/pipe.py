# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Pipes (pipe(7)): a ring of page slots between readers and writers.

A pipe holds data in slots of one page each, 16 of them unless F_SETPIPE_SZ asks for another number.
It is full when every slot is taken, however little each slot holds.
A write first tries to put its odd bytes, those beyond its whole pages, behind the data of the last slot;
what remains opens new slots.
A slot that was written in packet mode (O_DIRECT) is never added to, and one read takes at most one such slot.

FIFOs (:mod:`~reference.linux.fifo`) are the same ring behind a name.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from reference.constants import (
    EAGAIN,
    EBUSY,
    EINVAL,
    ENOMEM,
    EPERM,
    EPIPE,
    FIONREAD,
    O_DIRECT,
    PAGE_SIZE,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDNORM,
    POLLWRNORM,
    SIGPIPE,
)
from reference.linux.objects import FileObject
from reference.linux.waiting import WaitQueue
from reference.outcomes import Refused, Sleeps

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.state import KernelState

SLOTS_DEFAULT = 16
SLOTS_OVER_QUOTA = 2
"""What a new pipe gets while its owner holds more pages in pipes than the soft limit allows."""
SIZE_BYTES_MAX = 2**31
SLOTS_ALLOCATABLE_MAX = 65536
"""The kernel keeps 40 bytes per slot in one allocation, and none may exceed 4 MiB."""
READ_EVENTS = POLLIN | POLLRDNORM
WRITE_EVENTS = POLLOUT | POLLWRNORM


class Slot:
    """One page of a pipe: what was written to it, how much of that was read, and whether it is a packet."""

    __slots__ = ("data", "packet", "taken")

    def __init__(self, data: bytes, packet: bool) -> None:
        self.data = data
        self.taken = 0
        self.packet = packet


class Ring:
    """The state that all descriptions of one pipe or FIFO share.

    ``opened_for_reading`` and ``opened_for_writing`` count openings and never fall.
    ``polled`` says that somebody once asked for readiness: from then on every write wakes the readers (epoll(7)).
    """

    __slots__ = (
        "kernel",
        "opened_for_writing",
        "polled",
        "read_queue",
        "readers",
        "slots",
        "slots_max",
        "write_queue",
        "writers",
    )

    def __init__(self, kernel: KernelState) -> None:
        self.kernel = kernel
        self.slots: deque[Slot] = deque()
        self.slots_max = SLOTS_DEFAULT
        self.readers = 0
        self.writers = 0
        self.opened_for_writing = 1
        self.polled = False
        self.read_queue = WaitQueue()
        self.write_queue = WaitQueue()

    @property
    def full(self) -> bool:
        """Whether every slot is taken."""
        return len(self.slots) >= self.slots_max

    def waiting_bytes(self) -> int:
        """How much could be read."""
        return sum([len(slot.data) - slot.taken for slot in self.slots])

    def take(self, count: int) -> bytes:
        """Remove up to ``count`` bytes, and no more than one packet."""
        slots = self.slots
        parts: list[bytes] = []
        while slots and count:
            slot = slots[0]
            end = min(slot.taken + count, len(slot.data))
            parts.append(slot.data[slot.taken : end])
            count -= end - slot.taken
            slot.taken = end
            if slot.packet:
                # The rest of a packet that was read in part is lost.
                slots.popleft()
                self.kernel.cite("PIPE-PACKET-READ")
                break
            if end == len(slot.data):
                slots.popleft()
        return b"".join(parts)

    def put(self, data: bytes, packet: bool) -> int:
        """Add as much of ``data`` as fits: the number of bytes taken."""
        slots = self.slots
        odd = len(data) % PAGE_SIZE
        done = 0
        if odd and slots:
            last = slots[-1]
            if not last.packet and len(last.data) + odd <= PAGE_SIZE:
                self.kernel.cite("PIPE-MERGE")
                last.data += data[:odd]
                done = odd
        while done < len(data) and len(slots) < self.slots_max:
            page = data[done : done + PAGE_SIZE]
            slots.append(Slot(page, packet))
            done += len(page)
        return done


class PipeEnds(FileObject):
    """What the ends of pipes and FIFOs answer alike. The ring is :meth:`ring`."""

    def ring(self) -> Ring:
        """The ring behind this inode."""
        raise NotImplementedError

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        if count == 0:
            self.kernel.cite("PIPE-NULL")
            return b""
        ring = self.ring()
        # CHECK
        if not ring.slots:
            if not ring.writers:
                self.kernel.cite("PIPE-EOF")
                return b""
            if description.nonblocking:
                raise Refused(EAGAIN, "PIPE-EMPTY")
            raise Sleeps("PIPE-READ-WAITS")
        # CHANGE
        was_full = ring.full
        data = ring.take(count)
        if was_full:
            self.kernel.cite("PIPE-WAKE-WRITERS")
            ring.write_queue.wake(WRITE_EVENTS)
        self.accessed()
        return data

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        if not data:
            self.kernel.cite("PIPE-NULL")
            return 0
        ring = self.ring()
        # CHECK
        if not ring.readers:
            self.kernel.signals.append(SIGPIPE)
            raise Refused(EPIPE, "PIPE-EPIPE")
        # CHANGE
        was_empty = not ring.slots
        taken = ring.put(data, bool(description.flags & O_DIRECT))
        if was_empty or ring.polled:
            self.kernel.cite("PIPE-WAKE-READERS")
            ring.read_queue.wake(READ_EVENTS)
        # RETURN
        if taken == 0:
            if description.nonblocking:
                raise Refused(EAGAIN, "PIPE-FULL")
            raise Sleeps("PIPE-WRITE-WAITS")
        if taken < len(data):
            self.kernel.cite("PIPE-PARTIAL")
        self.modified()
        return taken

    def accessed(self) -> None:
        """Data was read: a FIFO keeps the time, a pipe does not."""

    def modified(self) -> None:
        """Data was written: a FIFO keeps the time, a pipe does not."""

    def ioctl(self, description: OpenFileDescription, request: int, argument: Any) -> Any:
        if request == FIONREAD:
            self.kernel.cite("PIPE-FIONREAD")
            return self.ring().waiting_bytes()
        return super().ioctl(description, request, argument)

    def poll(self, description: OpenFileDescription) -> int:
        ring = self.ring()
        ring.polled = True
        events = 0
        if description.readable:
            if ring.slots:
                events |= READ_EVENTS
            if not ring.writers and description.private != ring.opened_for_writing:
                self.kernel.cite("PIPE-POLLHUP")
                events |= POLLHUP
        if description.writable:
            if not ring.full:
                events |= WRITE_EVENTS
            if not ring.readers:
                self.kernel.cite("PIPE-POLLERR")
                events |= POLLERR
        return events

    def wait_queues(self, description: OpenFileDescription) -> tuple[WaitQueue, ...]:
        ring = self.ring()
        if not description.writable:
            return (ring.read_queue,)
        if not description.readable:
            return (ring.write_queue,)
        return (ring.read_queue, ring.write_queue)

    def released(self, description: OpenFileDescription) -> None:
        ring = self.ring()
        ring.readers -= description.readable
        ring.writers -= description.writable
        if bool(ring.readers) != bool(ring.writers):
            self.kernel.cite("PIPE-LAST-END")
            ring.read_queue.wake(0)
            ring.write_queue.wake(0)

    def set_size(self, size: int) -> int:
        """F_SETPIPE_SZ (fcntl(2)): the new size in bytes. EINVAL, EPERM, ENOMEM, EBUSY."""
        ring = self.ring()
        profile = self.kernel.profile
        # CHECK
        if size > SIZE_BYTES_MAX:
            raise Refused(EINVAL, "PIPE-SIZE-RANGE")
        slots = 1 << (max((size + PAGE_SIZE - 1) // PAGE_SIZE, 1) - 1).bit_length()
        if slots > ring.slots_max and slots * PAGE_SIZE > profile.pipe_size_bytes_max and not profile.resource_capable:
            raise Refused(EPERM, "PIPE-SIZE-MAX")
        if slots > SLOTS_ALLOCATABLE_MAX:
            raise Refused(ENOMEM, "PIPE-SIZE-MEMORY")
        if slots < len(ring.slots):
            raise Refused(EBUSY, "PIPE-SIZE-BUSY")
        # CHANGE
        ring.slots_max = slots
        ring.write_queue.wake(0)
        # RETURN
        self.kernel.cite("PIPE-SIZE-ROUNDED")
        return slots * PAGE_SIZE

    def get_size(self) -> int:
        """F_GETPIPE_SZ (fcntl(2)): the size in bytes."""
        return self.ring().slots_max * PAGE_SIZE


class Pipe(PipeEnds):
    """The inode behind pipe2(2)."""

    def __init__(self, kernel: KernelState) -> None:
        super().__init__(kernel)
        self._ring = Ring(kernel)
        self._ring.readers = self._ring.writers = 1

    def ring(self) -> Ring:
        return self._ring
