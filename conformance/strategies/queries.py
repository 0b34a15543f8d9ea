# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops that ask what a descriptor stands on and what surrounds it, whatever kind of object it leads to."""

from __future__ import annotations

from conformance.ops import Op
from conformance.strategies.attributes import statx
from conformance.strategies.recipes import Recipe
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source


def _readlink(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    return None if slot is None else Op("readlink_fd", (slot,))


RECIPES = (
    Recipe("statx", 1, statx),
    Recipe("readlink_fd", 1, _readlink),
)
