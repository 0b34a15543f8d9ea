# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops on descriptors of any kind."""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.recipes import Make, Recipe, closing, duplicating
from conformance.strategies.scalars import ODD_FLAGS
from conformance.strategies.slots import RENUMBERED, SlotTable
from conformance.strategies.source import Source
from reference.constants.descriptors import (
    CLOSE_RANGE_CLOEXEC,
    CLOSE_RANGE_UNSHARE,
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_SETFD,
    F_SETFL,
    FD_CLOEXEC,
)
from reference.constants.limits import INT_MAX, UINT_MAX
from reference.constants.open_flags import (
    O_APPEND,
    O_ASYNC,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_NOATIME,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_SYNC,
    O_TRUNC,
    O_WRONLY,
)
from reference.constants.requests import FIGETBSZ, FIOASYNC, FIONBIO, FIONREAD

_ACCESS_MODES = (O_RDWR, O_RDWR, O_RDONLY, O_WRONLY)
_STATUS_FLAGS = (0, 0, 0, O_CLOEXEC, O_NONBLOCK, O_APPEND, O_ASYNC, O_PATH, O_PATH | O_CLOEXEC, O_ASYNC | O_CLOEXEC)
_NUMBERS: tuple[int, ...] = (*range(3, 14), 0, 1, 2, 20, 40, 100, 253, 254, 255)
_NUMBERS_OUTSIDE = (256, 257, 511, -1, INT_MAX, -INT_MAX - 1)
_MINIMA = (0, 3, 4, 5, 6, 8, 10, 20, 100, 253, 254, 255, 255, 0, 3, 5, 256, 257, -1, INT_MAX, UINT_MAX)
_DUP3_FLAGS = (0, 0, O_CLOEXEC)
_DUP3_FLAGS_ODD = (O_NONBLOCK, O_CLOEXEC | O_APPEND, *ODD_FLAGS)
_RANGE_FLAGS = (0, 0, 0, 0, CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE)
_RANGE_FLAGS_ODD = (CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE, 1, 8, -1)
_DESCRIPTOR_FLAGS = (FD_CLOEXEC, 0, 2, FD_CLOEXEC | 2, -1, -2)
_SETTABLE = (O_NONBLOCK, O_APPEND, O_ASYNC, O_NOATIME, O_DIRECT)
_IGNORED = (0, O_WRONLY, O_RDWR, O_CREAT | O_TRUNC, O_SYNC, O_CLOEXEC, O_PATH, -1, INT_MAX)
_INTS = (1, 0, 0, 1, 2, -1, 256)
_SLOT_AS_NUMBER_IN_THREE = 2


def _open_device(source: Source, slots: SlotTable) -> Op:
    flags = _STATUS_FLAGS[source.below(len(_STATUS_FLAGS))]
    access = 0 if flags & O_PATH else _ACCESS_MODES[source.below(len(_ACCESS_MODES))]
    return Op("open", ("/dev/null", access | flags, 0), (slots.new("device"),))


def _number(source: Source, slots: SlotTable) -> Slot | int:
    """A number to duplicate onto: a slot's, which that slot then loses, or a plain one."""
    if source.below(3) < _SLOT_AS_NUMBER_IN_THREE:
        slot = slots.any_of(source)
        if slot is not None:
            slots.close(slot)
            return slot
    if source.below(8) == 7:
        return _NUMBERS_OUTSIDE[source.below(len(_NUMBERS_OUTSIDE))]
    slots.notes[RENUMBERED] = True
    return _NUMBERS[source.below(len(_NUMBERS))]


def _dup2(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    if slot is None:
        return None
    number = _number(source, slots)
    return Op("dup2", (slot, number), (slots.copy(slot),))


def _dup3(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    if slot is None:
        return None
    pool = _DUP3_FLAGS_ODD if source.below(10) == 9 else _DUP3_FLAGS
    flags = pool[source.below(len(pool))]
    number = _number(source, slots)
    return Op("dup3", (slot, number, flags), (slots.copy(slot),))


def _close_range(source: Source, slots: SlotTable) -> Op | None:
    if source.below(8) == 7:
        flags = _RANGE_FLAGS_ODD[source.below(len(_RANGE_FLAGS_ODD))]
    else:
        flags = _RANGE_FLAGS[source.below(len(_RANGE_FLAGS))]
    closes = flags in (0, CLOSE_RANGE_UNSHARE)
    first = slots.any_of(source)
    if closes:
        slots.notes[RENUMBERED] = True
    if first is None or source.below(6) == 5:
        return Op("close_range", (_NUMBERS[source.below(len(_NUMBERS))], _NUMBERS[source.below(len(_NUMBERS))], flags))
    if source.below(12) == 11:
        return Op("close_range", (first, (-1, UINT_MAX, 255, 300)[source.below(4)], flags))
    last = slots.any_of(source) if source.below(2) else first
    if closes:
        slots.close(first)
        slots.close(last or first)
    return Op("close_range", (first, last or first, flags))


def _duplicating(command: int) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source)
        if slot is None:
            return None
        return Op("fcntl", (slot, command, _MINIMA[source.below(len(_MINIMA))]), (slots.copy(slot),))

    return make


def _asking(call: str, command: int) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source)
        return None if slot is None else Op(call, (slot, command))

    return make


def _setting(call: str, command: int, arguments: tuple[int, ...]) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source)
        return None if slot is None else Op(call, (slot, command, arguments[source.below(len(arguments))]))

    return make


def _setfl(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    if slot is None:
        return None
    flags = 0 if source.below(4) == 3 else O_NONBLOCK
    flags |= _SETTABLE[source.below(len(_SETTABLE))]
    if source.below(4) == 3:
        flags |= _SETTABLE[source.below(len(_SETTABLE))] | _IGNORED[source.below(len(_IGNORED))]
    return Op("fcntl", (slot, F_SETFL, flags))


RECIPES = (
    Recipe("open", 5, _open_device, opens=True),
    Recipe("close", 4, closing()),
    Recipe("dup", 3, duplicating()),
    Recipe("dup2", 4, _dup2),
    Recipe("dup3", 3, _dup3),
    Recipe("close_range", 2, _close_range),
    Recipe("fcntl(F_DUPFD)", 3, _duplicating(F_DUPFD)),
    Recipe("fcntl(F_DUPFD_CLOEXEC)", 2, _duplicating(F_DUPFD_CLOEXEC)),
    Recipe("fcntl(F_GETFD)", 3, _asking("fcntl", F_GETFD)),
    Recipe("fcntl(F_SETFD)", 2, _setting("fcntl", F_SETFD, _DESCRIPTOR_FLAGS)),
    Recipe("fcntl(F_GETFL)", 2, _asking("fcntl", F_GETFL)),
    Recipe("fcntl(F_SETFL)", 4, _setfl),
    Recipe("ioctl(FIONBIO)", 2, _setting("ioctl", FIONBIO, _INTS)),
    Recipe("ioctl(FIOASYNC)", 2, _setting("ioctl", FIOASYNC, _INTS)),
    Recipe("ioctl(FIONREAD)", 1, _asking("ioctl", FIONREAD)),
    Recipe("ioctl(FIGETBSZ)", 1, _asking("ioctl", FIGETBSZ)),
)
