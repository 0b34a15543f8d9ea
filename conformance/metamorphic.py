# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Law 5: what needs no second system. A program is made into another that must give the same, on any system.

- A transfer in pieces equals the transfer of the whole: ``read`` and ``readv``, ``pread`` and ``preadv2``,
  ``write`` and ``writev``, ``pwrite`` and ``pwritev2``.
- Ops on descriptors that have nothing to do with each other commute.
- Saving and restoring at any point changes nothing but what a clause about saving says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

from conformance.domains.base import Domain
from conformance.domains.compound import Maybe
from conformance.domains.names import Path, SocketAddress
from conformance.observation import Observation
from conformance.ops import Op, slots_read, spec_of
from conformance.payload import Pattern, materialise
from reference.constants.open_flags import O_DIRECT
from reference.constants.requests import TIOCNOTTY, TIOCSCTTY

PIECES_MAX = 3
BYTES_MAX = 2**20
SAVE, RESTORE = Op("save", ()), Op("restore", ())
_NUMBERING = frozenset(("fstat", "statx", "readlink_fd", "epoll_wait", "poll", "select"))
"""Calls whose results number what the program was shown, or look at several descriptors."""
_CLOSING = frozenset(("close", "dup2", "dup3"))
_FOR_ALL = frozenset("save restore umask setrlimit setsid setpgid spawn descend exit kill sync syncfs".split())
"""Calls that are about the whole process."""
_FOR_THE_SESSION = frozenset((TIOCSCTTY, TIOCNOTTY))
"""Requests about the one terminal that a session has."""


# Pieces ---------------------------------------------------------------------------------------------


def in_pieces(ops: Sequence[Op], random: Random) -> tuple[Op, ...] | None:
    """The program with each transfer made by a vector of pieces; None for one that a vector is another request for.

    With O_DIRECT each piece has to be aligned, so a program that names it is left alone.
    """
    if any(_asks_for_direct(op) for op in ops):
        return None
    return tuple([_in_pieces(op, random) for op in ops])


def _asks_for_direct(op: Op) -> bool:
    flags = [
        value
        for parameter, value in zip(spec_of(op).parameters, op.arguments, strict=True)
        if parameter.name in ("flags", "argument") and isinstance(value, int)
    ]
    return any(value & O_DIRECT for value in flags)


def _in_pieces(op: Op, random: Random) -> Op:
    match op:
        case Op("read", (fd, int(count)), out) if 0 < count <= BYTES_MAX:
            return Op("readv", (fd, _parts(count, random)), out)
        case Op("pread", (fd, int(count), int(offset)), out) if 0 < count <= BYTES_MAX and offset >= 0:
            return Op("preadv2", (fd, _parts(count, random), offset, 0), out)
        case Op("write", (fd, data), out) if materialise(data):
            return Op("writev", (fd, _cut(data, random)), out)
        case Op("pwrite", (fd, data, int(offset)), out) if materialise(data) and offset >= 0:
            return Op("pwritev2", (fd, _cut(data, random), offset, 0), out)
    return op


def _parts(count: int, random: Random) -> tuple[int, ...]:
    """A number as a sum of at most so many, none of them negative."""
    ends = sorted(random.randint(0, count) for _ in range(random.randint(1, PIECES_MAX) - 1))
    return tuple([end - start for start, end in zip((0, *ends), (*ends, count), strict=True)])


def _cut(payload: Pattern | bytes, random: Random) -> tuple[bytes, ...]:
    data = materialise(payload)
    pieces: list[bytes] = []
    start = 0
    for length in _parts(len(data), random):
        pieces.append(data[start : start + length])
        start += length
    return tuple(pieces)


# Order ----------------------------------------------------------------------------------------------


def swaps(ops: Sequence[Op]) -> Iterator[int]:
    """The places of ops that can change places with the next: they are about objects that have nothing in common.

    Objects have something in common when one op names them both, or both have a name in the file system.
    A slot that was closed may stand for a number that was handed out again: what it names is anybody's.
    """
    groups = _Groups(ops)
    stale: set[str] = set()
    for place, (op, other) in enumerate(pairwise(ops)):
        if "close_range" in (op.call, other.call):
            # It closes by number, whatever slots it names; from then on all may be somebody else's.
            return
        one, two = groups.of(op), groups.of(other)
        apart = one is not None and two is not None and one != two
        if apart and stale.isdisjoint((*slots_read(op), *slots_read(other))):
            yield place
        if op.call in _CLOSING:
            stale.update(slots_read(op))


def swapped(ops: Sequence[Op], place: int) -> tuple[Op, ...]:
    """The program with an op and the next one in each other's place."""
    return (*ops[:place], ops[place + 1], ops[place], *ops[place + 2 :])


def unswapped(observed: Sequence[Observation], place: int) -> list[Observation]:
    """What was observed of a program with two ops swapped, in the order of the program as it was."""
    return [*observed[:place], observed[place + 1], observed[place], *observed[place + 2 :]]


def _is_name(domain: Domain) -> bool:
    """Whether values of a domain name what other descriptors may stand on."""
    return isinstance(domain, Path | SocketAddress | Maybe)


class _Groups:
    """Slots by what they have in common. The group "names" holds whatever has one."""

    def __init__(self, ops: Sequence[Op]) -> None:
        self._group: dict[str, str] = {}
        for op in ops:
            names = ["names"] if self._names_a_path(op) else []
            for slot in (*slots_read(op), *op.out, *names):
                self._join(slot, next(iter((*slots_read(op), *op.out, *names))))

    def of(self, op: Op) -> str | None:
        """The one group of an op that neither makes a descriptor nor is about more than its group."""
        read = slots_read(op)
        if not read or op.out or op.call in _NUMBERING or op.call in _FOR_ALL or self._names_a_path(op):
            return None
        if op.call == "ioctl" and op.arguments[1] in _FOR_THE_SESSION:
            return None
        return self._root(read[0])

    @staticmethod
    def _names_a_path(op: Op) -> bool:
        return any(_is_name(parameter.domain) for parameter in spec_of(op).parameters)

    def _root(self, slot: str) -> str:
        while (above := self._group.get(slot, slot)) != slot:
            slot = above
        return slot

    def _join(self, slot: str, other: str) -> None:
        self._group[self._root(slot)] = self._root(other)


# Saving ---------------------------------------------------------------------------------------------


def saved_at(ops: Sequence[Op], place: int) -> tuple[Op, ...]:
    """The program with a save and a restore before one of its ops."""
    return (*ops[:place], SAVE, RESTORE, *ops[place:])


def unsaved(observed: Sequence[Observation], place: int) -> list[Observation]:
    """What was observed beside the save and the restore."""
    return [*observed[:place], *observed[place + 2 :]]
