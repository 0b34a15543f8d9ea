# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The failure card: all that a person needs to know of one divergence, in one order.

What differs; the clause, quoted; the program with the diverging step marked;
allowed, native and observed; the environment; the replay command; the waive command, or why it is waived; a hint.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from conformance.clauses import Clause
from conformance.events import Divergence, Header
from conformance.reporting.run import Bucket
from conformance.reporting.text import counted, printable

_COLUMNS = 110
_MARK = ">>> "
_SEPARATOR = ", "
_MAN_PAGE = re.compile(r"([A-Za-z_][\w.+-]*)\((\d[a-z]*)\)")
# What runs without a file of expectations: the kernel itself, models over it, commands without a name.
_WITHOUT_WAIVERS = ("native", "host(", "process:", "recorded:")
# The order in which a reader asks; anything else follows by name.
_ENVIRONMENT_ORDER = ("kernel", "filesystem", "user", "machine")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the program of a card; ``marked`` says that the outcomes part here."""

    text: str
    marked: bool


def op_lines(text: str) -> tuple[str, ...]:
    """The lines of a program or trace text that are ops: no comments, no environment, no end mark."""
    return tuple(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def program_lines(divergence: Divergence) -> tuple[Line, ...]:
    """The reduced program with what native gave, up to its end, the diverging step marked."""
    lines = op_lines(divergence.trace) or op_lines(divergence.reduced)
    return tuple(Line(printable(line), place == divergence.step) for place, line in enumerate(lines))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an outcome; ``differs`` says that the other outcome has something else here."""

    text: str
    differs: bool


def pieces(text: str, other: str) -> tuple[Piece, ...]:
    """An outcome in pieces, those marked that another outcome does not share.

    Outcomes with nothing in common, or of one piece, are not taken apart: then the whole of it differs.
    """
    mine, theirs = text.split(_SEPARATOR), other.split(_SEPARATOR)
    if len(mine) < 2 or not set(mine) & set(theirs):
        return (Piece(text, False),)
    found: list[Piece] = []
    for tag, start, end, _, _ in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if start < end:
            tail = _SEPARATOR if end < len(mine) else ""
            found += [Piece(_SEPARATOR.join(mine[start:end]), tag != "equal"), *([Piece(tail, False)] if tail else [])]
    return tuple(found)


def parting(divergence: Divergence) -> str:
    """Where two long outcomes part: ``blocks=0 ≠ blocks=8``; empty when they differ as a whole."""
    sides = (
        [piece.text for piece in pieces(text, other) if piece.differs]
        for text, other in (
            (divergence.predicted, divergence.observed),
            (divergence.observed, divergence.predicted),
        )
    )
    predicted, observed = (_SEPARATOR.join(side) for side in sides)
    return printable(f"{predicted or 'nothing'} ≠ {observed or 'nothing'}") if predicted or observed else ""


def outcomes(divergence: Divergence) -> tuple[tuple[str, str], ...]:
    """What was allowed and what was seen at the diverging step, each with who says so.

    When native itself is the side that was held against the model, its outcome is not shown twice.
    """
    model, equals, system = (side.strip() for side in divergence.law.partition("=="))
    model = model if equals else ""
    rows = [(f"allowed by {model or 'the model'}", divergence.predicted)]
    if system and system != "native":
        native = _native_outcome(divergence)
        if native:
            rows.append(("native", native))
    rows.append((system or "observed", divergence.observed))
    return tuple((who, printable(what)) for who, what in rows)


def _native_outcome(divergence: Divergence) -> str:
    traced, plain = op_lines(divergence.trace), op_lines(divergence.reduced)
    if divergence.step >= min(len(traced), len(plain)):
        return ""
    start = f"{plain[divergence.step]} == "
    line = traced[divergence.step]
    return line.removeprefix(start) if line.startswith(start) else ""


def environment_items(header: Header) -> tuple[tuple[str, str], ...]:
    """The environment by name: kernel, file system, user and machine first."""
    found = header.environment
    names = [name for name in _ENVIRONMENT_ORDER if name in found]
    names += sorted(set(found) - set(names))
    return tuple((printable(name), printable(found[name])) for name in names)


def clause_notes(clause: Clause) -> str:
    """What stands beside a clause: its level, its source, the conditions that it holds under."""
    parts = [clause.level, clause.source, *(f"{name} {value}" for name, value in clause.conditions)]
    return ", ".join(part for part in parts if part)


def confirmation(divergence: Divergence) -> str:
    """How the lone re-runs went and what reducing did, as one line."""
    diverged, runs = divergence.confirmed
    before, after = len(op_lines(divergence.program)), len(op_lines(divergence.reduced))
    tries = counted(divergence.reduction_tries, "try", "tries")
    return f"diverged in {diverged} of {counted(runs, 'lone re-run')}; {before} ops reduced to {after} in {tries}"


def hints(divergence: Divergence, clauses: Mapping[str, Clause]) -> tuple[str, ...]:
    """Where to look next: the man pages of the clauses, conditions, and whether the divergence is steady."""
    known = [clauses[name] for name in divergence.clauses if name in clauses]
    pages = dict.fromkeys(page for clause in known for page in _MAN_PAGE.findall(clause.source))
    found = []
    if pages:
        found.append("read " + ", ".join(f"man {section} {name}" for name, section in pages))
    found += [
        f"{clause.id} depends on the {name} ({value}): compare with the environment"
        for clause in known
        for name, value in clause.conditions
    ]
    diverged, runs = divergence.confirmed
    if divergence.moved:
        found.append(f"what moved: {printable(divergence.moved)}")
    if diverged < runs:
        found.append("the lone re-runs do not agree: suspect time, or what an earlier program left behind")
    if not divergence.clauses:
        found.append("no clause was cited at this step: the model decided it without one, or broke down")
    return tuple(found)


def standing(bucket: Bucket, header: Header) -> tuple[tuple[str, str], ...]:
    """Why a bucket is waived, or the command that would waive it where the system has a file of waivers."""
    first = bucket.first
    if first.reason:
        return (("waived", printable(first.reason)),)
    system = first.law.partition(" == ")[2]
    if not bucket.fails or not system or system.startswith(_WITHOUT_WAIVERS):
        return ()
    return (("waive", printable(f'fdconform waive add {header.run} --bucket {first.bucket} --reason "…"')),)


def card_text(bucket: Bucket, header: Header, clauses: Mapping[str, Clause]) -> str:
    """The failure card of a bucket as plain text, lines ending in a newline, safe to print on a terminal."""
    first = bucket.first
    seen = f"seen in {counted(bucket.count, 'program')}"
    lines = [
        f"{first.verdict.upper()}  {first.bucket}  {first.title}",
        f"  {first.kind}, {first.op}, {seen}, {confirmation(first)}",
    ]
    for name in first.clauses:
        lines += _quoted(name, clauses.get(name))
    lines.append("")
    lines += [f"{_MARK if line.marked else ' ' * len(_MARK)}{line.text}" for line in program_lines(first)]
    lines.append("")
    parts = parting(first)
    rows = (*outcomes(first), *((("they part at", parts),) if parts else ()))
    if first.stands:
        rows = (*rows, ("stands", printable(first.stands)))
    width = max(len(who) for who, _ in rows)
    lines += [f"  {who:<{width}}  {what}" for who, what in rows]
    lines.append("")
    where = "; ".join(f"{name} {value}" for name, value in environment_items(header))
    lines += _labelled("environment", where)
    lines.append(f"  {'replay':<11}  {first.replay}")
    for label, text in standing(bucket, header):
        lines.append(f"  {label:<11}  {text}")
    for hint in hints(first, clauses):
        lines += _labelled("hint", hint)
    return "".join(f"{printable(line).rstrip()}\n" for line in lines)


def _quoted(name: str, clause: Clause | None) -> list[str]:
    if clause is None:
        return [f"  clause {name}: written in no clause file"]
    quote = textwrap.wrap(f"“{clause.statement}”", _COLUMNS - 4, initial_indent="    ", subsequent_indent="    ")
    return [f"  clause {name} ({clause_notes(clause)})", *quote]


def _labelled(label: str, text: str) -> list[str]:
    start = f"  {label:<11}  "
    return textwrap.wrap(
        text, _COLUMNS, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False
    )
