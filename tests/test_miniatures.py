# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs: each is what it says, shown by its shortest program, and the self-check finds it."""

from __future__ import annotations

from collections import Counter

import pytest

from conformance.divergence import diverge
from conformance.grammar import program_text, read_program
from conformance.interpreter import execute
from conformance.kinds import RECIPES
from conformance.laws import law_of
from conformance.ops import Op
from conformance.reduce import without
from conformance.selfcheck import BUGS, NATIVE_BUGS, selfcheck
from conformance.systems.miniatures.base import PlantedBug
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

pytestmark = pytest.mark.once
BUGS_MIN = 100
HOST_BUGS_MIN = 60
SUBJECTS = set("descriptors files locks pipes sockets splices terminals jobs readiness native".split())
HOST_SUBJECTS = {f"host-{kind}" for kind in "imports files transfer locks sockets terminals saving".split()}
PURE = [bug for bug in BUGS if bug.make is not None]
ONE_OF_EACH = list({bug.kind: bug for bug in BUGS}.values())
"""The self-check itself, which is a run of its own, goes through all of them."""


def trips(bug: PlantedBug, ops: tuple[Op, ...]) -> bool:
    assert bug.make is not None
    make_model = law_of(bug.law).make_model
    return diverge(ops, execute(ops, bug.make(Profile())), lambda: make_model(Profile())) is not None


def test_there_are_enough_planted_bugs_of_every_subject() -> None:
    counts = Counter(bug.kind for bug in BUGS)

    assert len(BUGS) >= BUGS_MIN
    assert len([bug for bug in BUGS if bug.law == "host"]) >= HOST_BUGS_MIN
    assert set(counts) == SUBJECTS | HOST_SUBJECTS
    assert min(counts.values()) >= 4


def test_every_name_is_given_once() -> None:
    assert max(Counter(bug.name for bug in BUGS).values()) == 1


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_described(bug: PlantedBug) -> None:
    assert bug.what.endswith(".")
    assert bug.programs in RECIPES
    assert program_text(read_program(bug.minimal)) == bug.minimal
    assert (bug.make is None) == bool(bug.native) == (bug in NATIVE_BUGS)


@pytest.mark.parametrize("bug", PURE, ids=lambda bug: bug.name)
def test_the_shortest_program_trips_a_planted_bug(bug: PlantedBug) -> None:
    assert trips(bug, bug.minimal_ops)


@pytest.mark.parametrize("bug", PURE, ids=lambda bug: bug.name)
def test_no_op_of_the_shortest_program_can_be_left_out(bug: PlantedBug) -> None:
    ops = bug.minimal_ops
    shorter = [candidate for index in range(len(ops)) for candidate in without(ops, frozenset((index,)))]

    assert not [candidate for candidate in shorter if trips(bug, candidate)]


@pytest.mark.parametrize("bug", ONE_OF_EACH, ids=lambda bug: bug.name)
def test_the_selfcheck_finds_and_reduces_a_planted_bug(bug: PlantedBug) -> None:
    (row,) = selfcheck(seed="tests", bugs=(bug,))

    assert row.passed, row


def test_the_selfcheck_says_when_it_missed_a_bug() -> None:
    right = PlantedBug("right", "pipes", "Nothing is wrong.", "pipes", "r0, r1 = pipe2(0)\n", Linux)
    (row,) = selfcheck(budget=3, bugs=(right,))

    assert not row.passed
    assert row.found_after_programs is None
