# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops on connected Unix sockets.

A socket that travels inside a message can end up in a ring that nothing outside refers to.
Waiting until the kernel has broken such a ring up takes long, so programs do not build many:
where there is a choice, a socket travels through a pair that is younger than its own.
"""

from __future__ import annotations

from struct import pack

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.payload import PERIOD_BYTES, Pattern
from conformance.strategies.payloads import LITERALS
from conformance.strategies.recipes import Make, Recipe, closing, duplicating
from conformance.strategies.scalars import HUGE_COUNTS
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, pick
from reference.constants.descriptors import F_SETFL
from reference.constants.limits import INT_MAX
from reference.constants.open_flags import O_ASYNC, O_NONBLOCK
from reference.constants.requests import FIONBIO, FIONREAD, SIOCATMARK, TIOCOUTQ
from reference.constants.sockets import (
    AF_INET,
    AF_UNIX,
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    MSG_DONTROUTE,
    MSG_DONTWAIT,
    MSG_EOR,
    MSG_ERRQUEUE,
    MSG_MORE,
    MSG_NOSIGNAL,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SO_ACCEPTCONN,
    SO_BROADCAST,
    SO_DEBUG,
    SO_DOMAIN,
    SO_ERROR,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PEEK_OFF,
    SO_PEERCRED,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_REUSEADDR,
    SO_SNDBUF,
    SO_SNDLOWAT,
    SO_SNDTIMEO,
    SO_TIMESTAMP,
    SO_TYPE,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.constants.transfers import RWF_NOWAIT

STREAM, DGRAM, SEQPACKET = "socket.stream", "socket.dgram", "socket.seqpacket"
PASSED = "passed"
"""The tag of what a message brought."""
FRESH, LISTENING = "socket.fresh", "socket.listening"
"""Tags of sockets that are to be connected yet, and of those that take connections."""
SOCKETS = (STREAM, DGRAM, SEQPACKET)
EVERY = (*SOCKETS, FRESH, LISTENING)

_TYPES = (
    (SOCK_STREAM, STREAM),
    (SOCK_STREAM, STREAM),
    (SOCK_STREAM, STREAM),
    (SOCK_DGRAM, DGRAM),
    (SOCK_DGRAM, DGRAM),
    (SOCK_SEQPACKET, SEQPACKET),
    (SOCK_SEQPACKET, SEQPACKET),
    (SOCK_RAW, DGRAM),
)
_CREATION = (SOCK_NONBLOCK,) * 16 + (0, SOCK_NONBLOCK | SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC, SOCK_CLOEXEC)
_PROTOCOLS = (0,) * 12 + (1,)
_STATUS_FLAGS = (O_NONBLOCK,) * 4 + (O_NONBLOCK | O_ASYNC,) * 3 + (0,)
_ODD_PAIRS = (
    (AF_INET, SOCK_STREAM, 0),
    (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0),
    (AF_INET, SOCK_RAW, 0),
    (AF_INET, SOCK_SEQPACKET, 0),
    (AF_INET, SOCK_STREAM, -1),
    (AF_INET, 11, 0),
    (AF_UNIX, SOCK_STREAM, 2),
    (AF_UNIX, SOCK_STREAM, -1),
    (AF_UNIX, 0, 0),
    (AF_UNIX, 4, 0),
    (AF_UNIX, 10, 0),
    (AF_UNIX, 11, 0),
    (AF_UNIX, 15, 2),
    (AF_UNIX, 16, 0),
    (AF_UNIX, SOCK_STREAM | 1 << 31, 0),
    (AF_UNIX, -1, 0),
    (100, SOCK_STREAM, 0),
    (-1, SOCK_STREAM, 0),
    (-1, 11, 2),
)

_HEADS = (192, 193, 704, 705, 1728, 1729, 3776, 3777, 4096, 7872, 7873, 16064, 16065, 20160, 20161)
_PIECES = (36544, 36545, 40320, 65536, 65537, 85696, 85697, 100000)
_BUFFERS = (106432, 106433, 131072, 200000, 212959, 212960, 212961, 262144, 400000)
_SMALL = (1, 2, 3, 5, 8, 10, 16, 40, 100, 191, 300, 1000)
_LENGTHS = _SMALL * 6 + _HEADS * 2 + _PIECES * 2 + _BUFFERS
_COUNTS = (1, 2, 3, 4, 5, 8, 10, 16, 100, 300, 1000, 0) * 4 + (3776, 4096, 36544, 65536, 100000, 300000, 1000000) * 2

_SEND_FLAGS = (0,) * 6 + (MSG_DONTWAIT,) * 6 + (MSG_OOB,) * 3 + (MSG_OOB | MSG_DONTWAIT, MSG_NOSIGNAL, MSG_NOSIGNAL)
_SEND_BITS = (MSG_EOR, MSG_MORE, MSG_DONTROUTE, MSG_NOSIGNAL, MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL)
_RECEIVE_FLAGS = (0,) * 6 + (MSG_DONTWAIT,) * 6 + (MSG_PEEK,) * 3 + (MSG_OOB,) * 2 + (MSG_OOB | MSG_PEEK, MSG_WAITALL)
_RECEIVE_BITS = (
    MSG_TRUNC,
    MSG_PEEK,
    MSG_DONTWAIT,
    MSG_WAITALL,
    MSG_OOB,
    MSG_CMSG_CLOEXEC,
    MSG_ERRQUEUE,
    MSG_CTRUNC,
    MSG_NOSIGNAL,
    MSG_EOR,
    MSG_DONTROUTE,
)
_RIGHTS_MAX = (1, 2, 3, 4, 1, 2, 3, 4, 0, 7, 8, 9, 12, 20, 300)
_HOWS = (SHUT_RD, SHUT_WR, SHUT_RDWR, SHUT_RD, SHUT_WR, SHUT_RDWR, 3, -1)
_RIGHTS_ODD = (253, 254)

_SWITCHES = (SO_REUSEADDR, SO_BROADCAST, SO_KEEPALIVE, SO_DEBUG)
_DEEP = (SO_PASSCRED,) * 10 + (SO_OOBINLINE,) * 8 + (SO_PEEK_OFF,) * 10 + (SO_SNDBUF,) * 6 + (SO_RCVLOWAT,) * 3
_TIMES = (SO_RCVTIMEO, SO_SNDTIMEO)
_FIXED = (SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN, SO_SNDLOWAT, SO_PEERCRED)
_SETTABLE = _DEEP + _SWITCHES + _TIMES * 2 + (SO_LINGER, SO_LINGER, SO_RCVBUF, SO_TIMESTAMP, SO_TIMESTAMP)
_OPTIONS = (*_SETTABLE, *_FIXED, *(SO_ERROR,) * 8, 0, 1000, -1)
_ROOMS = (4,) * 8 + (8, 12, 16, 16, 0, 1, 2, 3, 5, 6, 7, 10, 13, 20, 200, -1, INT_MAX, -INT_MAX - 1)
_LEVELS_ODD = (0, 6, -1, 2, 270)
_SIZES = (0, 1, 2303, 2304, 2305, 4608, 5000, 10000, 20000, 53248, 106496, 212992, -1, INT_MAX)
_ON_OFF = (1, 1, 1, 0, 1, 1, 2, -1, -INT_MAX - 1)
_OFFSETS = (0, 0, 1, 2, 3, 5, 10, 100, 1000, 5000, -1, -1, -2, INT_MAX)
_MARKS = (1, 2, 5, 10, 1000, 0, -1, INT_MAX)
_TIME_VALUES = tuple(
    pack("<qq", seconds, microseconds)
    for seconds, microseconds in (
        (1000, 0),
        (0, 0),
        (-1, 0),
        (-1, 0),
        (1000, 1),
        (1000, 3999),
        (1000, 4001),
        (5000, 999999),
        (1000, 1000000),
        (1000, -1),
        (10**9, 999999),
        (2**62, 0),
        (2**63 - 1, 999999),
        (-(2**63), 0),
    )
)
_LINGERS = tuple(
    pack("<ii", *values) for values in ((1, 5), (0, 7), (1, 0), (1, -1), (2, INT_MAX), (-1, 100), (1, -INT_MAX - 1))
)
_INT_VALUES = {
    SO_SNDBUF: _SIZES,
    SO_RCVBUF: _SIZES,
    SO_PEEK_OFF: _OFFSETS,
    SO_RCVLOWAT: _MARKS,
}
_VALUES = {
    option: tuple(pack("<i", number) for number in _INT_VALUES.get(option, _ON_OFF)) for option in (*_OPTIONS, *_FIXED)
} | {SO_RCVTIMEO: _TIME_VALUES, SO_SNDTIMEO: _TIME_VALUES, SO_LINGER: _LINGERS}

_NOTE = "sockets"


class Pairs:
    """What is remembered of pairs: the number and the peer of each slot, and the slots that something was sent to.

    Sockets that are connected by name have one number together.
    """

    __slots__ = ("loaded", "number", "peer")

    def __init__(self) -> None:
        self.number: dict[Slot, int] = {}
        self.peer: dict[Slot, Slot] = {}
        self.loaded: list[Slot] = []


def pairs_of(slots: SlotTable) -> Pairs:
    """What is remembered of the pairs of a program."""
    pairs = slots.notes.get(_NOTE)
    if not isinstance(pairs, Pairs):
        pairs = slots.notes[_NOTE] = Pairs()
    return pairs


def sender(source: Source, slots: SlotTable) -> Slot | None:
    """A socket to send on; its peer is worth a look then."""
    slot = slots.any_of(source, *SOCKETS)
    if slot is not None:
        pairs = pairs_of(slots)
        peer = pairs.peer.get(slot)
        if peer is not None:
            pairs.loaded.append(peer)
    return slot


def receiver(source: Source, slots: SlotTable) -> Slot | None:
    """A socket to receive on: mostly one that something was sent to."""
    loaded = pairs_of(slots).loaded
    if loaded and source.below(3) < 2:
        position = source.below(len(loaded))
        return loaded.pop(position) if source.below(2) else loaded[position]
    return slots.any_of(source, *SOCKETS)


# Values ---------------------------------------------------------------------------------------


def data(source: Source) -> bytes | Pattern:
    """Data to send."""
    if source.below(2) == 0:
        return LITERALS[source.below(len(LITERALS))]
    return Pattern(_LENGTHS[source.below(len(_LENGTHS))], source.below(PERIOD_BYTES))


def _pieces(source: Source) -> tuple[bytes | Pattern, ...]:
    odd = source.below(40)
    if odd >= 38:
        return () if odd == 38 else (b"y",) * (1024 + source.below(2))
    return tuple([data(source) for _ in range(1 + source.below(3))])


def count(source: Source) -> int:
    """How many bytes to receive."""
    if source.below(30) == 29:
        return HUGE_COUNTS[source.below(len(HUGE_COUNTS))]
    return _COUNTS[source.below(len(_COUNTS))]


def _lengths(source: Source) -> tuple[int, ...]:
    odd = source.below(40)
    if odd >= 37:
        return ((), (1,) * (1024 + source.below(2)), (4, pick(source, HUGE_COUNTS)))[odd - 37]
    return tuple([_COUNTS[source.below(len(_COUNTS))] for _ in range(1 + source.below(3))])


def _flags(source: Source, slots: SlotTable, slot: Slot, common: tuple[int, ...], bits: tuple[int, ...]) -> int:
    """Flags of a message; out-of-band only seldom where there is no such thing."""
    if source.below(4) < 3:
        flags = common[source.below(len(common))]
    else:
        flags = bits[source.below(len(bits))] | bits[source.below(len(bits))] | bits[source.below(len(bits))]
    if flags & MSG_OOB and slots.tags[slot] != STREAM and source.below(8) < 7:
        flags &= ~MSG_OOB
    return flags


def send_flags(source: Source, slots: SlotTable, slot: Slot) -> int:
    """Flags of a call that sends."""
    return _flags(source, slots, slot, _SEND_FLAGS, _SEND_BITS)


def receive_flags(source: Source, slots: SlotTable, slot: Slot) -> int:
    """Flags of a call that receives."""
    return _flags(source, slots, slot, _RECEIVE_FLAGS, _RECEIVE_BITS)


def _rights(source: Source, slots: SlotTable, carrier: Slot) -> tuple[Slot, ...]:
    """Slots to pass: anything that is no socket, and sockets of older pairs; seldom anything, or a great many."""
    if source.below(12) == 11:
        fitting = list(slots.tags)
        if source.below(4) == 3:
            return (fitting[-1],) * _RIGHTS_ODD[source.below(len(_RIGHTS_ODD))]
    else:
        number = pairs_of(slots).number
        younger = number.get(carrier, 0)
        fitting = [
            slot
            for tag, live in slots.live.items()
            if tag != PASSED
            for slot in live
            if not tag.startswith("socket") or number.get(slot, younger) < younger
        ]
    if not fitting:
        if source.below(6):
            return ()
        fitting = [slot for tag in SOCKETS for slot in slots.live.get(tag, ())] or [carrier]
    return tuple([fitting[-1 - source.below(len(fitting))] for _ in range(1 + source.below(3))])


# Recipes --------------------------------------------------------------------------------------


def _socketpair(source: Source, slots: SlotTable) -> Op:
    if source.below(12) == 11:
        odd = _ODD_PAIRS[source.below(len(_ODD_PAIRS))]
        return Op("socketpair", odd, (slots.new(STREAM), slots.new(STREAM)))
    kind, tag = _TYPES[source.below(len(_TYPES))]
    kind |= _CREATION[source.below(len(_CREATION))]
    one, other = slots.new(tag), slots.new(tag)
    pairs = pairs_of(slots)
    pairs.number[one] = pairs.number[other] = len(pairs.number) + 1
    pairs.peer[one], pairs.peer[other] = other, one
    return Op("socketpair", (AF_UNIX, kind, _PROTOCOLS[source.below(len(_PROTOCOLS))]), (one, other))


def _send(source: Source, slots: SlotTable) -> Op | None:
    slot = sender(source, slots)
    if slot is None:
        return None
    return Op("send", (slot, data(source), send_flags(source, slots, slot)))


def _recv(source: Source, slots: SlotTable) -> Op | None:
    slot = receiver(source, slots)
    if slot is None:
        return None
    return Op("recv", (slot, count(source), receive_flags(source, slots, slot)))


def _sendmsg(source: Source, slots: SlotTable) -> Op | None:
    slot = sender(source, slots)
    if slot is None:
        return None
    rights = _rights(source, slots, slot) if source.below(3) else ()
    return Op("sendmsg", (slot, _pieces(source), rights, send_flags(source, slots, slot)))


def _recvmsg(source: Source, slots: SlotTable) -> Op | None:
    slot = receiver(source, slots)
    if slot is None:
        return None
    room = _RIGHTS_MAX[source.below(len(_RIGHTS_MAX))]
    named = tuple([slots.new(PASSED) for _ in range(min(room, source.below(3)))])
    flags = receive_flags(source, slots, slot)
    return Op("recvmsg", (slot, _lengths(source), room, flags), named)


def _shutdown(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY)
    return None if slot is None else Op("shutdown", (slot, _HOWS[source.below(len(_HOWS))]))


def _level(source: Source) -> int:
    return SOL_SOCKET if source.below(24) < 23 else _LEVELS_ODD[source.below(len(_LEVELS_ODD))]


def _getsockopt(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY)
    if slot is None:
        return None
    option = _OPTIONS[source.below(len(_OPTIONS))]
    return Op("getsockopt", (slot, _level(source), option, _ROOMS[source.below(len(_ROOMS))]))


def _setsockopt(source: Source, slots: SlotTable) -> Op | None:
    slot = receiver(source, slots) if source.below(3) else slots.any_of(source, *EVERY)
    if slot is None:
        return None
    options = _SETTABLE if source.below(8) < 7 else _OPTIONS
    option = options[source.below(len(options))]
    values = _VALUES[option]
    value = values[source.below(len(values))]
    odd = source.below(16)
    if odd >= 14:
        value = value[: source.below(len(value))] if odd == 14 else value + b"\x01\0\0\0\0"
    return Op("setsockopt", (slot, _level(source), option, value))


def _read(source: Source, slots: SlotTable) -> Op | None:
    slot = receiver(source, slots)
    return None if slot is None else Op("read", (slot, _COUNTS[source.below(len(_COUNTS))]))


def _write(source: Source, slots: SlotTable) -> Op | None:
    slot = sender(source, slots)
    return None if slot is None else Op("write", (slot, data(source)))


def _readv(source: Source, slots: SlotTable) -> Op | None:
    slot = receiver(source, slots)
    return None if slot is None else Op("readv", (slot, _lengths(source)))


def _writev(source: Source, slots: SlotTable) -> Op | None:
    slot = sender(source, slots)
    return None if slot is None else Op("writev", (slot, _pieces(source)))


def _preadv2(source: Source, slots: SlotTable) -> Op | None:
    slot = receiver(source, slots)
    return None if slot is None else Op("preadv2", (slot, _lengths(source), -1, RWF_NOWAIT))


def _pwritev2(source: Source, slots: SlotTable) -> Op | None:
    slot = sender(source, slots)
    return None if slot is None else Op("pwritev2", (slot, _pieces(source), -1, RWF_NOWAIT))


def _fstat(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY, PASSED)
    return None if slot is None else Op("fstat", (slot,))


def _question(request: int) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, *EVERY)
        return None if slot is None else Op("ioctl", (slot, request))

    return make


def _fionbio(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY)
    return None if slot is None else Op("ioctl", (slot, FIONBIO, 0 if source.below(8) == 7 else 1))


def _f_setfl(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY)
    if slot is None:
        return None
    return Op("fcntl", (slot, F_SETFL, _STATUS_FLAGS[source.below(len(_STATUS_FLAGS))]))


RECIPES = (
    Recipe("socketpair", 2, _socketpair, opens=True),
    Recipe("send", 12, _send),
    Recipe("recv", 10, _recv),
    Recipe("sendmsg", 10, _sendmsg),
    Recipe("recvmsg", 10, _recvmsg),
    Recipe("write", 4, _write),
    Recipe("writev", 2, _writev),
    Recipe("read", 4, _read),
    Recipe("readv", 2, _readv),
    Recipe("preadv2", 1, _preadv2),
    Recipe("pwritev2", 1, _pwritev2),
    Recipe("shutdown", 2, _shutdown),
    Recipe("getsockopt", 3, _getsockopt),
    Recipe("setsockopt", 10, _setsockopt),
    Recipe("ioctl(FIONREAD)", 2, _question(FIONREAD)),
    Recipe("ioctl(TIOCOUTQ)", 2, _question(TIOCOUTQ)),
    Recipe("ioctl(SIOCATMARK)", 2, _question(SIOCATMARK)),
    Recipe("ioctl(FIONBIO)", 1, _fionbio),
    Recipe("fcntl(F_SETFL)", 1, _f_setfl),
    Recipe("fstat", 1, _fstat),
    Recipe("close", 4, closing(*EVERY, PASSED)),
    Recipe("dup", 1, duplicating(*EVERY)),
)
