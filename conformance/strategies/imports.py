# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for imports of host descriptors, and for saving and restoring a sandbox.

A slot that was imported carries the tag of the host's descriptor, so that the recipes of its kind take it like any:
what is done to one is done to the other, and each sees what the other did.
"""

from __future__ import annotations

from conformance.domains import Slot
from conformance.ops import Op
from conformance.strategies.recipes import Recipe
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, chance
from reference.constants import O_APPEND, O_DSYNC, O_NONBLOCK, O_RDONLY, O_RDWR, O_SYNC, O_WRONLY

SAVABLE = "imports are savable"
"""The note of a program whose imports can be saved: one that cannot keeps the whole sandbox from it."""
_OWNERS = ((0, 0), (5, 5), (1000, 5), (65534, 65534))
_FLAGS = (
    O_RDONLY,
    O_WRONLY,
    O_RDWR,
    O_RDWR | O_NONBLOCK,
    O_RDWR | O_APPEND,
    O_RDONLY | O_NONBLOCK,
    O_WRONLY | O_APPEND,
    O_RDWR | O_SYNC,
    O_RDWR | O_DSYNC | O_APPEND,
    3,
)
_IMPORTED = ("file", "pipe.read", "pipe.write", "device", "pty.master", "pty.slave", "file.memory", "path", "directory")
_SOCKETS = ("socket.stream", "socket.dgram", "socket.seqpacket")
_TERMINALS = ("pty.master", "pty.slave")


def _import(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_IMPORTED, *_SOCKETS) if source.below(12) else slots.any_of(source)
    if slot is None or slots.tags[slot] == "mapping":
        return None
    return import_of(slot, source, slots)


def import_of(slot: Slot, source: Source, slots: SlotTable) -> Op:
    """An import of a descriptor, with some options."""
    if SAVABLE not in slots.notes:
        slots.notes[SAVABLE] = source.below(2)
    savable = slots.notes[SAVABLE] if source.below(8) else 1
    tag = slots.tags[slot]
    readonly = int(chance(source, 6))
    owner = _OWNERS[source.below(len(_OWNERS))] if chance(source, 4) else None
    tty = int(not source.below(2 if tag in _TERMINALS else 12))
    flags = _FLAGS[source.below(len(_FLAGS))] if chance(source, 4) else None
    return Op("import_fd", (slot, readonly, owner, tty, flags, savable), (slots.new(tag),))


def _save(source: Source, slots: SlotTable) -> Op:
    return Op("save", ())


def _restore(source: Source, slots: SlotTable) -> Op:
    return Op("restore", ())


RECIPES = (
    Recipe("import_fd", 18, _import),
    Recipe("save", 2, _save),
    Recipe("restore", 1, _restore),
)
