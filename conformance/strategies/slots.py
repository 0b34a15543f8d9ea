# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a generator remembers of the slots it made: bookkeeping by tags, no model of the system.

A tag says what a slot is for: ``file``, ``pipe.read``, ``pipe.write``, ``socket.stream``, ``pty.master``,
``pty.slave``, ``epoll``, ``mapping``, ``process``, ``device``, ``directory``. A dup carries the tag of its origin.
"""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.strategies.source import Source

ODD_SLOT_ONE_IN = 24
"""How often a slot that was closed, or is of another kind, is taken on purpose."""


ANNOUNCED = "a terminal announces with SIGIO"
"""From then on a long write to it is cut short wherever the writer happens to be when the signal comes."""
FILLED = "much was written to a terminal"
"""From then on input may wait in front of a line discipline,
and the kernel does not say whether TCSAFLUSH lets it in before or after the modes change."""
SPLICED = "data was moved without passing through the program"
"""A pipe that was spliced does not know RWF_NOWAIT any more."""
LENT = "pages of files were lent to pipes or sockets"
"""From then on no file that is not a memory file gets shorter, or is written past its cache."""
SCARCE = "pages of files may leave the cache at any time"
"""From then on none is lent."""
RENUMBERED = "numbers were closed or taken over that other slots may have"
"""From then on nobody knows without a model which slots share a description."""


_LETTERS = {"mapping": "m", "process": "p"}


class SlotTable:
    """Slots by tag, newest last."""

    __slots__ = ("_count", "_odd_one_in", "_origins", "closed", "live", "notes", "tags")

    def __init__(self, odd_one_in: int = ODD_SLOT_ONE_IN) -> None:
        self._odd_one_in = odd_one_in
        self.tags: dict[Slot, str] = {}
        self.live: dict[str, list[Slot]] = {}
        self.closed: list[Slot] = []
        self.notes: dict[str, object] = {}
        """Room for a kind's own bookkeeping: names in use, peers."""
        self._count = 0
        self._origins: dict[Slot, Slot] = {}

    def new(self, tag: str) -> Slot:
        """A fresh slot of a kind: ``m0`` for a mapping, ``p0`` for a process, ``r0`` for a descriptor."""
        slot = Slot(f"{_LETTERS.get(tag, 'r')}{self._count}")
        self._count += 1
        self.tags[slot] = tag
        self.live.setdefault(tag, []).append(slot)
        return slot

    def copy(self, slot: Slot) -> Slot:
        """A fresh slot for a duplicate of a descriptor."""
        copied = self.new(self.tags[slot])
        self._origins[copied] = self._origins.get(slot, slot)
        return copied

    def described(self, tag: str) -> list[Slot]:
        """Live slots of a tag, without those whose description another live slot stands for.

        Where the call that should have made a duplicate failed, no description is left out either.
        """
        live = self.live.get(tag, [])
        if RENUMBERED in self.notes:
            return live
        return [slot for slot in live if self._origins.get(slot) not in live]

    def close(self, slot: Slot) -> None:
        """Remember that a slot was closed. The number of one that was closed before may be another slot's by now."""
        alive = self.live.get(self.tags[slot], [])
        if slot in alive:
            alive.remove(slot)
            self.closed.append(slot)
        else:
            self.notes[RENUMBERED] = True

    def retag(self, slot: Slot, tag: str) -> None:
        """Let a live slot be for something else from now on."""
        alive = self.live.get(self.tags[slot], [])
        if slot in alive:
            alive.remove(slot)
            self.live.setdefault(tag, []).append(slot)
            self.tags[slot] = tag

    def any_of(self, source: Source, *tags: str) -> Slot | None:
        """A live slot with one of the tags (any when none is named); seldom one that is closed or of another kind."""
        if source.below(self._odd_one_in) == self._odd_one_in - 1 and self.tags:
            everything = list(self.tags)
            return everything[source.below(len(everything))]
        live = self.live
        if len(tags) == 1:
            fitting = live.get(tags[0])
        else:
            fitting = [slot for tag in (tags or live) if tag in live for slot in live[tag]]
        if not fitting:
            return None
        return fitting[-1 - source.below(len(fitting))]
