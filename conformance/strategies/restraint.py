# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps recipes of other kinds from asking what no model can say.

**Floods.** How much echo of a flood gets through, and how much of it a signal character throws away,
depends on when the kernel's worker runs beside the writer: no model can say, and no program should ask.
The recipes of terminals know their measure; those of other kinds reach a terminal by chance,
with payloads made for files and pipes.

**Pages that pipes hold.** When a file gives up a page that a pipe holds too, what the pipe then has depends on which
other pages share its memory, and that is the file system's choice. Memory files keep each page by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conformance.ops import Op
from conformance.payload import Pattern
from conformance.strategies.recipes import Make, Recipe
from conformance.strategies.scalars import LENGTH_BYTES_MAX
from conformance.strategies.slots import ANNOUNCED, FILLED, LENT, SCARCE, SlotTable
from conformance.strategies.source import Source
from reference.constants.descriptors import F_SETFL
from reference.constants.open_flags import O_ASYNC, O_DIRECT, O_TRUNC
from reference.constants.transfers import FALLOC_FL_KEEP_SIZE, RWF_DONTCACHE

_WORDS = b"abcdefghijklmno " * 6
"""What a terminal is given instead: without control characters, and little enough to be echoed at once."""
_PIECES_MAX = 4
_WRITES = frozenset(("write", "pwrite", "writev", "pwritev2"))
_ANNOUNCING = frozenset(("fcntl(F_SETFL)", "ioctl(FIOASYNC)"))
_TERMINALS = frozenset(("pty.master", "pty.slave", "passed"))

_WRITES_ANYHOW = frozenset((*_WRITES, "splice", "sendfile", "copy_file_range"))


def restrained(recipes: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """The recipes, with those that write cut short where they meet a terminal, and no SIGIO asked of a filled one."""
    return tuple(
        replace(recipe, make=_within(recipe.make)) if recipe.name in _WRITES | _ANNOUNCING else recipe
        for recipe in recipes
    )


def _within(make: Make) -> Make:
    def make_within(source: Source, slots: SlotTable) -> Op | None:
        op = make(source, slots)
        if op is None or slots.tags.get(op.arguments[0], "") not in _TERMINALS:
            return op
        return _cut_short(op) if op.call in _WRITES else _discreet(op, slots)

    return make_within


def _discreet(op: Op, slots: SlotTable) -> Op:
    """A change of status flags that asks for SIGIO only while little was written, and is remembered."""
    slot, request, argument = op.arguments
    bit = -1 if op.call == "ioctl" else O_ASYNC
    if not argument & bit:
        return op
    if FILLED in slots.notes:
        return Op(op.call, (slot, request, argument & ~bit if argument > 0 else 0), op.out)
    slots.notes[ANNOUNCED] = True
    return op


def _cut_short(op: Op) -> Op:
    fd, data, *rest = op.arguments
    if op.call in ("writev", "pwritev2"):
        return Op(op.call, (fd, tuple(_words(piece) for piece in data[:_PIECES_MAX]), *rest), op.out)
    return Op(op.call, (fd, _words(data), *rest), op.out)


def _words(piece: Any) -> bytes:
    return _WORDS[: piece.length if type(piece) is Pattern else len(piece)]


def sparing(recipes: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """The recipes, without ops that make files give up pages once a program has lent some."""
    return tuple(replace(recipe, make=_sparing_pages(recipe.make)) for recipe in recipes)


def _sparing_pages(make: Make) -> Make:
    def make_sparing(source: Source, slots: SlotTable) -> Op | None:
        op = make(source, slots)
        if op is None or op.call not in _WATCHED:
            return op
        if op.call in _READS:
            return None if _needs_room(op, slots) else op
        if LENT in slots.notes:
            if op.call in _OPENS:
                return _without_loss(op, slots)
            return None if _gives_up_pages(op, slots) else op
        if _makes_pages_scarce(op, slots):
            slots.notes[SCARCE] = True
        return op

    return make_sparing


def _needs_room(op: Op, slots: SlotTable) -> bool:
    """Whether a read is huge and may go past the page cache, where all the memory is looked at that it may fill."""
    slot, count = op.arguments[:2]
    if 0 <= count <= LENGTH_BYTES_MAX:
        return False
    tag = slots.tags.get(slot, "")
    return tag == "file.direct" or (SCARCE in slots.notes and tag in ("file", "passed"))


def _gives_up_pages(op: Op, slots: SlotTable) -> bool:
    """Whether an op may take pages of a file out of the cache."""
    call, arguments, tags = op.call, op.arguments, slots.tags
    if call in _WRITES_ANYHOW and any(tags.get(slot) in ("file.direct", "passed") for slot in arguments[:3]):
        return True
    if call == "truncate":
        return True
    if tags.get(arguments[0]) != "file.memory":
        if call in ("ftruncate", "truncate_fd"):
            return True
        if call == "fallocate" and arguments[1] & ~FALLOC_FL_KEEP_SIZE:
            return True
    return _makes_pages_scarce(op, slots)


def _without_loss(op: Op, slots: SlotTable) -> Op:
    """An opening of what may be a file that neither empties it nor goes past the cache."""
    opened, flags, *rest = op.arguments
    if slots.tags.get(opened, "").startswith("pipe"):
        return op
    return Op(op.call, (opened, flags & ~(O_TRUNC | O_DIRECT), *rest), op.out)


def _makes_pages_scarce(op: Op, slots: SlotTable) -> bool:
    """Whether from this op on pages may leave the cache at times that the program does not tell."""
    call, arguments, tags = op.call, op.arguments, slots.tags
    if call == "open":
        return bool(arguments[1] & O_DIRECT) and tags.get(op.out[0]) != "file.direct"
    if tags.get(arguments[0], "").startswith("pipe"):
        return False
    if call == "reopen":
        return bool(arguments[1] & O_DIRECT)
    if call == "fcntl":
        return bool(arguments[1] == F_SETFL and arguments[2] & O_DIRECT)
    return bool(call in ("preadv2", "pwritev2") and arguments[3] & RWF_DONTCACHE)


_OPENS = frozenset(("open", "reopen"))
_READS = frozenset(("read", "pread"))
_WATCHED = _OPENS | _READS | _WRITES_ANYHOW | {"ftruncate", "truncate", "truncate_fd", "fallocate", "fcntl", "preadv2"}
