# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The constants of the vocabulary as a script writes them: their numbers, whatever a machine's own headers say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

from reference.constants.by_name import NUMBERS

_DECIMAL_MAX = 9


def numbers_among(words: Collection[str]) -> Iterator[tuple[str, str]]:
    """The constants among these words in the order of their names, each with the text of its number."""
    numbers = _numbers()
    for name in sorted(numbers.keys() & words):
        yield name, numbers[name]


@cache
def _numbers() -> dict[str, str]:
    return {name: f"{value:#x}" if value > _DECIMAL_MAX else str(value) for name, value in NUMBERS.items()}
