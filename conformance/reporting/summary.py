# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The end of a run in a dozen lines; the last one is made for scripts: ``N passed, N failed``."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.clauses import Clause
from conformance.events import KNOWN, WAIVER_PROBLEMS, Divergence
from conformance.reporting.card import environment_items
from conformance.reporting.delta import delta_lines
from conformance.reporting.reached import clause_rows, difference_rows, op_rows, outcome_totals
from conformance.reporting.run import RunReport
from conformance.reporting.text import clipped, compact, counted, duration, few, number, printable

_BUCKETS_SHOWN_MAX = 3
_NAMES_SHOWN_MAX = 4
_COLUMNS = 110
_EXPECTED_AS = {
    "waived": "of known divergences",
    "unsupported": "of what the system does not offer",
    KNOWN: "of the baseline",
}


def verdict_line(report: RunReport) -> str:
    """The verdict as one sentence without its end mark: ``conforms: linux == native``."""
    law = report.header.law
    if report.verdict == "cut short":
        return f"not green: cut short ({law})"
    if report.verdict == "diverges":
        return f"diverges: {law} does not hold, {counted(len(report.failing_buckets), 'bucket')}"
    if report.verdict == "conforms":
        return f"conforms: {law}"
    return f"not green: {report.verdict} ({law})"


def totals_line(report: RunReport) -> str:
    """What every run ends with: ``N passed, N failed``, and ``, N waived, N unsupported, N known`` where there are any.

    A run that is not green without any failed program, such as one cut short, is itself counted as a failure.
    """
    failed = report.failed if report.failed or report.green else 1
    return ", ".join((f"{report.passed} passed", f"{failed} failed", *_counts(report.expected)))


def expected_line(report: RunReport) -> str:
    """The buckets that were expected: ``2 waived, 1 unsupported``; empty when there are none."""
    return ", ".join(_counts(report.expected_buckets))


def _counts(expected: Mapping[str, int]) -> list[str]:
    return [f"{count} {verdict}" for verdict, count in expected.items()]


def reached_line(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """How much of the vocabulary and of the specification was reached."""
    ops = op_rows(report)
    rows = clause_rows(report, clauses)
    return (
        f"{sum(row.total > 0 for row in ops)} of {counted(len(ops), 'op')}, "
        f"{sum(row.count > 0 for row in rows)} of {counted(len(rows), 'clause')}, "
        f"{counted(len(outcome_totals(report)), 'outcome')}"
    )


def bucket_line(first: Divergence) -> str:
    """What a list says of a bucket: where the system stands comes first, where it is as another Linux."""
    return f"{first.stands}: {first.title}" if first.stands else first.title


def variation_line(report: RunReport) -> str:
    """How much the system's own release of Linux explains."""
    programs = sum(one.count for one in report.variations)
    stands = report.variations[0].first.stands
    return f"{counted(len(report.variations), 'difference')} in {counted(programs, 'program')}: {stands}"


def summary_text(report: RunReport, clauses: Mapping[str, Clause], page: str = "") -> str:
    """At most a dozen lines. ``page`` names where the full report is; empty: no such line."""
    speed = f"{compact(round(report.ops_per_second))} ops/s"
    done = f"{counted(report.programs, 'program')}, {counted(report.ops, 'op')} in {duration(report.seconds)}, {speed}"
    where = ", ".join(f"{name} {value}" for name, value in environment_items(report.header)[:_NAMES_SHOWN_MAX])
    lines = [*(delta_lines(report.delta) if report.delta else ()), verdict_line(report)]
    lines += [_row("run", f"{report.header.run}, seed {report.header.seed}, budget {report.header.budget}")]
    lines += [_row("where", where)] if where else []
    lines += [] if report.is_selfcheck else [_row("ran", done), _row("reached", reached_line(report, clauses))]
    lines += _differences(report, clauses)
    shown = report.failing_buckets[:_BUCKETS_SHOWN_MAX]
    lines += [
        _row("bucket", f"{bucket.first.bucket} ×{number(bucket.count)}  {bucket_line(bucket.first)}")
        for bucket in shown
    ]
    more = len(report.failing_buckets) - len(shown)
    lines += [_row("", f"and {counted(more, 'bucket')} more")] if more else []
    lines += [
        _row(verdict, f"{counted(count, 'bucket')} {_EXPECTED_AS[verdict]}")
        for verdict, count in report.expected_buckets.items()
    ]
    lines += [_row("releases", variation_line(report))] if report.variations else []
    lines += _wrong_waivers(report)
    lines += _miniatures(report)
    lines += [_row("but", " ".join(report.obstacles))] if report.obstacles else []
    lines += [_row("report", page)] if page else []
    return "".join(f"{printable(line)}\n" for line in (*lines, totals_line(report)))


def _wrong_waivers(report: RunReport) -> list[str]:
    """Each of the first waivers that are wrong, with the command that mends it, which is not cut."""
    texts = [note.text for note in report.notes if note.text.partition(":")[0] in WAIVER_PROBLEMS]
    lines: list[str] = []
    for text in texts[:_BUCKETS_SHOWN_MAX]:
        what, _, mend = text.partition("\n  mend: ")
        lines += [_row("waiver", what), f"  {'mend':<11}  {mend}"]
    more = len(texts) - _BUCKETS_SHOWN_MAX
    return [*lines, _row("", f"and {counted(more, 'waiver')} more")] if more > 0 else lines


def _miniatures(report: RunReport) -> list[str]:
    if not report.miniatures:
        return []
    missed = [miniature.name for miniature in report.miniatures if not miniature.passed]
    found = f"{len(report.miniatures) - len(missed)} of {len(report.miniatures)} planted bugs found and reduced"
    return [_row("self-check", f"{found}; not: {few(missed, _NAMES_SHOWN_MAX)}" if missed else found)]


def _differences(report: RunReport, clauses: Mapping[str, Clause]) -> list[str]:
    rows = difference_rows(report, clauses)
    if not rows:
        return []
    seen = sum(row.total > 0 for row in rows)
    explained = sum(row.total for row in rows)
    return [_row("explained", f"{counted(explained, 'difference')} by {seen} of {counted(len(rows), 'clause')}")]


def _row(label: str, text: str) -> str:
    return clipped(f"  {label:<11}  {text}", _COLUMNS) if label != "report" else f"  {label:<11}  {text}"
