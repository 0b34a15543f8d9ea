# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""One self-contained HTML file: no server, no request to anywhere, readable for years.

Everything that comes from the run is escaped by the template engine,
and a content security policy in the page forbids any request that could slip through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from conformance.clauses import Clause
from conformance.events import Divergence, Header
from conformance.observation import RACED
from conformance.reporting import charts
from conformance.reporting.card import (
    Line,
    Piece,
    clause_notes,
    confirmation,
    environment_items,
    hints,
    op_lines,
    outcomes,
    pieces,
    program_lines,
    standing,
)
from conformance.reporting.charts import Column
from conformance.reporting.delta import delta_counts, delta_line
from conformance.reporting.digest import Appearance, ClauseDigest, Digest, system_of
from conformance.reporting.history import digest_of
from conformance.reporting.reached import ClauseRow, OpRow, clause_rows, difference_rows, op_rows, outcome_totals
from conformance.reporting.run import Bucket, RunReport
from conformance.reporting.scripts import scripts_json
from conformance.reporting.summary import expected_line, totals_line
from conformance.reporting.text import compact, counted, duration, number, printable, share

_SEEDS_SHOWN_MAX = 20
_HEAT_LEVELS = 6
_CHANGE_WORDS = {"changed": "changed signature"}
"""What the page says in more words than the log."""
_VERDICTS = {
    "conforms": "The law held in everything that ran.",
    "diverges": "Programs were found that break the law.",
    "failed": "The run did not pass.",
    "inconclusive": "The run cannot be called green.",
    "cut short": "This run is not green: it did not come to its end.",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure at the top of the page."""

    label: str
    value: str
    more: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A clause as a card quotes it."""

    id: str
    statement: str
    notes: str


@dataclass(frozen=True, slots=True)
class Card:
    """A bucket, ready for the template. ``clauses`` and ``system`` are what it can be chosen by.

    ``change`` is what the delta of the run says of it; empty for a run without one.
    """

    id: str
    verdict: str
    system: str
    clauses: str
    appearance: Appearance
    change: str
    fails: bool
    title: str
    kind: str
    op: str
    count: str
    about: str
    quotes: tuple[Quote, ...]
    lines: tuple[Line, ...]
    outcomes: tuple[tuple[str, tuple[Piece, ...]], ...]
    reduced: str
    program: str
    program_ops: int
    replay: str
    standing: tuple[tuple[str, str], ...]
    stands: str
    hints: tuple[str, ...]
    seeds: tuple[str, ...]
    seeds_more: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of the matrix: how often, and how warm it is coloured (0 is cold)."""

    text: str
    heat: int
    more: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One op of the matrix. ``succeeded`` says that it was ok at least once, ``offered`` that nobody left it out."""

    op: str
    total: str
    cells: tuple[Cell, ...]
    reached: bool
    succeeded: bool
    offered: bool


@dataclass(frozen=True, slots=True)
class ClauseLine:
    """A clause of the table, and what became of it under each system. ``standing`` is that of the present run."""

    clause: Clause
    reached: bool
    standing: str
    cells: tuple[ClauseCell, ...]


@dataclass(frozen=True, slots=True)
class ClauseCell:
    """A clause under one system: ``diverges``, ``waived``, ``conforms`` or ``not reached``; how often it decided."""

    standing: str
    decided: int
    heat: int
    buckets: int


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure over the saved runs."""

    title: str
    columns: tuple[Column, ...]
    first: str
    last: str
    about: str


def html_text(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The whole page. ``clauses`` is every clause of the specification, by id."""
    ops = op_rows(report)
    totals = outcome_totals(report)
    rows = clause_rows(report, clauses)
    present = digest_of(report)
    changes = {row.bucket: row.what for row in report.delta.rows} if report.delta else {}
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            report=report,
            sentence=_VERDICTS[report.verdict],
            totals=totals_line(report),
            figures=_figures(report, ops, len(totals), sum(row.count > 0 for row in rows), len(rows)),
            environment=environment_items(report.header),
            cards=[
                _card(
                    bucket,
                    report.header,
                    clauses,
                    report.history.appearance(bucket.first.bucket, present),
                    changes.get(bucket.first.bucket, ""),
                )
                for bucket in report.buckets
            ],
            delta_line=delta_line(report.delta) if report.delta else "",
            delta_counts=delta_counts(report.delta) if report.delta else (),
            present_buckets={bucket.first.bucket for bucket in report.buckets},
            cited=sorted({name for bucket in report.buckets for name in bucket.first.clauses}),
            scripts=scripts_json(report.buckets, report.header),
            saved=(*report.history.before, present),
            trends=_trends((*report.history.before, present)),
            matrix=_matrix(ops, totals, report.unoffered),
            columns=[name for name, _ in totals],
            unreached_ops=sum(not row.total for row in ops),
            ops_count=len(ops),
            differences=difference_rows(report, clauses),
            clauses=[_clause_line(row, (present, *report.history.others)) for row in rows],
            clause_columns=(present, *report.history.others),
            clauses_reached=sum(row.count > 0 for row in rows),
            kinds=report.kinds,
            ops_by_kind=charts.bars(((kind.kind, kind.ops) for kind in report.kinds), report.ops),
            outcome_slices=charts.slices(_classes(totals)),
            outcome_bars=charts.bars(
                ((name, count) for name, count in totals if name != "ok"), sum(n for _, n in totals)
            ),
            curve=charts.curve(report.paces),
        )
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("conformance.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    templates.filters.update(
        number=number,
        compact=compact,
        duration=duration,
        counted=counted,
        clause_notes=clause_notes,
        printable=printable,
        change_word=lambda what: _CHANGE_WORDS.get(what, what),
        capitalised=lambda text: text[:1].upper() + text[1:],
    )
    return templates


def _figures(
    report: RunReport, ops: Sequence[OpRow], outcomes: int, clauses: int, clauses_all: int
) -> tuple[Figure, ...]:
    reached = sum(row.total > 0 for row in ops)
    divergent = sum(bucket.count for bucket in report.failing_buckets)
    cpu = f"{duration(report.footer.cpu_seconds)} of processor" if report.footer else "unfinished"
    found = sum(miniature.passed for miniature in report.miniatures)
    time = Figure("time", duration(report.seconds), cpu)
    planted = Figure("planted bugs", f"{found} / {len(report.miniatures)}", "found and reduced")
    if report.is_selfcheck:
        return planted, time
    buckets, programs = number(len(report.failing_buckets)), counted(divergent, "divergent program")
    expected = number(sum(report.expected_buckets.values()))
    figures = (
        Figure("programs", number(report.programs), counted(len(report.kinds), "kind")),
        Figure("ops", number(report.ops), f"{number(report.ops_per_second)} per second"),
        time,
        Figure("buckets", buckets, programs),
        *((Figure("expected", expected, expected_line(report)),) if report.expected_buckets else ()),
        Figure("ops reached", f"{reached} / {len(ops)}", counted(outcomes, "outcome")),
        Figure("clauses reached", f"{clauses} / {clauses_all}", share(clauses, clauses_all)),
    )
    return (*figures, planted) if report.miniatures else figures


def _card(bucket: Bucket, header: Header, clauses: Mapping[str, Clause], appearance: Appearance, change: str) -> Card:
    first = bucket.first
    return Card(
        id=first.bucket,
        verdict=first.verdict,
        system=system_of(first.law),
        clauses=" ".join(first.clauses),
        appearance=appearance,
        change=change,
        fails=bucket.fails,
        title=first.title,
        kind=first.kind,
        op=first.op,
        count=number(bucket.count),
        about=f"Seen in {counted(bucket.count, 'program')}; {confirmation(first)}.",
        quotes=tuple(_quote(name, clauses.get(name)) for name in first.clauses),
        lines=program_lines(first),
        outcomes=_outcomes(first),
        reduced=first.reduced,
        program=first.program,
        program_ops=len(op_lines(first.program)),
        replay=first.replay,
        stands=bucket.first.stands,
        standing=standing(bucket, header),
        hints=hints(first, clauses),
        seeds=(first.seed, *bucket.seeds)[:_SEEDS_SHOWN_MAX],
        seeds_more=max(1 + len(bucket.seeds) - _SEEDS_SHOWN_MAX, 0),
    )


def _outcomes(divergence: Divergence) -> tuple[tuple[str, tuple[Piece, ...]], ...]:
    """The outcomes; what the model and the observed system do not share is marked."""
    rows = outcomes(divergence)
    allowed, observed = rows[0][1], rows[-1][1]
    return tuple((who, pieces(what, allowed if place else observed)) for place, (who, what) in enumerate(rows))


def _quote(name: str, clause: Clause | None) -> Quote:
    if clause is None:
        return Quote(name, "Written in no clause file.", "")
    return Quote(name, clause.statement, clause_notes(clause))


def _clause_line(row: ClauseRow, digests: Sequence[Digest]) -> ClauseLine:
    cells = tuple(_clause_cell(digest.clauses.get(row.clause.id)) for digest in digests)
    return ClauseLine(row.clause, row.count > 0, cells[0].standing, cells)


def _clause_cell(found: ClauseDigest | None) -> ClauseCell:
    if found is None:
        return ClauseCell("not reached", 0, 0, 0)
    standing = "diverges" if found.failing else "waived" if found.waived else "conforms"
    return ClauseCell(standing, found.decided, _heat(found.decided), found.failing or found.waived)


def _trends(saved: Sequence[Digest]) -> tuple[Trend, ...]:
    if len(saved) < 2:
        return ()
    buckets = [(digest.run, len(digest.failing), counted(len(digest.failing), "bucket")) for digest in saved]
    speeds = [(digest.run, round(digest.ops_per_second), f"{number(digest.ops_per_second)} ops/s") for digest in saved]
    return tuple(
        Trend(title, charts.columns(values), saved[0].started, saved[-1].started, _about(values))
        for title, values in (("Buckets in each run", buckets), ("Ops per second of each run", speeds))
    )


def _about(values: Sequence[tuple[str, int, str]]) -> str:
    ranked = sorted(value for _, value, _ in values)
    return f"lowest {number(ranked[0])}, median {number(ranked[len(ranked) // 2])}, highest {number(ranked[-1])}"


def _matrix(
    ops: Sequence[OpRow], totals: Sequence[tuple[str, int]], unoffered: Mapping[str, int]
) -> list[tuple[str, list[MatrixRow]]]:
    columns = [name for name, _ in totals]
    return [
        (group, [_matrix_row(row, columns, offered=row.name not in unoffered) for row in rows])
        for group, rows in groupby(ops, key=lambda row: row.group)
    ]


def _matrix_row(row: OpRow, columns: Sequence[str], *, offered: bool) -> MatrixRow:
    cells = (row.outcomes.get(column, 0) for column in columns)
    made = tuple(
        Cell(compact(count), _heat(count), f"{row.name}: {column}, {number(count)}") if count else Cell("", 0, "")
        for column, count in zip(columns, cells, strict=True)
    )
    return MatrixRow(row.name, compact(row.total), made, row.total > 0, "ok" in row.outcomes, offered)


def _heat(count: int) -> int:
    """One level warmer for each factor of ten."""
    return min(len(str(count)), _HEAT_LEVELS)


def _classes(totals: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Outcomes in the classes of the stacked bar."""
    classes: Counter[str] = Counter()
    for name, count in totals:
        if "&" in name:
            classes["signal"] += count
        elif name in ("ok", "BLOCKED", "UNSUPPORTED", RACED):
            classes[name.lower()] += count
        else:
            classes["error"] += count
    return [(name, classes[name]) for name in ("ok", "error", "signal", "blocked", "unsupported", "raced")]
