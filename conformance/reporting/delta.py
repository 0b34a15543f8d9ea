# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What changed since an earlier run, as text, Markdown and JSON: what calls for somebody comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from conformance.events import DELTA_KINDS, Delta, DeltaRow
from conformance.reporting.text import clipped, printable

_COLUMNS = 110
_UNTOLD = frozenset({"still"})
"""Rows that are counted only where a run closes: they are old news."""


def delta_line(delta: Delta) -> str:
    """The whole in one line: ``since main: 1 new, 2 fixed, 3 still; environment changed: kernel``."""
    counts = Counter(row.what for row in delta.rows)
    parts = [f"{count} {what}" for what, count in counts.items()] or ["no divergence then or now"]
    if not delta.news:
        parts.insert(0, "nothing new")
    changed = ", ".join(name for name, _, _ in delta.environment)
    line = f"since {delta.since}: {', '.join(parts)}{f'; environment changed: {changed}' if changed else ''}"
    return f"inconclusive, {line}" if delta.obstacles else line


def delta_lines(delta: Delta, *, whole: bool = False) -> list[str]:
    """The line, and a line for each change; buckets that are as they were are told only when it is to be ``whole``."""
    lines = [delta_line(delta)]
    lines += [_line("but", obstacle) for obstacle in delta.obstacles]
    lines += [
        _line("environment", f"{name}: {then or 'not told'} → {now or 'not told'}")
        for name, then, now in delta.environment
    ]
    return lines + [_line(row.what, _told(row)) for row in _rows(delta, whole)]


def delta_counts(delta: Delta) -> tuple[tuple[str, int], ...]:
    """How many buckets each word is said of, also where it is said of none."""
    counts = Counter(row.what for row in delta.rows)
    return tuple((what, counts[what]) for what in DELTA_KINDS)


def delta_text(delta: Delta) -> str:
    """The comparison of two runs as plain text."""
    return "".join(f"{printable(line)}\n" for line in delta_lines(delta, whole=True))


def delta_json(delta: Delta) -> str:
    """The comparison as JSON: an event of the log."""
    return msgspec.json.format(msgspec.json.encode(delta), indent=1).decode() + "\n"


def _rows(delta: Delta, whole: bool) -> Iterable[DeltaRow]:
    return (row for row in delta.rows if whole or row.what not in _UNTOLD)


def _told(row: DeltaRow) -> str:
    was = f" (was {row.was})" if row.was else ""
    return f"{row.bucket}{was}  {row.title}{f'; {row.detail}' if row.detail else ''}"


def _line(label: str, text: str) -> str:
    return clipped(f"  {label:<11}  {text}", 2 * _COLUMNS)
