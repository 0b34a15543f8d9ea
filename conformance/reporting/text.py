# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Small pieces of text that every report shares."""

from __future__ import annotations

import re

_MINUTE_SECONDS = 60
_HOUR_SECONDS = 3600
# Control characters (terminal escapes among them), surrogates and the two noncharacters: XML knows none of them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """The text with what a terminal or an XML reader would trip over written as ``\\x1b``."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


def number(value: float) -> str:
    """A whole number with thousands set apart: ``12,345``."""
    return f"{round(value):,}"


def compact(value: int) -> str:
    """A count that fits a narrow cell: ``987``, ``1.2k``, ``34k``, ``5.6M``."""
    for limit, unit, name in ((1_000_000_000, 1_000_000_000, "G"), (1_000_000, 1_000_000, "M"), (1_000, 1_000, "k")):
        if value >= limit:
            return f"{value / unit:.1f}{name}" if value < 10 * unit else f"{value // unit}{name}"
    return str(value)


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 program``, ``2 programs``; ``plural`` for nouns that do not take an s."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """A time that a person reads: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE_SECONDS:
        return f"{whole} s"
    if whole < _HOUR_SECONDS:
        return f"{whole // _MINUTE_SECONDS} min {whole % _MINUTE_SECONDS:02} s"
    return f"{whole // _HOUR_SECONDS} h {whole % _HOUR_SECONDS // _MINUTE_SECONDS:02} min"


def share(part: float, whole: float) -> str:
    """A part in per cent, never rounded up to all or down to nothing: ``99.9 %``, ``<0.1 %``."""
    if whole <= 0:
        return "0 %"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1 %"
    if 99.9 < percent < 100:
        return ">99.9 %"
    return f"{percent:.1f} %" if 0 < percent < 100 else f"{percent:.0f} %"


def clipped(text: str, columns: int) -> str:
    """The text cut to this many columns; an ellipsis says that it was cut."""
    return text if len(text) <= columns else text[: max(columns - 1, 0)] + "…"


def few(names: list[str], most: int) -> str:
    """The first names and how many more there are: ``A, B and 3 more``."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
