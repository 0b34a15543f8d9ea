# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops that ask what a descriptor stands on and what surrounds it, whatever kind of object it leads to."""

from __future__ import annotations

from conformance.ops import Op
from conformance.strategies.attributes import statx
from conformance.strategies.recipes import Recipe
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, chance
from reference.constants import AT_EACCESS, AT_SYMLINK_NOFOLLOW, RLIMIT_FSIZE

_ACCESS_FLAGS = (0, 0, 0, AT_EACCESS, AT_EACCESS, AT_SYMLINK_NOFOLLOW, 1, -1)
_ACCESS_ODD = (8, -1)
_LIMITS = (2**21, 0, 1, 100, 4095, 4096, 4097, 8192, 65536, 2**20, 2**21 - 1, 2**21, 2**21 + 1, -1, 2**63)


def _readlink(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    return None if slot is None else Op("readlink_fd", (slot,))


def _faccessat(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    if slot is None:
        return None
    mode = _ACCESS_ODD[source.below(2)] if chance(source, 24) else source.below(8)
    return Op("faccessat_fd", (slot, mode, _ACCESS_FLAGS[source.below(len(_ACCESS_FLAGS))]))


def _fstatfs(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    return None if slot is None else Op("fstatfs", (slot,))


def _setrlimit(source: Source, slots: SlotTable) -> Op:
    return Op("setrlimit", (RLIMIT_FSIZE, _LIMITS[source.below(len(_LIMITS))]))


RECIPES = (
    Recipe("statx", 1, statx),
    Recipe("readlink_fd", 1, _readlink),
    Recipe("faccessat_fd", 1, _faccessat),
    Recipe("fstatfs", 1, _fstatfs),
)
LIMIT_RECIPES = (Recipe("setrlimit", 1, _setrlimit),)
"""For programs with files: nothing else asks for the limit."""
