# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Stream sockets and pipes: how a message looks as pages, in both directions (splice(2)).

**Out of a socket.** The pages behind the head of a message go into the pipe as they are, blocks of up to eight of them
in one slot. The head is no page: it is copied into a block that the process keeps for such copies.
A copy that reaches the end of the block goes on in a new one, in a slot of its own.
When nobody holds the block any more, it is filled from the front again.

**Into a socket.** A message takes over the pages of up to 16 slots, as fragments of at most a page each:
what is written to the file that lent one shows in the socket.
"""

from __future__ import annotations

from collections.abc import Iterator
from weakref import ref

from reference.constants.limits import PAGE_SIZE
from reference.linux.ring import Memory, Slot
from reference.linux.socket_room import STREAM_PAGES_BYTES, stream_head

BLOCK_BYTES = 32768
BLOCK_REST_MIN_BYTES = 32
"""A block with less room than this is given up."""
FRAGMENTS_MAX = 17
"""The most fragments that one message has."""
SLOTS_PER_MESSAGE_MAX = 16


class Block:
    """Memory that copies of heads lie in."""

    def __init__(self) -> None:
        self._bytes = bytearray(BLOCK_BYTES)

    def __len__(self) -> int:
        return BLOCK_BYTES

    def __getitem__(self, part: slice) -> bytes:
        return bytes(self._bytes[part])

    def put(self, start: int, data: bytes) -> None:
        """Store a copy."""
        self._bytes[start : start + len(data)] = data


class HeadCopies:
    """The block of a process. Whether somebody still holds it is what its reference count says: Python counts too."""

    def __init__(self) -> None:
        self._block: ref[Block] | None = None
        self._used = 0

    def copy(self, data: bytes) -> Iterator[Slot]:
        """A copy of a head, as slots."""
        while data:
            block = self._block() if self._block is not None else None
            if block is None or self._used + BLOCK_REST_MIN_BYTES > BLOCK_BYTES:
                block = Block()
                self._block, self._used = ref(block), 0
            start = self._used
            part = data[: BLOCK_BYTES - start]
            block.put(start, part)
            self._used += len(part)
            yield Slot(block, start=start, end=self._used)
            data = data[len(part) :]


class Fragments:
    """What a message holds that took over pages: pieces of memory one behind the other."""

    def __init__(self, slots: list[Slot]) -> None:
        self.slots = slots
        self._length = sum([slot.left for slot in slots])

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> bytes:
        return b"".join([slot.bytes() for slot in self.slots])[part]


def as_fragments(pieces: list[Slot]) -> Iterator[Slot]:
    """Pieces of memory cut at pages; what goes on where the last one ended is one with it."""
    last: Slot | None = None
    for piece in pieces[:SLOTS_PER_MESSAGE_MAX]:
        start = piece.taken
        while start < piece.end:
            end = min((start // PAGE_SIZE + 1) * PAGE_SIZE, piece.end)
            if last is not None and last.data is piece.data and last.end == start and start % PAGE_SIZE:
                last.end = end
            else:
                if last is not None:
                    yield last
                last = Slot(piece.data, start=start, end=end)
            start = end
    if last is not None:
        yield last


def slots_of(data: Memory, consumed: int, count: int, copies: HeadCopies) -> Iterator[Slot]:
    """Some bytes of a message as slots for a pipe."""
    for segment, is_head in _segments(data):
        skipped = min(consumed, segment.left)
        consumed -= skipped
        segment.taken += skipped
        part = segment.shared(count)
        if not part.left:
            continue
        count -= part.left
        if is_head:
            yield from copies.copy(part.bytes())
        else:
            yield part


def _segments(data: Memory) -> Iterator[tuple[Slot, bool]]:
    """The pieces of memory of a message, and whether each is the head."""
    if isinstance(data, Fragments):
        for slot in data.slots:
            yield slot.shared(slot.left), False
        return
    size = len(data)
    head = stream_head(size)
    yield Slot(data[0:head]), True
    start = head
    block = STREAM_PAGES_BYTES
    while start < size:
        while block > PAGE_SIZE and _whole_pages(size - start) < block:
            block //= 2
        yield Slot(data[start : start + block]), False
        start += block


def _whole_pages(size: int) -> int:
    return -(-size // PAGE_SIZE) * PAGE_SIZE
