# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The locks of one import: whole-file locks of flock(2), and record locks of fcntl(2). The host hears of neither.

Both are a *lock set*: segments in rising order that do not overlap, each with a type and with everybody who holds it.
A set is not kept by owner, as Linux keeps its locks, and so it answers other questions than Linux does:
what stands in somebody's way is a segment, which may be a part of the lock that its holder asked for.

Segments are split where a lock begins or ends inside them, even when nothing else changes there.
They join only where a gap between them is filled: two halves of a segment stay halves.

A whole-file lock is a lock on all bytes, in a set of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from reference.constants.limits import LLONG_MAX
from reference.constants.locks import F_RDLCK, F_WRLCK

if TYPE_CHECKING:
    from reference.host.description import Description

Owner: TypeAlias = "Description | int"
"""Who holds a lock: a description, or a process by its number."""

END_OF_FILE = LLONG_MAX
"""Where a lock to the end of the file ends, however large the file grows. The byte there is none of its bytes."""


class Range(NamedTuple):
    """Bytes from ``start`` up to, and without, ``end``."""

    start: int
    end: int


WHOLE = Range(0, END_OF_FILE)


class Segment(NamedTuple):
    """Bytes that are locked in one way. Several holders share a read lock; a write lock has one."""

    start: int
    end: int
    type: int
    holders: frozenset[Owner]

    def overlaps(self, asked: Range) -> bool:
        """Whether a range reaches into the segment. An empty range does so strictly inside of it."""
        return self.end > asked.start and self.start < asked.end

    def refuses(self, owner: Owner, kind: int) -> bool:
        """Whether an owner cannot have a lock of a type here. Only the sole reader may become the writer."""
        if kind == F_WRLCK:
            return self.holders != {owner}
        return self.type == F_WRLCK and owner not in self.holders

    def locked(self, owner: Owner, kind: int) -> Segment:
        """This segment with one more lock, which replaces what its owner had here."""
        shared: frozenset[Owner] = self.holders if kind == self.type == F_RDLCK else frozenset()
        return self._replace(type=kind, holders=shared | {owner})

    def parts(self, cut: Range) -> tuple[tuple[Segment, ...], Segment, tuple[Segment, ...]]:
        """What lies before a range that overlaps, in it, and after it."""
        before = (self._replace(end=cut.start),) if self.start < cut.start else ()
        after = (self._replace(start=cut.end),) if self.end > cut.end else ()
        return before, self._replace(start=max(self.start, cut.start), end=min(self.end, cut.end)), after


class LockSet:
    """Locks of one sort."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []

    def refusing(self, owner: Owner, kind: int, wanted: Range) -> Segment | None:
        """The first segment that keeps an owner from a lock. An empty range meets no resistance."""
        if wanted.start == wanted.end:
            return None
        return next((found for found in self.segments if found.overlaps(wanted) and found.refuses(owner, kind)), None)

    def lock(self, owner: Owner, kind: int, wanted: Range) -> None:
        """Give an owner a lock that nothing refuses."""
        at = wanted.start
        index = sum(segment.end <= at for segment in self.segments)
        while at < wanted.end:
            segment = self.segments[index] if index < len(self.segments) else None
            if segment is None or segment.start > at:
                end = wanted.end if segment is None else min(segment.start, wanted.end)
                index, at = self._fill(index, Segment(at, end, kind, frozenset((owner,))))
            else:
                before, inside, after = segment.parts(wanted)
                self.segments[index : index + 1] = [*before, inside.locked(owner, kind), *after]
                index, at = index + len(before) + 1, inside.end

    def _fill(self, index: int, new: Segment) -> tuple[int, int]:
        """Fill the gap before ``index``, and join what touches and is locked alike. Where to go on: index and byte."""
        before, after = self.segments[max(index - 1, 0) : index], self.segments[index : index + 1]
        first, past = index, index + 1
        if before and before[0].end == new.start and before[0][2:] == new[2:]:
            first, new = index - 1, new._replace(start=before[0].start)
        if after and after[0].start == new.end and after[0][2:] == new[2:]:
            new = new._replace(end=after[0].end)
        else:
            past = index
        self.segments[first:past] = [new]
        return first + 1, new.end

    def unlock(self, owner: Owner, wanted: Range) -> None:
        """Take away what an owner holds in a range. An empty range takes nothing."""
        if wanted.start == wanted.end:
            return
        kept: list[Segment] = []
        for segment in self.segments:
            if owner not in segment.holders or not segment.overlaps(wanted):
                kept.append(segment)
                continue
            before, inside, after = segment.parts(wanted)
            others = inside.holders - {owner}
            kept += [*before, *([inside._replace(holders=others)] if others else []), *after]
        self.segments = kept


class FileLocks:
    """All locks of an import; the two sorts do not see each other."""

    def __init__(self) -> None:
        self.wholes = LockSet()
        self.records = LockSet()

    def descriptor_closed(self, process: int) -> None:
        """A process closed a number of the import, and its own record locks go.

        They go as far as a lock to the end of the file reaches: one that begins there stays.
        """
        self.records.unlock(process, WHOLE)

    def description_closed(self, file: Description) -> None:
        """The last number of a description was closed, and its locks go likewise."""
        self.wholes.unlock(file, WHOLE)
        self.records.unlock(file, WHOLE)
