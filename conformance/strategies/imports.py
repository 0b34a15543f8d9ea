# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for imports of host descriptors, and for saving and restoring a sandbox.

A slot that was imported carries the tag of the host's descriptor, so that the recipes of its kind take it like any,
and most times the host's own slot steps back for it: from then on only the recipes of this module use that one,
to look at, and to change, what lies behind the import.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.recipes import Make, Recipe
from conformance.strategies.sequels import owe, sequel
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, chance
from reference.constants.descriptors import F_SETFL
from reference.constants.open_flags import O_APPEND, O_CREAT, O_DSYNC, O_NONBLOCK, O_RDONLY, O_RDWR, O_SYNC, O_WRONLY
from reference.constants.requests import FIONBIO
from reference.constants.transfers import SEEK_CUR, SEEK_SET

SAVABLE = "imports are savable"
"""The note of a program whose imports can be saved: one that cannot keeps the whole sandbox from it."""
_UNWRITABLE = "opened for reading alone"
"""The note of slots that can be imported as readonly."""
_IMPORTS = "imports"
"""The note of how many imports a program has made."""
_OWNERS = ((0, 0), (5, 5), (65534, 5), (1000, 5), (65534, 65534))
_FLAGS = (
    O_RDONLY,
    O_WRONLY,
    O_RDWR,
    O_RDWR | O_NONBLOCK,
    O_RDWR | O_APPEND,
    O_RDWR | O_APPEND,
    O_RDONLY | O_NONBLOCK,
    O_WRONLY | O_APPEND,
    O_RDWR | O_SYNC,
    O_RDWR | O_DSYNC | O_APPEND,
    3,
)
_FLAGS_OF_READONLY = (O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_RDWR | O_NONBLOCK)
_TERMINALS = ("pty.master", "pty.slave")
_IMPORTED = ("file", "pipe.read", "pipe.write", "device", *_TERMINALS, "file.memory", "path", "directory")
_SOCKETS = ("socket.stream", "socket.dgram", "socket.seqpacket")
_HOST = "host."
"""How the tag of a slot begins whose place a sandbox's has taken."""
_BYTES_MAX = 8192
_INSTEAD_ONE_IN = (3, 8, 16)
"""How often an import takes the place of another op, when none, one, or two imports were made before."""


def _import(source: Source, slots: SlotTable) -> Op | None:
    opened: set[Slot] = slots.notes.get(_UNWRITABLE, set())  # type: ignore[assignment]
    unwritable = [slot for tag, live in slots.live.items() for slot in live if tag == "pipe.read" or slot in opened]
    readonly = chance(source, 3 if unwritable else 12)
    slot: Slot | None
    if readonly and unwritable and source.below(6):
        slot = unwritable[-1 - source.below(len(unwritable))]
    elif source.below(16):
        slot = slots.any_of(source, *_IMPORTED, *_SOCKETS)
    else:
        slot = slots.any_of(source)
    if slot is None or slots.tags[slot] == "mapping":
        return None
    return import_of(slot, source, slots, readonly=readonly)


def import_of(slot: Slot, source: Source, slots: SlotTable, *, readonly: bool = False) -> Op:
    """An import of a descriptor, with some options. Most times the host's own slot steps back for it."""
    savable = savable_of(source, slots)
    tag = slots.tags[slot].removeprefix(_HOST)
    owner = _OWNERS[source.below(len(_OWNERS))] if chance(source, 4) else None
    tty = int(not source.below(2 if tag in _TERMINALS else 24))
    pool = _FLAGS_OF_READONLY if readonly else _FLAGS
    flags = pool[source.below(len(pool))] if chance(source, 2 if readonly else 4) else None
    if source.below(8):
        slots.retag(slot, _HOST + tag)
    slots.notes[_IMPORTS] = _imports_made(slots) + 1
    op = Op("import_fd", (slot, int(readonly), owner, tty, flags, savable), (slots.new(tag),))
    owe(source, slots, op, tag)
    return op


def savable_of(source: Source, slots: SlotTable) -> int:
    """Whether an import is savable: mostly as the other imports of the program are."""
    chosen: int = slots.notes.setdefault(SAVABLE, source.below(2))  # type: ignore[assignment]
    return chosen if source.below(8) else 1


def step_back(slot: Slot, slots: SlotTable) -> str:
    """Let the host's slot make room for an import of it, whose tag is given."""
    tag = slots.tags[slot].removeprefix(_HOST)
    slots.retag(slot, _HOST + tag)
    slots.notes[_IMPORTS] = _imports_made(slots) + 1
    return tag


def _imports_made(slots: SlotTable) -> int:
    made: int = slots.notes.get(_IMPORTS, 0)  # type: ignore[assignment]
    return made


def _open_unwritable(source: Source, slots: SlotTable) -> Op:
    """A file that can be imported as readonly."""
    slot = slots.new("file")
    slots.notes.setdefault(_UNWRITABLE, set()).add(slot)  # type: ignore[attr-defined]
    return Op("open", ("f", O_RDONLY | O_CREAT, 0o600), (slot,))


def _host_side(draw: Callable[[Source, Slot], Op]) -> Make:
    """A recipe for an op on the host's side of an import."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        tags = [tag for tag in slots.live if tag.startswith(_HOST)]
        slot = slots.any_of(source, *tags) if tags else None
        return None if slot is None else draw(source, slot)

    return make


def _read(source: Source, slot: Slot) -> Op:
    return Op("read", (slot, 1 + source.below(_BYTES_MAX)))


def _write(source: Source, slot: Slot) -> Op:
    return Op("write", (slot, b"host" * (1 + source.below(3))))


def _seek(source: Source, slot: Slot) -> Op:
    return Op("lseek", (slot, source.below(64), (SEEK_SET, SEEK_CUR)[source.below(2)]))


def _resize(source: Source, slot: Slot) -> Op:
    return Op("ftruncate", (slot, (0, 5, 4096, 70000)[source.below(4)]))


def _wait(source: Source, slot: Slot) -> Op:
    return Op("ioctl", (slot, FIONBIO, source.below(2)))


def _append(source: Source, slot: Slot) -> Op:
    return Op("fcntl", (slot, F_SETFL, (O_APPEND, 0, O_NONBLOCK)[source.below(3)]))


def _mode(source: Source, slot: Slot) -> Op:
    return Op("fchmod", (slot, (0o600, 0o4755, 0)[source.below(3)]))


def _save(source: Source, slots: SlotTable) -> Op:
    return Op("save", ())


def _restore(source: Source, slots: SlotTable) -> Op:
    return Op("restore", ())


_IMPORTS_IN_SIX = 1
_RARE = (
    Recipe("open", 5, _open_unwritable),
    Recipe("read", 3, _host_side(_read)),
    Recipe("write", 3, _host_side(_write)),
    Recipe("lseek", 2, _host_side(_seek)),
    Recipe("ftruncate", 1, _host_side(_resize)),
    Recipe("ioctl(FIONBIO)", 1, _host_side(_wait)),
    Recipe("fcntl(F_SETFL)", 1, _host_side(_append)),
    Recipe("fchmod", 1, _host_side(_mode)),
    Recipe("save", 3, _save),
    Recipe("restore", 1, _restore),
)


def with_imports(recipes: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """The recipes of a kind, with imports among them: one op in six of those that are drawn by weight.

    The first imports come early, or there is little of a program left that could do something to them:
    each takes the place of another op, as soon as there is something to import.
    """
    weight = sum(recipe.weight for recipe in (*recipes, *_RARE))
    others = [replace(recipe, make=_or_import(recipe.make)) for recipe in (*_RARE, *recipes)]
    return (Recipe("import_fd", weight * _IMPORTS_IN_SIX // (6 - _IMPORTS_IN_SIX), _import), *others)


def _or_import(make: Make) -> Make:
    def make_or_import(source: Source, slots: SlotTable) -> Op | None:
        made = _imports_made(slots)
        if slots.tags and made < len(_INSTEAD_ONE_IN) and chance(source, _INSTEAD_ONE_IN[made]):
            imported = _import(source, slots)
            if imported is not None:
                return imported
        return sequel(source, slots) or make(source, slots)

    return make_or_import
