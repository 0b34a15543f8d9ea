# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Where random choices come from: a seeded generator, or words that Hypothesis drew.

Both answer the same few questions, so one recipe serves the campaign and the property tests.
Choice 0 is the simplest: words shrink towards it.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

T = TypeVar("T")
WORD_BITS = 64


class Source(Protocol):
    """Answers choices."""

    def below(self, limit: int) -> int:
        """A whole number from 0 to ``limit`` - 1."""


class SeededSource:
    """Choices from a seed: the same seed gives the same programs on every machine."""

    __slots__ = ("below",)

    def __init__(self, seed: int | str) -> None:
        random = Random(seed)
        draw = random.random
        self.below = lambda limit: int(draw() * limit)


class WordSource:
    """Choices unpacked from one word, least significant first; when it is used up, every choice is 0."""

    __slots__ = ("_word",)

    def __init__(self, word: int) -> None:
        self._word = word

    def below(self, limit: int) -> int:
        """The next choice from the word."""
        self._word, choice = divmod(self._word, limit)
        return choice


def pick(source: Source, choices: Sequence[T]) -> T:
    """One of some choices, each as likely."""
    return choices[source.below(len(choices))]


def chance(source: Source, one_in: int) -> bool:
    """True once in ``one_in`` times; False is the simpler answer."""
    return source.below(one_in) == one_in - 1


def bits(source: Source, choices: Sequence[int], one_in: int = 3) -> int:
    """The union of some flags, each taken once in ``one_in`` times."""
    return sum({flag for flag in choices if chance(source, one_in)}) if choices else 0
