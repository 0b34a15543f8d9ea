# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a system says of the clauses of the host model: confirmed, contradicted, hidden, out of reach."""

from __future__ import annotations

from collections.abc import Callable

from conformance.clause_coverage import profiles
from conformance.confirmation import (
    CONFIRMED,
    CONTRADICTED,
    HIDDEN,
    OUT_OF_REACH,
    UNOBSERVABLE,
    VERDICTS,
    Standing,
    confirmation_text,
    showing,
    standings,
)
from conformance.divergence import Divergence, diverge
from conformance.grammar import read_program
from conformance.host_clauses import load_host_clauses
from conformance.interpreter import execute
from conformance.laws import host_over_linux, linux
from conformance.ops import Op

PROFILE = profiles()[0]
CLAUSES = load_host_clauses()
OFFSET = read_program(
    'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nlseek(r0, 4, SEEK_SET)\nr1 = import_fd(r0)\nlseek(r1, 0, SEEK_CUR)'
)
Looks = Callable[[tuple[Op, ...]], tuple[int, Divergence | None]]


def gives(make_system: Callable[..., object]) -> Looks:
    """A system that gives what one of the models gives."""

    def system(ops: tuple[Op, ...]) -> tuple[int, Divergence | None]:
        observed = execute(ops, make_system(PROFILE))  # type: ignore[arg-type]
        return len(ops), diverge(ops, observed, lambda: host_over_linux(PROFILE), "other")

    return system


def standing_of(clause: str, system: Looks, *programs: tuple[Op, ...]) -> Standing:
    clauses = {clause: CLAUSES[clause]}
    (found,) = standings(clauses, showing(programs, clauses, PROFILE), PROFILE, system)
    return found


def test_a_clause_is_confirmed_where_the_system_does_as_the_model_says() -> None:
    assert Standing("SEEK-07", CONFIRMED) == standing_of("SEEK-07", gives(host_over_linux), OFFSET.ops)


def test_a_clause_is_contradicted_where_the_system_does_as_linux_does() -> None:
    found = standing_of("SEEK-07", gives(linux), OFFSET.ops)

    assert CONTRADICTED == found.verdict
    assert found.detail.startswith("lseek on file")


def test_a_clause_is_not_confirmed_by_a_program_that_the_system_refuses_to_run_to_its_end() -> None:
    found = standing_of("SEEK-07", lambda ops: (2, None) if len(ops) > 3 else (len(ops), None), OFFSET.ops)

    assert HIDDEN == found.verdict
    assert found.detail == "behind import_fd, which it refuses to run"


def test_a_clause_that_no_program_shows_is_out_of_reach() -> None:
    assert OUT_OF_REACH == standing_of("SCK-62", gives(host_over_linux), OFFSET.ops).verdict


def test_what_no_program_can_tell_is_not_asked() -> None:
    name = next(name for name, clause in CLAUSES.items() if clause.unobservable)

    assert UNOBSERVABLE == standing_of(name, gives(linux)).verdict


def test_the_totals_count_every_clause_once() -> None:
    found = [Standing(name, CONFIRMED) for name in CLAUSES]
    text = confirmation_text("other", "release 1", found, CLAUSES)

    told = ", ".join(f"{verdict} {len(CLAUSES) if verdict == CONFIRMED else 0}" for verdict in VERDICTS)
    assert f"# all: {len(CLAUSES)}: {told}" in text
