# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs programs on the host model over the kernel and on the kernel itself, and explains each difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from conformance.differences import UNEXPLAINED, Difference, Prediction, explain, first_uneven, steps, without
from conformance.host_clauses import load_host_clauses
from conformance.interpreter import execute
from conformance.laws import dismantle, host_over_linux, linux
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import Mismatch, first_mismatch, predict_with_marks
from conformance.twin import twin_outcome
from reference.linux.profile import Profile

Observe = Callable[[tuple[Op, ...]], list[Observation]]
"""What a system gives for one program."""

UNPREDICTED = "the host model over the model of Linux predicts another outcome"
"""The field of a difference that is between the model and its own self over the kernel."""


ASTRAY = "the model of Linux predicts another outcome natively"
"""The field of a difference that is between the kernel and the model of Linux."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing one program gave.

    ``ops`` is what was compared in the end: without the ops that made a descriptor on one side only.
    ``differences`` are those of the program and of the ops that were left out on the way;
    ``cited`` are the host clauses that the host model cited. ``sure`` is how many ops come before the first where time
    decided, on either side; what is behind it is explained as well, but is not the program's alone.
    """

    ops: tuple[Op, ...]
    host: Sequence[Observation]
    native: Sequence[Observation]
    differences: tuple[Difference, ...]
    cited: tuple[str, ...]
    sure: int

    @property
    def unexplained(self) -> Difference | None:
        """The first difference that nothing explains."""
        return next((difference for difference in self.differences if difference.how == UNEXPLAINED), None)


class Comparer:
    """Compares programs. ``on_host`` and ``on_native`` run one on either system, for what a batch did not run yet."""

    def __init__(self, profile: Profile, on_host: Observe, on_native: Observe) -> None:
        self._profile = profile
        self._on_host = on_host
        self._on_native = on_native
        self._clauses = load_host_clauses()

    def compare(self, ops: tuple[Op, ...]) -> Comparison:
        """Run a program on both sides, and explain what differs."""
        return self.explained(ops, self._on_host(ops), self._on_native(ops))

    def explained(self, ops: tuple[Op, ...], host: Sequence[Observation], native: Sequence[Observation]) -> Comparison:
        """Explain a program that ran on both sides.

        An op that made a descriptor on one side only is explained and left out, with all that depends on it,
        and the rest is run again: what follows a refused import is another program on either side.
        """
        found: list[Difference] = []
        cited: dict[str, None] = {}
        while True:
            uneven = first_uneven(ops, host, native)
            last = len(ops) - 1 if uneven is None else uneven
            differences, sure = self._differences(ops[: last + 1], host, native, cited)
            if uneven is None or any(difference.how == UNEXPLAINED for difference in differences):
                return Comparison(ops, host, native, (*found, *differences), tuple(cited), sure)
            found += [difference for difference in differences if difference.index == uneven]
            ops = without(ops, uneven)
            host, native = self._on_host(ops), self._on_native(ops)

    def _differences(
        self,
        ops: tuple[Op, ...],
        host: Sequence[Observation],
        native: Sequence[Observation],
        cited: dict[str, None],
    ) -> tuple[list[Difference], int]:
        """The differences of a program, the host clauses it cites, and how many ops are not behind a race."""
        prediction = self._predicted(ops, host)
        mismatch = first_mismatch(prediction.outcomes, host[: len(ops)])
        # A clause may say of Linux no more than that it does something else: what, the model of Linux has to say.
        natively, marks = predict_with_marks(ops, linux(self._profile), native)
        sure = min(prediction.sure, len(marks))
        steady = prediction.cited[:sure]
        cited.update(dict.fromkeys(clause for step in steady for clause in step if clause in self._clauses))
        if mismatch is not None:
            return [_strayed(mismatch, host, native, UNPREDICTED)], sure
        astray = first_mismatch(natively, native[: len(ops)])
        if astray is not None:
            return [_strayed(astray, host, native, ASTRAY)], sure

        def twin(index: int) -> Observation:
            return twin_outcome(ops, index, host, self._profile)

        differences = [
            replace(difference, raced=difference.index >= sure)
            for step in steps(ops, host, prediction, native, self._clauses)
            for difference in explain(step, self._clauses, twin)
        ]
        return differences, sure

    def _predicted(self, ops: tuple[Op, ...], host: Sequence[Observation]) -> Prediction:
        """What the pure host model says of a program when it follows what was observed."""
        model = host_over_linux(self._profile)
        marks = [(0, 0, "")]

        def mark(call: str, arguments: tuple[Any, ...]) -> None:
            marks.append((len(model.cited), model.choices.made, model.choices.raced))

        outcomes = execute(ops, model, follow=host, settle=mark)
        cited = [model.cited[before:after] for (before, _, _), (after, _, _) in pairwise(marks)]
        chosen = [before != after for (_, before, _), (_, after, _) in pairwise(marks)]
        sure = sum(not raced for _, _, raced in marks[1:])
        dismantle(model)
        return Prediction(outcomes, cited, chosen, sure)


def _strayed(mismatch: Mismatch, host: Sequence[Observation], native: Sequence[Observation], field: str) -> Difference:
    """The difference that a side makes which does not keep to its own model: no clause can explain it."""
    at = mismatch.index
    return Difference(at, host[at], native[at], field, UNEXPLAINED, ())
