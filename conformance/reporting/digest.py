# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A run in a few kilobytes: what later runs remember of it, so that no report has to read old event logs."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

DIGEST_FORMAT = 1


class ClauseDigest(msgspec.Struct, frozen=True, array_like=True):
    """What a run says of one clause: how often it decided, and how many failing and waived buckets cite it."""

    decided: int
    failing: int
    waived: int


class Digest(msgspec.Struct, frozen=True):
    """One run. ``failing`` and ``waived`` count programs by bucket; ``clauses`` holds those that were reached."""

    format: int
    run: str
    started: str
    law: str
    systems: tuple[str, ...]
    verdict: str
    programs: int
    ops: int
    seconds: float
    failing: dict[str, int]
    waived: dict[str, int]
    clauses: dict[str, ClauseDigest]

    @property
    def system(self) -> str:
        """What was put to the test."""
        return system_of(self.law)

    @property
    def ops_per_second(self) -> float:
        """Ops by clock time; 0.0 when no time has passed."""
        return self.ops / self.seconds if self.seconds > 0 else 0.0


def system_of(law: str) -> str:
    """What a law puts to the test: the side that the model is held against, or the whole of another law."""
    return law.partition(" == ")[2] or law


@dataclass(frozen=True, slots=True)
class Appearance:
    """In which of the saved runs of a law a bucket was seen: one answer a run, oldest first, the present run last."""

    first_run: str
    last_run: str
    marks: tuple[bool, ...]

    @property
    def times(self) -> int:
        """In how many runs."""
        return sum(self.marks)

    @property
    def new(self) -> bool:
        """Whether no run before the present one saw it."""
        return self.marks == (*(False,) * (len(self.marks) - 1), True)


@dataclass(frozen=True, slots=True)
class History:
    """Saved runs: those of the same law, oldest first, and the newest of each other law."""

    before: tuple[Digest, ...] = ()
    others: tuple[Digest, ...] = ()

    def appearance(self, bucket: str, present: Digest) -> Appearance:
        """Where a bucket of the present run was seen."""
        runs = (*self.before, present)
        marks = tuple(bucket in run.failing or bucket in run.waived for run in runs)
        seen = [run.run for run, mark in zip(runs, marks, strict=True) if mark]
        return Appearance(seen[0], seen[-1], marks)


NO_HISTORY = History()
