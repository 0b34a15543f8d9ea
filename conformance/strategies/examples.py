# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The Hypothesis front-end of the property tests.

It is a module of its own for the sake of the workers: they draw programs from seeds,
and a process that has loaded Hypothesis is four times as large, which every fork of it pays for.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from conformance.program import Program
from conformance.strategies.programs import PROGRAM_OPS_MAX, Builder
from conformance.strategies.recipes import Recipe
from conformance.strategies.source import WORD_BITS, WordSource


def programs(recipes: Sequence[Recipe], max_ops: int = PROGRAM_OPS_MAX) -> st.SearchStrategy[Program]:
    """A Hypothesis strategy of programs from recipes, for use in any ``@given``.

    An op is one drawn word, so that dropping a word drops an op.
    """

    def build(words: list[int]) -> Program:
        builder = Builder(recipes)
        for word in words:
            builder.add(WordSource(word))
        return builder.program()

    return st.lists(st.integers(0, 2**WORD_BITS - 1), min_size=1, max_size=max_ops).map(build)
