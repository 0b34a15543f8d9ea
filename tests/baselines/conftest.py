# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A system of a user's own, whose mistakes come and go, with its fixtures and its reports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.events import Divergence, Event, read_events

if TYPE_CHECKING:
    from ..conftest import Ended, Fdconform

ROOT = Path(__file__).parents[2]
HOSTILE = ROOT / "tests" / "wire" / "hostile.py"


class Toy:
    """Runs campaigns on ``hostile.py``, which is wrong in the way that is asked for."""

    def __init__(self, folder: Path, command: Fdconform) -> None:
        self.folder = folder
        self.command = command
        self.fixtures, self.reports = folder / "fixtures", folder / "reports"
        self.store("p", "r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\nr2 = dup(r1)\nclose(r2)\n")

    def store(self, name: str, program: str) -> None:
        """A program to run first."""
        (self.fixtures / "programs").mkdir(parents=True, exist_ok=True)
        (self.fixtures / "programs" / f"{name}.fd").write_text(program)

    def fdconform(self, *arguments: str) -> Ended:
        """A command, with the places it needs."""
        return self.command(*arguments, "--reports", str(self.reports))

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
def toy(tmp_path: Path, fdconform: Fdconform) -> Toy:
    return Toy(tmp_path, fdconform)
