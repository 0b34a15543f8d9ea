# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Where Linux differs from Linux, as a page to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_INTRODUCTION = """\
# Where Linux differs from Linux

Rules that vary with the kernel release, the file system, or the caller. This page is made by
`fdconform list variance --format markdown` from the `varies` tables in `reference/clauses/`; change them there.

The model takes what varies from its profile, a frozen value, so a system is predicted by the Linux that it is: a kernel
6.1 by the rules of 6.1. Each rule has a program that tells the two apart. `fdconform doctor` runs them all, and names
those in which this machine is not what its profile says: a kernel with patches of its own, say.

*Since when* names the commit that changed the kernel, or a man page; where it is empty, the releases were tried.
Fixes travel to stable kernels: what holds for a release as it came out may not hold for its last update, and the rule
then goes by the last.
"""
_COLUMNS = ("rule", "where", "what is done there", "since when", "the call that tells", "there", "elsewhere")
_HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"


@dataclass(frozen=True, slots=True)
class Row:
    """A rule that varies, as text: its clause, where, what is done there, since when; the call that tells, what it
    gives there and elsewhere; and the program around it."""

    clause: str
    when: str
    then: str
    source: str
    call: str
    there: str
    elsewhere: str
    program: str


def variance_text(rows: Sequence[Row]) -> str:
    """The whole page in Markdown."""
    total = f"{len(rows)} rules vary, of {len({row.clause for row in rows})} clauses.\n"
    parts = [_INTRODUCTION, total, "\n".join((_HEAD, *map(_line, rows), "")), "## The programs that tell\n"]
    return "\n".join((*parts, *map(_program, rows)))


def _line(row: Row) -> str:
    codes = map(_code, (row.call, row.there, row.elsewhere))
    return f"| {' | '.join((row.clause, _code(row.when), row.then, row.source, *codes))} |"


def _code(text: str) -> str:
    """A piece of code in a cell, where a bar would end the cell."""
    return f"`{text}`".replace("|", "\\|")


def _program(row: Row) -> str:
    return f"{row.clause}, {_code(row.when)}:\n\n```\n{row.program.rstrip()}\n```\n"
