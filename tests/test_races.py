# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Where time decides, and not the program alone, what comes behind is judged, but a report does not count by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.grammar import read_program
from conformance.interpreter import System, execute
from conformance.judging import Result, Task, judge
from conformance.laws import host_over_linux, linux
from conformance.observation import RACED, Observation
from conformance.ops import Op
from conformance.oracle import Mismatch, first_mismatch, predict
from reference.linux.profile import Profile

FIXTURES = Path(__file__).parents[1] / "fixtures"
LARGE_WRITE = read_program((FIXTURES / "programs" / "terminals" / "large_write.fd").read_text()).ops


def judged(ops: tuple[Op, ...], observed: Sequence[Observation], law: str = "linux") -> Result:
    """A batch of one program for which this was observed."""

    def recall(number: int, ops: tuple[Op, ...], model: System) -> tuple[list[Observation], Mismatch | None]:
        return list(observed), first_mismatch(predict(ops, model, observed), observed)

    return judge(Task(0, "stored", "1", Profile(), programs=(("p", ops),), law=law), recall)


def runs_of_the_large_write() -> list[list[Observation]]:
    """What a slow kernel gives for it, and what a fast one gives."""
    fast = execute(LARGE_WRITE, linux(Profile()))
    place = next(place for place, op in enumerate(LARGE_WRITE) if op.call == "write")
    slow = execute(LARGE_WRITE, linux(Profile()), follow=[*fast[:place], fast[place] - 4096, *fast[place + 1 :]])
    assert slow[place] == fast[place] - 4096
    return [slow, fast]


def test_the_counts_of_a_program_are_the_same_however_fast_the_kernel_was() -> None:
    slow, fast = (judged(LARGE_WRITE, observed) for observed in runs_of_the_large_write())
    assert not slow.suspects
    assert not fast.suspects
    assert slow.clauses == fast.clauses
    assert slow.outcomes == fast.outcomes
    assert slow.ops == fast.ops == len(LARGE_WRITE)


def test_the_rule_of_the_race_is_counted_and_what_comes_behind_is_counted_apart() -> None:
    result = judged(LARGE_WRITE, runs_of_the_large_write()[1])
    assert result.clauses["TTY-WRITE-RACE"] == 1
    assert result.outcomes["write"] == {RACED: 1}
    assert sum(count for counts in result.outcomes.values() for count in counts.values()) == len(LARGE_WRITE)


def test_a_divergence_behind_a_race_is_found_all_the_same() -> None:
    observed = runs_of_the_large_write()[1]
    observed[-1] = -5
    assert judged(LARGE_WRITE, observed).suspects


def test_the_rules_of_the_kernel_are_not_counted_for_the_host_model() -> None:
    observed = execute(LARGE_WRITE, host_over_linux(Profile()))
    result = judged(LARGE_WRITE, observed, "host")
    assert not {clause for clause in result.clauses if clause.startswith("TTY-WRITE")}
    assert result.outcomes["write"] == {RACED: 1}


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("programs/terminals/announced", "TTY-WRITE-SIGIO"),
        ("programs/terminals/flush_race", "TTY-FLUSH-RACE"),
        ("regressions/nowait_takes_the_access_time", "FILE-NOWAIT"),
        ("regressions/refused_direct_write_empties_the_cache", "FILE-NOWAIT"),
    ],
)
def test_every_rule_that_leaves_it_to_time_is_a_race(name: str, clause: str) -> None:
    model = linux(Profile())
    execute(read_program((FIXTURES / f"{name}.fd").read_text()).ops, model)
    assert model.choices.raced == clause
