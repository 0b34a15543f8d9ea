# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Questions asked of every live descriptor when a program has ended: most wrong states never show in the call itself.

Probes are ordinary ops, so they are compared, reduced and printed like any other.

Every descriptor is asked for its flags and, where there is one, its position, so that a description that a system
fails to share between duplicates, or shares wrongly, shows. What belongs to the object behind is asked through one.
What is ready is asked of all descriptions in one poll, before any probe takes something out of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.slots import SPLICED, SlotTable
from reference.constants.descriptors import F_GET_SEALS, F_GETFD, F_GETFL, F_GETLK, F_GETPIPE_SZ, F_OFD_GETLK
from reference.constants.locks import F_WRLCK, LOCK_EX, LOCK_NB
from reference.constants.readiness import POLLIN, POLLOUT, POLLPRI, POLLRDHUP
from reference.constants.requests import FIONBIO, FIONREAD
from reference.constants.transfers import RWF_NOWAIT, SEEK_CUR, SEEK_SET
from reference.structures import Flock

LOCKED = "locks.taken"
"""The note of a program that has taken locks."""

_CONTENTS_BYTES_MAX = 2**16
_EVENTS_MAX = 64
_WHOLE_FILE = Flock(F_WRLCK, SEEK_SET, 0, 0, 0)
_EVERYTHING = POLLIN | POLLPRI | POLLOUT | POLLRDHUP


def _status_flags(slot: Slot) -> Op:
    return Op("fcntl", (slot, F_GETFL))


def _descriptor_flags(slot: Slot) -> Op:
    return Op("fcntl", (slot, F_GETFD))


def _position(slot: Slot) -> Op:
    return Op("lseek", (slot, 0, SEEK_CUR))


def _stat(slot: Slot) -> Op:
    return Op("fstat", (slot,))


def _waiting(slot: Slot) -> Op:
    return Op("ioctl", (slot, FIONREAD))


def _ready(slots: list[Slot]) -> Op:
    return Op("poll", (tuple([(slot, _EVERYTHING) for slot in slots]), 0))


def _seals(slot: Slot) -> Op:
    return Op("fcntl", (slot, F_GET_SEALS))


def _pipe_size(slot: Slot) -> Op:
    return Op("fcntl", (slot, F_GETPIPE_SZ))


def _contents(slot: Slot) -> Op:
    """What a pipe holds, without waiting where it holds nothing."""
    return Op("preadv2", (slot, (_CONTENTS_BYTES_MAX,), -1, RWF_NOWAIT))


def _modes(slot: Slot) -> Op:
    return Op("tcgetattr", (slot,))


def _never_waits(slot: Slot) -> Op:
    return Op("ioctl", (slot, FIONBIO, 1))


def _rest(slot: Slot) -> Op:
    return Op("read", (slot, _CONTENTS_BYTES_MAX))


def _pending(slot: Slot) -> Op:
    return Op("epoll_wait", (slot, _EVENTS_MAX, 0))


def _group(slot: Slot) -> Op:
    return Op("getpgid", (slot,))


def _session(slot: Slot) -> Op:
    return Op("getsid", (slot,))


def _locks(slot: Slot) -> Iterator[Op]:
    """What stands in the way of the process, of the description, and of a whole-file lock."""
    yield Op("fcntl", (slot, F_GETLK, _WHOLE_FILE))
    yield Op("fcntl", (slot, F_OFD_GETLK, _WHOLE_FILE))
    yield Op("flock", (slot, LOCK_EX | LOCK_NB))


OWN_PROBES = {
    "process": (_group, _session),
    "file": (_descriptor_flags, _status_flags, _position),
    **dict.fromkeys(
        ("device", "directory", "pipe", "socket", "pty", "passed", "path"), (_descriptor_flags, _status_flags)
    ),
    "epoll": (_descriptor_flags,),
}
"""What is asked of every slot, by the first part of its tag."""

PROBES = {
    "file": (_stat,),
    "pipe": (_waiting, _pipe_size),
    "pipe.read": (_contents,),
    "pipe.both": (_contents,),
    "socket": (_waiting,),
    "pty": (_waiting, _modes, _never_waits, _rest),
    "epoll": (_pending,),
    "host": (_status_flags, _position, _stat),
    "file.memory": (_seals,),
}
"""What is asked once of a description, by the first part of its tag and by the whole of it."""

_POLLED = frozenset(("pipe", "socket", "pty", "epoll"))


def probes(slots: SlotTable) -> Iterator[Op]:
    """The probes of every slot that is alive."""
    polled = [slot for tag in slots.live if tag.partition(".")[0] in _POLLED for slot in slots.described(tag)]
    if polled:
        yield _ready(polled)
    for tag, live in slots.live.items():
        general = tag.partition(".")[0]
        own = OWN_PROBES.get(general, ())
        for probe in own:
            for slot in live:
                yield probe(slot)
        asked = PROBES.get(general, ())
        if tag != general:
            asked += PROBES.get(tag, ())
        # Where nothing is asked of each slot for itself, none may stand for another.
        described = slots.described(tag) if own else live
        for probe in asked:
            for slot in described:
                yield probe(slot)
    if SPLICED in slots.notes:
        for tag in ("pipe.read", "pipe.both"):
            for slot in slots.described(tag):
                yield _never_waits(slot)
                yield _rest(slot)
    if LOCKED in slots.notes:
        for slot in slots.described("file"):
            yield from _locks(slot)
