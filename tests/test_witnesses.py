# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The shortest programs that show the clauses of the host model."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.clause_coverage import DIFFERING, profiles, pure_comparer
from conformance.grammar import read_program
from conformance.host_clauses import load_host_clauses
from conformance.witnesses import (
    FOLDER,
    MEND,
    Witness,
    find_witnesses,
    load_witnesses,
    reduced,
    shows,
    store_witness,
    transcript,
)

ROOT = Path(__file__).parents[1]
CLAUSES = load_host_clauses()
STORED = load_witnesses(ROOT / FOLDER)

SEEK_PAST_THE_LARGEST = """\
r0 = open("f", O_RDWR | O_CREAT, 0o600)
r1 = dup(r0)
r2 = import_fd(r0)
write(r1, b"more than is needed")
lseek(r2, 1, SEEK_SET)
lseek(r2, 2**63 - 1, SEEK_CUR)
close(r1)
"""


def witness(text: str) -> Witness:
    return Witness(read_program(text).ops, profiles()[0])


def test_every_clause_that_can_be_observed_has_a_witness() -> None:
    assert {name for name, clause in CLAUSES.items() if not clause.unobservable} == set(STORED), f"mend: {MEND}"


@pytest.mark.parametrize("name", STORED)
def test_a_witness_shows_its_clause(name: str) -> None:
    comparison = pure_comparer(STORED[name].profile).compare(STORED[name].ops)

    assert shows(comparison, CLAUSES[name]), f"mend: remove fixtures/witnesses/{name}.fd, then {MEND}"


def test_a_clause_that_differs_is_not_shown_by_a_citation_alone() -> None:
    clause = CLAUSES["SEEK-05"]
    program = witness('r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0)\nlseek(r1, 1, SEEK_CUR)\n')

    assert clause.relation in DIFFERING
    assert not shows(pure_comparer(program.profile).compare(program.ops), clause)


def test_a_witness_is_reduced_to_what_its_clause_needs() -> None:
    name = next(
        difference.clauses[0]
        for difference in pure_comparer(profiles()[0]).compare(witness(SEEK_PAST_THE_LARGEST).ops).differences
    )

    short = reduced(witness(SEEK_PAST_THE_LARGEST), CLAUSES[name])

    assert len(short.ops) <= 4
    assert "  # Linux: " in transcript(short)


def test_a_witness_that_an_ordinary_user_runs_is_one_when_it_is_read_again(tmp_path: Path) -> None:
    stored = Witness(witness(SEEK_PAST_THE_LARGEST).ops, profiles()[1])
    store_witness(tmp_path, stored, CLAUSES["SEEK-05"])

    assert {"SEEK-05": stored} == load_witnesses(tmp_path)


def test_the_shortest_stored_program_is_found(tmp_path: Path) -> None:
    (tmp_path / "long.fd").write_text(SEEK_PAST_THE_LARGEST)
    (tmp_path / "short.fd").write_text('r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0)\n')

    found = find_witnesses(tmp_path, 0, CLAUSES)

    assert {2, 7} == {len(short.ops) for short in found.values()}
