# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""One argument as strace prints it: a number, a string that may be cut, flags by name, a list, a structure.

What is none of these is kept as its text: that a log holds it is no mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from reference.constants.by_name import NUMBERS

_NUMBER = re.compile(r"-?(0x[0-9a-f]+|\d+)")
_ANNOTATION = re.compile(r"^(-?\d+|AT_FDCWD)<.*>$", re.S)
_CHANGED = re.compile(r"(\[[^\[\]]*\]) => \[[^\[\]]*\]")
_REMARK = re.compile(r"\s*/\*.*?\*/", re.S)
_STRING = re.compile(r'(@?)"((?:[^"\\]|\\.)*)"(\.\.\.)?', re.S)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9a-f]{2}|.)", re.S)
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a", b"b": b"\b", b"e": b"\x1b"}
_OPENERS = {"(": ")", "[": "]", "{": "}"}
FLAG_NAMES = {
    "S_IFREG": 0o100000,
    "S_IFDIR": 0o040000,
    "S_IFIFO": 0o010000,
    "O_ACCMODE": 3,
    "AT_REMOVEDIR": 0x200,
    "MAP_FIXED": 0x10,
    "MAP_DENYWRITE": 0x800,
}
"""Names that logs have beside those of the vocabulary."""
_NOTHING = frozenset(("NL0", "CR0", "TAB0", "BS0", "VT0", "FF0"))
"""Names of nought in the flags of terminals."""


@dataclass(frozen=True, slots=True)
class Data:
    """A string. ``cut`` says that the log does not hold all of it; ``abstract``, that a NUL stands before it."""

    data: bytes
    cut: bool = False
    abstract: bool = False

    @property
    def text(self) -> str:
        """The string as a path."""
        return self.data.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Words:
    """What is none of the other values."""

    text: str


class Unbalanced(ValueError):
    """A text whose brackets or quotes do not close: the line is cut, or no line of strace."""


def split_list(text: str) -> list[str]:
    """The members of a list, cut at the commas that are in no brackets, strings or remarks."""
    parts: list[str] = []
    closers: list[str] = []
    start = place = 0
    while place < len(text):
        letter = text[place]
        if letter == '"':
            match = _STRING.match(text, place)
            if match is None:
                raise Unbalanced("a string does not close")
            place = match.end()
            continue
        if text.startswith("/*", place):
            end = text.find("*/", place)
            if end < 0:
                raise Unbalanced("a remark does not close")
            place = end + 2
            continue
        if letter in _OPENERS:
            closers.append(_OPENERS[letter])
        elif letter in ")]}":
            if not closers or closers.pop() != letter:
                raise Unbalanced(f"{letter} closes nothing")
        elif letter == "," and not closers:
            parts.append(text[start:place].strip())
            start = place + 1
        place += 1
    if closers:
        raise Unbalanced(f"{closers[-1]} is missing")
    last = text[start:].strip()
    return [*parts, last] if last or parts else []


def read_value(text: str) -> Any:
    """The value of one argument: int, None, Data, a list, a dict, or Words."""
    text = _REMARK.sub("", text).strip()
    if annotated := _ANNOTATION.match(text):
        text = annotated[1]
    if changed := _CHANGED.fullmatch(text):
        text = changed[1]
    if text == "NULL":
        return None
    if match := _STRING.fullmatch(text):
        return Data(_unescaped(match[2]), bool(match[3]), bool(match[1]))
    if text.startswith("[") and text.endswith("]"):
        return [read_value(part) for part in split_list(text[1:-1]) if part != "..."]
    if text.startswith("{") and text.endswith("}"):
        members = (part.partition("=") for part in split_list(text[1:-1]))
        return {name.strip(): read_value(value) for name, equals, value in members if equals}
    number = _flags(text)
    return Words(text) if number is None else number


def _flags(text: str) -> int | None:
    """The number that flags by name, joined by |, stand for; None when one of them is not known."""
    total = 0
    for part in text.split("|"):
        value = _word(part.strip())
        if value is None:
            return None
        total = value if "|" not in text else total | value
    return total


def _word(word: str) -> int | None:
    if _NUMBER.fullmatch(word):
        negative = word.startswith("-")
        digits = word.removeprefix("-")
        base = 16 if digits.startswith("0x") else 8 if len(digits) > 1 and digits.startswith("0") else 10
        try:
            return -int(digits, base) if negative else int(digits, base)
        except ValueError:
            return None
    if word in _NOTHING:
        return 0
    return FLAG_NAMES.get(word, NUMBERS.get(word))


def _unescaped(text: str) -> bytes:
    def replaced(match: re.Match[bytes]) -> bytes:
        code = match[1]
        if code[:1].isdigit():
            return bytes([int(code, 8) & 0xFF])
        if len(code) == 3:
            return bytes([int(code[1:], 16)])
        return _ESCAPES.get(code, code)

    return _ESCAPE.sub(replaced, text.encode("utf-8", "surrogateescape"))
