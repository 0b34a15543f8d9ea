# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops on descriptors of any kind."""

from __future__ import annotations

from conformance.ops import Op
from conformance.strategies.recipes import Recipe
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source
from reference.constants import O_RDWR


def _open_null(source: Source, slots: SlotTable) -> Op:
    return Op("open", ("/dev/null", O_RDWR, 0), (slots.new("device"),))


def _close(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    if slot is None:
        return None
    slots.close(slot)
    return Op("close", (slot,))


def _dup(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    return None if slot is None else Op("dup", (slot,), (slots.new(slots.tags[slot]),))


RECIPES = (
    Recipe("open", 2, _open_null, opens=True),
    Recipe("close", 2, _close),
    Recipe("dup", 2, _dup),
)
