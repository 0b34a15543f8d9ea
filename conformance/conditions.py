# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Conditions of waivers, such as ``kernel < 6.4 and fs == 'tmpfs'``: parsed as Python, never evaluated as such.

What can be asked is said by :class:`Facts`. Versions are compared number by number, so that 6.4 comes before 6.10;
they are written bare or, where that is no number, in quotes: ``release >= '20221219.1'``.
"""

from __future__ import annotations

import ast
import operator
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reference.linux.profile import Profile

Version = tuple[int, ...]
_LENGTH_MAX = 400
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_MEMBERSHIPS: Mapping[type[ast.cmpop], bool] = {ast.In: True, ast.NotIn: False}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a condition may ask of a run.

    ``kernel`` is the release that the model predicts by, ``fs`` the file system, ``uid`` who programs run as,
    ``root`` whether with root's capabilities, ``machine`` the processor,
    ``release`` every number of what the system says of its version.
    """

    kernel: Version
    fs: str
    uid: int
    root: bool
    machine: str
    release: Version = ()


NAMES = tuple(Facts.__slots__)
_SOME_FACTS = Facts((6, 18), "ext4", 0, True, "x86_64", (1,))


def facts_of(profile: Profile, release: str = "") -> Facts:
    """The facts of a run under a profile, on a system of a release."""
    return Facts(
        profile.kernel, profile.filesystem.name, profile.uid, profile.capable, platform.machine(), version_of(release)
    )


def version_of(text: str) -> Version:
    """Every number in a text, in order."""
    return tuple([int(digits) for digits in re.findall(r"\d+", text)])


def check_condition(text: str) -> None:
    """Raise ValueError, with the column, for a condition that cannot be asked."""
    _Condition(text, _SOME_FACTS).holds(whole=True)


def holds(text: str, facts: Facts) -> bool:
    """Whether a condition holds; an empty one always does. ValueError for one that cannot be asked."""
    return not text or _Condition(text, facts).holds()


class _Condition:
    """One condition, about some facts."""

    def __init__(self, text: str, facts: Facts) -> None:
        self._text = text
        self._facts = facts
        self._whole = False

    def holds(self, *, whole: bool = False) -> bool:
        """Whether it holds; with ``whole``, every part of it is looked at, also where the answer is clear before."""
        self._whole = whole
        if len(self._text) > _LENGTH_MAX:
            raise ValueError(f"longer than {_LENGTH_MAX} characters")
        try:
            tree = ast.parse(self._text, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise ValueError(f"not understood: {error.args[0]}") from None
        return self._truth(tree)

    def _truth(self, node: ast.expr) -> bool:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return all([self._truth(part) for part in parts] if self._whole else map(self._truth, parts))
            case ast.BoolOp(op=ast.Or(), values=parts):
                return any([self._truth(part) for part in parts] if self._whole else map(self._truth, parts))
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return not self._truth(inner)
            case ast.Name(id="root"):
                return self._facts.root
            case ast.Compare():
                return self._compared(node)
        raise self._bad(node, "expected a comparison, such as kernel < 6.4, joined by and, or, not")

    def _compared(self, node: ast.Compare) -> bool:
        sides = [node.left, *node.comparators]
        answers = [
            self._pair(left, compare, right)
            for left, compare, right in zip(sides[:-1], node.ops, sides[1:], strict=True)
        ]
        return all(answers)

    def _pair(self, left: ast.expr, compare: ast.cmpop, right: ast.expr) -> bool:
        if type(compare) in _MEMBERSHIPS:
            if not isinstance(right, ast.Tuple | ast.List) or not right.elts:
                raise self._bad(right, "expected a list, such as ('ext4', 'tmpfs')")
            found = [self._pair(left, ast.Eq(), item) for item in right.elts]
            return any(found) is _MEMBERSHIPS[type(compare)]
        if type(compare) not in _COMPARISONS:
            raise self._bad(left, "compare with <, <=, >, >=, ==, !=, in, not in")
        one, other = self._values(left, right)
        if isinstance(one, str) and type(compare) not in (ast.Eq, ast.NotEq):
            raise self._bad(left, "a text is compared with ==, !=, in, not in")
        return _COMPARISONS[type(compare)](one, other)

    def _values(self, left: ast.expr, right: ast.expr) -> tuple[Any, Any]:
        """The two sides, of which one is the name of a fact and the other is read as such."""
        if isinstance(left, ast.Name):
            fact = self._fact(left)
            return fact, self._like(fact, right)
        if isinstance(right, ast.Name):
            fact = self._fact(right)
            return self._like(fact, left), fact
        raise self._bad(left, f"compare one of {', '.join(NAMES)} with a value")

    def _fact(self, node: ast.Name) -> Any:
        if node.id == "root" or node.id not in NAMES:
            known = ", ".join(name for name in NAMES if name != "root")
            raise self._bad(node, f"{node.id} cannot be compared; what can: {known}")
        return getattr(self._facts, node.id)

    def _like(self, fact: Any, node: ast.expr) -> Any:
        """A value of the kind of a fact. The text of a version is read: as a number, 6.10 would be 6.1."""
        written = ast.get_source_segment(self._text, node) or ""
        match fact, node:
            case tuple(), ast.Constant(value=int() | float() | str()) if re.fullmatch(
                r"'.*\d.*'|\".*\d.*\"|[\d.]+", written
            ):
                return version_of(written)
            case str(), ast.Constant(value=str() as text):
                return text
            case int(), ast.Constant(value=int() as number) if not isinstance(number, bool):
                return number
        wanted = (
            "a version, such as 6.4"
            if isinstance(fact, tuple)
            else "a text in quotes"
            if isinstance(fact, str)
            else "a whole number"
        )
        raise self._bad(node, f"expected {wanted}")

    def _bad(self, node: ast.expr, message: str) -> ValueError:
        return ValueError(f"column {node.col_offset + 1}: {message}")
