# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Known divergences: waived while they last, an error once they are gone, and never in the way of new ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.errors import ConformanceError, ExitCode
from conformance.events import Divergence, Note, Occurrence, read_events
from conformance.expectations import BadExpectations, Expectations, Waiver, load_expectations

ROOT = Path(__file__).parents[2]
HOSTILE = Path(__file__).with_name("hostile.py")
WAIVER = Waiver(
    bucket="B-1",
    title='close: model EBADF, toy "0"',
    reason="by design",
    op="close",
    predicted="EBADF",
    observed="ok",
    program="r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\n",
    tag="pipe.read",
    clauses=("FD-OPEN",),
)

pytestmark = pytest.mark.once


def fdconform(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


class Toy:
    """A system of a user's own, its fixtures and its reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known = folder / "fixtures" / "expectations" / "toy.toml"
        programs = folder / "fixtures" / "programs"
        programs.mkdir(parents=True)
        (programs / "p.fd").write_text("r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\nr2 = dup(r1)\nclose(r2)\n")

    def run(self, behaviour: str) -> subprocess.CompletedProcess[str]:
        system = self.folder / "toy.toml"
        system.write_text(f'title = "toy"\ncommand = ["{sys.executable}", "{HOSTILE}", "{behaviour}"]\n')
        places = ("--fixtures", str(self.folder / "fixtures"), "--reports", str(self.folder / "reports"))
        return fdconform("run", "--budget", "1ops", "--jobs", "1", "--deadline", "2", *places, "--on", str(system))

    def waive(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        places = ("--fixtures", str(self.folder / "fixtures"), "--reports", str(self.folder / "reports"))
        return fdconform("waive", *arguments, *places)

    @property
    def events(self) -> list[object]:
        return list(read_events(self.folder / "reports" / "latest" / "events.jsonl"))


def test_a_divergence_is_waived_until_it_is_gone_and_then_stale(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    assert ExitCode.DIVERGES == toy.run("closed-works").returncode
    waived = toy.waive("--reason", "closing twice is harmless here")
    assert ExitCode.CONFORMS == waived.returncode, waived.stderr

    again = toy.run("closed-works")
    assert ExitCode.CONFORMS == again.returncode, again.stderr
    assert "waived      1 bucket of known divergences" in again.stdout
    (known,) = [event for event in toy.events if isinstance(event, Divergence)]
    assert ("waived", "closing twice is harmless here") == (known.verdict, known.reason)
    assert [known.bucket] == [event.bucket for event in toy.events if isinstance(event, Occurrence)]

    gone = toy.run("honest")
    assert ExitCode.EXPECTATIONS_WRONG == gone.returncode, gone.stdout
    (note,) = [event.text for event in toy.events if isinstance(event, Note)]
    mend = f"fdconform waive --on toy --drop {known.bucket}"
    assert note.startswith(f"stale: {known.bucket}")
    assert mend in note

    assert ExitCode.CONFORMS == toy.waive(*mend.split()[2:]).returncode
    assert ExitCode.CONFORMS == toy.run("honest").returncode
    assert () == load_expectations(toy.known).waivers


def test_a_new_divergence_behind_a_waived_one_is_found(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    toy.run("closed-works")
    toy.waive("--reason", "closing twice is harmless here")
    done = toy.run("closed-works-dup-lies")

    assert ExitCode.DIVERGES == done.returncode, done.stdout
    assert ["waived", "diverges"] == [event.verdict for event in toy.events if isinstance(event, Divergence)]


def test_waivers_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = Expectations(tmp_path / "toy.toml").with_waivers([WAIVER])
    written.store()

    assert written == load_expectations(written.path)
    assert () == written.without(["B-1"]).waivers
    with pytest.raises(ConformanceError, match="nothing is waived as B-2"):
        written.without(["B-2"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("by design", " "), "gives no reason"),
        (("pipe2(0)", "pipe2( 0)"), "not in canonical text"),
        (("pipe2(0)", "pipe3(0)"), "pipe3"),
        (("op = ", "opp = "), "`opp`"),
        (("[[waiver]]", "[[waiver"), "Expected"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_of_its_own(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    written = Expectations(tmp_path / "toy.toml").with_waivers([WAIVER])
    written.store()
    written.path.write_text(written.path.read_text().replace(*change))

    with pytest.raises(BadExpectations) as caught:
        load_expectations(written.path)
    assert says in caught.value.message
    assert ExitCode.EXPECTATIONS_WRONG == caught.value.exit_code


def test_the_committed_expectations_can_be_used_and_name_their_programs_in_canonical_text() -> None:
    for path in sorted((ROOT / "fixtures" / "expectations").glob("*.toml")):
        expectations = load_expectations(path)

        assert expectations.waivers
        assert len({waiver.key for waiver in expectations.waivers}) == len(expectations.waivers)
