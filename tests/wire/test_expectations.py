# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Known divergences: waived while they last, an error once they are gone, and never in the way of new ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.errors import ExitCode
from conformance.events import Divergence, Note, Occurrence, read_events
from conformance.expectations import load_expectations

if TYPE_CHECKING:
    from ..conftest import Ended, Fdconform

ROOT = Path(__file__).parents[2]
HOSTILE = Path(__file__).with_name("hostile.py")

pytestmark = pytest.mark.once


class Toy:
    """A system of a user's own, its fixtures and its reports."""

    def __init__(self, folder: Path, command: Fdconform) -> None:
        self.folder = folder
        self.command = command
        self.known = folder / "fixtures" / "expectations" / "toy.toml"
        programs = folder / "fixtures" / "programs"
        programs.mkdir(parents=True)
        (programs / "p.fd").write_text("r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\nr2 = dup(r1)\nclose(r2)\n")

    def run(self, behaviour: str) -> Ended:
        system = self.folder / "toy.toml"
        system.write_text(f'title = "toy"\ncommand = ["{sys.executable}", "{HOSTILE}", "{behaviour}"]\n')
        places = ("--fixtures", str(self.folder / "fixtures"), "--reports", str(self.folder / "reports"))
        return self.command("run", "--budget", "1ops", "--jobs", "1", "--deadline", "2", *places, "--on", str(system))

    def waive(self, *arguments: str) -> Ended:
        places = ("--fixtures", str(self.folder / "fixtures"), "--reports", str(self.folder / "reports"))
        return self.command("waive", *arguments, *(places if arguments[0] == "add" else places[:2]))

    @property
    def events(self) -> list[object]:
        return list(read_events(self.folder / "reports" / "latest" / "events.jsonl"))


@pytest.fixture
def toy(tmp_path: Path, fdconform: Fdconform) -> Toy:
    return Toy(tmp_path, fdconform)


def test_a_divergence_is_waived_until_it_is_gone_and_then_stale(toy: Toy) -> None:
    assert ExitCode.DIVERGES == toy.run("closed-works").returncode
    waived = toy.waive("add", "--reason", "closing twice is harmless here")
    assert ExitCode.CONFORMS == waived.returncode, waived.stderr

    again = toy.run("closed-works")
    assert ExitCode.CONFORMS == again.returncode, again.stderr
    assert "waived       1 bucket of known divergences" in again.stdout
    assert "dup" not in again.stderr + again.stdout
    assert "model EBADF" not in again.stderr + again.stdout
    (known,) = [event for event in toy.events if isinstance(event, Divergence)]
    assert ("waived", "closing twice is harmless here") == (known.verdict, known.reason)
    assert [known.bucket] == [event.bucket for event in toy.events if isinstance(event, Occurrence)]

    gone = toy.run("honest")
    assert ExitCode.EXPECTATIONS_WRONG == gone.returncode, gone.stdout
    (note,) = [event.text for event in toy.events if isinstance(event, Note)]
    mend = f"fdconform waive remove --on toy --fixtures {toy.folder / 'fixtures'} {known.bucket}"
    assert note.startswith(f"stale: {known.bucket} ({known.title}), {toy.known}, line 4: unexpected conformance")
    assert note.endswith(f"\n  mend: {mend}")
    assert f"mend         {mend}\n" in gone.stdout
    assert mend in gone.stderr

    assert ExitCode.CONFORMS == toy.command(*mend.split()[1:]).returncode
    assert ExitCode.CONFORMS == toy.run("honest").returncode
    assert () == load_expectations(toy.known).waivers


def test_a_new_divergence_behind_a_waived_one_is_found(toy: Toy) -> None:
    toy.run("closed-works")
    toy.waive("add", "--reason", "closing twice is harmless here")
    done = toy.run("closed-works-dup-lies")

    assert ExitCode.DIVERGES == done.returncode, done.stdout
    assert ["waived", "diverges"] == [event.verdict for event in toy.events if isinstance(event, Divergence)]


def test_a_clause_is_waived_and_stale_once_it_had_its_chances(toy: Toy) -> None:
    named = ("--clause", "FD-EBADF")
    kept = toy.waive("add", "--on", "toy", *named, "--reason", "harmless", "--chances", "1", "--kind", "unsupported")
    assert ExitCode.CONFORMS == kept.returncode, kept.stderr

    assert ExitCode.CONFORMS == toy.run("closed-works").returncode
    (known,) = [event for event in toy.events if isinstance(event, Divergence)]
    assert ("unsupported", "harmless") == (known.verdict, known.reason)

    gone = toy.run("honest")
    assert ExitCode.EXPECTATIONS_WRONG == gone.returncode, gone.stdout
    (note,) = [event.text for event in toy.events if isinstance(event, Note)]
    assert f"stale: {named[1]}, {toy.known}, line 4: unexpected conformance: not met in " in note
    assert note.endswith(f"\n  mend: fdconform waive remove --on toy --fixtures {toy.folder / 'fixtures'} FD-EBADF")


def test_a_pattern_with_a_program_is_looked_at_like_a_bucket(toy: Toy) -> None:
    """No random program has to show it for it to be met, and it is stale as soon as its own does not."""
    toy.waive("add", "--on", "toy", "--pattern", "close: EBADF -> *", "--reason", "harmless", "--chances", "1")
    with toy.known.open("a") as known:
        known.write("program = '''\nr0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\n'''\n")
    (toy.folder / "fixtures" / "programs" / "p.fd").unlink()

    assert ExitCode.CONFORMS == toy.run("closed-works").returncode
    first = next(event for event in toy.events if isinstance(event, Divergence))
    assert ("waived", "stored", "r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\n") == (
        first.verdict,
        first.kind,
        first.program,
    )

    gone = toy.run("honest")
    assert ExitCode.EXPECTATIONS_WRONG == gone.returncode, gone.stdout
    (note,) = [event.text for event in toy.events if isinstance(event, Note)]
    assert f"stale: close: EBADF -> *, {toy.known}, line 4: unexpected conformance: its program no longer" in note


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add",), "a waiver needs a reason"),
        (("add", "--on", "toy", "--clause", "X", "--reason", "r", "--issue", "soon"), "the issue is a link"),
        (("add", "--on", "toy", "--pattern", "close", "--reason", "r"), "no pattern: 'close'"),
        (("add", "--on", "toy", "--clause", "X", "--reason", "r", "--when", "moon"), "expected a comparison"),
        (("add", "--on", "toy", "--clause", "X", "--reason", "r", "--expires", "soon"), "not a day: 'soon'"),
        (("add", "--reason", "r"), "no run named 'latest'"),
        (("update", "--on", "toy", "B-2", "--reason", "r"), "nothing is waived as B-2"),
        (("remove", "--on", "toy", "#1"), "nothing is waived as #1"),
    ],
)
def test_a_wrong_edit_is_one_error(arguments: tuple[str, ...], says: str, toy: Toy) -> None:
    done = toy.waive(*arguments)

    assert ExitCode.USAGE == done.returncode
    assert says in done.stderr
    assert "  mend: " in done.stderr


def test_the_committed_expectations_can_be_used_and_name_their_programs_in_canonical_text() -> None:
    for path in sorted((ROOT / "fixtures" / "expectations").glob("*.toml")):
        expectations = load_expectations(path)

        assert expectations.waivers
        # A clause or a pattern has no signature of its own.
        keys = [waiver.key for waiver in expectations.waivers if any(waiver.key)]
        assert len(set(keys)) == len(keys)
