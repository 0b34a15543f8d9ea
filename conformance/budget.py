# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How long a campaign runs: a time, or a number of ops."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.errors import ConformanceError

_UNITS_S = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Budget:
    """Seconds, or generated ops; whichever is given."""

    seconds: float | None = None
    ops: int | None = None

    def spent(self, seconds: float, ops: int) -> bool:
        """Whether the budget is used up."""
        if self.seconds is not None:
            return seconds >= self.seconds
        return self.ops is not None and ops >= self.ops


def read_budget(text: str) -> Budget:
    """A budget such as 90s, 5m, 1h or 1000000ops. ConformanceError for anything else."""
    match = re.fullmatch(r"(\d+)(s|m|h|ops)", text.replace("_", ""))
    if match is None or int(match[1]) == 0:
        raise ConformanceError(f"not a budget: {text!r}", hint="write 90s, 5m, 1h or 1000000ops")
    amount, unit = int(match[1]), match[2]
    return Budget(ops=amount) if unit == "ops" else Budget(seconds=amount * _UNITS_S[unit])
