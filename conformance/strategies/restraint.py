# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps recipes of other kinds from flooding a terminal.

How much echo of a flood gets through, and how much of it a signal character throws away,
depends on when the kernel's worker runs beside the writer: no model can say, and no program should ask.
The recipes of terminals know their measure; those of other kinds reach a terminal by chance,
with payloads made for files and pipes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conformance.ops import Op
from conformance.payload import Pattern
from conformance.strategies.recipes import Make, Recipe
from conformance.strategies.slots import ANNOUNCED, FILLED, SlotTable
from conformance.strategies.source import Source
from reference.constants import O_ASYNC

_WORDS = b"abcdefghijklmno " * 6
"""What a terminal is given instead: without control characters, and little enough to be echoed at once."""
_PIECES_MAX = 4
_WRITES = frozenset(("write", "pwrite", "writev", "pwritev2"))
_ANNOUNCING = frozenset(("fcntl(F_SETFL)", "ioctl(FIOASYNC)"))
_TERMINALS = frozenset(("pty.master", "pty.slave", "passed"))


def restrained(recipes: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """The recipes, with those that write cut short where they meet a terminal, and no SIGIO asked of a filled one."""
    return tuple(
        replace(recipe, make=_within(recipe.make)) if recipe.name in _WRITES | _ANNOUNCING else recipe
        for recipe in recipes
    )


def _within(make: Make) -> Make:
    def make_within(source: Source, slots: SlotTable) -> Op | None:
        op = make(source, slots)
        if op is None or slots.tags.get(op.arguments[0], "") not in _TERMINALS:
            return op
        return _cut_short(op) if op.call in _WRITES else _discreet(op, slots)

    return make_within


def _discreet(op: Op, slots: SlotTable) -> Op:
    """A change of status flags that asks for SIGIO only while little was written, and is remembered."""
    slot, request, argument = op.arguments
    bit = -1 if op.call == "ioctl" else O_ASYNC
    if not argument & bit:
        return op
    if FILLED in slots.notes:
        return Op(op.call, (slot, request, argument & ~bit if argument > 0 else 0), op.out)
    slots.notes[ANNOUNCED] = True
    return op


def _cut_short(op: Op) -> Op:
    fd, data, *rest = op.arguments
    if op.call in ("writev", "pwritev2"):
        return Op(op.call, (fd, tuple(_words(piece) for piece in data[:_PIECES_MAX]), *rest), op.out)
    return Op(op.call, (fd, _words(data), *rest), op.out)


def _words(piece: Any) -> bytes:
    return _WORDS[: piece.length if type(piece) is Pattern else len(piece)]
