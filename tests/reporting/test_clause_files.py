# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Reading the clauses."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.clauses import LEVELS, Clause, clauses_of, load_clauses, read_clauses
from conformance.errors import ConformanceError

GOOD = 'statement = "A rule."\nlevel = "posix"\nsource = "read(2)"\n'


def test_a_table_is_a_clause() -> None:
    text = f'[FD-1]\n{GOOD}kernel = ">= 6.11"\nfilesystem = ["ext4", "tmpfs"]\n'
    conditions = (("kernel", ">= 6.11"), ("filesystem", "ext4, tmpfs"))
    assert read_clauses(text, "f") == {"FD-1": Clause("FD-1", "A rule.", "posix", "read(2)", conditions)}


def test_every_clause_of_the_specification_can_be_read() -> None:
    clauses = load_clauses()
    assert clauses
    assert all(clause.id == name and clause.level in LEVELS for name, clause in clauses.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[FD-1\n", "f: not TOML", id="no TOML"),
        pytest.param("stray = 1\n", r"f, \[stray\]: not a table", id="no table"),
        pytest.param('[FD-1]\nlevel = "posix"\nsource = "x"\n', r"f, \[FD-1\]: no statement", id="no statement"),
        pytest.param(f"[FD-1]\n{GOOD}".replace("A rule.", " "), r"f, \[FD-1\]: no statement", id="blank"),
        pytest.param(f"[FD-1]\n{GOOD}".replace("posix", "bsd"), r"f, \[FD-1\]: unknown level 'bsd'", id="level"),
        pytest.param(f"[FD-1]\n{GOOD}origin = 1\n", r"f, \[FD-1\]: unknown key 'origin'", id="unknown key"),
        pytest.param(f"[FD-1]\n{GOOD}kernel = 6\n", r"f, \[FD-1\]: kernel is no text", id="condition"),
        pytest.param(f"[FD-1]\n{GOOD}kernel = []\n", r"f, \[FD-1\]: kernel is no text", id="empty condition"),
    ],
)
def test_a_malformed_file_is_an_error_that_names_the_table(text: str, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        read_clauses(text, "f")


def test_files_are_found_at_any_depth_and_other_files_left_alone(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.toml").write_text(f"[A-1]\n{GOOD}")
    (tmp_path / "deep" / "b.toml").write_text(f"[B-1]\n{GOOD}")
    (tmp_path / "README.md").write_text("no clause")
    assert list(clauses_of(tmp_path)) == ["A-1", "B-1"]


def test_an_id_that_comes_twice_is_an_error_that_names_both_files(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(f"[A-1]\n{GOOD}")
    (tmp_path / "b.toml").write_text(f"[A-1]\n{GOOD}")
    with pytest.raises(ConformanceError, match=r"b\.toml, \[A-1\]: the id is taken by reference/clauses/a\.toml"):
        clauses_of(tmp_path)
