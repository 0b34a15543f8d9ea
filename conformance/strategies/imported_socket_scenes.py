# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes of imported sockets: states in which a rule of the host model shows."""

from __future__ import annotations

from struct import pack

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.payload import Pattern
from conformance.strategies.import_scenes import HOST, IMPORT, OTHER, imported, polled
from conformance.strategies.imports import savable_of
from conformance.strategies.recipes import Make
from conformance.strategies.scenes import Scene, act, cast, leave
from conformance.strategies.slots import SlotTable
from conformance.strategies.sockets import DGRAM, PASSED, SEQPACKET, STREAM
from conformance.strategies.source import Source, pick
from reference.constants.descriptors import F_GETFL
from reference.constants.limits import IOV_MAX
from reference.constants.memory import MAP_PRIVATE, MAP_SHARED, PROT_READ
from reference.constants.open_flags import O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.readiness import POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from reference.constants.requests import FIONBIO
from reference.constants.sockets import (
    AF_UNIX,
    MSG_CMSG_CLOEXEC,
    MSG_DONTWAIT,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    SO_PASSCRED,
    SO_RCVBUF,
    SO_RCVTIMEO,
    SO_SNDBUF,
    SO_SNDTIMEO,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.constants.transfers import SEEK_CUR, SEEK_SET

_TYPES = ((SOCK_STREAM, STREAM), (SOCK_DGRAM, DGRAM), (SOCK_SEQPACKET, SEQPACKET))
_PARCEL, _PARCEL_END = "parcel", "parcel.end"
_ARRIVED, _AGAIN, _OTHER_HOST = "arrived", "again", "other.host"
_FULL = Pattern(212992, 0)
_ALL_EVENTS = POLLIN | POLLOUT | POLLHUP | POLLRDHUP
_ON = (pack("<i", 1),)
_PAST = (pack("<qq", -1, 0),)
_SIZES = (0, 4096, 212992, 2**31 - 1)
_HOWS = (SHUT_RD, SHUT_WR, SHUT_RDWR)


def _pair(*types: int, flags: tuple[int, ...] = (0, SOCK_NONBLOCK)) -> Make:
    """A pair of sockets of one of some types."""

    def make(source: Source, slots: SlotTable) -> Op:
        kind, tag = pick(
            source, [one for one in _TYPES if one[0] in (types or (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET))]
        )
        ends = slots.new(tag), slots.new(tag)
        cast(slots).update(zip((HOST, OTHER), ends, strict=True))
        return Op("socketpair", (AF_UNIX, kind | pick(source, flags), 0), ends)

    return make


def _other_imported(source: Source, slots: SlotTable) -> Op | None:
    """The other end is imported as well, and then plays its part."""
    parts = cast(slots)
    if HOST not in parts or IMPORT not in parts:
        return None
    first, host = parts[IMPORT], parts[HOST]
    parts[_OTHER_HOST] = parts[HOST] = parts[OTHER]
    op = imported()(source, slots)
    parts[OTHER], parts[IMPORT], parts[HOST] = parts[IMPORT], first, host
    return op


def _imported_again(source: Source, slots: SlotTable) -> Op | None:
    """A second import of the same socket, which plays a part of its own."""
    parts = cast(slots)
    if HOST not in parts or IMPORT not in parts:
        return None
    parts[_AGAIN] = slots.new(slots.tags[parts[IMPORT]])
    return Op("import_fd", (parts[HOST], 0, None, 0, None, savable_of(source, slots)), (parts[_AGAIN],))


def _polled_together(source: Source, slots: SlotTable) -> Op | None:
    """A poll(2) of both imports of a socket."""
    parts = cast(slots)
    if IMPORT not in parts or _AGAIN not in parts:
        return None
    events = pick(source, (_ALL_EVENTS, POLLRDHUP, 0))
    return Op("poll", (((parts[IMPORT], events), (parts[_AGAIN], events)), 0))


def _sent(*parts_sent: tuple[str, ...], data: tuple[object, ...] = (b"abcdef",)) -> Make:
    """A message from the other end, with some parts of the scene as descriptors."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        parts = cast(slots)
        names = pick(source, parts_sent)
        if OTHER not in parts or not all(name in parts for name in names):
            return None
        return Op("sendmsg", (parts[OTHER], (pick(source, data),), tuple([parts[name] for name in names]), 0))

    return make


def _received(*rooms: int, flags: tuple[int, ...] = (0,)) -> Make:
    """A message with descriptors for an import, the first of which plays a part from then on."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        parts = cast(slots)
        if IMPORT not in parts:
            return None
        room = pick(source, rooms)
        made: tuple[Slot, ...] = (slots.new(PASSED),) if room else ()
        parts.update(zip((_ARRIVED,), made, strict=False))
        return Op("recvmsg", (parts[IMPORT], (10,), room, pick(source, flags)), made)

    return make


def _option(part: str, option: int, values: tuple[bytes, ...]) -> Make:
    return act("setsockopt", part, (SOL_SOCKET,), (option,), values)


_FILE = act("open", ("f", "g"), (O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_APPEND), (0o600,), out=((_PARCEL, "file"),))
_PIPE = act("pipe2", (0,), out=((_PARCEL, "pipe.read"), (_PARCEL_END, "pipe.write")))
_DIRECTORY = act("open", (".",), (O_RDONLY,), (0,), out=((_PARCEL_END, "directory"),))
_FLOOD = (
    act("send", IMPORT, (_FULL, Pattern(300000, 0)), (MSG_DONTWAIT,)),
    act("send", IMPORT, (_FULL,), (MSG_DONTWAIT,)),
    act("send", IMPORT, (_FULL, b"x"), (MSG_DONTWAIT,)),
)

_SOCKETS: tuple[Scene, ...] = (
    (
        _FILE,
        act("write", _PARCEL, (b"0123456789",)),
        _pair(),
        imported(),
        _sent((_PARCEL,), (_PARCEL, _PARCEL)),
        _received(1, 2),
        act("lseek", _ARRIVED, (0, 2), (SEEK_CUR, SEEK_SET)),
        act("fcntl", _ARRIVED, (F_GETFL,)),
        act("read", _ARRIVED, (3,)),
    ),
    (
        _PIPE,
        _pair(),
        imported(),
        _sent((_PARCEL,), (_PARCEL, _PARCEL_END), (_PARCEL, _PARCEL, _PARCEL), (_PARCEL, _PARCEL, _PARCEL, _PARCEL)),
        _received(1, 2, 0, flags=(0, MSG_CMSG_CLOEXEC)),
        act("fcntl", _ARRIVED, (1,)),
    ),
    (
        _FILE,
        _DIRECTORY,
        _pair(),
        imported(),
        _sent((_PARCEL_END,), (_PARCEL, _PARCEL_END), (_PARCEL_END, _PARCEL)),
        _received(1, 3),
        _sent((_PARCEL,)),
        act("recv", IMPORT, (3,), (0,)),
    ),
    (
        _pair(),
        imported(),
        _option(IMPORT, SO_PASSCRED, _ON),
        act("send", OTHER, (b"ab",), (0,)),
        _received(0, 1, 3, 10),
        act("send", IMPORT, (b"ab",), (0,)),
    ),
    (_pair(SOCK_STREAM), imported(), *_FLOOD, act("recv", OTHER, (300000,), (MSG_DONTWAIT,))),
    (
        _pair(SOCK_STREAM, flags=(0,)),
        imported(),
        act("setsockopt", IMPORT, (SOL_SOCKET,), (SO_RCVTIMEO, SO_SNDTIMEO), _PAST),
        *_FLOOD,
        act("write", IMPORT, (b"x", Pattern(300000, 0))),
        act("send", IMPORT, (b"x",), (0,)),
    ),
    (
        _pair(SOCK_DGRAM, SOCK_SEQPACKET),
        imported(),
        act("send", OTHER, (b"abcdef",), (0,)),
        act("recv", IMPORT, (0, 3), (MSG_TRUNC, MSG_TRUNC | MSG_PEEK)),
        act("recvfrom", IMPORT, (3, 10), (MSG_DONTWAIT,)),
    ),
    (
        _pair(),
        imported(),
        act("shutdown", IMPORT, _HOWS),
        polled(_ALL_EVENTS, POLLHUP, POLLIN | POLLRDHUP),
        act("send", IMPORT, (b"x",), (MSG_DONTWAIT,)),
        act("recv", IMPORT, (4,), (MSG_DONTWAIT,)),
        act("send", OTHER, (b"x",), (MSG_DONTWAIT,)),
        polled(_ALL_EVENTS, POLLHUP, POLLIN | POLLRDHUP),
    ),
    (
        _pair(),
        imported(),
        _imported_again,
        act("shutdown", IMPORT, _HOWS),
        _polled_together,
        act("shutdown", IMPORT, _HOWS),
        _polled_together,
    ),
    (
        _pair(SOCK_STREAM, flags=(0,)),
        imported(),
        act("send", OTHER, (b"abc",), (0,)),
        act("recv", IMPORT, (2, 3, 5), (MSG_WAITALL, MSG_WAITALL | MSG_PEEK)),
        act("send", OTHER, (b"de",), (0,)),
        _received(0, 1, flags=(MSG_WAITALL,)),
    ),
    (
        _PIPE,
        _pair(SOCK_STREAM, flags=(0,)),
        imported(),
        _sent((_PARCEL,), (_PARCEL, _PARCEL_END), ()),
        _sent((_PARCEL,), ()),
        _received(1, 2, 4, flags=(MSG_WAITALL,)),
    ),
    (
        _pair(),
        imported(),
        act("mmap", IMPORT, (0,), (PROT_READ,), (MAP_SHARED, MAP_PRIVATE), (0,), out=(("mapping", "mapping"),)),
        act("lseek", IMPORT, (0,), (7, -1)),
    ),
    (
        _pair(SOCK_STREAM),
        imported(),
        _other_imported,
        act("send", IMPORT, (b"unread",), (0,)),
        leave(_OTHER_HOST),
        leave(OTHER),
        act("recv", IMPORT, (4,), (MSG_DONTWAIT,)),
        polled(_ALL_EVENTS),
    ),
    (
        _pair(),
        imported(O_RDONLY, O_WRONLY),
        act("write", IMPORT, (b"ab",)),
        act("read", IMPORT, (3,)),
        act("sendmsg", IMPORT, ((b"y",) * (IOV_MAX + 1), (b"y",)), ((),), (0,)),
        act("getsockname", IMPORT),
        act("getpeername", IMPORT),
    ),
    (
        act("socket", (AF_UNIX,), (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET), (0,), out=((HOST, STREAM),)),
        act("bind", HOST, ("named", "other")),
        act("listen", HOST, (1,)),
        imported(),
        act("getsockname", IMPORT),
        act("accept4", IMPORT, (SOCK_NONBLOCK,), out=((_ARRIVED, STREAM),)),
        act("connect", IMPORT, ("named", "nowhere")),
        act("listen", IMPORT, (1,)),
        act("send", IMPORT, (b"x",), (MSG_DONTWAIT,)),
        act("recv", IMPORT, (4,), (MSG_DONTWAIT,)),
    ),
    (
        _pair(),
        imported(),
        act("setsockopt", IMPORT, (SOL_SOCKET,), (SO_SNDBUF, SO_RCVBUF), tuple([pack("<i", size) for size in _SIZES])),
        act("getsockopt", IMPORT, (SOL_SOCKET,), (SO_SNDBUF, SO_RCVBUF), (4,)),
    ),
    (
        _pair(SOCK_STREAM, flags=(0,)),
        imported(),
        leave(IMPORT),
        act("fcntl", HOST, (F_GETFL,)),
        act("ioctl", HOST, (FIONBIO,), (0, 1)),
    ),
)
_NOTHING: Scene = ()
SCENES = (*_SOCKETS, *(_NOTHING,) * len(_SOCKETS))
"""The scenes of programs that import sockets."""
