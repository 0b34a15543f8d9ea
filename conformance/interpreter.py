# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a program on anything that implements :class:`~reference.syscalls.Syscalls`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from conformance.domains.base import Slot
from conformance.observation import (
    BLOCKED,
    NO_VALUE,
    REFUSED,
    NotOffered,
    Observation,
    Signalled,
    Unsupported,
    failure,
    with_signals,
)
from conformance.ops import SPECS, Op
from conformance.vocabulary.spec import Handles
from reference.constants.errors import EINTR
from reference.outcomes import Choices, Declined, Refused, Sleeps
from reference.syscalls import Syscalls

Resolve = Callable[[tuple[Any, ...], Mapping[Slot, int]], tuple[Any, ...]]
Settle = Callable[[str, tuple[Any, ...]], None]
_Plan = tuple[Resolve | None, Handles | None]

# This is the hot path of every system: what an op needs is looked up once, by its call or by call and command.
PLANS: dict[str, _Plan] = {spec.call: (spec.resolver(), spec.handles) for spec in SPECS if spec.selector is None}
SELECTED_PLANS: dict[tuple[str, int], _Plan] = {
    (spec.call, spec.selector[1]): (spec.resolver(), spec.handles) for spec in SPECS if spec.selector is not None
}


class System(Syscalls, Protocol):
    """A system that also records the signals raised in the caller and, a model, the ids of the clauses that decided."""

    signals: list[int]
    choices: Choices
    cited: list[str]


class Unreachable(Exception):
    """A call that a system cannot be asked, with the reason."""


def execute(
    ops: Sequence[Op],
    system: System,
    progress: memoryview | None = None,
    follow: Sequence[Observation] | None = None,
    settle: Settle | None = None,
) -> list[Observation]:
    """What each op gives, in order.

    The index of the op that runs is kept in ``progress[0]``, for a parent that watches.
    A model follows the observations of another system in ``follow`` where the kernel is free.
    ``settle`` is told each call with its arguments behind it, and waits until what it set in motion has come to rest.
    A slot whose maker failed stands for a number that was never opened.
    """
    environment: dict[Slot, int] = {}
    observations: list[Observation] = []
    signals, choices = system.signals, system.choices
    for index, (call, arguments, out) in enumerate(ops):
        resolve, handles = PLANS.get(call) or SELECTED_PLANS[call, arguments[1]]
        if resolve is not None:
            arguments = resolve(arguments, environment)
        if progress is not None:
            progress[0] = index
        if follow is not None:
            seen = follow[index]
            choices.observed = seen.outcome if type(seen) is Signalled else seen
        outcome = perform(system, call, arguments)
        if out and handles is not None and type(outcome) not in NO_VALUE:
            environment.update(zip(out, handles(outcome), strict=False))
        if settle is not None:
            settle(call, arguments)
        observations.append(with_signals(outcome, signals) if signals else outcome)
    return observations


def perform(system: System, call: str, arguments: tuple[Any, ...]) -> Observation:
    """The outcome of one call, without its signals."""
    try:
        return getattr(system, call)(*arguments)
    except Refused as refusal:
        system.cited.append(refusal.clause)
        return failure(refusal.errno or 0)
    except OSError as error:
        # A call that a signal interrupted had been asleep: see signal(7).
        return BLOCKED if error.errno == EINTR else failure(error.errno or 0)
    except Sleeps as sleep:
        system.cited.append(sleep.clause)
        return BLOCKED
    except Declined as refusal:
        system.cited.append(refusal.clause)
        return REFUSED
    except Unreachable as limit:
        return NotOffered(str(limit))
    except Exception as error:
        # A mistake in a system, most likely in our own model: it shows as a divergence of this op, and ends no run.
        return Unsupported(f"{type(error).__name__}: {error}")
