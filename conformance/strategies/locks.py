# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops that lock.

Locks of a few bytes close together meet each other often.
Locks conflict between descriptions of one inode, so files are often opened once more.
"""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.probes import LOCKED
from conformance.strategies.recipes import Make, Recipe
from conformance.strategies.scalars import EXTREME_OFFSETS
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source
from reference.constants.descriptors import F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_SETLK
from reference.constants.limits import LLONG_MAX
from reference.constants.locks import F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN
from reference.constants.open_flags import O_CLOEXEC, O_PATH, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.transfers import SEEK_CUR, SEEK_END, SEEK_SET
from reference.structures import Flock

_OPERATIONS = (
    LOCK_SH | LOCK_NB,
    LOCK_EX | LOCK_NB,
    LOCK_UN,
    LOCK_SH | LOCK_NB,
    LOCK_EX | LOCK_NB,
    LOCK_SH | LOCK_NB,
    LOCK_EX | LOCK_NB,
    LOCK_UN | LOCK_NB,
)
_OPERATIONS_WAITING = (LOCK_SH, LOCK_EX)
_OPERATIONS_ODD = (0, LOCK_NB, LOCK_SH | LOCK_EX, LOCK_SH | LOCK_UN, 32, 32 | LOCK_SH, 64, 1 << 20, -1)
_TYPES = (F_RDLCK, F_WRLCK, F_UNLCK, F_WRLCK, F_RDLCK, F_WRLCK)
_TYPES_ODD = (3, 4, -1, 32767, 16)
_WHENCES = (*(SEEK_SET,) * 6, SEEK_CUR, SEEK_END)
_WHENCES_ODD = (3, 4, -1, 32767)
_STARTS = (0, 1, 2, 3, 4, 5, 8, 10, 12, 15, 16, 20, 0, 5, 10)
_LENGTHS = (1, 2, 3, 5, 10, 0, 4, 6, 20, 0, 1, 5)
_LENGTHS_BELOW_ZERO = (-1, -2, -5, -10, -3)
_EXTREMES = (*EXTREME_OFFSETS, LLONG_MAX - 1, LLONG_MAX - 2, LLONG_MAX - 10)
_NEWEST = 4
_REOPEN_FLAGS = (O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_CLOEXEC, O_PATH)
_PIDS_ODD = (1, -1, 2, 77)


def _holder(source: Source, slots: SlotTable) -> Slot | None:
    """A file, mostly one of the newest, so that locks meet; now and then anything."""
    choice = source.below(8)
    files = slots.live.get("file")
    if files and choice < 5:
        return files[-1 - source.below(min(len(files), _NEWEST))]
    return slots.any_of(source, "file") if choice < 7 else slots.any_of(source)


def _reopen(source: Source, slots: SlotTable) -> Op | None:
    """One more description of a file, for locks to meet on."""
    slot = _holder(source, slots)
    if slot is None:
        return None
    return Op("reopen", (slot, _REOPEN_FLAGS[source.below(len(_REOPEN_FLAGS))]), (slots.new(slots.tags[slot]),))


def _flock(source: Source, slots: SlotTable) -> Op | None:
    slot = _holder(source, slots)
    if slot is None:
        return None
    operations: tuple[int, ...] = _OPERATIONS
    rare = source.below(60)
    slots.notes[LOCKED] = True
    if rare >= 58:
        operations = _OPERATIONS_WAITING
    elif rare >= 55:
        operations = _OPERATIONS_ODD
    return Op("flock", (slot, operations[source.below(len(operations))]))


def _place(source: Source, usual: tuple[int, ...]) -> int:
    if source.below(24) == 23:
        return _EXTREMES[source.below(len(_EXTREMES))]
    return usual[source.below(len(usual))]


def _lock(source: Source) -> Flock:
    odd = source.below(60)
    types = _TYPES_ODD if odd == 59 else _TYPES
    whences = _WHENCES_ODD if odd == 58 else _WHENCES
    lengths = _LENGTHS_BELOW_ZERO if source.below(10) == 9 else _LENGTHS
    return Flock(
        types[source.below(len(types))],
        whences[source.below(len(whences))],
        _place(source, _STARTS),
        _place(source, lengths),
        _PIDS_ODD[source.below(len(_PIDS_ODD))] if odd >= 56 else 0,
    )


def _record(command: int) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = _holder(source, slots)
        if slot is None:
            return None
        slots.notes[LOCKED] = True
        return Op("fcntl", (slot, command, _lock(source)))

    return make


RECIPES = (
    Recipe("reopen", 5, _reopen),
    Recipe("flock", 12, _flock),
    Recipe("fcntl(F_SETLK)", 8, _record(F_SETLK)),
    Recipe("fcntl(F_GETLK)", 4, _record(F_GETLK)),
    Recipe("fcntl(F_OFD_SETLK)", 8, _record(F_OFD_SETLK)),
    Recipe("fcntl(F_OFD_GETLK)", 4, _record(F_OFD_GETLK)),
)
