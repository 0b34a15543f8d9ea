# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Holds observations of a system against the prediction of a model.

The model is driven op by op along what was observed,
so that where the kernel is free it goes on from what the kernel did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.interpreter import System, execute
from conformance.observation import Observation, Signalled
from conformance.ops import Op
from reference.outcomes import Allowed


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first op whose observation the model does not allow."""

    index: int
    predicted: Observation
    observed: Observation


def allows(predicted: Any, observed: Any) -> bool:
    """Whether a prediction, which may hold allowed sets at any depth, allows an observation."""
    if predicted == observed:
        return True
    if isinstance(predicted, Allowed):
        return predicted.allows(observed)
    if isinstance(predicted, Signalled):
        return (
            isinstance(observed, Signalled)
            and predicted.signals == observed.signals
            and allows(predicted.outcome, observed.outcome)
        )
    if isinstance(predicted, tuple):
        return (
            isinstance(observed, tuple)
            and len(predicted) == len(observed)
            and all(allows(p, o) for p, o in zip(predicted, observed, strict=True))
        )
    return False


def predict(ops: Sequence[Op], model: System, observed: Sequence[Observation]) -> list[Observation]:
    """What the model gives for each op when it follows the observations where the kernel is free."""
    return execute(ops, model, follow=observed)


def predict_with_marks(
    ops: Sequence[Op], model: System, observed: Sequence[Observation]
) -> tuple[list[Observation], list[int]]:
    """As :func:`predict`, with how many clauses were cited after each op before the first where time decides.

    What comes behind that op is held against the model like everything else; but what a report counts is to be the
    program's alone, and the same each time.
    """
    marks: list[int] = []

    def mark(call: str, arguments: tuple[Any, ...]) -> None:
        if not model.choices.raced:
            marks.append(len(model.cited))

    return execute(ops, model, follow=observed, settle=mark), marks


def first_mismatch(predicted: Sequence[Observation], observed: Sequence[Observation]) -> Mismatch | None:
    """The first op where observation and prediction part, or None."""
    for index, (expected, seen) in enumerate(zip(predicted, observed, strict=True)):
        if expected != seen and not allows(expected, seen):
            return Mismatch(index, expected, seen)
    return None


def clauses_at(
    ops: Sequence[Op], index: int, make_model: Callable[[], System], observed: Sequence[Observation]
) -> tuple[str, ...]:
    """The ids of the clauses that a fresh model cites at one step, each once, in the order it came to them.

    Two runs of the prefix tell them apart, so that the common case, where nothing differs, keeps no books per step.
    """
    before, until = make_model(), make_model()
    execute(ops[:index], before, follow=observed)
    execute(ops[: index + 1], until, follow=observed)
    return tuple(dict.fromkeys(until.cited[len(before.cited) :]))
