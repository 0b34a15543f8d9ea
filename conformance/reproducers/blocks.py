# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Takes from a template what a reproducer needs, and no more.

A template is a row of definitions. One is taken when its name occurs in what was taken before it;
what is no definition of a name stands for itself and belongs to the definition behind it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_WORD = re.compile(r"[A-Za-z_]\w*")
_SECTION = re.compile(r"(?:/\*|#) [^\n]* -{5,}(?: \*/)?\n?")
_C_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"')
_C_NAMES = re.compile(
    r"^#define (\w+)|^static [^;={(]*?(\w+)\(|^static [^;=(]*?\b(\w+)(?:\[[^=;]*\])?(?: = [^;]+)?;"
    r"|^(?:static (?:volatile )?)?struct (\w+) \{|^\} \*?(\w+)(?:\[\w+\])?;|^enum \{ (.*) \};"
    r"|, \*?(\w+)(?:\[\w+\])?;$",
    re.MULTILINE,
)
_PYTHON_NAMES = re.compile(r"^(?:def|class) (\w+)|^([\w, ]+) = ", re.MULTILINE)


class Block(NamedTuple):
    """One or more definitions that belong together: the names that they define, the words that they use."""

    text: str
    names: frozenset[str]
    words: frozenset[str]


def template(name: str) -> str:
    """The text of a template of this package."""
    return files("conformance.reproducers").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def c_blocks() -> tuple[Block, ...]:
    """The definitions of the program in C."""
    return tuple(_blocks(template("runtime.c.in"), _C_NAMES, c_words))


@cache
def python_blocks() -> tuple[Block, ...]:
    """The definitions of the script in Python."""
    return tuple(_blocks(template("runtime.py.in"), _PYTHON_NAMES, python_words))


def c_words(code: str) -> frozenset[str]:
    """The words of code in C, without those of comments and strings."""
    return frozenset(_WORD.findall(_TEXT.sub('""', _C_COMMENT.sub("", code))))


def python_words(code: str) -> frozenset[str]:
    """The names that code in Python takes from outside; what stands behind a dot is no name."""
    nodes = list(ast.walk(ast.parse(code)))
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name)) - own


def _blocks(text: str, names: re.Pattern[str], words: Callable[[str], frozenset[str]]) -> Iterable[Block]:
    for part in re.split(r"\n\n+(?=\S)", _SECTION.sub("", text).strip("\n")):
        if part.strip():
            found = [word for groups in names.findall(part) for group in groups for word in _WORD.findall(group)]
            yield Block(part.strip("\n"), frozenset(found), words(part))


def needed(blocks: tuple[Block, ...], words: Iterable[str]) -> list[Block]:
    """The blocks that define words, and those that these need in turn, in the order of the template."""
    places = _places(blocks)
    seen = set(words)
    waiting = list(seen)
    taken: set[int] = set()
    while waiting:
        for place in places.get(waiting.pop(), ()):
            if place not in taken:
                taken.add(place)
                waiting += blocks[place].words - seen
                seen |= blocks[place].words
    return [blocks[place] for place in sorted(taken)]


@cache
def _places(blocks: tuple[Block, ...]) -> dict[str, list[int]]:
    """Where each name is defined; one definition may stand in several blocks."""
    places: dict[str, list[int]] = {}
    for place, block in enumerate(blocks):
        for name in block.names:
            places.setdefault(name, []).append(place)
    return places
