# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A campaign since a baseline: what is known there is counted, and only what is new or changed fails the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conformance.baselines import Baseline, baseline_of, baseline_path, load_baseline
from conformance.delta import delta_of
from conformance.events import Delta, Event
from conformance.grammar import read_program
from conformance.judging import NamedProgram
from conformance.reporting.run import fold, read_run


@dataclass(frozen=True, slots=True)
class Since:
    """A baseline by name. ``path`` is where it is stored, ``log`` the event log of the campaign."""

    name: str
    baseline: Baseline
    path: Path
    log: Path

    @property
    def programs(self) -> tuple[NamedProgram, ...]:
        """The reduced programs of the baseline, to be run first: whether a bucket is gone is looked at, not guessed."""
        return tuple(
            (name, read_program(bucket.text, name).ops)
            for bucket in self.baseline.buckets
            if bucket.program and (name := f"{self.path}#{bucket.bucket}")
        )

    def knows(self, bucket: str, signature: tuple[str, ...] = ()) -> bool:
        """Whether a bucket was there, by its id or by its signature."""
        return any(
            known.bucket == bucket or (signature and known.signature == signature) for known in self.baseline.buckets
        )

    def delta(self, obstacles: tuple[str, ...]) -> Delta:
        """What the events so far have changed. ``obstacles`` say why the campaign is not whole."""
        found = baseline_of(read_run(self.log))
        return delta_of(self.baseline, msgspec.structs.replace(found, obstacles=obstacles), self.name)


def since(reports: Path, name: str, log: Path) -> Since:
    """The baseline of a name. ConformanceError when there is none, or it cannot be used."""
    return Since(name, load_baseline(reports, name), baseline_path(reports, name), log)


def delta_of_merged(reports: Path, name: str, log: Sequence[Event]) -> Delta:
    """What all shards of a campaign together have changed since the baseline that each was run since."""
    return delta_of(load_baseline(reports, name), baseline_of(fold(log)), name)
