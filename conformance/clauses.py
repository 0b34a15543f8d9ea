# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The clauses of the specification of Linux: read from ``reference/clauses/**/*.toml`` into values.

The folder ``host`` there belongs to the host model: :mod:`conformance.host_clauses` reads it with the same tools.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

from conformance.conditions import check_condition
from conformance.errors import ConformanceError

LEVELS = ("posix", "linux", "unspecified")
_TEXTS = ("statement", "level", "source")
_CONDITIONS = ("kernel", "filesystem")
_VARIES = "varies"
_VARIANT_TEXTS = ("when", "then", "probe")
PLACE = "reference/clauses"
HOST_FOLDER = "host"


@dataclass(frozen=True, slots=True)
class Variant:
    """Where a rule is another one: what Linux does ``when`` a condition holds (:mod:`conformance.conditions`).

    ``source`` says since when, by the commit that changed it, or a man page, where that is known.
    ``probe`` is the text of a program that tells the two apart.
    """

    when: str
    then: str
    probe: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """One numbered rule of the specification.

    ``level`` says who promises it: ``posix``, ``linux``, or ``unspecified``.
    ``source`` is a man page section, such as ``pipe(7)``.
    ``conditions`` pairs ``kernel`` or ``filesystem`` with the values that the rule holds for; empty: everywhere.
    ``varies`` says where it is another rule.
    A rule of the host model has the level ``host``, and says how it relates to Linux and what Linux does.
    """

    id: str
    statement: str
    level: str
    source: str
    conditions: tuple[tuple[str, str], ...] = ()
    relation: str = ""
    linux: str = ""
    varies: tuple[Variant, ...] = ()


def read_clauses(text: str, where: str) -> dict[str, Clause]:
    """The clauses of one TOML text, by id, in the order of the text.

    Raises ConformanceError, which names ``where`` and the table that is malformed.
    """
    return {name: _clause(name, table, f"{where}, [{name}]") for name, table in _tables(text, where).items()}


def _tables(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConformanceError(f"not TOML: {error}", where=where, hint="mend the line that is named") from None


def _clause(name: str, table: Any, where: str) -> Clause:
    check_table(table, where, needed=_TEXTS, allowed=(*_CONDITIONS, _VARIES))
    if table["level"] not in LEVELS:
        known = ", ".join(LEVELS)
        raise ConformanceError(f"unknown level {table['level']!r}", where=where, hint=f"the levels are {known}")
    conditions = tuple((key, _condition(key, table[key], where)) for key in _CONDITIONS if key in table)
    statement = " ".join(table["statement"].split())
    varies = _variants(table.get(_VARIES, []), where)
    return Clause(name, statement, table["level"], table["source"], conditions, varies=varies)


def _variants(tables: Any, where: str) -> tuple[Variant, ...]:
    if not isinstance(tables, list):
        raise ConformanceError(f"{_VARIES} is no list of tables", where=where, hint=f"write [[ID.{_VARIES}]]")
    return tuple([_variant(table, f"{where}, {_VARIES} {place}") for place, table in enumerate(tables, 1)])


def _variant(table: Any, where: str) -> Variant:
    check_table(table, where, needed=_VARIANT_TEXTS, allowed=("source",))
    try:
        check_condition(table["when"])
    except ValueError as error:
        raise ConformanceError(f"when: {error}", where=where, hint='for example when = "kernel < 6.11"') from None
    return Variant(table["when"], " ".join(table["then"].split()), table["probe"], table.get("source", ""))


def check_table(table: Any, where: str, *, needed: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    """Raise ConformanceError unless this is a table of known keys, where each needed one holds a text."""
    if not isinstance(table, dict):
        raise ConformanceError("not a table", where=where, hint="write each clause as a table of its own, [ID]")
    unknown = sorted(set(table) - {*needed, *allowed})
    if unknown:
        known = ", ".join((*needed, *allowed))
        raise ConformanceError(f"unknown key {unknown[0]!r}", where=where, hint=f"the keys are {known}")
    for key in needed:
        if not isinstance(table.get(key), str) or not table[key].strip():
            raise ConformanceError(f"no {key}", where=where, hint=f'add {key} = "…"')


def _condition(key: str, value: Any, where: str) -> str:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str) and one for one in values):
        raise ConformanceError(f"{key} is no text", where=where, hint=f'write {key} = "…" or {key} = ["…", "…"]')
    return ", ".join(values)


def _toml_files(directory: Traversable, place: str, without: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        name = f"{place}/{entry.name}"
        if entry.is_dir():
            if entry.name != without:
                yield from _toml_files(entry, name, without)
        elif entry.name.endswith(".toml"):
            yield name, entry


def tables_of(directory: Traversable, place: str, *, without: str = "") -> dict[str, tuple[str, Any]]:
    """The tables of every TOML file below a directory, by id, each with its file; the folder ``without`` is left out.

    Raises ConformanceError for what is no TOML, and for an id that comes twice.
    """
    tables: dict[str, tuple[str, Any]] = {}
    for where, entry in _toml_files(directory, place, without):
        for name, table in _tables(entry.read_text(encoding="utf-8"), where).items():
            if name in tables:
                taken = f"the id is taken by {tables[name][0]}"
                raise ConformanceError(taken, where=f"{where}, [{name}]", hint="give each clause an id of its own")
            tables[name] = where, table
    return tables


def clauses_of(directory: Traversable, place: str = PLACE) -> dict[str, Clause]:
    """The clauses of every TOML file below a directory, but for those of the host model.

    Raises ConformanceError when one is malformed or an id comes twice.
    """
    tables = tables_of(directory, place, without=HOST_FOLDER)
    return {name: _clause(name, table, f"{where}, [{name}]") for name, (where, table) in tables.items()}


@cache
def load_clauses() -> Mapping[str, Clause]:
    """Every clause of the specification that is installed, by id."""
    return MappingProxyType(clauses_of(files("reference").joinpath("clauses")))
