# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The queue between the ends of a pseudoterminal: bytes that were written and not yet taken in by a line discipline.

The queue is a chain of buffers. A buffer is counted with half of the bytes it can hold,
and a new one is refused once more than :data:`COUNTED_BYTES_MAX` are counted.
What is left in the last buffer goes unused when a piece does not fit there whole and a new buffer can be had.
A buffer is given back when it was read to its end and another one follows, so the last one stays.
A small one that was given back is kept for the next small piece, which then takes it whatever is counted.
"""

from __future__ import annotations

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


class PtyBuffer:
    """The chain of one direction.

    ``queued`` says that the kernel was asked to move data on, ``kept`` counts the small buffers that were given back.
    """

    __slots__ = ("chain", "counted", "kept", "queued")

    def __init__(self) -> None:
        self.chain = [Buffer(0)]
        self.counted = 0
        self.kept = 0
        self.queued = False

    def room(self) -> int:
        """The bytes that can be added with certainty."""
        return max(COUNTED_BYTES_MAX - self.counted, 0)

    def add(self, data: bytes) -> int:
        """Add what fits: the number of bytes taken."""
        taken = 0
        self.queued = True
        while taken < len(data):
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
