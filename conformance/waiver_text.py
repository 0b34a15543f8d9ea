# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The text of a file of expectations in pieces: its head, and each entry with the comment lines right above it.

Whoever edits one piece leaves every other letter of the file as it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = re.compile(r"\s*\[\[\s*waiver\s*\]\]\s*(#.*)?")
_QUOTES = re.compile(r"'''|\"\"\"")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: the line of its header, and its text up to the comments of the next one."""

    line: int
    text: str


def split_text(text: str) -> tuple[str, tuple[Entry, ...]]:
    """The head of a file and its entries; put together again they are the text."""
    lines = text.splitlines(keepends=True)
    headers = _headers(lines)
    starts = [_with_comments(lines, header) for header in headers]
    ends = [*starts[1:], len(lines)][: len(starts)]
    entries = [
        Entry(header + 1, "".join(lines[start:end])) for header, start, end in zip(headers, starts, ends, strict=True)
    ]
    return "".join(lines[: starts[0]] if starts else lines), tuple(entries)


def line_of(entry: Entry, key: str) -> int:
    """The line that gives a key, in the whole file; that of the header when there is none."""
    lines = entry.text.splitlines()
    first = entry.line - _headers([f"{line}\n" for line in lines])[0]
    found = next((place for place, line in enumerate(lines) if re.match(rf"\s*{re.escape(key)}\s*=", line)), None)
    return entry.line if found is None else first + found


def _headers(lines: list[str]) -> list[int]:
    """The places of the lines that open an entry; those inside of a text of several lines do not."""
    found: list[int] = []
    inside = ""
    for place, line in enumerate(lines):
        if not inside and _HEADER.fullmatch(line.rstrip("\n")):
            found.append(place)
        for quotes in _QUOTES.findall(line):
            inside = "" if quotes == inside else inside or quotes
    return found


def _with_comments(lines: list[str], header: int) -> int:
    while header and lines[header - 1].startswith("#"):
        header -= 1
    return header
