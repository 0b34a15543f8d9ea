# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What the kit found: one check each, and how they are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from conformance.errors import ConformanceError

FAILED_MAX = 3
"""After so many failures the rest of a part is not asked: it would say the same again, and each may take a deadline."""


class Outcome(Enum):
    """What became of a check. Only ``FAILED`` is a fault of the adapter."""

    PASSED = "passed"
    FAILED = "failed"
    DIFFERS = "differs"
    """The adapter did its work; what it told is not what Linux gives, which a campaign looks into."""
    NOT_OFFERED = "not offered"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was asked of an adapter: in which part, what, and for a failure why, and how to mend it."""

    part: str
    what: str
    outcome: Outcome = Outcome.PASSED
    message: str = ""
    mend: str = ""


def failed(part: str, what: str, message: str, mend: str) -> Check:
    """A check that failed."""
    return Check(part, what, Outcome.FAILED, message, mend)


def attempt(part: str, what: str, do: Callable[[], object]) -> Check:
    """The check that something can be done; what the error of it says, if it cannot."""
    try:
        do()
    except ConformanceError as error:
        return failed(part, what, error.message, error.hint)
    return Check(part, what)


def until_hopeless(part: str, checks: Iterable[Check]) -> Iterator[Check]:
    """The checks of a part, until too many of them have failed."""
    failures = 0
    for check in checks:
        yield check
        failures += check.outcome is Outcome.FAILED
        if failures == FAILED_MAX:
            yield Check(part, "the rest", Outcome.NOT_ASKED, f"{FAILED_MAX} checks of this part have failed")
            return


def table(checks: Sequence[Check]) -> list[str]:
    """How many checks of each part came to what, one part a line, below the names of the columns."""
    # What was not asked was not counted either: the line about it has said so.
    columns = [outcome for outcome in Outcome if outcome is not Outcome.NOT_ASKED]
    parts = dict.fromkeys(check.part for check in checks)
    width = max(map(len, (*parts, "part")))
    lines = ["  ".join((f"{'part':{width}}", *(outcome.value for outcome in columns)))]
    for part in parts:
        counts = [sum(check.part == part and check.outcome is outcome for check in checks) for outcome in columns]
        numbers = (f"{count:{len(outcome.value)}}" for count, outcome in zip(counts, columns, strict=True))
        lines.append("  ".join((f"{part:{width}}", *numbers)))
    return lines
