# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A run as test results: what JUnit, KTAP and CTRF have in common.

There is a group for the run itself, one for each kind of programs with a point for each op, and one for planted bugs.
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.events import UNOFFERED, Miniature
from conformance.reporting.reached import ops_of_kind
from conformance.reporting.run import Bucket, RunReport
from conformance.reporting.text import counted

RUN_GROUP = "run"
WHOLE = "the run is whole"
SELFCHECK_GROUP = "selfcheck"


@dataclass(frozen=True, slots=True)
class Point:
    """One test result: ``passed``, ``failed``, ``skipped``, or ``broken`` where the run itself is not whole.

    ``standing`` is the same in our own words, which tell apart why something was skipped.
    ``notes`` say why in sentences; ``buckets`` are those of the op, failing or not; ``kind`` is the kind of programs.
    """

    name: str
    status: str
    kind: str = ""
    notes: tuple[str, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    details: str = ""
    skipped_as: tuple[str, ...] = ()

    @property
    def standing(self) -> str:
        """``passed``, ``failed``, ``broken``, or why it was skipped: ``waived``, ``unsupported``, ``not reached`` …"""
        return ", ".join(self.skipped_as) or self.status

    @property
    def failing(self) -> tuple[Bucket, ...]:
        """The buckets that make it fail."""
        return tuple(bucket for bucket in self.buckets if bucket.fails)


@dataclass(frozen=True, slots=True)
class Group:
    """Test results that belong together, and how long they took."""

    name: str
    seconds: float
    points: tuple[Point, ...]


def groups(report: RunReport) -> tuple[Group, ...]:
    """Every test result of a run. One that was cut short has a point that is broken, so nobody takes it for green."""
    whole = Point(WHOLE, "broken" if report.obstacles else "passed", notes=report.obstacles)
    found = [Group(RUN_GROUP, report.seconds, (whole,)), *_kinds(report)]
    if report.miniatures:
        found.append(Group(SELFCHECK_GROUP, 0.0, tuple(map(_planted, report.miniatures))))
    return tuple(found)


def _kinds(report: RunReport) -> list[Group]:
    totals_of = {totals.kind: totals for totals in report.kinds}
    ops: dict[str, dict[str, list[Bucket]]] = {}
    for totals in report.kinds:
        ops[totals.kind] = {op: [] for op in dict.fromkeys((*ops_of_kind(totals.kind), *totals.outcomes))}
    for bucket in report.buckets:
        ops.setdefault(bucket.first.kind, {}).setdefault(bucket.first.op, []).append(bucket)
    made = []
    for kind, members in ops.items():
        totals_ = totals_of.get(kind)
        reached = totals_.outcomes if totals_ else {}
        points = tuple(
            _op(kind, op, tuple(buckets), bool(reached.get(op)), report.unoffered.get(op, 0))
            for op, buckets in members.items()
        )
        made.append(Group(kind, totals_.seconds if totals_ else 0.0, points))
    return made


def _op(kind: str, op: str, buckets: tuple[Bucket, ...], reached: bool, unoffered: int) -> Point:
    failing = tuple(bucket for bucket in buckets if bucket.fails)
    if failing:
        return Point(op, "failed", kind, tuple(map(seen, failing)), buckets)
    if buckets:
        verdicts = dict.fromkeys(bucket.first.verdict for bucket in buckets)
        programs = {name: sum(bucket.count for bucket in buckets if bucket.first.verdict == name) for name in verdicts}
        told = ", ".join(f"{counted(count, 'program')} {name}" for name, count in programs.items())
        return Point(op, "skipped", kind, (told, *map(seen, buckets)), buckets, skipped_as=tuple(verdicts))
    if reached:
        return Point(op, "passed", kind)
    if unoffered:
        why = f"{UNOFFERED}: left out {counted(unoffered, 'time')}"
        return Point(op, "skipped", kind, (why,), skipped_as=("unsupported",))
    return Point(op, "skipped", kind, ("not reached",), skipped_as=("not reached",))


def seen(bucket: Bucket) -> str:
    """A bucket in a line."""
    return f"{bucket.first.bucket}: {bucket.first.title} ({counted(bucket.count, 'program')})"


def _planted(miniature: Miniature) -> Point:
    if miniature.passed:
        return Point(miniature.name, "passed", miniature.kind)
    found = miniature.found_after_programs
    what = "never found" if found is None else f"found after {counted(found, 'program')}, not reduced to its minimum"
    return Point(miniature.name, "failed", miniature.kind, (f"the planted bug was {what}",), details=miniature.what)
