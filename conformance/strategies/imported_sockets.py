# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for pairs of sockets of which one end is imported, and for what passes between the two.

In a random program the two seldom come together: an import, something that waits for it, and a call that takes it.
Here both ends are remembered, so that what one is sent the other is asked for.
"""

from __future__ import annotations

from struct import pack

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.payload import Pattern
from conformance.strategies.imports import import_of
from conformance.strategies.payloads import LITERALS
from conformance.strategies.recipes import Recipe
from conformance.strategies.slots import SlotTable
from conformance.strategies.sockets import DGRAM, PASSED, SEQPACKET, STREAM
from conformance.strategies.source import Source, chance, pick
from reference.constants.sockets import (
    AF_UNIX,
    MSG_CMSG_CLOEXEC,
    MSG_DONTWAIT,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SO_PASSCRED,
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)

_NOTE = "imported sockets"
_TYPES = ((SOCK_STREAM, STREAM), (SOCK_DGRAM, DGRAM), (SOCK_SEQPACKET, SEQPACKET))
_LENGTHS = (0, 1, 5, 100, 4096, 70000, 212991, 212992, 212993, 300000)
_COUNTS = (1, 2, 3, 4, 5, 8, 10, 16, 100, 300, 1000, 0, 65536, 212992, 300000)
_ROOMS = (0, 1, 2, 3, 4, 1, 2, 3, 7, 8, 9, 10, 12, 300)
_SEND_FLAGS = (0, 0, MSG_DONTWAIT, MSG_DONTWAIT, MSG_OOB)
_RECEIVE_FLAGS = (0, 0, MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_CMSG_CLOEXEC, MSG_TRUNC | MSG_PEEK)
_PAST, _LONG = pack("<qq", -1, 0), pack("<qq", 1000, 0)
_SETTINGS = (
    (SO_PASSCRED, pack("<i", 1)),
    (SO_PASSCRED, pack("<i", 0)),
    (SO_RCVTIMEO, _PAST),
    (SO_SNDTIMEO, _PAST),
    (SO_RCVTIMEO, _LONG),
    (SO_TIMESTAMP, pack("<i", 1)),
)


class _Ends:
    """Ends of pairs that nobody has imported, with the other end; and imports, with the other end."""

    __slots__ = ("imported", "waiting")

    def __init__(self) -> None:
        self.waiting: list[tuple[Slot, Slot]] = []
        self.imported: list[tuple[Slot, Slot]] = []


def _ends(slots: SlotTable) -> _Ends:
    ends = slots.notes.get(_NOTE)
    if not isinstance(ends, _Ends):
        ends = slots.notes[_NOTE] = _Ends()
    return ends


def _one(source: Source, slots: SlotTable) -> tuple[Slot, Slot] | None:
    """An import and the other end of its pair, one of the two to be closed by now at most once in a while."""
    imported = _ends(slots).imported
    if not imported:
        return None
    pair = imported[-1 - source.below(len(imported))]
    alive = all(slot in slots.live.get(slots.tags[slot], ()) for slot in pair)
    return pair if alive or chance(source, 4) else imported[-1]


def _data(source: Source) -> bytes | Pattern:
    if source.below(3):
        return LITERALS[source.below(len(LITERALS))]
    return Pattern(_LENGTHS[source.below(len(_LENGTHS))], 0)


# Recipes --------------------------------------------------------------------------------------


def _socketpair(source: Source, slots: SlotTable) -> Op:
    kind, tag = pick(source, _TYPES)
    one, other = slots.new(tag), slots.new(tag)
    _ends(slots).waiting.append((one, other))
    return Op("socketpair", (AF_UNIX, kind | (SOCK_NONBLOCK if source.below(4) else 0), 0), (one, other))


def _import(source: Source, slots: SlotTable) -> Op | None:
    ends = _ends(slots)
    if not ends.waiting:
        return None
    one, other = ends.waiting[-1] if chance(source, 3) else ends.waiting.pop()
    op = import_of(one, source, slots)
    ends.imported.append((op.out[0], other))
    return op


def _sent_in(source: Source, slots: SlotTable) -> Op | None:
    """A message for an import, often with descriptors of every sort."""
    pair = _one(source, slots)
    if pair is None:
        return None
    fitting = [slot for slot, tag in slots.tags.items() if tag != "mapping" and not tag.startswith("socket")]
    if chance(source, 8):
        fitting = [pair[1]]
    rights = tuple([fitting[-1 - source.below(len(fitting))] for _ in range(source.below(4))]) if fitting else ()
    return Op("sendmsg", (pair[1], (_data(source),), rights, pick(source, _SEND_FLAGS)))


def _sent_out(source: Source, slots: SlotTable) -> Op | None:
    pair = _one(source, slots)
    return None if pair is None else Op("send", (pair[0], _data(source), pick(source, _SEND_FLAGS)))


def _sent_out_with_rights(source: Source, slots: SlotTable) -> Op | None:
    pair = _one(source, slots)
    if pair is None:
        return None
    rights = (pair[1],) if chance(source, 3) else ()
    return Op("sendmsg", (pair[0], (_data(source),), rights, pick(source, _SEND_FLAGS)))


def _written(source: Source, slots: SlotTable) -> Op | None:
    pair = _one(source, slots)
    return None if pair is None else Op("write", (pair[0], _data(source)))


def _received(source: Source, slots: SlotTable) -> Op | None:
    pair = _one(source, slots)
    if pair is None:
        return None
    room = _ROOMS[source.below(len(_ROOMS))]
    named = tuple([slots.new(PASSED) for _ in range(min(room, source.below(3)))])
    lengths = (_COUNTS[source.below(len(_COUNTS))],)
    return Op("recvmsg", (pair[0], lengths, room, pick(source, _RECEIVE_FLAGS)), named)


def _received_plainly(source: Source, slots: SlotTable) -> Op | None:
    pair = _one(source, slots)
    if pair is None:
        return None
    return Op("recv", (pair[0], _COUNTS[source.below(len(_COUNTS))], pick(source, _RECEIVE_FLAGS)))


def _set(source: Source, slots: SlotTable) -> Op | None:
    """An option of the import, or of the host's own end of it, which spoils what comes along."""
    pair = _one(source, slots)
    if pair is None:
        return None
    option, value = pick(source, _SETTINGS)
    return Op("setsockopt", (pair[int(chance(source, 4))], SOL_SOCKET, option, value))


RECIPES = (
    Recipe("socketpair", 4, _socketpair, opens=True),
    Recipe("import_fd", 12, _import),
    Recipe("sendmsg", 20, _sent_in),
    Recipe("send", 4, _sent_out),
    Recipe("sendmsg", 2, _sent_out_with_rights),
    Recipe("write", 3, _written),
    Recipe("recvmsg", 20, _received),
    Recipe("recv", 4, _received_plainly),
    Recipe("setsockopt", 2, _set),
)
