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
