# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a run reached: ops, outcomes, clauses; and what it did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from conformance.clauses import Clause
from conformance.ops import SPECS
from conformance.reporting.run import RunReport

_OTHER_GROUP = "other"
_UNWRITTEN = "Cited by the model, but written in no clause file."


@dataclass(frozen=True, slots=True)
class OpRow:
    """One op: the vocabulary it belongs to, and how often each outcome came of it."""

    name: str
    group: str
    outcomes: Mapping[str, int]

    @property
    def total(self) -> int:
        """How often it ran."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class ClauseRow:
    """One clause, and how often the model decided by it."""

    clause: Clause
    count: int


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One clause that says how two systems differ, and how often it explained a difference, by how.

    ``seed`` and ``ops`` are of the smallest program in which it did; empty and 0 when there was none.
    """

    clause: Clause
    hows: Mapping[str, int]
    seed: str
    ops: int

    @property
    def total(self) -> int:
        """How many differences it explained."""
        return sum(self.hows.values())


def difference_rows(report: RunReport, clauses: Mapping[str, Clause]) -> tuple[DifferenceRow, ...]:
    """Every clause that says how the host model differs from Linux; none for a run of another law."""
    if not report.differences:
        return ()
    return tuple(
        DifferenceRow(clause, report.differences.get(clause.id, {}), *report.witnesses.get(clause.id, ("", 0)))
        for clause in clauses.values()
        if clause.relation in ("intended", "quirk")
    )


def ops_of_kind(kind: str) -> tuple[str, ...]:
    """The names of the ops of a kind, in the order of the vocabulary; empty for a kind that is no vocabulary."""
    return tuple(spec.name for spec in SPECS if kind in spec.kinds)


def op_rows(report: RunReport) -> tuple[OpRow, ...]:
    """Every op that the kinds of the run can reach, in the order of the vocabulary, then ops that it does not know."""
    kinds = set(report.header.kinds)
    known = {kind for spec in SPECS for kind in spec.kinds}
    everything = not kinds or not kinds <= known
    rows = [
        OpRow(spec.name, spec.kinds[0], report.outcomes.get(spec.name, {}))
        for spec in SPECS
        if everything or kinds.intersection(spec.kinds) or spec.name in report.outcomes
    ]
    names = {row.name for row in rows}
    rows += [OpRow(name, _OTHER_GROUP, counts) for name, counts in sorted(report.outcomes.items()) if name not in names]
    groups = list(dict.fromkeys(row.group for row in rows))
    return tuple(sorted(rows, key=lambda row: groups.index(row.group)))


def outcome_totals(report: RunReport) -> tuple[tuple[str, int], ...]:
    """Every outcome that came, with how often: ``ok`` first, then the most frequent."""
    totals: Counter[str] = Counter()
    for outcomes in report.outcomes.values():
        totals.update(outcomes)
    return tuple(sorted(totals.items(), key=lambda item: (item[0] != "ok", -item[1], item[0])))


def clause_rows(report: RunReport, clauses: Mapping[str, Clause]) -> tuple[ClauseRow, ...]:
    """Every clause, those never reached first, then by id."""
    unwritten = {name: Clause(name, _UNWRITTEN, "unwritten", "") for name in report.clauses if name not in clauses}
    rows = [ClauseRow(clause, report.clauses.get(name, 0)) for name, clause in {**clauses, **unwritten}.items()]
    return tuple(sorted(rows, key=lambda row: (row.count > 0, row.clause.id)))
