# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A campaign since a baseline fails for what is new or changed, and counts the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.errors import ExitCode
from conformance.events import Delta

if TYPE_CHECKING:
    from .conftest import Toy

pytestmark = pytest.mark.once


def save(toy: Toy, name: str) -> None:
    assert ExitCode.CONFORMS == toy.fdconform("baseline", "save", name).returncode


def test_what_the_baseline_knows_is_counted_and_what_it_does_not_know_fails(toy: Toy) -> None:
    assert ExitCode.DIVERGES == toy.run("closed-works").returncode
    save(toy, "main")
    (known,) = toy.divergences()

    same = toy.run("closed-works", "--since-baseline", "main")
    assert ExitCode.CONFORMS == same.returncode, same.stdout
    assert same.stdout.startswith("since main: nothing new, 1 still\nconforms: linux == toy\n")
    assert "known        1 bucket of the baseline\n" in same.stdout
    assert "1 passed" not in same.stdout.splitlines()[-1]
    assert ["known"] == [event.verdict for event in toy.divergences()]
    summary = (toy.reports / "latest" / "summary.md").read_text()
    assert summary.startswith("## ✅ since main: nothing new, 1 still\n")
    assert f"| still | `{known.bucket}` |" in summary

    new = toy.run("closed-works-dup-lies", "--since-baseline", "main")
    assert ExitCode.DIVERGES == new.returncode
    assert new.stdout.startswith("since main: 1 new, 1 still\n  new          B-")
    assert {"known", "diverges"} == {event.verdict for event in toy.divergences()}

    save(toy, "again")
    assert '"verdict": "known"' not in (toy.reports / "baselines" / "again" / "baseline.json").read_text()

    changed = toy.run("closed-eio", "--since-baseline", "main")
    assert ExitCode.DIVERGES == changed.returncode
    assert f"since main: 1 changed\n  changed      {toy.divergences()[0].bucket} (was {known.bucket})" in changed.stdout


def test_the_programs_of_the_baseline_run_first_and_can_be_replayed(toy: Toy) -> None:
    toy.run("closed-works")
    save(toy, "main")
    (known,) = toy.divergences()
    toy.store("p", "r0, r1 = pipe2(0)\n")

    still = toy.run("closed-works", "--since-baseline", "main")
    assert "since main: nothing new, 1 still" in still.stdout
    (again,) = toy.divergences()
    assert again.seed == f"{toy.reports}/baselines/main/baseline.json#{known.bucket}"
    assert again.replay.startswith(f"fdconform replay {again.seed}")
    replayed = toy.command("replay", again.seed)
    assert ExitCode.CONFORMS == replayed.returncode
    assert "close(r0) == EBADF" in replayed.stdout

    fixed = toy.run("honest", "--since-baseline", "main")
    assert ExitCode.CONFORMS == fixed.returncode
    assert fixed.stdout.startswith(f"since main: nothing new, 1 fixed\n  fixed        {known.bucket}")
    assert ["fixed"] == [row.what for event in toy.events() if isinstance(event, Delta) for row in event.rows]


def test_a_system_that_fails_leaves_a_delta_that_decides_nothing(toy: Toy) -> None:
    toy.run("honest")
    save(toy, "main")
    failed = toy.run("bye-count-closed-works", "--since-baseline", "main")

    assert ExitCode.ADAPTER_FAILED == failed.returncode
    assert failed.stdout.startswith("inconclusive, since main: ")


def test_a_system_that_is_wrong_every_second_time_is_flaky_and_says_what_moved(toy: Toy) -> None:
    toy.run("honest")
    save(toy, "main")
    done = toy.run("closed-works-every-second", "--since-baseline", "main")

    assert ExitCode.DIVERGES == done.returncode, done.stdout
    (event,) = toy.divergences()
    assert "flaky" == event.verdict
    diverged, runs = event.confirmed
    assert 0 < diverged < runs
    assert f"since main: 1 flaky\n  flaky        {event.bucket}" in done.stdout
    assert f"{diverged} of {runs}, new; moved: close(r0): " in done.stdout

    save(toy, "shaky")
    gone = toy.run("honest", "--since-baseline", "shaky")
    assert "1 not reached" in gone.stdout
    again = toy.run("closed-works-every-second", "--since-baseline", "shaky")
    assert ExitCode.CONFORMS == again.returncode, again.stdout
    assert "since shaky: nothing new, 1 flaky" in again.stdout


def test_a_baseline_that_is_none_is_one_clear_error_and_no_run(toy: Toy) -> None:
    done = toy.run("honest", "--since-baseline", "nothing")

    assert ExitCode.USAGE == done.returncode
    assert "no baseline named 'nothing'" in done.stderr
    assert not toy.reports.exists()
