# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The queue between the ends of a pseudoterminal: bytes that were written and not yet taken in by a line discipline.

The queue is a chain of buffers. A buffer is counted with half of the bytes it can hold,
and a new one is refused once more than :data:`COUNTED_BYTES_MAX` are counted.
What is left in the last buffer goes unused when a piece does not fit there whole and a new buffer can be had.
A buffer is given back when it was read to its end and another one follows, so the last one stays.
A small one that was given back is kept for the next small piece, which then takes it whatever is counted.

How fast the kernel was while a large write went in may show only later, in the room that is left.
Until it shows, a queue carries along what other histories would have left (``others``).
"""

from __future__ import annotations

from collections.abc import Callable

COUNTED_BYTES_MAX = 8192
PIECE_BYTES_MAX = 1792
_ROUND_BYTES = 256


class Buffer:
    """One link of the chain. ``scanned`` is how far flow control characters were looked for ahead of time."""

    __slots__ = ("counted", "data", "read", "scanned")

    def __init__(self, counted: int) -> None:
        self.counted = counted
        self.data = bytearray()
        self.read = 0
        self.scanned = 0

    def copy(self) -> Buffer:
        """A buffer of its own in the same state."""
        copy = Buffer(self.counted)
        copy.data = bytearray(self.data)
        copy.read = self.read
        copy.scanned = self.scanned
        return copy


class PtyBuffer:
    """The chain of one direction.

    ``queued`` says that the kernel was asked to move data on, ``kept`` counts the small buffers that were given back.
    """

    __slots__ = ("chain", "counted", "kept", "others", "queued")

    def __init__(self) -> None:
        self.chain = [Buffer(0)]
        self.counted = 0
        self.kept = 0
        self.queued = False
        self.others: list[PtyBuffer] = []

    def room(self) -> int:
        """The bytes that can be added with certainty."""
        return max(COUNTED_BYTES_MAX - self.counted, 0)

    def copy(self) -> PtyBuffer:
        """A queue of its own in the same state, without the other histories."""
        copy = PtyBuffer()
        copy.chain = [buffer.copy() for buffer in self.chain]
        copy.counted = self.counted
        copy.kept = self.kept
        copy.queued = self.queued
        return copy

    def become(self, other: PtyBuffer) -> None:
        """Take over the state that another history left."""
        self.chain = other.chain
        self.counted = other.counted
        self.kept = other.kept

    def room_is_doubtful(self) -> bool:
        """Whether it takes another history to know if there is room."""
        return any((other.room() > 0) != (self.room() > 0) for other in self.others)

    def add(self, data: bytes, before_piece: Callable[[], object] = int) -> int:
        """Add what fits: the number of bytes taken.

        :param before_piece: called before each piece: it may make room.
        """
        taken = 0
        self.queued = True
        while taken < len(data):
            before_piece()
            piece = min(len(data) - taken, PIECE_BYTES_MAX)
            last = self.chain[-1]
            left = 2 * last.counted - len(last.data)
            if left < piece:
                small = piece <= _ROUND_BYTES and self.kept > 0
                if self.counted > COUNTED_BYTES_MAX and not small:
                    piece = left
                else:
                    self.kept -= small
                    last = Buffer(-(-piece // _ROUND_BYTES) * _ROUND_BYTES)
                    self.counted += last.counted
                    self.chain.append(last)
            if piece == 0:
                break
            last.data += data[taken : taken + piece]
            taken += piece
        self.others = [other for other in self.others if other.add(data) == taken]
        return taken

    def add_singly(self, data: bytes) -> None:
        """Add bytes one by one, as echo comes: each goes into what is left of the last buffer."""
        taken = 0
        while taken < len(data):
            last = self.chain[-1]
            left = 2 * last.counted - len(last.data)
            if left:
                last.data += data[taken : taken + left]
                self.queued = True
                taken += left
            else:
                self.add(data[taken : taken + 1])
                taken += 1

    def clear(self) -> None:
        """Throw away everything that waits."""
        while len(self.chain) > 1:
            self._give_back()
        last = self.chain[0]
        last.read = last.scanned = len(last.data)
        self.follow()

    def pass_on_first(self, take: Callable[[bytes], int]) -> bool:
        """Read the first buffer and give it back, when it is read to its end and another one follows: whether it was.

        :param take: takes in what it can of some bytes, and returns how many it took.
        """
        first = self.chain[0]
        first.read += take(bytes(first.data[first.read :]))
        if first.read < len(first.data) or len(self.chain) == 1:
            return False
        self._give_back()
        return True

    def follow(self) -> None:
        """Bring the other histories to where this one is, and forget those that make no difference any more."""
        unread = self.unread()
        histories = {self.layout(): self}
        for other in self.others:
            other.read_up_to(unread)
            histories.setdefault(other.layout(), other)
        self.others = list(histories.values())[1:]

    def unread(self) -> int:
        """The bytes that wait."""
        return sum(len(buffer.data) - buffer.read for buffer in self.chain)

    def waiting(self) -> bytes:
        """What waits."""
        return b"".join(bytes(buffer.data[buffer.read :]) for buffer in self.chain)

    def layout(self) -> tuple[object, ...]:
        """All on which the room depends, now and later."""
        return (self.kept, *((buffer.counted, len(buffer.data), buffer.read) for buffer in self.chain))

    def read_up_to(self, unread: int) -> None:
        """Read until only so many bytes wait, and give back what was read to its end."""
        while (first := self.first_waiting()) is not None and self.unread() > unread:
            first.read += min(self.unread() - unread, len(first.data) - first.read)

    def first_waiting(self) -> Buffer | None:
        """The first buffer with bytes to be read, after giving back those that were read; None when all were."""
        chain = self.chain
        while chain[0].read == len(chain[0].data):
            if len(chain) == 1:
                return None
            self._give_back()
        return chain[0]

    def _give_back(self) -> None:
        counted = self.chain.pop(0).counted
        self.counted -= counted
        self.kept += counted == _ROUND_BYTES
