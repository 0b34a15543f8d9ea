# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Edits files of expectations: what a person wrote there, comments and order, stays as it is.

A file that cannot be used can be edited all the same: that is how it is mended.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import tomlkit

from conformance.errors import ConformanceError
from conformance.expectations import KEY_PARTS, BadExpectations, Waiver, check_waiver
from conformance.grammar import program_text, read_program
from conformance.program import Program
from conformance.waiver_text import Entry, split_text

_HEAD = (
    "# Known divergences of a system under test. `fdconform waive add|update|remove` edits this file;\n"
    "# comments and order are kept. See docs/how-to/waive-a-divergence.md.\n"
)
_ALWAYS = ("bucket", "clause", "pattern", "title", "kind", "reason", "issue")
_THEN = ("when", "expires", "chances", "op", "predicted", "observed", "field", "tag", "clauses")


@dataclass(frozen=True, slots=True)
class WaiverFile:
    """The text of a file of expectations."""

    path: Path
    head: str
    entries: tuple[Entry, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return self.head + "".join(entry.text for entry in self.entries)

    def store(self) -> None:
        """Write the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.text, encoding="utf-8")

    def with_waivers(self, added: Iterable[Waiver]) -> WaiverFile:
        """These and others at the end; one that describes the same as an old one takes its place."""
        head, entries = self.head, list(self.entries)
        for waiver in added:
            places = [place for place, entry in enumerate(entries) if _describes(entry, waiver)]
            text = waiver_text(waiver)
            if places:
                old = entries[places[0]]
                entries[places[0]] = replace(old, text=_comments(old.text) + text + _tail(old))
                continue
            if entries:
                entries[-1] = replace(entries[-1], text=_ended(entries[-1].text))
            else:
                head = _ended(head)
            entries.append(Entry(0, text))
        return WaiverFile(self.path, head, tuple(entries))

    def without(self, names: Sequence[str]) -> WaiverFile:
        """These without some."""
        gone = {self._place_of(name) for name in names}
        head, entries = self.head, []
        for place, entry in enumerate(self.entries):
            if place not in gone:
                entries.append(entry)
            elif "#" in (tail := _tail(entry)):
                # A remark that stands between this entry and the next speaks of what follows.
                if entries:
                    entries[-1] = replace(entries[-1], text=_ended(entries[-1].text) + tail.lstrip("\n"))
                else:
                    head = _ended(head) + tail.lstrip("\n")
        return WaiverFile(self.path, head, tuple(entries))

    def changed(self, names: Sequence[str], values: Mapping[str, Any]) -> WaiverFile:
        """These with other values in some; None takes a key out. What comes out of it must be a waiver."""
        entries = list(self.entries)
        for name in names:
            place = self._place_of(name)
            text = _canonical(entries[place].text)
            for key, value in values.items():
                text = _with_value(text, key, value)
            try:
                check_waiver(tomlkit.parse(text).unwrap()["waiver"][0])
            except ValueError as error:
                raise ConformanceError(f"{name}: {error}", where=str(self.path), hint="give another value") from None
            entries[place] = replace(entries[place], text=text)
        return replace(self, entries=tuple(entries))

    def _place_of(self, name: str) -> int:
        """The entry of a name: what it waives, or ``#3`` for the third."""
        number = re.fullmatch(r"#(\d+)", name)
        places = [place for place, entry in enumerate(self.entries) if name in _names(entry)]
        if number and 0 < int(number[1]) <= len(self.entries):
            places = [int(number[1]) - 1]
        if not places:
            raise ConformanceError(
                f"nothing is waived as {name}", where=str(self.path), hint=f"fdconform waive list --on {self.path.stem}"
            )
        return places[0]


def open_waivers(path: Path) -> WaiverFile:
    """The text of a file; that of an empty one when there is none. BadExpectations for one that is no TOML."""
    if not path.exists():
        return WaiverFile(path, _HEAD, ())
    try:
        head, entries = split_text(path.read_text(encoding="utf-8"))
        for entry in entries:
            _names(entry)
    except (OSError, ValueError) as error:
        raise BadExpectations(str(error), where=str(path), hint=f"${{EDITOR:-vi}} {path}") from None
    return WaiverFile(path, head, entries)


def waiver_text(waiver: Waiver) -> str:
    """The text of a new waiver; a person reads it."""
    told = msgspec.to_builtins(waiver, builtin_types=(date,))
    usual = msgspec.to_builtins(Waiver(reason="", issue=""), builtin_types=(date,))
    table: Any = tomlkit.table()
    for key in (*_ALWAYS, *_THEN):
        if told[key] != usual[key] or (key in _ALWAYS and told[key]):
            table.add(key, told[key])
    return "[[waiver]]\n" + str(table.as_string()) + (_program_text(waiver.program) if waiver.program else "")


def _program_text(program: str) -> str:
    """The program as it is, line by line, where its text allows."""
    if "'''" in program:
        return str(tomlkit.dumps({"program": tomlkit.string(program, multiline=True)}))
    return f"program = '''\n{program}'''\n"


def _names(entry: Entry) -> tuple[str, ...]:
    return _names_in(_table_of(entry))


def _names_in(table: Any) -> tuple[str, ...]:
    return tuple([str(table[key]) for key in ("bucket", "clause", "pattern") if key in table])


def _describes(entry: Entry, waiver: Waiver) -> bool:
    """Whether an entry is of the name of a waiver, or is known by the same: no file may hold both."""
    table = _table_of(entry)
    key = tuple([table.get(part, "") for part in KEY_PARTS])
    return waiver.name in _names_in(table) or (bool(waiver.bucket) and "bucket" in table and key == waiver.key)


def _table_of(entry: Entry) -> Any:
    # The reader of the standard library is many times as fast, and every entry is asked for its names.
    return _table(tomllib.loads(entry.text))


def _table(document: Any) -> Any:
    return document["waiver"][0]


def _comments(text: str) -> str:
    """The comment lines right above an entry."""
    return "".join(re.findall(r"\A(?:#.*\n)+", text))


def _tail(entry: Entry) -> str:
    """What stands below an entry: empty lines, and remarks that belong to none."""
    return entry.text[len(re.sub(r"(?:[ \t]*(?:#.*)?\n)*\Z", "", entry.text)) :].removeprefix("\n")


def _ended(text: str) -> str:
    """A text that a new entry may follow: after an empty line."""
    return text.rstrip("\n") + "\n\n" if text.strip() else text


def _canonical(text: str) -> str:
    """The entry with its program in canonical text."""
    program = _table(tomlkit.parse(text)).get("program")
    if program is None:
        return text
    try:
        written = program_text(Program(read_program(program).ops))
    except ConformanceError:
        return text
    return text if written == program else text.replace(str(program), written, 1)


def _with_value(text: str, key: str, value: Any) -> str:
    document = tomlkit.parse(text)
    table = _table(document)
    if value is None:
        table.pop(key, None)
        return str(tomlkit.dumps(document))
    if key in table:
        table[key] = value
        return str(tomlkit.dumps(document))
    lines = text.splitlines(keepends=True)
    header = _comments(text).count("\n")
    before = (place for place, line in enumerate(lines) if re.match(r"(issue|reason|program)\s*=", line))
    place = next(before, header + 1)
    return "".join((*lines[:place], str(tomlkit.dumps({key: value})), *lines[place:]))
