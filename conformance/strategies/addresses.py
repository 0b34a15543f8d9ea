# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for names of Unix sockets, and for connections by name.

A connection takes six steps in order: two sockets, bind, listen, connect, accept.
So each of these recipes often takes the step that is due next, whichever that is, instead of one of its own.
In some programs that is one more datagram to a socket that nobody reads: only so its queue comes to be full.
"""

from __future__ import annotations

from collections.abc import Callable

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.names import known
from conformance.strategies.recipes import Make, Recipe
from conformance.strategies.scenes import Scene, act, cast
from conformance.strategies.slots import SlotTable
from conformance.strategies.sockets import (
    DGRAM,
    EVERY,
    FRESH,
    LISTENING,
    SEQPACKET,
    STREAM,
    count,
    data,
    pairs_of,
    receive_flags,
    receiver,
    send_flags,
)
from conformance.strategies.source import Source
from reference.constants.limits import INT_MAX
from reference.constants.open_flags import O_CREAT, O_NONBLOCK, O_PATH, O_RDWR
from reference.constants.sockets import (
    AF_INET,
    AF_UNIX,
    MSG_DONTWAIT,
    SO_ACCEPTCONN,
    SO_ERROR,
    SO_PASSCRED,
    SO_PEERCRED,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)

_KINDS = {STREAM: SOCK_STREAM, SEQPACKET: SOCK_SEQPACKET, DGRAM: SOCK_DGRAM}
_TYPES = (
    *((SOCK_STREAM, STREAM),) * 4,
    *((SOCK_DGRAM, DGRAM),) * 3,
    *((SOCK_SEQPACKET, SEQPACKET),) * 2,
    (SOCK_RAW, DGRAM),
)
_CREATION = (SOCK_NONBLOCK,) * 16 + (0, SOCK_NONBLOCK | SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC, SOCK_CLOEXEC)
_PROTOCOLS = (0,) * 12 + (1,)
_ODD_SOCKETS = (
    (AF_INET, SOCK_STREAM, 0),
    (AF_INET, SOCK_DGRAM, 17),
    (0, SOCK_STREAM, 0),
    (16, SOCK_RAW, 0),
    (AF_UNIX, SOCK_STREAM, 2),
    (AF_UNIX, SOCK_DGRAM, -1),
    (AF_UNIX, 4, 0),
    (AF_UNIX, 11, 0),
    (AF_UNIX, 16, 0),
    (AF_UNIX, -1, 0),
    (100, SOCK_STREAM, 0),
    (-1, 11, 0),
)
_SENDER, _RECEIVER = "sender", "receiver"
_NAMES = ("s", "s", "s", "t", "t", "u", "d/s", "\0a", "\0b", "")
_ADDRESSES_ODD = (
    None,
    "",
    "missing",
    "missing/s",
    "s/",
    "s/t",
    "./s",
    "d/./s",
    ".",
    "./",
    "d",
    "d/",
    "f",
    "l",
    "k",
    "p",
    "é" * 54,
    "x" * 107,
    "x" * 108,
    "x" * 109,
    "x" * 126,
    "x" * 127,
    "./" * 53 + "s",
    "\0",
    "\0a\0",
    "\0c",
    "\0" + "x" * 107,
    "\0" + "x" * 108,
    "\0" + "x" * 126,
)
_BACKLOGS = (0, 0, 0, 1, 1, 2, 5, 128, -1, INT_MAX, 4097, -INT_MAX - 1)
_ACCEPT_FLAGS = (SOCK_NONBLOCK,) * 10 + (0, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC, 1, 1 << 20, -1)
_OPTIONS = (SO_PEERCRED, SO_PEERCRED, SO_ACCEPTCONN, SO_PASSCRED, SO_ERROR)
_MODES = (0o000, 0o400, 0o200, 0o600, 0o755, 0o777, 0o7777, 0o2711)
_OPEN_FLAGS = (O_PATH, O_PATH, O_RDWR, O_RDWR | O_CREAT | O_NONBLOCK, O_RDWR | O_NONBLOCK)

_NOTE = "addresses"
_DUE_IN_FOUR = 3
_FLOODS_ONE_IN = 5


class Addresses:
    """What is remembered of names and connections.

    ``kind`` is what a fresh or listening socket will be once it is connected, ``bound`` who has which name,
    ``named`` which names there are of each kind, ``waiting`` the clients that are to be accepted, by listening socket.
    ``floods`` says that the program fills a queue with datagrams; it is not known before it is asked for.
    """

    __slots__ = ("bound", "floods", "kind", "named", "number", "waiting")

    def __init__(self, number: int) -> None:
        self.kind: dict[Slot, str] = {}
        self.bound: dict[Slot, str] = {}
        self.named: list[tuple[str, str]] = []
        self.waiting: dict[Slot, list[Slot]] = {}
        self.number = number
        self.floods: bool | None = None


def _addresses(slots: SlotTable) -> Addresses:
    addresses = slots.notes.get(_NOTE)
    if not isinstance(addresses, Addresses):
        addresses = slots.notes[_NOTE] = Addresses(len(pairs_of(slots).number) + 1)
    return addresses


def _becomes(slots: SlotTable, slot: Slot, tag: str) -> None:
    """A socket has taken a step: it has another tag from now on."""
    before = slots.tags[slot]
    if slot in slots.live.get(before, ()):
        slots.live[before].remove(slot)
        slots.live.setdefault(tag, []).append(slot)
        slots.tags[slot] = tag


def _kind(slots: SlotTable, slot: Slot) -> str:
    """What a socket is or will be; of a duplicate of a fresh one it is not remembered, and most are streams."""
    tag = slots.tags[slot]
    return _addresses(slots).kind.get(slot, STREAM if tag in (FRESH, LISTENING) else tag)


# Steps of a connection ------------------------------------------------------------------------


def _new_socket(source: Source, slots: SlotTable, number: int, kind: str) -> Op:
    slot = slots.new(DGRAM if kind == DGRAM else FRESH)
    addresses = _addresses(slots)
    addresses.kind[slot] = kind
    pairs_of(slots).number[slot] = addresses.number
    number |= _CREATION[source.below(len(_CREATION))]
    return Op("socket", (AF_UNIX, number, _PROTOCOLS[source.below(len(_PROTOCOLS))]), (slot,))


def _name(slots: SlotTable, slot: Slot, address: str) -> Op:
    addresses = _addresses(slots)
    if address and slot not in addresses.bound:
        addresses.bound[slot] = address
        addresses.named.append((address, _kind(slots, slot)))
        if not address.startswith("\0") and address not in known(slots):
            known(slots).append(address)
    return Op("bind", (slot, address))


def _begin_listening(source: Source, slots: SlotTable, slot: Slot) -> Op:
    if slot in _addresses(slots).bound and slots.tags[slot] == FRESH:
        _becomes(slots, slot, LISTENING)
    return Op("listen", (slot, _BACKLOGS[source.below(len(_BACKLOGS))]))


def _connect_to(slots: SlotTable, slot: Slot, address: str | None) -> Op:
    addresses = _addresses(slots)
    owner = next((other for other, name in reversed(addresses.bound.items()) if name == address), None)
    if owner is not None and _kind(slots, owner) == _kind(slots, slot):
        pairs = pairs_of(slots)
        if slots.tags[slot] == FRESH and slots.tags[owner] == LISTENING:
            _becomes(slots, slot, _kind(slots, slot))
            addresses.waiting.setdefault(owner, []).append(slot)
        elif slots.tags[slot] == DGRAM:
            pairs.peer[slot] = owner
    return Op("connect", (slot, address))


def _accept(source: Source, slots: SlotTable, slot: Slot) -> Op:
    addresses = _addresses(slots)
    accepted = slots.new(_kind(slots, slot))
    pairs = pairs_of(slots)
    pairs.number[accepted] = addresses.number
    waiting = addresses.waiting.get(slot)
    if waiting:
        client = waiting.pop(0)
        pairs.peer[client], pairs.peer[accepted] = accepted, client
        pairs.loaded.append(accepted)
    return Op("accept4", (slot, _ACCEPT_FLAGS[source.below(len(_ACCEPT_FLAGS))]), (accepted,))


def _due(source: Source, slots: SlotTable) -> Op:
    """The step that brings a connection about, or a full queue."""
    if _floods(source, slots):
        return _flood(source, slots)
    addresses = _addresses(slots)
    fresh = slots.live.get(FRESH, ())
    for listening in slots.live.get(LISTENING, ()):
        if listening not in addresses.bound:
            continue
        if addresses.waiting.get(listening):
            return _accept(source, slots, listening)
        kind = _kind(slots, listening)
        client = next((slot for slot in fresh if _kind(slots, slot) == kind), None)
        if client is None:
            return _new_socket(source, slots, _KINDS[kind], kind)
        return _connect_to(slots, client, addresses.bound[listening])
    for slot in fresh:
        if slot in addresses.bound:
            return _begin_listening(source, slots, slot)
    if fresh:
        return _name(slots, fresh[0], _NAMES[source.below(len(_NAMES) - 1)])
    kind = SEQPACKET if source.below(3) == 2 else STREAM
    return _new_socket(source, slots, _KINDS[kind], kind)


def _floods(source: Source, slots: SlotTable) -> bool:
    addresses = _addresses(slots)
    if addresses.floods is None:
        addresses.floods = source.below(_FLOODS_ONE_IN) == _FLOODS_ONE_IN - 1
    return addresses.floods


def _flood(source: Source, slots: SlotTable) -> Op:
    """The step that fills the queue of the oldest datagram socket with a name."""
    addresses = _addresses(slots)
    datagram = slots.live.get(DGRAM, ())
    target = next((slot for slot in datagram if addresses.bound.get(slot)), None)
    if target is None:
        unnamed = next((slot for slot in datagram if slot in addresses.kind), None)
        return _new_socket(source, slots, SOCK_DGRAM, DGRAM) if unnamed is None else _name(slots, unnamed, "s")
    senders = [slot for slot in datagram if slot != target]
    if not senders:
        return _new_socket(source, slots, SOCK_DGRAM, DGRAM)
    sender = senders[source.below(len(senders))]
    address = addresses.bound[target]
    if source.below(6) == 5:
        return _connect_to(slots, sender, address)
    return Op("sendto", (sender, b"x", MSG_DONTWAIT if source.below(4) else 0, address))


def _or_due(make: Make) -> Make:
    """A recipe that often takes the step which is due."""

    def make_or_due(source: Source, slots: SlotTable) -> Op | None:
        if source.below(4) < _DUE_IN_FOUR:
            return _due(source, slots)
        return make(source, slots)

    return make_or_due


def _or_flood(make: Make) -> Make:
    """A recipe that helps to fill a queue in programs that do so."""

    def make_or_flood(source: Source, slots: SlotTable) -> Op | None:
        return _flood(source, slots) if _floods(source, slots) else make(source, slots)

    return make_or_flood


# Recipes --------------------------------------------------------------------------------------


def _socket(source: Source, slots: SlotTable) -> Op:
    if source.below(16) == 15:
        return Op("socket", _ODD_SOCKETS[source.below(len(_ODD_SOCKETS))], (slots.new(FRESH),))
    return _new_socket(source, slots, *_TYPES[source.below(len(_TYPES))])


def _bind(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY) if source.below(6) == 5 else slots.any_of(source, FRESH, DGRAM)
    if slot is None:
        return None
    if source.below(10) == 9:
        return Op("bind", (slot, _ADDRESSES_ODD[source.below(len(_ADDRESSES_ODD))]))
    return _name(slots, slot, _NAMES[source.below(len(_NAMES))])


def _listen(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY) if source.below(6) == 5 else slots.any_of(source, FRESH, LISTENING)
    return None if slot is None else _begin_listening(source, slots, slot)


def _address(source: Source, slots: SlotTable, kind: str) -> str | None:
    """An address to connect or send to: mostly a name that a socket of the kind has."""
    choice = source.below(10)
    if choice == 9:
        return _ADDRESSES_ODD[source.below(len(_ADDRESSES_ODD))]
    fitting = [name for name, of in _addresses(slots).named if choice == 7 or of == kind]
    names = known(slots) if choice == 8 else fitting
    if not names:
        return _NAMES[source.below(len(_NAMES))]
    return names[-1 - source.below(len(names))]


def _connect(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY) if source.below(8) == 7 else slots.any_of(source, FRESH, DGRAM)
    return None if slot is None else _connect_to(slots, slot, _address(source, slots, _kind(slots, slot)))


def _accept4(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY) if source.below(8) == 7 else slots.any_of(source, LISTENING)
    return None if slot is None else _accept(source, slots, slot)


def _asking(call: str) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, *EVERY)
        return None if slot is None else Op(call, (slot,))

    return make


def _sendto(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY) if source.below(6) == 5 else slots.any_of(source, DGRAM)
    if slot is None:
        return None
    address = _address(source, slots, DGRAM)
    addresses = _addresses(slots)
    pairs_of(slots).loaded.extend([other for other, name in addresses.bound.items() if name == address])
    return Op("sendto", (slot, data(source), send_flags(source, slots, slot), address))


def _recvfrom(source: Source, slots: SlotTable) -> Op | None:
    slot = receiver(source, slots)
    return None if slot is None else Op("recvfrom", (slot, count(source), receive_flags(source, slots, slot)))


def _getsockopt(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *EVERY)
    return None if slot is None else Op("getsockopt", (slot, SOL_SOCKET, _OPTIONS[source.below(len(_OPTIONS))], 12))


def _pair_of_datagrams(source: Source, slots: SlotTable) -> Op:
    ends = slots.new(DGRAM), slots.new(DGRAM)
    cast(slots).update(zip((_SENDER, _RECEIVER), ends, strict=True))
    return Op("socketpair", (AF_UNIX, SOCK_DGRAM, 0), ends)


def _fchmod(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, FRESH, DGRAM)
    return None if slot is None else Op("fchmod", (slot, _MODES[source.below(len(_MODES))]))


# The files of names ---------------------------------------------------------------------------


def _on_known(make: Callable[[Source, SlotTable, str], Op]) -> Make:
    """A recipe on the name of a socket, when there is one."""

    def make_on_known(source: Source, slots: SlotTable) -> Op | None:
        names = known(slots)
        return make(source, slots, names[-1 - source.below(len(names))]) if names else None

    return make_on_known


def _unlink(source: Source, slots: SlotTable, name: str) -> Op:
    return Op("unlink", (name,))


def _link(source: Source, slots: SlotTable, name: str) -> Op:
    new = ("t", "u", "d/s", "f")[source.below(4)]
    known(slots).append(new)
    return Op("link", (name, new))


def _symlink(source: Source, slots: SlotTable, name: str) -> Op:
    new = ("l", "k")[source.below(2)]
    known(slots).append(new)
    return Op("symlink", (name, new))


def _open(source: Source, slots: SlotTable, name: str) -> Op:
    return Op("open", (name, _OPEN_FLAGS[source.below(len(_OPEN_FLAGS))], 0o600), (slots.new("path"),))


def _mkdir(source: Source, slots: SlotTable) -> Op:
    return Op("mkdir", ("d", _MODES[2 + source.below(len(_MODES) - 2)]))


_NOTHING: Scene = ()
SCENES: tuple[Scene, ...] = (
    (
        _pair_of_datagrams,
        act("bind", _SENDER, ("s", "", "\x00a")),
        act("send", _SENDER, (b"x",), (MSG_DONTWAIT,)),
        act("recvfrom", _RECEIVER, (1,), (MSG_DONTWAIT,)),
    ),
    (
        _pair_of_datagrams,
        act("setsockopt", _SENDER, (SOL_SOCKET,), (SO_PASSCRED,), (b"\x01\x00\x00\x00",)),
        act("send", _SENDER, (b"x",), (MSG_DONTWAIT,)),
        act("getsockname", _SENDER),
    ),
    *(_NOTHING,) * 15,
)
"""Sockets of a pair that have a name, or get one when they send: the receiver is told."""

RECIPES = (
    Recipe("socket", 5, _or_due(_socket), opens=True),
    Recipe("bind", 8, _or_due(_bind)),
    Recipe("listen", 5, _or_due(_listen)),
    Recipe("connect", 12, _or_due(_connect)),
    Recipe("accept4", 10, _or_due(_accept4)),
    Recipe("getsockname", 2, _or_flood(_asking("getsockname"))),
    Recipe("getpeername", 2, _or_flood(_asking("getpeername"))),
    Recipe("sendto", 6, _or_flood(_sendto)),
    Recipe("recvfrom", 5, _or_flood(_recvfrom)),
    Recipe("getsockopt", 2, _or_flood(_getsockopt)),
    Recipe("fchmod", 1, _or_flood(_fchmod)),
    Recipe("unlink", 1, _on_known(_unlink)),
    Recipe("link", 1, _on_known(_link)),
    Recipe("symlink", 1, _on_known(_symlink)),
    Recipe("open", 1, _on_known(_open)),
    Recipe("mkdir", 1, _mkdir),
)
