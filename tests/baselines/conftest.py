# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A system of a user's own, whose mistakes come and go, with its fixtures and its reports."""

from __future__ import annotations

import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

from conformance.cli import main
from conformance.events import Divergence, Event, read_events

ROOT = Path(__file__).parents[2]
HOSTILE = ROOT / "tests" / "wire" / "hostile.py"


class Ended(NamedTuple):
    """What a command told."""

    returncode: int
    stdout: str
    stderr: str


class Toy:
    """Runs campaigns on ``hostile.py``, which is wrong in the way that is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fixtures, self.reports = folder / "fixtures", folder / "reports"
        self.store("p", "r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\nr2 = dup(r1)\nclose(r2)\n")

    def store(self, name: str, program: str) -> None:
        """A program to run first."""
        (self.fixtures / "programs").mkdir(parents=True, exist_ok=True)
        (self.fixtures / "programs" / f"{name}.fd").write_text(program)

    def command(self, *arguments: str) -> Ended:
        """A command that says itself where it works."""
        return _ended(*arguments)

    def fdconform(self, *arguments: str) -> Ended:
        """A command, with the places it needs."""
        return _ended(*arguments, "--reports", str(self.reports))

    def run(self, behaviour: str, *options: str, release: str = "1") -> Ended:
        """A short campaign on the toy."""
        system = self.folder / "toy.toml"
        command = f'["{sys.executable}", "{HOSTILE}", "{behaviour}", "{self.folder / "mark"}"]'
        system.write_text(f'title = "toy"\ncommand = {command}\nversion = ["echo", "toy {release}"]\n')
        places = ("--fixtures", str(self.fixtures), "--on", str(system))
        return self.fdconform("run", "--budget", "1ops", "--jobs", "1", "--deadline", "2", *places, *options)

    def events(self, run: str = "latest") -> list[Event]:
        """What a run told."""
        return list(read_events(self.reports / run / "events.jsonl"))

    def divergences(self, run: str = "latest") -> list[Divergence]:
        """The buckets of a run."""
        return [event for event in self.events(run) if isinstance(event, Divergence)]

    def name_of_latest(self) -> str:
        """The id of the newest run."""
        return (self.reports / "latest").readlink().name


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def _ended(*arguments: str) -> Ended:
    """A command, in this process: most of what a command takes is its start."""
    out, errors = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(errors), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["fdconform", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return Ended(int(str(ended.value.code)), out.getvalue(), errors.getvalue())
