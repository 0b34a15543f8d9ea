# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a program on anything that implements :class:`~reference.syscalls.Syscalls`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from conformance.domains import Slot
from conformance.observation import BLOCKED, Blocked, Failure, Observation, failure, with_signals
from conformance.ops import SPECS, Op, spec_of
from reference.constants import EINTR
from reference.outcomes import Choices, Refused, Sleeps
from reference.syscalls import Syscalls

_RESOLVERS = {spec.name: spec.resolver() for spec in SPECS}


class System(Syscalls, Protocol):
    """A system that also records the signals raised in the caller and, a model, the ids of the clauses that decided."""

    signals: list[int]
    choices: Choices
    cited: list[str]


def execute(
    ops: Sequence[Op],
    system: System,
    progress: memoryview | None = None,
    follow: Sequence[Observation] | None = None,
) -> list[Observation]:
    """What each op gives, in order.

    The index of the op that runs is kept in ``progress[0]``, for a parent that watches.
    A model follows the observations of another system in ``follow`` where the kernel is free.
    A slot whose maker failed stands for a number that was never opened.
    """
    environment: dict[Slot, int] = {}
    observations: list[Observation] = []
    signals = system.signals
    for index, op in enumerate(ops):
        spec = spec_of(op)
        arguments = _RESOLVERS[spec.name](op.arguments, environment)
        if progress is not None:
            progress[0] = index
        if follow is not None:
            system.choices.observed = follow[index]
        outcome = _perform(system, op.call, arguments)
        if op.out and spec.handles is not None and not isinstance(outcome, Failure | Blocked):
            environment.update(zip(op.out, spec.handles(outcome), strict=False))
        observations.append(with_signals(outcome, signals) if signals else outcome)
    return observations


def _perform(system: System, call: str, arguments: tuple[Any, ...]) -> Observation:
    """The outcome of one call. A call that a signal interrupted had blocked: see signal(7)."""
    try:
        return getattr(system, call)(*arguments)
    except Refused as refusal:
        system.cited.append(refusal.clause)
        return failure(refusal.errno or 0)
    except OSError as error:
        return BLOCKED if error.errno == EINTR else failure(error.errno or 0)
    except Sleeps as sleep:
        system.cited.append(sleep.clause)
        return BLOCKED
