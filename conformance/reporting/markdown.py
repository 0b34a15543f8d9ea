# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The summary of a run in Markdown, as CI services show it beside a job."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape

from conformance.clauses import Clause
from conformance.events import Delta, DeltaRow
from conformance.reporting.card import card_text, environment_items
from conformance.reporting.delta import delta_line
from conformance.reporting.reached import clause_rows, op_rows
from conformance.reporting.run import Bucket, RunReport
from conformance.reporting.summary import bucket_line, reached_line, totals_line, verdict_line
from conformance.reporting.text import counted, duration, few, number, printable

_CARDS_SHOWN_MAX = 10
_NAMES_SHOWN_MAX = 20
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def markdown_text(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The whole summary. Cards beyond the first ten are only counted: job summaries have a size limit."""
    parts = [delta_markdown(report.delta).rstrip("\n")] if report.delta else []
    parts += [f"## {'✅' if report.green else '❌'} {_escaped(verdict_line(report))}", f"**{totals_line(report)}**"]
    parts += [f"> {_escaped(obstacle)}" for obstacle in report.obstacles]
    parts.append(_facts(report, clauses))
    parts += [_section("Divergences", _buckets(report, clauses))] if report.buckets else []
    parts += [_section("As its own release", _variations(report))] if report.variations else []
    parts += [_section("Per kind", _kinds(report))] if report.kinds else []
    parts += [_section("Self-check", _miniatures(report))] if report.miniatures else []
    parts += [_section("Not reached", text)] if (text := _unreached(report, clauses)) else []
    notes = "\n".join(f"- {_escaped(note.level)}: {_escaped(note.text)}" for note in report.notes)
    parts += [_section("Notes", notes)] if notes else []
    return "\n\n".join(parts) + "\n"


def delta_markdown(delta: Delta) -> str:
    """What changed since an earlier run; buckets that are as they were come last."""
    mark = "❔" if delta.obstacles else "❌" if delta.news else "✅"
    parts = [f"## {mark} {_escaped(delta_line(delta))}", *(f"> {_escaped(obstacle)}" for obstacle in delta.obstacles)]
    if delta.environment:
        parts.append(_table(("environment", "then", "now"), (map(_escaped, change) for change in delta.environment)))
    if delta.rows:
        parts.append(_table(("", "bucket", "what differs", ""), map(_delta_row, delta.rows)))
    return "\n\n".join(parts) + "\n"


def _delta_row(row: DeltaRow) -> tuple[str, ...]:
    bucket = f"{_code(row.bucket)}{f', was {_code(row.was)}' if row.was else ''}"
    return row.what, bucket, _escaped(row.title), _escaped(row.detail)


def _section(title: str, text: str) -> str:
    return f"### {title}\n\n{text}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(printable(text).split()))


def _code(text: str) -> str:
    fence = "`" * max((len(run) + 1 for run in re.findall("`+", text)), default=1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{printable(text)}{space}{fence}".replace("|", "\\|")


def _block(text: str) -> str:
    fence = "`" * max((len(run) + 1 for run in re.findall("`{3,}", text)), default=3)
    return f"{fence}text\n{text}{fence}"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *(list(row) for row in rows)]
    lines.insert(1, ["---:" if head.startswith("#") else "---" for head in lines[0]])
    lines[0] = [head.removeprefix("#") for head in lines[0]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _facts(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    header = report.header
    rows = [
        ("run", _escaped(f"{header.run}, started {header.started}")),
        ("command", _code(header.command)),
        ("seed, budget", _escaped(f"{header.seed}, {header.budget}")),
        *(() if report.is_selfcheck else _reached(report, clauses)),
        *((_escaped(name), _escaped(value)) for name, value in environment_items(header)),
    ]
    return _table(("", ""), rows)


def _reached(report: RunReport, clauses: Mapping[str, Clause]) -> tuple[tuple[str, str], ...]:
    done = f"{counted(report.programs, 'program')}, {counted(report.ops, 'op')} in {duration(report.seconds)}"
    speed = f"{number(report.ops_per_second)} ops/s"
    return ("ran", done), ("speed", speed), ("reached", reached_line(report, clauses))


def _variations(report: RunReport) -> str:
    rows = (
        (_escaped(first.title), _escaped(first.stands), ", ".join(map(_code, first.clauses)), number(one.count))
        for one in report.variations
        for first in (one.first,)
    )
    return _table(("what differs from this kernel", "where it stands", "clauses", "#programs"), rows)


def _buckets(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    def row(bucket: Bucket) -> tuple[str, ...]:
        first = bucket.first
        return (
            _code(first.bucket),
            _escaped(first.verdict),
            _escaped(bucket_line(first)),
            number(bucket.count),
            _code(first.replay),
        )

    parts = [
        _table(
            ("bucket", "verdict", "what differs", "#programs", "replay"), map(row, report.buckets[:_CARDS_SHOWN_MAX])
        )
    ]
    for bucket in report.buckets[:_CARDS_SHOWN_MAX]:
        # Inside an HTML block Markdown's own escapes are not read.
        title = escape(printable(f"{bucket.first.bucket}: {bucket.first.title}"))
        card = _block(card_text(bucket, report.header, clauses))
        parts.append(f"<details><summary>{title}</summary>\n\n{card}\n\n</details>")
    more = len(report.buckets) - _CARDS_SHOWN_MAX
    parts += [f"And {counted(more, 'bucket')} more: see the full report."] if more > 0 else []
    return "\n\n".join(parts)


def _kinds(report: RunReport) -> str:
    counts = Counter((bucket.first.kind, _column(bucket)) for bucket in report.buckets)
    columns = ("", *report.expected_buckets)
    rows = (
        (_escaped(kind.kind), number(kind.programs), number(kind.ops), *(number(counts[kind.kind, c]) for c in columns))
        for kind in report.kinds
    )
    return _table(("kind", "#programs", "#ops", "#buckets", *(f"#{verdict}" for verdict in columns[1:])), rows)


def _column(bucket: Bucket) -> str:
    """Where a bucket is counted: failing ones together, others by verdict."""
    return "" if bucket.fails else bucket.first.verdict


def _miniatures(report: RunReport) -> str:
    return _table(
        ("planted bug", "kind", "#found after", "#reduced to", "#minimum", ""),
        (
            (
                _code(m.name),
                _escaped(m.kind),
                "–" if m.found_after_programs is None else number(m.found_after_programs),
                "–" if m.reduced_ops is None else number(m.reduced_ops),
                number(m.minimum_ops),
                "passed" if m.passed else "**failed**",
            )
            for m in report.miniatures
        ),
    )


def _unreached(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    if report.is_selfcheck:
        return ""
    ops = [_code(row.name) for row in op_rows(report) if not row.total]
    missed = [_code(row.clause.id) for row in clause_rows(report, clauses) if not row.count]
    lines = [f"- {counted(len(ops), 'op')}: {few(ops, _NAMES_SHOWN_MAX)}"] if ops else []
    lines += [f"- {counted(len(missed), 'clause')}: {few(missed, _NAMES_SHOWN_MAX)}"] if missed else []
    return "\n".join(lines)
