# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How long a campaign runs: a time, or a number of ops; and which portion of it one machine takes.

A number of ops is a plan, not a count of what ran: it buys a number of batches before anything runs, enough of them
that no fewer ops run when all kinds of a law take part.
So the same seed and budget mean the same programs whatever the number of processes, and can be divided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.errors import ConformanceError

PROGRAMS_PER_BATCH = 64
REDUCTION_S = 60
"""How long a reduction may take under a budget of time, and …"""
REDUCTION_S_MIN = 15
"""… how long it may take although the budget ends before."""
OPS_PER_PROGRAM = 48
"""What a generated program is reckoned at: the mean over the kinds of any law is no less."""
_UNITS_S = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Budget:
    """Seconds, or ops; whichever is given."""

    seconds: float | None = None
    ops: int | None = None

    def buys(self, batches: int, seconds: float, stored_ops: int) -> bool:
        """Whether another batch is to be generated, after so many, as many seconds, and these stored ops."""
        if self.seconds is not None:
            return seconds < self.seconds
        return stored_ops + batches * PROGRAMS_PER_BATCH * OPS_PER_PROGRAM < (self.ops or 0)

    def ends_reduction(self, begun: float, now: float) -> bool:
        """Whether a reduction that was begun so many seconds into the campaign has had its time. Ops know no time."""
        if self.seconds is None:
            return False
        return now >= max(begun + REDUCTION_S_MIN, min(begun + REDUCTION_S, self.seconds))


@dataclass(frozen=True)
class Portion:
    """The ``number``-th of ``of`` equal portions of a campaign, counted from 1: every ``of``-th batch."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}" if self.of > 1 else ""

    @property
    def first(self) -> int:
        """The index of the first batch."""
        return self.number - 1

    def holds(self, index: int) -> bool:
        """Whether a batch is in this portion."""
        return index % self.of == self.first


WHOLE = Portion()


def read_budget(text: str) -> Budget:
    """A budget such as 90s, 5m, 1h or 1000000ops. ConformanceError for anything else."""
    match = re.fullmatch(r"(\d+)(s|m|h|ops)", text.replace("_", ""))
    if match is None or int(match[1]) == 0:
        raise ConformanceError(f"not a budget: {text!r}", hint="write 90s, 5m, 1h or 1000000ops")
    amount, unit = int(match[1]), match[2]
    return Budget(ops=amount) if unit == "ops" else Budget(seconds=amount * _UNITS_S[unit])


def read_portion(text: str) -> Portion:
    """A portion such as 2/4. ConformanceError for anything else."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConformanceError(f"not a shard: {text!r}", hint="write 1/4, 2/4, 3/4 or 4/4")
    return Portion(int(match[1]), int(match[2]))
