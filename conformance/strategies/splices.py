# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops that move data between two descriptors.

Whoever holds a page of a file sees what is written to it. Whether the page stays with the file when the file gets
shorter depends on what else shares its memory, so a program that has lent pages is spared that
(:mod:`conformance.strategies.restraint`), and one that has asked for less caching lends none.
"""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.payloads import buffers, payload
from conformance.strategies.recipes import Recipe
from conformance.strategies.scalars import HUGE_COUNTS, ODD_FLAGS, length, offset
from conformance.strategies.slots import LENT, RENUMBERED, SCARCE, SPLICED, SlotTable
from conformance.strategies.source import Source, chance
from reference.constants.limits import PAGE_SIZE
from reference.constants.open_flags import O_CREAT, O_DIRECT, O_NONBLOCK, O_RDWR
from reference.constants.transfers import SPLICE_F_GIFT, SPLICE_F_MORE, SPLICE_F_MOVE, SPLICE_F_NONBLOCK

_READERS = ("pipe.read", "pipe.read", "pipe.both")
_WRITERS = ("pipe.write", "pipe.write", "pipe.both")
_FILES = ("file", "file", "file.memory", "file.direct")
_SOCKETS = ("socket.stream", "socket.dgram", "socket.seqpacket")
_OTHERS = (*_FILES, *_SOCKETS, "device", "pty.master", "pty.slave", "passed", "directory", "epoll")
_TERMINALS = frozenset(("pty.master", "pty.slave", "passed"))
_TERMINAL_BYTES_MAX = 16
"""A terminal takes no more than this at once: what is echoed of a flood depends on when the kernel gets round to it."""
_CHASED_BYTES_MAX = 2**13
"""A file that is sent behind its own end gets longer, by one byte at a time if it comes to that, until the count is
reached. Each step may be a request to a daemon, and all of them together have to end within a deadline."""
_OTHER_WAYS_IN = {"file.direct": "file"}
"""Tags of what may be the same file as one with another tag."""

_FLAGS = (
    (0,) * 8
    + (SPLICE_F_NONBLOCK,) * 8
    + (SPLICE_F_MOVE, SPLICE_F_MORE, SPLICE_F_GIFT, SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE)
    + ODD_FLAGS[:2]
)
_PIPE_FLAGS = (O_NONBLOCK,) * 6 + (O_NONBLOCK | O_DIRECT, 0)
_PIECES = (1, 2, 3, 10, 100, 1000, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 5000, 3 * PAGE_SIZE, 0)
_BEGINNINGS = (0, 0, 0, 1, 100, PAGE_SIZE - 1, PAGE_SIZE, 5000)
_PIPE_BYTES = 2**16
"""All that a pipe of the usual size holds."""
_LENGTHS_ODD = (*HUGE_COUNTS, -(2**63), 2**63)


def _length(source: Source, slots: SlotTable, origin: Slot, target: Slot) -> int:
    """How much is to be moved: huge numbers only where little can be read."""
    if slots.tags[target] in _TERMINALS:
        return source.below(_TERMINAL_BYTES_MAX)
    if chance(source, 12) and slots.tags[origin] not in ("device", "passed"):
        return _LENGTHS_ODD[source.below(len(_LENGTHS_ODD))]
    if chance(source, 4):
        return _PIPE_BYTES
    return _PIECES[source.below(len(_PIECES))] if chance(source, 2) else length(source)


def _from(source: Source) -> int:
    """Where to take data from: seldom the position of the descriptor, which is where the last write ended."""
    if chance(source, 3):
        return -1
    return offset(source) if chance(source, 4) else _BEGINNINGS[source.below(len(_BEGINNINGS))]


def _at(source: Source) -> int:
    if not chance(source, 3):
        return -1
    return offset(source) if chance(source, 2) else _BEGINNINGS[source.below(len(_BEGINNINGS))]


def _flags(source: Source) -> int:
    return _FLAGS[source.below(len(_FLAGS))]


def _may_lend(slots: SlotTable, origin: Slot, target: Slot) -> bool:
    """Remember that pages of a file go where they stay; False when the program cannot afford that."""
    slots.notes[SPLICED] = True
    if slots.tags[origin] not in ("file", "file.direct", "passed") or slots.tags[target].startswith("file"):
        return True
    if SCARCE in slots.notes:
        return False
    slots.notes[LENT] = True
    return True


def _splice(source: Source, slots: SlotTable) -> Op | None:
    kind = source.below(9)
    origin = slots.any_of(source, *(_READERS if kind < 6 else _OTHERS))
    target = slots.any_of(source, *(_OTHERS if kind in (4, 5) else _WRITERS))
    if origin is None or target is None or not _may_lend(slots, origin, target):
        return None
    off_in = _from(source) if kind >= 6 or chance(source, 24) else -1
    off_out = _at(source) if kind in (4, 5) or chance(source, 24) else -1
    return Op("splice", (origin, off_in, target, off_out, _length(source, slots, origin, target), _flags(source)))


def _tee(source: Source, slots: SlotTable) -> Op | None:
    origin = slots.any_of(source, *_READERS)
    target = slots.any_of(source, *_WRITERS)
    if origin is None or target is None:
        return None
    return Op("tee", (origin, target, _length(source, slots, origin, target), _flags(source)))


def _vmsplice(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_WRITERS, "pipe.read")
    slots.notes[SPLICED] = True
    return None if slot is None else Op("vmsplice", (slot, buffers(source, _PIECES), _flags(source)))


def _may_chase(slots: SlotTable, origin: Slot, target: Slot) -> bool:
    """Whether two slots may be one file: by their tags, or because the number of one may be another slot's by now."""
    if RENUMBERED in slots.notes or origin in slots.closed or target in slots.closed:
        return True
    tags = [_OTHER_WAYS_IN.get(slots.tags[slot], slots.tags[slot]) for slot in (origin, target)]
    return tags[0] == tags[1] or "passed" in tags


def _sendfile(source: Source, slots: SlotTable) -> Op | None:
    origin = slots.any_of(source, *(_OTHERS if chance(source, 4) else _FILES))
    target = slots.any_of(source, *_WRITERS, *_OTHERS)
    if origin is None or target is None or not _may_lend(slots, origin, target):
        return None
    count = _length(source, slots, origin, target)
    if _may_chase(slots, origin, target) and not 0 <= count <= _CHASED_BYTES_MAX:
        count = _CHASED_BYTES_MAX
    return Op("sendfile", (target, origin, _from(source), count))


def _copy_file_range(source: Source, slots: SlotTable) -> Op | None:
    origin = slots.any_of(source, *_FILES)
    target = slots.any_of(source, *_FILES)
    if origin is None or target is None:
        return None
    flags = _flags(source) if chance(source, 16) else 0
    count = _length(source, slots, origin, target)
    return Op("copy_file_range", (origin, _from(source), target, _at(source), count, flags))


def _pwrite(source: Source, slots: SlotTable) -> Op | None:
    """A write where pages are likely to be lent: near the beginning of a file."""
    slot = slots.any_of(source, *_FILES)
    if slot is None:
        return None
    return Op("pwrite", (slot, payload(source, _PIECES), _BEGINNINGS[source.below(len(_BEGINNINGS))]))


def _pipe2(source: Source, slots: SlotTable) -> Op:
    flags = _PIPE_FLAGS[source.below(len(_PIPE_FLAGS))]
    return Op("pipe2", (flags,), (slots.new("pipe.read"), slots.new("pipe.write")))


def _open(source: Source, slots: SlotTable) -> Op:
    name = ("s", "t")[source.below(2)]
    return Op("open", (name, O_RDWR | O_CREAT, 0o600), (slots.new("file"),))


RECIPES = (
    Recipe("pipe2", 3, _pipe2, opens=True),
    Recipe("open", 3, _open, opens=True),
    Recipe("pwrite", 4, _pwrite),
    Recipe("splice", 20, _splice),
    Recipe("sendfile", 6, _sendfile),
    Recipe("copy_file_range", 4, _copy_file_range),
    Recipe("tee", 3, _tee),
    Recipe("vmsplice", 3, _vmsplice),
)
