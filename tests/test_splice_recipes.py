# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How much sendfile(2) is asked to move: a file that chases its own end goes on to the count, step by small step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.strategies.slots import RENUMBERED, SlotTable
from conformance.strategies.source import SeededSource
from conformance.strategies.splices import RECIPES

DRAWS = 300
STEPS_MAX = 2**13
SENDFILE = next(recipe.make for recipe in RECIPES if recipe.name == "sendfile")


def largest_count(prepare: Callable[[SlotTable], object]) -> int:
    """The largest count that is asked for of slots prepared so, when every bit of a negative one counts."""
    counts = []
    for draw in range(DRAWS):
        slots = SlotTable()
        prepare(slots)
        op = SENDFILE(SeededSource(f"chase/{draw}"), slots)
        if op is not None:
            counts.append(op.arguments[3] % 2**64)
    return max(counts)


def renumbered(slots: SlotTable) -> None:
    slots.new("file")
    slots.new("file.memory")
    slots.notes[RENUMBERED] = True


def closed(slots: SlotTable) -> None:
    slots.new("file")
    slots.close(slots.new("pipe.write"))


@pytest.mark.parametrize(
    "prepare",
    [
        lambda slots: (slots.new("file"), slots.new("file")),
        lambda slots: (slots.new("file"), slots.new("file.direct")),
        lambda slots: (slots.new("file.memory"), slots.new("passed")),
        renumbered,
        closed,
    ],
    ids=["two openings", "one past the cache", "one that was passed", "numbers taken over", "numbers given back"],
)
def test_what_may_be_one_file_is_sent_in_few_steps_even_of_one_byte(prepare: Callable[[SlotTable], object]) -> None:
    assert largest_count(prepare) <= STEPS_MAX


def test_two_files_that_can_only_be_two_are_sent_whole() -> None:
    assert largest_count(lambda slots: (slots.new("file"), slots.new("file.memory"))) > 2**20
