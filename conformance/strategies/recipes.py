# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes: how one op of the vocabulary is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.ops import Op
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source

Make = Callable[[Source, SlotTable], Op | None]


@dataclass(frozen=True)
class Recipe:
    """Draws ops of one kind.

    ``name`` is the op's name in the vocabulary, ``weight`` how often it is drawn beside its neighbours.
    ``make`` draws an op and books the slots it makes or closes; None when no slot fits.
    ``opens`` marks the recipes that need no slot: one of them is drawn when another found none.
    """

    name: str
    weight: int
    make: Make
    opens: bool = False


def closing(*tags: str) -> Make:
    """A recipe for close(2) of a slot with one of the tags."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, *tags)
        if slot is None:
            return None
        slots.close(slot)
        return Op("close", (slot,))

    return make


def duplicating(*tags: str) -> Make:
    """A recipe for dup(2) of a slot with one of the tags."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, *tags)
        return None if slot is None else Op("dup", (slot,), (slots.copy(slot),))

    return make
