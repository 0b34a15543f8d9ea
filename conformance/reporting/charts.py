# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers behind the charts of the HTML report, already scaled for SVG that stretches to its place.

The shapes are drawn in ``templates/charts.html.j2``; labels stay in HTML, so that they keep their size on any screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conformance.reporting.run import Pace
from conformance.reporting.text import compact, number, share

WIDTH = 100.0
HEIGHT = 100.0
POINTS_MAX = 120
_BARS_MAX = 14
_COLUMN_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its length (0 to 100), its value as text, and more to say on hover."""

    label: str
    length: float
    value: str
    more: str


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of a stacked bar: where it starts and how long it is (0 to 100)."""

    label: str
    start: float
    length: float
    value: str


@dataclass(frozen=True, slots=True)
class Column:
    """One upright bar: where it stands, how wide and how high it is (0 to 100), and more to say on hover."""

    start: float
    width: float
    height: float
    more: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A line over time: points as SVG wants them, and the figures beside it."""

    points: str
    top: str
    lowest: str
    median: str
    highest: str


def bars(values: Iterable[tuple[str, int]], whole: int) -> tuple[Bar, ...]:
    """Bars relative to the longest; what is beyond fourteen is summed up in a last line without a bar."""
    given = list(values)
    longest = max((value for _, value in given), default=0)
    made = [
        Bar(label, round(WIDTH * value / longest, 2) if longest else 0.0, compact(value), _more(value, whole))
        for label, value in given[:_BARS_MAX]
    ]
    if len(given) > _BARS_MAX:
        rest = sum(value for _, value in given[_BARS_MAX:])
        made.append(Bar(f"{len(given) - _BARS_MAX} more", 0.0, compact(rest), _more(rest, whole)))
    return tuple(made)


def _more(value: int, whole: int) -> str:
    return f"{number(value)}, {share(value, whole)}"


def slices(values: Sequence[tuple[str, int]]) -> tuple[Slice, ...]:
    """A stacked bar of these parts, in their order; parts of nothing are left out."""
    whole = sum(value for _, value in values)
    made: list[Slice] = []
    start = 0.0
    for label, value in values:
        if value:
            length = WIDTH * value / whole
            made.append(Slice(label, round(start, 3), round(length, 3), share(value, whole)))
            start += length
    return tuple(made)


def columns(values: Sequence[tuple[str, int, str]]) -> tuple[Column, ...]:
    """Upright bars side by side, relative to the highest: a label, a value, and the value as text for each."""
    highest = max((value for _, value, _ in values), default=0) or 1
    width = WIDTH / max(len(values), 1)
    return tuple(
        Column(
            round(place * width, 3),
            round(width * _COLUMN_SHARE, 3),
            round(HEIGHT * value / highest, 2),
            f"{label}: {text}",
        )
        for place, (label, value, text) in enumerate(values)
    )


def curve(paces: Sequence[Pace]) -> Curve | None:
    """Ops per second over the run, at most 120 points; None when there are fewer than two."""
    width = max(-(-len(paces) // POINTS_MAX), 1)
    groups = [paces[start : start + width] for start in range(0, len(paces), width)]
    timed = [(sum(pace.ops for pace in group), sum(pace.seconds for pace in group)) for group in groups]
    speeds = [ops / seconds for ops, seconds in timed if seconds > 0]
    if len(speeds) < 2:
        return None
    highest = max(speeds) or 1.0
    step = WIDTH / (len(speeds) - 1)
    points = " ".join(f"{i * step:.2f},{HEIGHT * (1 - speed / highest):.2f}" for i, speed in enumerate(speeds))
    ranked = sorted(speeds)
    return Curve(
        points, compact(round(highest)), number(ranked[0]), number(ranked[len(ranked) // 2]), number(ranked[-1])
    )
