# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Directories that say who made them: what a dead owner left is swept away, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conformance.systems.directories import make_directory, sweep

MAKE = "import sys, pathlib; from conformance.systems.directories import make_directory as make;"
ROOT = Path(__file__).parents[1]


def left_behind(base: Path) -> Path:
    """The directory of a process that has ended, with something in it."""
    script = f"{MAKE} print(make('system', pathlib.Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(base)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    path = Path(done.stdout.strip())
    (path / "inner").mkdir()
    (path / "inner" / "file").write_text("left")
    return path


def test_what_a_dead_process_left_is_removed_with_all_in_it(tmp_path: Path) -> None:
    path = left_behind(tmp_path)

    assert [path] == sweep(tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_what_a_living_process_uses_stays(tmp_path: Path) -> None:
    path = make_directory("system", tmp_path)

    assert [] == sweep(tmp_path)
    assert path.is_dir()


def test_a_process_that_took_over_the_number_is_another(tmp_path: Path) -> None:
    path = make_directory("system", tmp_path)
    kind, space, pid, start, rest = path.name.removeprefix("fdconform-").split("-")
    earlier = tmp_path / f"fdconform-{kind}-{space}-{pid}-{int(start) - 1}-{rest}"
    earlier.mkdir()

    assert [earlier] == sweep(tmp_path)
    assert path.is_dir()


def test_what_another_namespace_numbers_and_what_is_named_otherwise_stays(tmp_path: Path) -> None:
    name = left_behind(tmp_path).name
    kind, space, rest = name.removeprefix("fdconform-").split("-", 2)
    (tmp_path / name).rename(tmp_path / f"fdconform-{kind}-{int(space) + 1}-{rest}")
    (tmp_path / "fdconform-mine").mkdir()
    (tmp_path / name).symlink_to(tmp_path / "fdconform-mine")

    assert [] == sweep(tmp_path)
    assert 3 == len(list(tmp_path.iterdir()))
