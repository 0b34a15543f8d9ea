# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The locks of one inode: whole-file locks of flock(2), and record locks of fcntl(2).

**Whole-file locks** belong to an open file description.
A description holds at most one, and converting it gives the old one up first:
a conversion that fails leaves no lock behind.

**Record locks** cover a range of bytes and belong to an owner: the process (F_SETLK), or a description (F_OFD_SETLK).
Locks of one owner never conflict; a new one replaces what the owner had in its range,
so that an owner's locks are always disjoint, in rising order, and joined where two of one type touch.

The two families do not see each other (flock(2), fcntl_locking(2)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from reference.constants.locks import F_RDLCK, F_UNLCK, F_WRLCK
from reference.linux.description import OpenFileDescription

Owner = OpenFileDescription | None
"""Who holds a record lock: a description, or the process, of which there is only one."""

PROCESS: Owner = None


class Span(NamedTuple):
    """A record lock: its type and the first and last byte that it covers."""

    type: int
    first: int
    last: int

    def overlaps(self, other: Span) -> bool:
        """Whether the two have a byte in common."""
        return self.last >= other.first and other.last >= self.first

    def conflicts(self, other: Span) -> bool:
        """Whether two owners cannot hold these two at once."""
        return F_WRLCK in (self.type, other.type) and self.overlaps(other)


class FileLocks:
    """All locks of an inode. Record locks are kept by owner, the owner that locked first comes first."""

    __slots__ = ("_cite", "records", "wholes")

    def __init__(self, cite: Callable[[str], None]) -> None:
        self._cite = cite
        self.wholes: dict[OpenFileDescription, int] = {}
        self.records: dict[Owner, list[Span]] = {}

    # Whole-file locks -------------------------------------------------------------------------

    def whole_conflicts(self, description: OpenFileDescription, kind: int) -> bool:
        """Whether another description holds a whole-file lock that one of type ``kind`` cannot stand beside."""
        return any(F_WRLCK in (kind, held) for holder, held in self.wholes.items() if holder is not description)

    # Record locks -----------------------------------------------------------------------------

    def conflict(self, owner: Owner, wanted: Span) -> tuple[Owner, Span] | None:
        """The first lock of another owner that stands in the way, with its owner."""
        for holder, held in self._all():
            if holder is not owner and held.conflicts(wanted):
                return holder, held
        return None

    def overlap(self, owner: Owner, asked: Span) -> tuple[Owner, Span] | None:
        """The first lock of this very owner within a range, with its owner."""
        for held in self.records.get(owner, ()):
            if held.overlaps(asked):
                return owner, held
        return None

    def set(self, owner: Owner, wanted: Span) -> None:
        """Give an owner a lock that was checked, or with F_UNLCK take away what it has in a range."""
        spans = replaced(self.records.get(owner, []), wanted)
        if spans:
            self.records[owner] = spans
        else:
            self.records.pop(owner, None)

    def _all(self) -> Iterator[tuple[Owner, Span]]:
        for owner, spans in self.records.items():
            for span in spans:
                yield owner, span

    # Closing ----------------------------------------------------------------------------------

    def descriptor_closed(self) -> None:
        """The process closed a descriptor of the inode: all its own record locks go, whichever descriptor made them."""
        if self.records.pop(PROCESS, None):
            self._cite("RLOCK-CLOSE")

    def description_closed(self, description: OpenFileDescription) -> None:
        """The last reference to a description went away, and its locks go with it."""
        whole = self.wholes.pop(description, None)
        if self.records.pop(description, None) or whole is not None:
            self._cite("LOCK-LAST-CLOSE")


def replaced(held: list[Span], wanted: Span) -> list[Span]:
    """An owner's locks after ``wanted`` took the place of what was in its range."""
    kind, first, last = wanted
    before: list[Span] = []
    after: list[Span] = []
    for span in held:
        if span.type == kind and span.last >= first - 1 and span.first <= last + 1:
            # Locks of one type that touch or overlap become one.
            first, last = min(first, span.first), max(last, span.last)
            continue
        if span.first < first:
            before.append(Span(span.type, span.first, min(span.last, first - 1)))
        if span.last > last:
            after.append(Span(span.type, max(span.first, last + 1), span.last))
    return before + after if kind == F_UNLCK else [*before, Span(kind, first, last), *after]


LOCK_TYPES = (F_RDLCK, F_WRLCK, F_UNLCK)
