# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a program on a system and on a model at once, op by op, up to the first op where they part.

Up to there both hand out the same descriptor numbers, so each op's arguments are resolved once for both.
Where the observations were made elsewhere, the model runs along them.
This is the campaign's way; :mod:`conformance.oracle` keeps what was predicted.
"""

from __future__ import annotations

from collections.abc import Sequence

from conformance.domains.base import Slot
from conformance.interpreter import PLANS, SELECTED_PLANS, Settle, System, perform
from conformance.observation import NO_VALUE, Observation, Signalled, with_signals
from conformance.ops import Op
from conformance.oracle import Mismatch, allows


def run_beside(
    ops: Sequence[Op],
    system: System,
    model: System,
    progress: memoryview,
    settle: Settle | None = None,
) -> tuple[list[Observation], Mismatch | None]:
    """What the system gave, and where the model first did not allow it; behind that op nothing is run.

    ``progress`` and ``settle`` are as in :func:`conformance.interpreter.execute`.
    """
    environment: dict[Slot, int] = {}
    observations: list[Observation] = []
    signals, model_signals, choices = system.signals, model.signals, model.choices
    for index, (call, arguments, out) in enumerate(ops):
        resolve, handles = PLANS.get(call) or SELECTED_PLANS[call, arguments[1]]
        if resolve is not None:
            arguments = resolve(arguments, environment)
        progress[0] = index
        observed = perform(system, call, arguments)
        if settle is not None:
            settle(call, arguments)
        if signals:
            observed = with_signals(observed, signals)
        observations.append(observed)
        outcome = observed if type(observed) is not Signalled else observed.outcome
        choices.observed = outcome
        predicted = perform(model, call, arguments)
        if model_signals:
            predicted = with_signals(predicted, model_signals)
        if predicted is not observed and predicted != observed and not allows(predicted, observed):
            return observations, Mismatch(index, predicted, observed)
        if out and handles is not None and type(outcome) not in NO_VALUE:
            environment.update(zip(out, handles(outcome), strict=False))
    return observations, None


def run_along(
    ops: Sequence[Op], observations: list[Observation], model: System
) -> tuple[list[Observation], Mismatch | None]:
    """The observations of a program, up to the first that the model did not allow, and where that was."""
    environment: dict[Slot, int] = {}
    signals, choices = model.signals, model.choices
    for index, ((call, arguments, out), observed) in enumerate(zip(ops, observations, strict=True)):
        resolve, handles = PLANS.get(call) or SELECTED_PLANS[call, arguments[1]]
        if resolve is not None:
            arguments = resolve(arguments, environment)
        outcome = observed if type(observed) is not Signalled else observed.outcome
        choices.observed = outcome
        predicted = perform(model, call, arguments)
        if signals:
            predicted = with_signals(predicted, signals)
        if predicted is not observed and predicted != observed and not allows(predicted, observed):
            return observations[: index + 1], Mismatch(index, predicted, observed)
        if out and handles is not None and type(outcome) not in NO_VALUE:
            environment.update(zip(out, handles(outcome), strict=False))
    return observations, None
