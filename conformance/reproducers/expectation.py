# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads what a call is expected to give: a value, an error, signals, and allowed sets at any depth.

The text is that of failure cards. Values are flattened into a row of numbers and strings, as a program in C keeps them:
a structure is its fields in order, a list is its length and then its members.
A set of a few values becomes as many rows.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

from conformance.errors import BadProgram
from conformance.observation import SIGNAL_NAMES
from conformance.payload import Pattern, materialise
from reference.constants.by_name import NUMBERS

SLEEPS = "BLOCKED"
_SIGNAL_NAMES = frozenset(SIGNAL_NAMES.values())


@dataclass(frozen=True, slots=True)
class Range:
    """Any number from ``low`` to ``high``."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Whatever:
    """Anything at all."""


@dataclass(frozen=True, slots=True)
class OfLength:
    """So many bytes, whatever they are."""

    length: int


Item = int | bytes | str | None | Range | Whatever | OfLength
"""A number, data, a word of its own (NOW), nothing, or a set."""
Row = tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call may give. ``error`` is the name of an error, or BLOCKED; ``rows`` are the values it may give else."""

    error: str
    rows: tuple[Row, ...]
    signals: tuple[str, ...]


def split_signals(text: str) -> tuple[str, tuple[str, ...]]:
    """The outcome, and the signals that are raised besides."""
    signals: list[str] = []
    while True:
        outcome, mark, last = text.rpartition(" & ")
        if not mark or last not in _SIGNAL_NAMES:
            return text, tuple(signals)
        signals.insert(0, last)
        text = outcome


def is_error(outcome: str) -> bool:
    """Whether the text of an outcome is the name of an error, or says that the call sleeps."""
    return outcome == SLEEPS or (outcome.startswith("E") and outcome.isalnum() and outcome.isupper())


def read_expected(text: str) -> Expected:
    """What a text allows. BadProgram when it is no outcome that a program in another language can look for."""
    outcome, signals = split_signals(text)
    if is_error(outcome):
        return Expected(outcome, (), signals)
    try:
        rows = _rows(ast.parse(outcome, mode="eval").body)
    except (SyntaxError, KeyError, AttributeError, TypeError) as error:
        raise BadProgram(
            f"no expectation that can be written down: {error}", where=text, hint="show it `--as trace`"
        ) from None
    return Expected("", rows, signals)


def _rows(node: ast.expr) -> tuple[Row, ...]:
    """Every row that a value may be."""
    if isinstance(node, ast.Tuple):
        return _joined(node.elts)
    if isinstance(node, ast.List):
        return tuple((len(node.elts), *row) for row in _joined(node.elts))
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        special = _SPECIAL.get(node.func.id)
        return special(node) if special else _joined([keyword.value for keyword in node.keywords])
    return ((_scalar(node),),)


def _joined(nodes: list[ast.expr]) -> tuple[Row, ...]:
    return tuple(tuple(item for row in rows for item in row) for rows in product(*map(_rows, nodes)))


def _scalar(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value.encode() if isinstance(node.value, str) else node.value
    if isinstance(node, ast.Name):
        return node.id if node.id == "NOW" else NUMBERS[node.id]
    if isinstance(node, ast.UnaryOp):
        value = _scalar(node.operand)
        return -value if isinstance(node.op, ast.USub) else ~value
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_member(node.left), _member(node.right))
    raise TypeError(f"a value of kind {type(node).__name__}")


def _member(node: ast.expr) -> Any:
    ((item,),) = _rows(node)
    return item


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda one, other: one + other,
    ast.Sub: lambda one, other: one - other,
    ast.Pow: lambda one, other: one**other,
    ast.BitOr: lambda one, other: one | other,
}


def _pattern(node: ast.Call) -> tuple[Row, ...]:
    return ((materialise(Pattern(_member(node.args[0]), _member(node.keywords[0].value))),),)


_SPECIAL: dict[str, Callable[[ast.Call], tuple[Row, ...]]] = {
    "pattern": _pattern,
    "zeros": lambda node: ((bytes(_member(node.args[0])),),),
    "between": lambda node: ((Range(_member(node.args[0]), _member(node.args[1])),),),
    "one_of": lambda node: tuple(row for value in node.args for row in _rows(value)),
    "anything": lambda node: ((Whatever(),),),
    "any_bytes": lambda node: ((OfLength(_member(node.args[0])),),),
}
