# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a program that diverged, with real workers that have a bug planted in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import events
from conformance.environment import working_base
from conformance.grammar import read_program
from conformance.judging import Suspect
from conformance.laws import law_of
from conformance.ops import Op
from conformance.systems.native import Native
from conformance.systems.native_worker import NativeWorker
from conformance.triage import Triage
from reference.linux.profile import Profile


class Forgetful(Native):
    """dup gives a number one too high, every time."""

    def dup(self, fd: int) -> int:
        return super().dup(fd) + 1


class Fatal(Native):
    """dup ends the process."""

    def dup(self, fd: int) -> int:
        os._exit(9)


def ops(text: str) -> tuple[Op, ...]:
    return read_program(text).ops


PROGRAM = ops('r0, r1 = pipe2(O_NONBLOCK)\nwrite(r1, b"x")\nr2 = dup(r0)\nread(r2, 1)\nclose(r0)')


@pytest.fixture
def triage(profile: Profile, tmp_path: Path) -> Iterator[Triage]:
    with Triage(profile, working_base(None), law_of("linux"), tmp_path / "kept") as made:
        yield made


def with_bug(triage: Triage, profile: Profile, bug: type) -> Triage:
    triage._worker.close()
    triage._worker = NativeWorker(profile, working_base(None), system=f"{bug.__module__}:{bug.__name__}")
    return triage


def test_a_divergence_is_confirmed_reduced_kept_and_counted_once(
    triage: Triage, profile: Profile, tmp_path: Path
) -> None:
    with_bug(triage, profile, Forgetful)
    first = triage.judge(Suspect("1/pipes/0/0", PROGRAM), "pipes")
    second = triage.judge(Suspect("1/pipes/0/1", PROGRAM), "pipes")

    assert isinstance(first, events.Divergence)
    assert ("diverges", (3, 3), "dup") == (first.verdict, first.confirmed, first.op)
    assert 2 == len(first.reduced.splitlines())
    assert "seed:1/pipes/0/0" in first.replay
    assert events.Occurrence(first.bucket, "1/pipes/0/1") == second
    assert 1 == len(list((tmp_path / "kept").glob("*.fd")))


def test_a_program_that_conforms_when_it_is_run_alone_is_called_flaky(triage: Triage) -> None:
    event = triage.judge(Suspect("1/pipes/0/0", PROGRAM), "pipes")

    assert isinstance(event, events.Divergence)
    assert ("flaky", (0, 3)) == (event.verdict, event.confirmed)


def test_a_program_that_the_worker_does_not_survive_is_reduced_to_the_op_it_died_in(
    triage: Triage, profile: Profile
) -> None:
    with_bug(triage, profile, Fatal)
    event = triage.judge(Suspect("1/pipes/0/0", PROGRAM), "pipes")

    assert isinstance(event, events.Divergence)
    assert ("adapter-error", "dup") == (event.verdict, event.op)
    assert 2 == len(event.reduced.splitlines())
