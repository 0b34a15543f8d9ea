# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops that tell and change attributes: mode, owner, times."""

from __future__ import annotations

from conformance.ops import Op
from conformance.strategies.recipes import Recipe
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source
from reference.constants.file_status import (
    AT_STATX_DONT_SYNC,
    AT_STATX_FORCE_SYNC,
    STATX__RESERVED,
    STATX_ATIME,
    STATX_BASIC_STATS,
    STATX_BTIME,
    STATX_CTIME,
    STATX_DIOALIGN,
    STATX_MNT_ID,
    STATX_MTIME,
    STATX_SIZE,
    STATX_TYPE,
    UTIME_NOW,
    UTIME_OMIT,
)

_NS_PER_S = 10**9
_PAST = 5 * _NS_PER_S + 7
_FUTURE = 2**32 * _NS_PER_S + 5
_TIMES = (
    _PAST,
    -UTIME_NOW,
    -UTIME_OMIT,
    0,
    10**18,
    _FUTURE,
    _FUTURE + 1,
    -UTIME_OMIT,
    -UTIME_NOW,
    _FUTURE - 1,
    -1,
    -_NS_PER_S,
)
_TIMES_ODD = (
    (2**31 - 1) * _NS_PER_S,
    2**31 * _NS_PER_S,
    -(2**31) * _NS_PER_S,
    -(2**31) * _NS_PER_S - 1,
    -(2**31) * _NS_PER_S + 1,
    (2**34 - 2**31) * _NS_PER_S - 1,
    (2**34 - 2**31) * _NS_PER_S - _NS_PER_S - 1,
    (2**34 - 2**31) * _NS_PER_S,
    2**40 * _NS_PER_S + 3,
    -(2**40) * _NS_PER_S - 3,
)
_OWNERS = (-1, -1, 65534, 0, -1, 1000)
_OWNERS_ODD = (65535, 65536, 2**31, 2**32 - 2, 2**32 - 1, -2, 65534)
_STATX_FLAGS = (
    0,
    0,
    0,
    0,
    AT_STATX_FORCE_SYNC,
    AT_STATX_DONT_SYNC,
    AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC,
    0x100,
    1,
    -1,
)
_STATX_MASKS = (
    STATX_BASIC_STATS,
    STATX_BASIC_STATS | STATX_BTIME,
    0,
    STATX_TYPE | STATX_SIZE,
    STATX_MTIME,
    STATX_CTIME | STATX_ATIME,
    STATX_ATIME,
    STATX_BASIC_STATS | STATX_MNT_ID,
    STATX_DIOALIGN | STATX_SIZE,
    STATX_BASIC_STATS | STATX_BTIME | STATX_DIOALIGN | STATX_MNT_ID,
    STATX__RESERVED | STATX_BASIC_STATS,
    1 << 30,
)
MODES = (
    0o644,
    0o600,
    0o666,
    0o777,
    0o755,
    0o644,
    0o400,
    0o200,
    0,
    0o4755,
    0o2755,
    0o6777,
    0o2644,
    0o1644,
    0o7644,
    0o5111,
)
DIRECTORY_MODES = (0o755, 0o777, 0o700, 0o2755, 0o2777, 0o500, 0o300, 0o600, 0, 0o1755, 0o7755, 0o100)
MODES_ODD = (0o170000, 0o100644, 0o40755, -1, 0o200644, 2**31 | 0o600)
_ODD_VALUE_ONE_IN = 12


def usual_or_odd(source: Source, usual: tuple[int, ...], odd: tuple[int, ...]) -> int:
    """A usual value; seldom an odd one."""
    pool = odd if source.below(_ODD_VALUE_ONE_IN) == _ODD_VALUE_ONE_IN - 1 else usual
    return pool[source.below(len(pool))]


def _fstat(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    return None if slot is None else Op("fstat", (slot,))


def statx(source: Source, slots: SlotTable) -> Op | None:
    """A statx(2) of any descriptor."""
    slot = slots.any_of(source)
    if slot is None:
        return None
    flags = _STATX_FLAGS[source.below(len(_STATX_FLAGS))]
    return Op("statx", (slot, flags, _STATX_MASKS[source.below(len(_STATX_MASKS))]))


def _fchmod(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    if slot is None:
        return None
    modes = DIRECTORY_MODES if slots.tags[slot] == "directory" else MODES
    return Op("fchmod", (slot, usual_or_odd(source, modes, MODES_ODD)))


def _fchown(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    if slot is None:
        return None
    return Op("fchown", (slot, usual_or_odd(source, _OWNERS, _OWNERS_ODD), usual_or_odd(source, _OWNERS, _OWNERS_ODD)))


def _futimens(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    if slot is None:
        return None
    return Op("futimens", (slot, usual_or_odd(source, _TIMES, _TIMES_ODD), usual_or_odd(source, _TIMES, _TIMES_ODD)))


RECIPES = (
    Recipe("fstat", 5, _fstat),
    Recipe("statx", 3, statx),
    Recipe("fchmod", 4, _fchmod),
    Recipe("fchown", 3, _fchown),
    Recipe("futimens", 4, _futimens),
)
