# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""KTAP version 1, the test protocol of the Linux kernel: a test for each group, a subtest for each op.

The card of a bucket comes as diagnostic lines before the subtest that it makes fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from conformance.clauses import Clause
from conformance.reporting.card import card_text, environment_items
from conformance.reporting.points import Group, Point, groups
from conformance.reporting.run import RunReport
from conformance.reporting.summary import totals_line
from conformance.reporting.text import printable

_VERSION = "KTAP version 1"
_INDENT = "  "


def ktap_text(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The whole report, a line a result."""
    header = report.header
    facts = (("run", header.run), ("seed", header.seed), ("law", header.law), ("totals", totals_line(report)))
    found = groups(report)
    lines = [
        _VERSION,
        f"1..{len(found)}",
        *(f"# {name}: {_plain(value)}" for name, value in (*facts, *environment_items(header))),
    ]
    for number, group in enumerate(found, 1):
        lines += [f"{_INDENT}{line}" for line in _group(group, report, clauses)]
        ok = all(point.status in ("passed", "skipped") for point in group.points)
        lines.append(f"{'ok' if ok else 'not ok'} {number} {_name(group.name)}")
    return "".join(f"{line}\n" for line in lines)


def _group(group: Group, report: RunReport, clauses: Mapping[str, Clause]) -> Iterable[str]:
    yield _VERSION
    yield f"# Subtest: {_name(group.name)}"
    yield f"1..{len(group.points)}"
    for number, point in enumerate(group.points, 1):
        cards = [card_text(bucket, report.header, clauses) for bucket in point.failing]
        notes = [] if point.failing else [*point.notes, point.details]
        for text in (*cards, *(notes if point.status in ("failed", "broken") else ())):
            yield from (f"# {line}".rstrip() for line in printable(text).splitlines())
        yield f"{'ok' if point.status in ('passed', 'skipped') else 'not ok'} {number} {_name(point.name)}{_end(point)}"


def _end(point: Point) -> str:
    """The directive of a point that was skipped; why another did not pass stands in the lines before it."""
    return f" # SKIP {_plain(point.notes[0])}" if point.status == "skipped" else ""


def _plain(text: str) -> str:
    return " ".join(printable(text).split())


def _name(text: str) -> str:
    """A description; a number sign in it would begin a directive."""
    return _plain(text).replace("#", "+")
