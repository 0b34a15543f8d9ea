# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The specification of the host model as a page to read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from conformance.host_clauses import CONFIDENCES, KINDS, RELATIONS, SECTIONS, HostClause, Shows

_CODE_OR_STARS = re.compile(r"(`[^`]*`)|(\*+)")

_INTRODUCTION = """\
# The host model, clause by clause

What a program meets when a descriptor of the host is imported into a sandbox kernel. This page is made by
`fdconform list host-clauses --format markdown` from `reference/clauses/host/`; change the clauses there.

Each clause has its rule first, then how it relates to Linux and how this is known, where the rule was learned, and,
when it differs, the calls that show it with the outcomes that they give. `any` stands for every outcome, and `REFUSED`
for a refusal without an error number. The program below it is the shortest one known that shows the rule; it stands in
`fixtures/witnesses/`, and `fdconform witnesses` looks for a shorter one.
"""


def specification_text(clauses: Mapping[str, HostClause], witnesses: Mapping[str, str]) -> str:
    """The whole page in Markdown. ``witnesses`` holds the trace of a short program that shows a clause, by its id."""
    parts = [_INTRODUCTION, _relations(clauses.values()), _kinds()]
    for section, title in SECTIONS.items():
        members = [clause for clause in clauses.values() if clause.section == section]
        parts += [f"## {title}\n"] if members else []
        parts += [_entry(clause, witnesses.get(clause.id, "")) for clause in members]
    return "\n".join(parts)


def _relations(clauses: Iterable[HostClause]) -> str:
    counts = Counter(clause.relation for clause in clauses)
    rows = [f"| {name} | {counts[name]} | {meaning} |" for name, meaning in RELATIONS.items()]
    return "\n".join(["| relation | clauses | meaning |", "| --- | ---: | --- |", *rows, ""])


def _kinds() -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in KINDS.items()]
    return "\n".join(["| kind | descriptors |", "| --- | --- |", *rows, ""])


def _entry(clause: HostClause, witness: str) -> str:
    effect = {"": "", "value": ", in its own result", "state": ", and later calls see it"}[clause.effect]
    relation = f"- {clause.relation}{effect} ({CONFIDENCES[clause.confidence]})"
    lines = [f"### {clause.id}\n", f"{_prose(clause.statement)}\n", relation]
    lines += [f"- Linux: {_prose(clause.linux)}"] if clause.linux else []
    kinds = ", ".join(f"`{kind}`" for kind in clause.kinds)
    lines.append(f"- {kinds}; {clause.layer}; {_prose(clause.source)}")
    lines += [f"- no program can tell: {_prose(clause.unobservable)}"] if clause.unobservable else []
    lines += [f"- {_pattern(shows)}" for shows in clause.shows]
    lines += [f"\n```text\n{witness}```"] if witness else []
    return "\n".join(lines) + "\n"


def _pattern(shows: Shows) -> str:
    calls = ", ".join(f"`{call}`" for call in shows.calls)
    if shows.fields:
        return f"{calls}: another {', '.join(shows.fields)}"
    return f"{calls}: `{shows.host}`, on Linux `{shows.native}`"


def _prose(text: str) -> str:
    """Text in which stars are stars; code stays code."""
    return _CODE_OR_STARS.sub(lambda found: found[1] or found[2].replace("*", r"\*"), text)
