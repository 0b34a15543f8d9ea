# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Baselines are kept, and runs are compared, on the command line and with a system whose mistakes come and go."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from conformance.errors import ExitCode

if TYPE_CHECKING:
    from .conftest import Toy

pytestmark = pytest.mark.once


def saved(toy: Toy, name: str) -> str:
    done = toy.fdconform("baseline", "save", name)
    assert ExitCode.CONFORMS == done.returncode, done.stderr
    return (toy.reports / "baselines" / name / "baseline.json").read_text()


def compared(toy: Toy, *arguments: str) -> tuple[int, str]:
    done = toy.fdconform("compare", *arguments)
    return done.returncode, done.stdout + done.stderr


def test_a_baseline_is_canonical_text_without_times_or_places(toy: Toy) -> None:
    toy.run("closed-works")
    text = saved(toy, "main")
    toy.run("closed-works")

    assert text == saved(toy, "again")
    assert str(toy.folder) not in text
    assert toy.name_of_latest() not in text
    assert not re.search(r"\d\d:\d\d", text)
    listed = toy.fdconform("baseline", "list").stdout
    assert "again                linux == toy; seed 1; budget 1ops; 1 bucket\n" in listed
    (known,) = json.loads(text)["buckets"]
    assert ["r0, r1 = pipe2(0)", "close(r0)", "close(r0)"] == known["program"]


def test_a_bucket_is_new_then_still_there_then_fixed(toy: Toy) -> None:
    toy.run("honest")
    saved(toy, "right")
    toy.run("closed-works")
    saved(toy, "wrong")
    (known,) = toy.divergences()

    code, text = compared(toy, "right")
    assert ExitCode.DIVERGES == code
    assert text.startswith("since right: 1 new\n")
    assert f"new          {known.bucket}  {known.title}" in text

    code, text = compared(toy, "wrong", "latest")
    assert ExitCode.CONFORMS == code
    assert text.startswith(f"since wrong: nothing new, 1 still\n  still        {known.bucket}")

    toy.run("honest")
    code, text = compared(toy, "wrong", str(toy.reports / toy.name_of_latest()))
    assert ExitCode.CONFORMS == code
    assert text.startswith(f"since wrong: nothing new, 1 fixed\n  fixed        {known.bucket}")


def test_a_comparison_as_a_page_has_what_changed_first_and_then_the_later_run(toy: Toy) -> None:
    toy.run("honest")
    saved(toy, "right")
    toy.run("closed-works")
    (known,) = toy.divergences()

    code, page = compared(toy, "right", "latest", "--format", "html")
    assert ExitCode.DIVERGES == code
    assert f'<a href="#{known.bucket}">' in page.partition('<section id="delta"')[2].partition("</section>")[0]
    assert page.index("Since right") < page.index('<section id="divergences">')

    code, text = compared(toy, "latest", "right", "--format", "html")
    assert ExitCode.USAGE == code
    assert "no run named 'right'" in text


def test_another_outcome_in_the_same_place_is_a_changed_signature(toy: Toy) -> None:
    toy.run("closed-works")
    saved(toy, "main")
    (before,) = toy.divergences()
    toy.run("closed-eio")
    (after,) = toy.divergences()

    code, text = compared(toy, "main")
    assert ExitCode.DIVERGES == code
    assert f"changed      {after.bucket} (was {before.bucket})  {after.title}; was {before.title}" in text


def test_what_is_new_and_waived_is_no_news_and_is_one_bucket_whatever_shows_it_first(toy: Toy) -> None:
    toy.run("honest")
    saved(toy, "main")
    waiver = ("--pattern", "close*: EBADF -> *", "--reason", "harmless", "--fixtures", str(toy.fixtures))
    assert ExitCode.CONFORMS == toy.fdconform("waive", "add", "--on", "toy", *waiver).returncode
    toy.run("closed-works")
    (known,) = toy.divergences()

    code, text = compared(toy, "main")
    assert ExitCode.CONFORMS == code
    assert text.startswith(f"since main: nothing new, 1 waived\n  waived       {known.bucket}")
    assert text.endswith("; new\n")
    saved(toy, "waived")
    toy.run("closed-eio")
    code, text = compared(toy, "waived")
    assert (ExitCode.CONFORMS, "since waived: nothing new, 1 still") == (code, text.partition("\n")[0])


def test_what_the_later_run_could_not_show_is_not_called_fixed(toy: Toy) -> None:
    toy.run("closed-works")
    saved(toy, "main")
    toy.store("p", "r0, r1 = pipe2(0)\nclose(r0)\n")
    toy.run("honest", "--kind", "files")

    code, text = compared(toy, "main")
    assert ExitCode.CONFORMS == code
    assert "since main: nothing new, 1 not reached" in text
    assert "close never gave EBADF" in text


def test_another_environment_is_said(toy: Toy) -> None:
    toy.run("closed-works", release="1")
    saved(toy, "main")
    toy.run("closed-works", release="2")

    code, text = compared(toy, "main")
    assert ExitCode.CONFORMS == code
    assert "since main: nothing new, 1 still; environment changed: system\n" in text
    assert "environment  system: toy 1 → toy 2\n" in text


@pytest.mark.parametrize("cut", ["footer", "failure"])
def test_a_run_that_is_not_whole_decides_nothing(cut: str, toy: Toy) -> None:
    toy.run("honest")
    saved(toy, "main")
    toy.run("honest" if cut == "footer" else "bye-count-closed-works")
    if cut == "footer":
        log = toy.reports / "latest" / "events.jsonl"
        lines = log.read_bytes().splitlines(keepends=True)
        log.write_bytes(b"".join(lines[:-1]))

    code, text = compared(toy, "main")
    assert ExitCode.INCONCLUSIVE == code
    assert text.startswith("inconclusive, since main: ")
    code, _ = compared(toy, "latest", "main")
    assert ExitCode.INCONCLUSIVE == code
    done = toy.fdconform("baseline", "save", "never")
    assert ExitCode.INCONCLUSIVE == done.returncode
    assert not (toy.reports / "baselines" / "never").exists()


def test_the_comparison_is_told_in_markdown_and_json_as_well(toy: Toy) -> None:
    toy.run("honest")
    saved(toy, "main")
    toy.run("closed-works")

    _, markdown = compared(toy, "main", "--format", "markdown")
    assert markdown.startswith("## ❌ since main: 1 new")
    assert "| new | `B-" in markdown
    _, text = compared(toy, "main", "--format", "json")
    (row,) = json.loads(text)["rows"]
    assert ("new", True) == (row["what"], row["news"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("compare", "nothing"), "no run named 'nothing'"),
        (("baseline", "save", "main", "--run", "nothing"), "no run named 'nothing'"),
    ],
)
def test_a_name_that_is_none_is_one_clear_error(arguments: tuple[str, ...], says: str, toy: Toy) -> None:
    done = toy.fdconform(*arguments)

    assert ExitCode.USAGE == done.returncode
    assert says in done.stderr
    assert "  mend: " in done.stderr


def test_a_file_that_is_no_baseline_is_one_clear_error(toy: Toy) -> None:
    toy.run("honest")
    saved(toy, "main")
    path = toy.reports / "baselines" / "main" / "baseline.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 9'))

    done = toy.fdconform("compare", "main")
    assert ExitCode.USAGE == done.returncode
    assert "a baseline of format 9" in done.stderr
    done = toy.fdconform("baseline", "save", "../elsewhere")
    assert ExitCode.USAGE == done.returncode
    assert "not a name: '../elsewhere'" in done.stderr


def test_runs_of_different_laws_are_not_compared(toy: Toy) -> None:
    toy.run("honest")
    saved(toy, "main")
    toy.fdconform(
        *("run", "--law", "host", "--budget", "1ops", "--jobs", "1", "--kind", "host-files"),
        *("--fixtures", str(toy.fixtures)),
    )

    code, text = compared(toy, "main")
    assert ExitCode.USAGE == code
    assert "runs of different laws" in text
