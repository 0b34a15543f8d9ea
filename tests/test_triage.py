# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a program that diverged, with real workers that have a bug planted in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from conformance import events
from conformance.environment import working_base
from conformance.grammar import read_program
from conformance.judging import Suspect
from conformance.laws import law_of
from conformance.ops import Op
from conformance.oracle import Mismatch
from conformance.systems.native import Native
from conformance.triage import Triage
from reference.linux.profile import Profile


class Forgetful(Native):
    """dup gives a number one too high, every time."""

    def dup(self, fd: int) -> int:
        return super().dup(fd) + 1


class Fickle(Native):
    """dup gives a number one too high, every second time that it is asked."""

    def dup(self, fd: int) -> int:
        turns = Path(os.environ[TURNS])
        turn = turns.stat().st_size
        turns.write_text("x" * (turn + 1))
        return super().dup(fd) + 1 - turn % 2


class Fatal(Native):
    """dup ends the process."""

    def dup(self, fd: int) -> int:
        os._exit(9)


def ops(text: str) -> tuple[Op, ...]:
    return read_program(text).ops


TURNS = "FDCONFORM_TEST_TURNS"
PROGRAM = ops('r0, r1 = pipe2(O_NONBLOCK)\nwrite(r1, b"x")\nr2 = dup(r0)\nread(r2, 1)\nclose(r0)')


@pytest.fixture
def triage_of(profile: Profile, tmp_path: Path) -> Iterator[Callable[[type], Triage]]:
    with ExitStack() as stack:

        def make(calls: type) -> Triage:
            law = replace(law_of("linux"), native=f"{calls.__module__}:{calls.__name__}")
            return stack.enter_context(Triage(profile, working_base(None), law, tmp_path / "kept"))

        yield make


def test_a_divergence_is_confirmed_reduced_kept_and_counted_once(
    triage_of: Callable[[type], Triage], tmp_path: Path
) -> None:
    triage = triage_of(Forgetful)
    first = triage.judge(Suspect("1/pipes/0/0", PROGRAM), "pipes")
    second = triage.judge(Suspect("1/pipes/0/1", PROGRAM), "pipes")

    assert isinstance(first, events.Divergence)
    assert ("diverges", (3, 3), "dup") == (first.verdict, first.confirmed, first.op)
    assert 2 == len(first.reduced.splitlines())
    assert ("(3, 4)", "5") == first.allowed
    assert "seed:1/pipes/0/0" in first.replay
    assert events.Occurrence(first.bucket, "1/pipes/0/1") == second
    assert 1 == len(list((tmp_path / "kept").glob("*.fd")))


def test_a_program_that_conforms_when_it_is_run_alone_is_called_flaky(triage_of: Callable[[type], Triage]) -> None:
    event = triage_of(Native).judge(Suspect("1/pipes/0/0", PROGRAM), "pipes")

    assert isinstance(event, events.Divergence)
    assert ("flaky", (0, 3)) == (event.verdict, event.confirmed)
    assert event.bucket == triage_of(Native).judge(Suspect("1/pipes/7/7", PROGRAM), "pipes").bucket


def test_what_moved_is_told_of_a_program_that_diverged_in_its_batch_only(
    triage_of: Callable[[type], Triage],
) -> None:
    seen = Mismatch(2, 5, 6)
    event = triage_of(Native).judge(Suspect("1/pipes/0/0", PROGRAM, seen=seen), "pipes")

    assert isinstance(event, events.Divergence)
    assert ("dup", 2, "5", "6") == (event.op, event.step, event.predicted, event.observed)
    assert "in its batch 6; alone r2 = dup(r0): 5 3×" == event.moved


@pytest.mark.parametrize(("before", "times"), [(0, 2), (1, 1)])
def test_a_system_that_is_wrong_every_second_time_is_flaky_and_is_not_tried_until_it_fits(
    before: int, times: int, triage_of: Callable[[type], Triage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = tmp_path / "turns"
    turns.write_text("x" * before)
    monkeypatch.setenv(TURNS, str(turns))
    event = triage_of(Fickle).judge(Suspect("1/pipes/0/0", PROGRAM), "pipes")

    assert isinstance(event, events.Divergence)
    assert ("flaky", (times, 3)) == (event.verdict, event.confirmed)
    assert before + 3 == turns.stat().st_size
    assert {f"6 {times}×", f"5 {3 - times}×"} == set(event.moved.removeprefix("r2 = dup(r0): ").split(", "))
    assert "r2 = dup(r0) == 6" in event.trace
    assert 3 == len(event.reduced.splitlines())


def test_a_program_that_the_worker_does_not_survive_is_reduced_to_the_op_it_died_in(
    triage_of: Callable[[type], Triage],
) -> None:
    event = triage_of(Fatal).judge(Suspect("1/pipes/0/0", PROGRAM), "pipes")

    assert isinstance(event, events.Divergence)
    assert ("adapter-error", "dup") == (event.verdict, event.op)
    assert 2 == len(event.reduced.splitlines())
