# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What one op gave: a value, or one of the outcomes below.

A value is kept as it came (a number, bytes, a tuple);
everything else is an instance of a class of this module, so that no value can be taken for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from reference.constants import errors, signals

ERRNO_NAMES: dict[int, str] = {value: name for name, value in vars(errors).items() if name.isupper()}
ERRNO_NUMBERS: dict[str, int] = {name: value for value, name in ERRNO_NAMES.items()}
SIGNAL_NAMES: dict[int, str] = {
    value: name for name, value in vars(signals).items() if name.isupper() and "_" not in name
}


@dataclass(frozen=True, slots=True)
class Failure:
    """The call failed with this Linux error number."""

    errno: int


@dataclass(frozen=True, slots=True)
class Signalled:
    """The call ended as ``outcome``, and these signals were raised in the caller meanwhile, in rising order."""

    outcome: Any
    signals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """The call slept with nothing to wake it, and was interrupted."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The request was refused without an error number: an import, or a save, that is no system call."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The system does not offer this call."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class NotOffered:
    """Stands in for the observation of an op that the system does not offer; what follows it is another program."""

    reason: str = ""


BLOCKED = Blocked()
REFUSED = Declined()
NO_VALUE = frozenset((Failure, Signalled, Blocked, Declined, Unsupported, NotOffered))
"""The outcomes that are no value."""
Observation = Any


@cache
def failure(number: int) -> Failure:
    """The one instance for an error number."""
    return Failure(number)


def with_signals(outcome: Observation, signals: list[int]) -> Observation:
    """The outcome together with the signals raised meanwhile; the list is emptied."""
    if not signals:
        return outcome
    raised = tuple(sorted(signals))
    signals.clear()
    return Signalled(outcome, raised)


RACED = "RACED"
"""The name in tables for whatever came of an op behind one where time decided: it may be another outcome each time."""


def outcome_name(observation: Observation) -> str:
    """A short name for tables: the error, ``ok``, ``BLOCKED``, ``REFUSED``; signals joined by ``&``."""
    if isinstance(observation, Signalled):
        signals = " & ".join(SIGNAL_NAMES.get(number, str(number)) for number in observation.signals)
        return f"{outcome_name(observation.outcome)} & {signals}"
    if isinstance(observation, Failure):
        return ERRNO_NAMES.get(observation.errno, f"errno {observation.errno}")
    if isinstance(observation, Blocked):
        return "BLOCKED"
    if isinstance(observation, Declined):
        return "REFUSED"
    if isinstance(observation, Unsupported):
        return "UNSUPPORTED"
    return "ok"
