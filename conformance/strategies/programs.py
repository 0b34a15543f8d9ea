# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Whole programs from recipes, and the seeded front-end of the campaign.

The front-end of the property tests is :mod:`conformance.strategies.examples`.

A share of the programs is drawn with every op as likely and slots taken blindly (uniform),
the others by weight over slots that are alive (guided), half of these with a random part of the vocabulary left out
(swarm).
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

from conformance.ops import Op
from conformance.program import Program
from conformance.strategies.probes import probes
from conformance.strategies.recipes import Recipe
from conformance.strategies.slots import ODD_SLOT_ONE_IN, SlotTable
from conformance.strategies.source import SeededSource, Source, chance

UNIFORM_ODD_SLOT_ONE_IN = 2
PROGRAM_OPS_MIN = 3
PROGRAM_OPS_MAX = 45
UNIFORM_IN_EIGHT, GUIDED_IN_EIGHT = 2, 3


class Builder:
    """Draws a program op by op."""

    def __init__(self, recipes: Sequence[Recipe], *, uniform: bool = False) -> None:
        self._recipes = recipes
        self._bounds = list(accumulate(1 if uniform else recipe.weight for recipe in recipes))
        self._opening = [recipe for recipe in recipes if recipe.opens]
        self.slots = SlotTable(UNIFORM_ODD_SLOT_ONE_IN if uniform else ODD_SLOT_ONE_IN)
        self.ops: list[Op] = []

    def add(self, source: Source) -> None:
        """Draw one op; when no slot fits it, one that opens something instead."""
        recipe = self._recipes[bisect(self._bounds, source.below(self._bounds[-1]))]
        op = recipe.make(source, self.slots)
        if op is None and self._opening:
            op = self._opening[source.below(len(self._opening))].make(source, self.slots)
        if op is not None:
            self.ops.append(op)

    def program(self) -> Program:
        """The ops drawn so far, with a probe of every live descriptor behind them."""
        return Program((*self.ops, *probes(self.slots)))


def draw_program(source: Source, recipes: Sequence[Recipe]) -> Program:
    """One program of the portfolio, for the campaign."""
    mode = source.below(8)
    chosen = recipes
    if mode >= UNIFORM_IN_EIGHT + GUIDED_IN_EIGHT:
        chosen = [recipe for recipe in recipes if recipe.opens or chance(source, 2)]
    builder = Builder(chosen, uniform=mode < UNIFORM_IN_EIGHT)
    for _ in range(PROGRAM_OPS_MIN + source.below(PROGRAM_OPS_MAX - PROGRAM_OPS_MIN)):
        builder.add(source)
    return builder.program()


def seeded_program(seed: int | str, recipes: Sequence[Recipe]) -> Program:
    """The program of a seed."""
    return draw_program(SeededSource(seed), recipes)
