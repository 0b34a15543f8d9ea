# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Questions asked of every live descriptor when a program has ended: most wrong states never show in the call itself.

Probes are ordinary ops, so they are compared, reduced and printed like any other.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.domains import Slot
from conformance.ops import Op
from conformance.strategies.slots import SPLICED, SlotTable
from reference.constants import (
    F_GET_SEALS,
    F_GETFD,
    F_GETFL,
    F_GETLK,
    F_GETPIPE_SZ,
    F_OFD_GETLK,
    F_WRLCK,
    FIONBIO,
    FIONREAD,
    LOCK_EX,
    LOCK_NB,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    RWF_NOWAIT,
    SEEK_CUR,
    SEEK_SET,
)
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


def _ready(slot: Slot) -> Op:
    return Op("poll", (((slot, _EVERYTHING),), 0))


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


PROBES = {
    "file": (_status_flags, _descriptor_flags, _position, _stat),
    "device": (_status_flags, _descriptor_flags),
    "directory": (_status_flags, _descriptor_flags),
    "pipe": (_status_flags, _descriptor_flags, _waiting, _ready, _pipe_size, _contents),
    "socket": (_status_flags, _descriptor_flags, _waiting, _ready),
    "pty": (_status_flags, _descriptor_flags, _waiting, _ready, _modes, _never_waits, _rest),
    "epoll": (_descriptor_flags, _ready, _pending),
    "passed": (_status_flags, _descriptor_flags),
    "host": (_status_flags, _position, _stat),
    "process": (_group, _session),
    "path": (_status_flags, _descriptor_flags),
    "file.memory": (_seals,),
}
"""What is asked of a slot, by the first part of its tag and by the whole of it."""


def probes(slots: SlotTable) -> Iterator[Op]:
    """The probes of every slot that is alive."""
    for tag, live in slots.live.items():
        general = tag.partition(".")[0]
        asked = PROBES.get(general, ())
        if tag != general:
            asked += PROBES.get(tag, ())
        for probe in asked:
            for slot in live:
                yield probe(slot)
    if SPLICED in slots.notes:
        for tag in ("pipe.read", "pipe.both"):
            for slot in slots.live.get(tag, ()):
                yield _never_waits(slot)
                yield _rest(slot)
    if LOCKED in slots.notes:
        for slot in slots.live.get("file", ()):
            yield from _locks(slot)
