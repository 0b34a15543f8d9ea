# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The books on the clauses of the host model: what exercises them, and when CI fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.clause_coverage import MEND, Coverage, cover, dead_clauses, snapshot_text
from conformance.commands import covering
from conformance.errors import ExitCode
from conformance.host_clauses import load_host_clauses

PROGRAM = """\
r0 = open("f", O_RDWR | O_CREAT, 0o600)
r1 = import_fd(r0)
lseek(r1, 1, SEEK_SET)
lseek(r1, 2**63 - 1, SEEK_CUR)
"""
CLAUSES = load_host_clauses()

Run = Callable[..., Result]


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "seek.fd").write_text(PROGRAM)
    return tmp_path / "programs"


@pytest.fixture
def run(fixtures: Path, tmp_path: Path) -> Run:
    """Runs the command over the one stored program, against a snapshot of the test's own."""
    arguments = [
        "--programs",
        "0",
        "--jobs",
        "1",
        "--fixtures",
        str(fixtures),
        "--snapshot",
        str(tmp_path / "snapshot"),
    ]

    def invoke(*more: str) -> Result:
        return CliRunner().invoke(covering.command, [*arguments, *more], standalone_mode=False)

    return invoke


def test_a_stored_program_exercises_and_shows_clauses(fixtures: Path) -> None:
    coverage = cover(fixtures, 0)
    lines = snapshot_text(coverage, CLAUSES).splitlines()

    assert "SEEK-05   quirk     exercised fixture  seen fixture" in lines
    assert "WR-02     intended  exercised never    seen never" in lines
    assert coverage.unexplained == []


def test_generated_programs_count_before_stored_ones() -> None:
    coverage = Coverage()
    coverage.cited["fixture"]["SEEK-05"] = 2
    assert "fixture" == coverage.by(coverage.cited, "SEEK-05")
    coverage.cited["random"]["SEEK-05"] = 1
    assert "random" == coverage.by(coverage.cited, "SEEK-05")


def test_any_number_of_processes_gives_the_same_books(fixtures: Path) -> None:
    one, two = cover(fixtures, 1, jobs=1), cover(fixtures, 1, jobs=2)

    assert (one.cited, one.seen, one.unexplained) == (two.cited, two.seen, two.unexplained)


def test_a_clause_that_nothing_meets_is_dead() -> None:
    assert set(dead_clauses(Coverage())) == {name for name, clause in CLAUSES.items() if not clause.unobservable}


def test_a_snapshot_that_fell_behind_fails_with_the_difference_and_its_mending(run: Run) -> None:
    assert run("--write").return_value == ExitCode.CONFORMS
    snapshot = written(run)
    snapshot.write_text(
        snapshot.read_text().replace("SEEK-05   quirk     exercised fixture", "SEEK-05   quirk     exercised never  ")
    )
    result = run()

    assert result.return_value == ExitCode.EXPECTATIONS_WRONG
    assert "-SEEK-05   quirk     exercised never    seen fixture" in result.output
    assert "+SEEK-05   quirk     exercised fixture  seen fixture" in result.output
    assert f"mend: {MEND}" in result.output


def written(run: Run) -> Path:
    return Path(run("--write").output.removesuffix(" written\n"))


def test_dead_clauses_fail_though_the_snapshot_is_up_to_date(run: Run) -> None:
    run("--write")
    result = run()

    assert result.return_value == ExitCode.DIVERGES
    assert "a dead clause: no program meets WR-02, or none shows how it differs" in result.output
    assert "SEEK-05," not in result.output


def test_differences_that_no_clause_explains_fail(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def strange(fixtures: Path, programs: int, jobs: int) -> Coverage:
        return Coverage(unexplained=["seek.fd"])

    def none(coverage: Coverage) -> Sequence[str]:
        return ()

    monkeypatch.setattr(covering, "cover", strange)
    monkeypatch.setattr(covering, "dead_clauses", none)
    run("--write")
    result = run()

    assert result.return_value == ExitCode.DIVERGES
    assert "a difference that no clause explains: seek.fd" in result.output
