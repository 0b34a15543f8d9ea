# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Pipes (pipe(7)): what their two ends answer, over a ring of page slots (:mod:`~reference.linux.ring`).

FIFOs (:mod:`~reference.linux.fifo`) are the same ring behind a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.errors import EAGAIN, EBUSY, EINVAL, ENOMEM, EPERM, EPIPE, ESPIPE
from reference.constants.file_status import S_IFIFO
from reference.constants.limits import MAX_RW_COUNT, PAGE_SIZE
from reference.constants.open_flags import O_DIRECT
from reference.constants.readiness import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from reference.constants.requests import FIONREAD
from reference.constants.signals import SIGPIPE
from reference.constants.transfers import RWF_NOSIGNAL, RWF_NOWAIT
from reference.linux.description import OpenFileDescription
from reference.linux.inode import Inode
from reference.linux.profile import PIPEFS, Filesystem
from reference.linux.releases import PIPE_NOWAIT_SINCE, ROOM_WAKES_SINCE, TIMES_SPARED_SINCE
from reference.linux.ring import Ring
from reference.linux.waiting import WaitQueue
from reference.outcomes import Refused, Sleeps

if TYPE_CHECKING:
    from reference.linux.state import KernelState

SIZE_BYTES_MAX = 2**31
SLOTS_ALLOCATABLE_MAX = 65536
"""The kernel keeps 40 bytes per slot in one allocation, and none may exceed 4 MiB."""
READ_EVENTS = POLLIN | POLLRDNORM
WRITE_EVENTS = POLLOUT | POLLWRNORM


class PipeEnds(Inode):
    """What the ends of pipes and FIFOs answer alike."""

    asynchronous = True

    def __init__(
        self, kernel: KernelState, mode: int, uid: int, gid: int, filesystem: Filesystem | None = None
    ) -> None:
        super().__init__(kernel, mode, uid, gid, filesystem)
        self.ring = Ring()

    # Data -------------------------------------------------------------------------------------

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        return self._receive(description, count, description.nonblocking)

    def read_vector(self, description: OpenFileDescription, lengths: tuple[int, ...], flags: int) -> bytes:
        nonblocking = description.nonblocking or bool(flags & RWF_NOWAIT)
        return self._receive(description, min(sum(lengths), MAX_RW_COUNT), nonblocking)

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        return self._send(description, data, description.nonblocking)

    def write_vector(self, description: OpenFileDescription, buffers: tuple[bytes, ...], flags: int) -> int:
        nonblocking = description.nonblocking or bool(flags & RWF_NOWAIT)
        return self._send(description, b"".join(buffers), nonblocking, silent=bool(flags & RWF_NOSIGNAL))

    def offers_nowait(self, description: OpenFileDescription) -> bool:
        return description.nowait and self.kernel.profile.kernel >= PIPE_NOWAIT_SINCE

    def takes_direct(self) -> bool:
        return True

    def _receive(self, description: OpenFileDescription, count: int, nonblocking: bool) -> bytes:
        cite = self.kernel.cite
        ring = self.ring
        # CHECK
        if count == 0:
            cite("PIPE-NULL")
            return b""
        if not ring.slots:
            if not ring.writers:
                cite("PIPE-EOF")
                return b""
            if nonblocking:
                raise Refused(EAGAIN, "PIPE-EMPTY")
            raise Sleeps("PIPE-READ-WAITS")
        # CHANGE
        was_full = ring.full
        cite("PIPE-PACKET-READ" if ring.slots[0].packet else "PIPE-READ")
        data = ring.take(count)
        if was_full and not (ring.full and self.kernel.profile.kernel >= ROOM_WAKES_SINCE):
            cite("PIPE-WAKES-WRITERS")
            ring.write_queue.wake(WRITE_EVENTS)
        self.accessed(description)
        # RETURN
        return data

    def _send(self, description: OpenFileDescription, data: bytes, nonblocking: bool, silent: bool = False) -> int:
        cite = self.kernel.cite
        ring = self.ring
        # CHECK
        if not data:
            cite("PIPE-NULL")
            return 0
        if not ring.readers:
            if not silent:
                self.kernel.signals.append(SIGPIPE)
            raise Refused(EPIPE, "PIPE-EPIPE")
        # CHANGE
        packet = bool(description.flags & O_DIRECT)
        was_empty = not ring.slots
        taken = ring.put(data, packet)
        if was_empty or ring.polled:
            cite("PIPE-WAKES-READERS")
            ring.read_queue.wake(READ_EVENTS)
        # RETURN
        if not taken:
            if nonblocking:
                raise Refused(EAGAIN, "PIPE-FULL")
            raise Sleeps("PIPE-WRITE-WAITS")
        if taken < len(data):
            cite("PIPE-PARTIAL")
        cite("PIPE-PACKET-WRITE" if packet else "PIPE-SLOTS")
        self.content_changed()
        return taken

    def allocate(self, description: OpenFileDescription, mode: int, offset: int, length: int) -> int:
        raise Refused(ESPIPE, "PIPE-ALLOCATE")

    # Readiness --------------------------------------------------------------------------------

    def ioctl(self, description: OpenFileDescription, request: int, argument: Any) -> Any:
        if request == FIONREAD:
            self.kernel.cite("PIPE-FIONREAD")
            return self.ring.waiting_bytes()
        return super().ioctl(description, request, argument)

    def poll(self, description: OpenFileDescription) -> int:
        ring = self.ring
        ring.polled = True
        events = 0
        if description.readable:
            if ring.slots:
                events |= READ_EVENTS
            if not ring.writers and description.private != ring.writers_seen:
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
        ring = self.ring
        if not description.writable:
            return (ring.read_queue,)
        if not description.readable:
            return (ring.write_queue,)
        return (ring.read_queue, ring.write_queue)

    # Life -------------------------------------------------------------------------------------

    def opened(self, description: OpenFileDescription) -> None:
        # CHECK
        if not (description.readable or description.writable):
            raise Refused(EINVAL, "PIPE-OPEN-MODE")
        self.refuse_without_partner(description)
        # CHANGE
        ring = self.ring
        ring.readers += description.readable
        ring.writers += description.writable
        ring.writers_seen += description.writable
        if (description.readable and ring.readers == 1) or (description.writable and ring.writers == 1):
            ring.read_queue.wake(0)
        self.wait_for_partner(description)
        if description.flags & O_DIRECT:
            # Packet mode is for pipe2(2) and F_SETFL. The refusal comes after the opening was seen by the other end.
            self.released(description)
            raise Refused(EINVAL, "OPEN-DIRECT")

    def refuse_without_partner(self, description: OpenFileDescription) -> None:
        """Refuse an opening that needs the other end at once. A pipe needs none."""

    def wait_for_partner(self, description: OpenFileDescription) -> None:
        """Sleep until the other end is open. A pipe waits for none."""

    def take_back(self, description: OpenFileDescription) -> None:
        """Count a description no longer. An opening that was interrupted ends so: it wakes nobody."""
        ring = self.ring
        ring.readers -= description.readable
        ring.writers -= description.writable
        if not ring.readers and not ring.writers:
            # Whoever opens the inode again finds a new ring: data, size and counts are gone.
            self.ring = Ring()

    def released(self, description: OpenFileDescription) -> None:
        if description.path_only:
            return
        ring = self.ring
        self.take_back(description)
        if ring is not self.ring:
            return
        if not ring.readers or not ring.writers:
            self.kernel.cite("PIPE-LAST-END")
            ring.read_queue.wake(0)
            ring.write_queue.wake(0)

    # Size -------------------------------------------------------------------------------------

    def set_size(self, size: int) -> int:
        """F_SETPIPE_SZ (fcntl(2)): the new size in bytes. EINVAL, EPERM, ENOMEM, EBUSY."""
        ring = self.ring
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
        self.kernel.cite("PIPE-SIZE")
        return self.ring.slots_max * PAGE_SIZE


class Pipe(PipeEnds):
    """The inode behind pipe2(2), owned by its maker."""

    executable = False

    def __init__(self, kernel: KernelState) -> None:
        super().__init__(kernel, S_IFIFO | 0o600, kernel.profile.uid, kernel.profile.gid, PIPEFS)

    def link_text(self, description: OpenFileDescription) -> str:
        self.kernel.cite("LINKFD-NUMBER")
        return f"pipe:[{self.inode_number()}]"

    def accessed(self, description: OpenFileDescription) -> None:
        """Reading leaves the times of a pipe as they are, on kernels that spare them; those of a FIFO move."""
        if self.kernel.profile.kernel < TIMES_SPARED_SINCE:
            super().accessed(description)
        else:
            self.kernel.cite("PIPE-TIMES")

    def content_changed(self) -> None:
        """Writing leaves the times of a pipe as they are, on kernels that spare them; those of a FIFO move."""
        if self.kernel.profile.kernel < TIMES_SPARED_SINCE:
            super().content_changed()
        else:
            self.kernel.cite("PIPE-TIMES")
