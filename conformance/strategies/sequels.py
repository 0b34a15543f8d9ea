# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What follows an import: ops, to be made between the next ones, that bring out what the import made different.

Left to chance, a mode is seldom changed through one import and the file then opened again through the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.slots import LENT, SlotTable
from conformance.strategies.source import Source, chance, pick
from reference.constants.descriptors import F_SETFL
from reference.constants.limits import LLONG_MAX
from reference.constants.open_flags import O_ACCMODE, O_APPEND, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.transfers import SEEK_CUR, SEEK_SET

Sequel = Callable[[Source, SlotTable], Op]
_DUE = "due"
"""The note of the sequels that a program still owes, in order."""
_ONE_IN = 3
_MODES = (0o600, 0o4755, 0o2755, 0, 0o6777, 0o2600)
_REOPEN_FLAGS = (O_RDONLY, O_RDWR, O_WRONLY, O_RDWR | O_NONBLOCK)


def sequel(source: Source, slots: SlotTable) -> Op | None:
    """The next op that is owed, if it is its turn."""
    due: list[Sequel] = slots.notes.get(_DUE, [])  # type: ignore[assignment]
    return due.pop(0)(source, slots) if due and chance(source, _ONE_IN) else None


def owe(source: Source, slots: SlotTable, op: Op, tag: str) -> None:
    """Note what is to follow an import of a descriptor with a tag, if anything."""
    _, readonly, owner, _, flags, savable = op.arguments
    (slot,) = op.out
    due: list[Sequel] = slots.notes.setdefault(_DUE, [])  # type: ignore[assignment]
    if owner is not None and source.below(3):
        consequences = (partial(_open_again, slot), partial(_write, slot, tag), partial(_cut, slot))
        due += (partial(_change_mode, slot), pick(source, consequences))
    if readonly and flags is not None and flags & O_ACCMODE != O_RDONLY:
        due += (partial(pick(source, (_allocate, _open_again)), slot),)
    elif tag.startswith("socket") and chance(source, 12):
        due += (partial(_allocate, slot),)
    if tag == "device" and source.below(3):
        due += _position_of_a_device(source, slot, tag)
    if tag == "pipe.read" and savable and source.below(2):
        due += _keeping(source, slots, slot)
    if tag in ("file", "pipe.read", "pipe.write") and chance(source, 6):
        due += _far_out(source, slot, tag)
    if chance(source, 12):
        due += (partial(_name_only, slot, due),)
    if chance(source, 8):
        due += (partial(_read_bytes, slot, pick(source, (0, 0, -1))),)
    if chance(source, 16):
        # Which is looked at first, the number or the offset, shows where both are wrong.
        due += (partial(_close, slot), partial(_positional, slot))


def _change_mode(slot: Slot, source: Source, slots: SlotTable) -> Op:
    return Op("fchmod", (slot, pick(source, _MODES)))


def _open_again(slot: Slot, source: Source, slots: SlotTable) -> Op:
    return Op("reopen", (slot, pick(source, _REOPEN_FLAGS)), (slots.new(slots.tags[slot]),))


def _write(slot: Slot, tag: str, source: Source, slots: SlotTable) -> Op:
    """A write, at an offset for what is no file: a pipe or a terminal shall not be filled by the way."""
    return (
        Op("write", (slot, pick(source, (b"x", b"x", b"x", b""))))
        if tag in ("file", "device")
        else Op("pwrite", (slot, b"x", 0))
    )


def _cut(slot: Slot, source: Source, slots: SlotTable) -> Op:
    """By name: it is the mode that counts. To a size above the limit, so that no page is lost that others may hold."""
    return Op("truncate_fd", (slot, 2**21 + 1 if slots.notes.get(LENT) else 5))


def _allocate(slot: Slot, source: Source, slots: SlotTable) -> Op:
    return Op("fallocate", (slot, 0, pick(source, (0, 4096)), pick(source, (100, 8192))))


# The largest offset ---------------------------------------------------------------------------


def _far_out(source: Source, slot: Slot, tag: str) -> tuple[Sequel, ...]:
    """A byte beyond the last one that an offset can tell: from there, or, where there is no position, at once."""
    if tag != "file":
        return (partial(_read_at, slot, pick(source, (0, LLONG_MAX))),)
    return (partial(_seek_far, slot), pick(source, (partial(_write, slot, tag), partial(_read, slot))))


def _read_at(slot: Slot, offset: int, source: Source, slots: SlotTable) -> Op:
    return Op("pread", (slot, 4, offset))


def _seek_far(slot: Slot, source: Source, slots: SlotTable) -> Op:
    return Op("lseek", (slot, LLONG_MAX, SEEK_SET))


# Devices ----------------------------------------------------------------------------------------


def _position_of_a_device(source: Source, slot: Slot, tag: str) -> tuple[Sequel, ...]:
    write, tell = partial(_write, slot, tag), partial(_tell, slot)
    return pick(source, ((write, tell), (partial(_read, slot), tell), (partial(_append, slot), write, tell)))


def _read(slot: Slot, source: Source, slots: SlotTable) -> Op:
    return Op("read", (slot, 1 + source.below(64)))


def _append(slot: Slot, source: Source, slots: SlotTable) -> Op:
    return Op("fcntl", (slot, F_SETFL, O_APPEND))


def _tell(slot: Slot, source: Source, slots: SlotTable) -> Op:
    return Op("lseek", (slot, 0, SEEK_CUR))


# Pipes that are saved ---------------------------------------------------------------------------


def _keeping(source: Source, slots: SlotTable, slot: Slot) -> tuple[Sequel, ...]:
    """Bytes that a save keeps, and reads of fewer, of more, or of more with no writer left."""
    writers = slots.live.get("pipe.write", [])
    if not writers:
        return ()
    writer = writers[-1]
    ends = (partial(_close, writer),) if chance(source, 3) else ()
    reads = [partial(_read_bytes, slot, pick(source, (2, 3, 5, 100))) for _ in range(2)]
    return (partial(_fill, writer), _save, *ends, *reads)


def _fill(slot: Slot, source: Source, slots: SlotTable) -> Op:
    return Op("write", (slot, b"abc"))


def _save(source: Source, slots: SlotTable) -> Op:
    return Op("save", ())


def _close(slot: Slot, source: Source, slots: SlotTable) -> Op:
    slots.close(slot)
    return Op("close", (slot,))


def _read_bytes(slot: Slot, count: int, source: Source, slots: SlotTable) -> Op:
    return Op("read", (slot, count))


# Names alone ------------------------------------------------------------------------------------


def _name_only(slot: Slot, due: list[Sequel], source: Source, slots: SlotTable) -> Op:
    """Opened again with O_PATH, it has a number, and nothing else that a call with an offset could find wrong."""
    name = slots.new("path")
    due.insert(0, partial(_positional, name))
    return Op("reopen", (slot, O_PATH), (name,))


def _positional(slot: Slot, source: Source, slots: SlotTable) -> Op:
    offset = pick(source, (-1, 0, -2))
    return Op("pread", (slot, 4, offset)) if source.below(2) else Op("pwrite", (slot, b"x", offset))
