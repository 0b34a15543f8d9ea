# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Who holds which descriptor: tables of processes, inherited by fork, shared by threads, thinned by exec.

Several numbers, of several processes, may stand for one slot. The program that is made has one process,
so that its slot is closed when the last of them is let go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.domains.base import Slot


@dataclass(frozen=True, slots=True)
class Held:
    """What a number stands for: a slot, or something that cannot be told, with the reason. ``closes`` is FD_CLOEXEC."""

    slot: Slot | None
    closes: bool = False
    why_not: str = ""


Table = dict[int, Held]


class Processes:
    """The tables of all processes of a log. ``parents`` says who made whom, as far as the log does."""

    def __init__(self, parents: dict[int, int]) -> None:
        self._parents = parents
        self._tables: dict[int, Table] = {}

    def table(self, process: int) -> Table:
        """The table of a process; of one that was not met before, what it inherits."""
        if process not in self._tables:
            parent = self._parents.get(process)
            self._tables[process] = dict(self.table(parent)) if parent is not None else {}
        return self._tables[process]

    def share(self, parent: int, child: int) -> None:
        """A thread has the table of who made it."""
        self._tables[child] = self.table(parent)

    def let_go(self, process: int, fd: int) -> Slot | None:
        """Forget a number; the slot that nobody holds any more, if it was the last."""
        held = self.table(process).pop(fd, None)
        return held.slot if held is not None and held.slot is not None and not self._is_held(held.slot) else None

    def executed(self, process: int) -> Iterator[Slot]:
        """What exec closes for good."""
        for fd in [fd for fd, held in self.table(process).items() if held.closes]:
            if (slot := self.let_go(process, fd)) is not None:
                yield slot

    def ended(self, process: int) -> Iterator[Slot]:
        """What is closed for good when a process ends. A thread leaves the table to the others."""
        table = self._tables.pop(process, {})
        if any(other is table for other in self._tables.values()):
            return
        for held in table.values():
            if held.slot is not None and not self._is_held(held.slot):
                yield held.slot
        table.clear()

    def _is_held(self, slot: Slot) -> bool:
        return any(held.slot == slot for table in self._tables.values() for held in table.values())
