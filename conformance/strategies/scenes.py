# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes: a few ops that lead somewhere together, drawn one by one between the others of a program.

Many a rule shows only where several things have come together. Left to chance that is seldom,
so a program may have a scene, which plays in order whatever happens in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.recipes import Make, Recipe
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, chance, pick

Scene = tuple[Make, ...]
"""Recipes of ops, in their order. One that finds nothing to act on is left out."""
_DUE = "scene"
"""The note of what is still to come of a program's scene."""
_CAST = "scene.cast"
"""The note of the slots of a scene, by the names of their parts."""


def on_scene(recipes: Sequence[Recipe], scenes: Sequence[Scene]) -> tuple[Recipe, ...]:
    """The recipes, each of which now and then draws the next op of the program's scene instead of its own."""
    return tuple([replace(recipe, make=_after_scene(recipe.make, scenes)) for recipe in recipes])


def _after_scene(make: Make, scenes: Sequence[Scene]) -> Make:
    def make_after(source: Source, slots: SlotTable) -> Op | None:
        due = slots.notes.get(_DUE)
        if not isinstance(due, list):
            due = slots.notes[_DUE] = list(pick(source, scenes))
        while due and not chance(source, 3):
            op: Op | None = due.pop(0)(source, slots)
            if op is not None:
                return op
        return make(source, slots)

    return make_after


# Parts of a scene -----------------------------------------------------------------------------


def cast(slots: SlotTable) -> dict[str, Slot]:
    """The slots that play a part in the program's scene, by the part's name."""
    return slots.notes.setdefault(_CAST, {})  # type: ignore[return-value]


def act(call: str, *parameters: str | tuple[object, ...], out: tuple[tuple[str, str], ...] = ()) -> Make:
    """An op of a scene: a parameter is the name of a part, or values of which one is taken.

    ``out`` has the names and the tags of the slots that the op makes. None while a part is not played.
    """

    def make(source: Source, slots: SlotTable) -> Op | None:
        parts = cast(slots)
        arguments: list[object] = []
        for parameter in parameters:
            if isinstance(parameter, tuple):
                arguments.append(pick(source, parameter))
            elif parameter in parts:
                arguments.append(parts[parameter])
            else:
                return None
        made = tuple([slots.new(tag) for _, tag in out])
        parts.update(zip([name for name, _ in out], made, strict=True))
        return Op(call, tuple(arguments), made)

    return make


def leave(part: str) -> Make:
    """Close a part's slot."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = cast(slots).get(part)
        if slot is None:
            return None
        slots.close(slot)
        return Op("close", (slot,))

    return make
