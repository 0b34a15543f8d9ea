# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Programs on which two systems must agree: all that are stored, and a few random ones of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from conformance.golden import stored_programs
from conformance.kinds import LINUX_KINDS, recipes_of
from conformance.observation import Observation
from conformance.ops import Op
from conformance.strategies.programs import seeded_program
from reference.structures import Stat, Statx

FIXTURES = Path(__file__).parents[2] / "fixtures"
PROGRAMS_PER_KIND = 12


def corpus() -> Iterator[tuple[str, tuple[Op, ...]]]:
    """The programs with their names."""
    for path, program in stored_programs(FIXTURES):
        yield str(path), program.ops
    for kind in LINUX_KINDS:
        for number in range(PROGRAMS_PER_KIND):
            yield f"c/{kind}/{number}", seeded_program(f"c/{kind}/{number}", recipes_of(kind)).ops


def timeless(seen: Observation) -> Observation:
    """An observation without times: these are the machine's where a program did not make them."""
    return seen._replace(atime=0, mtime=0, ctime=0) if isinstance(seen, Stat | Statx) else seen
