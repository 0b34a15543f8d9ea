# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The ring of page slots inside a pipe (pipe(7)).

A pipe holds data in slots, 16 of them unless F_SETPIPE_SZ asks for another number.
It is full when every slot is taken, however little each slot holds.
A write first tries to put its odd bytes, those beyond its whole pages, behind the data of the last slot;
what remains opens new slots of one page each.
A slot that was written in packet mode (O_DIRECT) is never added to, and one read takes at most one such slot.

A slot that splice(2) or one of its relatives made refers to memory that others know too, such as a page of a file.
Nothing is ever added to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from reference.constants.limits import PAGE_SIZE
from reference.linux.waiting import WaitQueue

SLOTS_DEFAULT = 16


class Memory(Protocol):
    """Bytes that several pipes and sockets may hold: a page, or a block of pages."""

    def __len__(self) -> int:
        """How many bytes there are."""

    def __getitem__(self, part: slice, /) -> bytes:
        """Some of the bytes, as they are now."""


class Slot:
    """Data of a pipe in one piece of memory: what of it was ``taken`` by readers, and where it ends.

    ``packet``: it was written in packet mode. ``merges``: a write may add to it.
    """

    __slots__ = ("data", "end", "merges", "packet", "taken")

    def __init__(
        self,
        data: Memory,
        packet: bool = False,
        merges: bool = False,
        start: int = 0,
        end: int | None = None,
    ) -> None:
        self.data = data
        self.packet = packet
        self.merges = merges
        self.taken = start
        self.end = len(data) if end is None else end

    @property
    def left(self) -> int:
        """How many bytes of it are still to be read."""
        return self.end - self.taken

    def shared(self, count: int) -> Slot:
        """A slot over the first bytes of the same memory. Nothing is added behind memory that is shared."""
        return Slot(self.data, self.packet, False, self.taken, min(self.taken + count, self.end))

    def bytes(self) -> bytes:
        """What is left to read."""
        return self.data[self.taken : self.end]


class Ring:
    """The state that all descriptions of one pipe or FIFO share, from the first opening to the last close.

    ``writers_seen`` counts openings for writing and never falls.
    ``polled`` says that somebody once asked for readiness: from then on every write wakes the readers (epoll(7)).
    """

    __slots__ = ("polled", "read_queue", "readers", "slots", "slots_max", "write_queue", "writers", "writers_seen")

    def __init__(self) -> None:
        self.slots: deque[Slot] = deque()
        self.slots_max = SLOTS_DEFAULT
        self.readers = 0
        self.writers = 0
        self.writers_seen = 1
        self.polled = False
        self.read_queue = WaitQueue()
        self.write_queue = WaitQueue()

    @property
    def full(self) -> bool:
        """Whether every slot is taken."""
        return len(self.slots) >= self.slots_max

    @property
    def room(self) -> int:
        """How many slots are free."""
        return self.slots_max - len(self.slots)

    def waiting_bytes(self) -> int:
        """How much could be read."""
        return sum([slot.end - slot.taken for slot in self.slots])

    def take(self, count: int) -> bytes:
        """Remove up to ``count`` bytes, and no more than one packet. The rest of a packet read in part is lost."""
        slots = self.slots
        parts: list[bytes] = []
        while slots and count:
            slot = slots[0]
            end = min(slot.taken + count, slot.end)
            parts.append(slot.data[slot.taken : end])
            count -= end - slot.taken
            slot.taken = end
            if slot.packet or end == slot.end:
                slots.popleft()
            if slot.packet:
                break
        return b"".join(parts)

    def put(self, data: bytes, packet: bool) -> int:
        """Add as much of ``data`` as fits: the number of bytes taken."""
        slots = self.slots
        odd = len(data) % PAGE_SIZE
        done = 0
        if odd and slots:
            last = slots[-1]
            if last.merges and last.end + odd <= PAGE_SIZE and isinstance(last.data, bytes):
                last.data += data[:odd]
                last.end += odd
                done = odd
        while done < len(data) and len(slots) < self.slots_max:
            page = data[done : done + PAGE_SIZE]
            slots.append(Slot(page, packet, not packet))
            done += len(page)
        return done

    # Without copying ----------------------------------------------------------------------------

    def add(self, slots: Iterable[Slot]) -> int:
        """Add slots as far as there is room: the number of bytes in them."""
        added = 0
        for slot in slots:
            if self.full:
                break
            self.slots.append(slot)
            added += slot.left
        return added

    def pieces(self, count: int) -> list[Slot]:
        """The first ``count`` bytes, or all there are, as slots that share their memory. Packets run together."""
        pieces = []
        for slot in self.slots:
            if not count:
                break
            piece = slot.shared(count)
            pieces.append(piece)
            count -= piece.left
        return pieces

    def drop(self, count: int) -> bool:
        """Remove the first ``count`` bytes; whether that emptied a slot."""
        slots = self.slots
        before = len(slots)
        while count:
            slot = slots[0]
            step = min(slot.left, count)
            slot.taken += step
            count -= step
            if not slot.left:
                slots.popleft()
        return len(slots) < before


def in_pages(data: bytes) -> list[Slot]:
    """Data that the kernel copied into pages of its own for a pipe, one slot a page."""
    return [Slot(data[start : start + PAGE_SIZE]) for start in range(0, len(data), PAGE_SIZE)]
