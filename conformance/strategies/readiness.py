# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops that ask what is ready.

Waiting with nothing ready costs a native run some milliseconds, so most timeouts are 0.
"""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.recipes import Make, Recipe
from conformance.strategies.scalars import ODD_FLAGS
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source
from reference.constants.limits import INT_MAX, UINT_MAX
from reference.constants.readiness import (
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLIN,
    EPOLLMSG,
    EPOLLONESHOT,
    EPOLLOUT,
    EPOLLPRI,
    EPOLLRDBAND,
    EPOLLRDHUP,
    EPOLLRDNORM,
    EPOLLWAKEUP,
    EPOLLWRBAND,
    EPOLLWRNORM,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLMSG,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDBAND,
    POLLRDHUP,
    POLLRDNORM,
    POLLREMOVE,
    POLLWRBAND,
    POLLWRNORM,
)

_EVENTS_ALL = 0xFFFF
_POLL_EVENTS = (
    POLLIN,
    POLLOUT,
    POLLIN | POLLOUT,
    POLLIN | POLLPRI | POLLOUT | POLLRDHUP,
    POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLRDHUP,
    0,
    POLLPRI,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRNORM,
    POLLRDBAND | POLLWRBAND,
    POLLERR | POLLHUP | POLLNVAL,
    POLLMSG | POLLREMOVE,
    _EVENTS_ALL,
)
_TIMEOUTS = (*(0,) * 60, 1, -1)
_TIMEOUTS_ODD = (-2, INT_MAX, -INT_MAX - 1, 1, -1)
_MANY = (255, 256, 257, 300)
_LIST_MAX = 4

_INTERESTS = (
    EPOLLIN,
    EPOLLOUT,
    EPOLLIN | EPOLLOUT,
    EPOLLIN | EPOLLRDHUP,
    0,
    EPOLLPRI,
    EPOLLRDNORM,
    EPOLLWRNORM,
    EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP,
    EPOLLERR | EPOLLHUP,
    EPOLLRDHUP,
    EPOLLRDBAND | EPOLLWRBAND | EPOLLMSG,
)
_MODES = (0, 0, 0, EPOLLET, EPOLLET, EPOLLET, EPOLLONESHOT, EPOLLONESHOT | EPOLLET, EPOLLWAKEUP)
_EXCLUSIVE_INTERESTS = (EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT, EPOLLIN, 0, EPOLLERR, EPOLLRDHUP, EPOLLPRI)
_EXCLUSIVE_MODES = (0, EPOLLET, 0, EPOLLET, EPOLLWAKEUP, EPOLLONESHOT)
_EVENTS_ODD = (UINT_MAX, 1 << 16, 1 << 27, EPOLLIN | 1 << 26, EPOLLEXCLUSIVE | EPOLLONESHOT)
_CHANGES = (*(EPOLL_CTL_MOD,) * 6, *(EPOLL_CTL_DEL,) * 2, EPOLL_CTL_ADD)
_OPERATIONS_ODD = (0, 4, -1, INT_MAX, EPOLL_CTL_MOD, EPOLL_CTL_DEL)
_DATA_ODD = (2**64 - 1, 2**63, 2**32, UINT_MAX)
_EVENTS_MAX = (16, 16, 16, 16, 1, 1, 2, 3, 64)
_POLLABLE = ("pipe", "socket", "pty")
_WATCHED = "readiness.watched"
"""Where the pairs of instance and target that were added are remembered."""
_EVENTS_MAX_ODD = (0, -1, INT_MAX, INT_MAX // 12, INT_MAX // 12 + 1, -INT_MAX - 1)


def _timeout(source: Source) -> int:
    if source.below(200) == 199:
        return _TIMEOUTS_ODD[source.below(len(_TIMEOUTS_ODD))]
    return _TIMEOUTS[source.below(len(_TIMEOUTS))]


def _polling(call: str) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        entries = []
        for _ in range(source.below(_LIST_MAX + 1)):
            slot = slots.any_of(source)
            if slot is not None:
                entries.append((slot, _POLL_EVENTS[source.below(len(_POLL_EVENTS))]))
        if entries and source.below(60) == 59:
            entries = entries[:1] * _MANY[source.below(len(_MANY))]
        return Op(call, (tuple(entries), _timeout(source)))

    return make


def _set(source: Source, slots: SlotTable) -> tuple[Slot, ...]:
    members = [slots.any_of(source) for _ in range(source.below(_LIST_MAX))]
    return tuple([slot for slot in members if slot is not None])


def _select(source: Source, slots: SlotTable) -> Op | None:
    return Op("select", (_set(source, slots), _set(source, slots), _set(source, slots), _timeout(source)))


def _create(source: Source, slots: SlotTable) -> Op:
    flags = 0
    if source.below(4) == 3:
        flags = EPOLL_CLOEXEC
    if source.below(16) == 15:
        flags = ODD_FLAGS[source.below(len(ODD_FLAGS))]
    return Op("epoll_create1", (flags,), (slots.new("epoll"),))


def _events(source: Source) -> int:
    if source.below(24) == 23:
        return _EVENTS_ODD[source.below(len(_EVENTS_ODD))]
    if source.below(12) == 11:
        interest = _EXCLUSIVE_INTERESTS[source.below(len(_EXCLUSIVE_INTERESTS))]
        return interest | EPOLLEXCLUSIVE | _EXCLUSIVE_MODES[source.below(len(_EXCLUSIVE_MODES))]
    return _INTERESTS[source.below(len(_INTERESTS))] | _MODES[source.below(len(_MODES))]


def _watchable(source: Source, slots: SlotTable) -> Slot | None:
    """What an instance is asked to watch: mostly something with readiness, now and then an instance, or anything."""
    choice = source.below(16)
    if choice < 13:
        fitting = [slot for tag, live in slots.live.items() if tag.startswith(_POLLABLE) for slot in live]
        if fitting:
            return fitting[-1 - source.below(len(fitting))]
    return slots.any_of(source, "epoll") if choice < 15 else slots.any_of(source)


def _ctl(source: Source, slots: SlotTable) -> Op | None:
    watched: list[tuple[Slot, Slot]] = slots.notes.setdefault(_WATCHED, [])  # type: ignore[assignment]
    if watched and source.below(5) < 2:
        instance, target = watched[-1 - source.below(len(watched))]
        operation = _CHANGES[source.below(len(_CHANGES))]
    else:
        chosen, wanted = slots.any_of(source, "epoll"), _watchable(source, slots)
        if chosen is None or wanted is None:
            return None
        instance, target = chosen, wanted
        operation = EPOLL_CTL_ADD
        watched.append((instance, target))
    if source.below(40) == 39:
        operation = _OPERATIONS_ODD[source.below(len(_OPERATIONS_ODD))]
    data = _DATA_ODD[source.below(len(_DATA_ODD))] if source.below(24) == 23 else source.below(100)
    return Op("epoll_ctl", (instance, operation, target, _events(source), data))


def _watched_target(source: Source, slots: SlotTable) -> Slot | None:
    """Something that was added to an instance, and was not closed since."""
    watched: list[tuple[Slot, Slot]] = slots.notes.get(_WATCHED, [])  # type: ignore[assignment]
    if not watched:
        return None
    target = watched[-1 - source.below(len(watched))][1]
    return target if target in slots.live[slots.tags[target]] else None


def _dup_watched(source: Source, slots: SlotTable) -> Op | None:
    slot = _watched_target(source, slots)
    return None if slot is None else Op("dup", (slot,), (slots.copy(slot),))


def _close_watched(source: Source, slots: SlotTable) -> Op | None:
    """A registration outlives its number while a duplicate is open."""
    slot = _watched_target(source, slots)
    if slot is None:
        return None
    slots.close(slot)
    return Op("close", (slot,))


def _wait(source: Source, slots: SlotTable) -> Op | None:
    instance = slots.any_of(source, "epoll")
    if instance is None:
        return None
    limits = _EVENTS_MAX_ODD if source.below(40) == 39 else _EVENTS_MAX
    return Op("epoll_wait", (instance, limits[source.below(len(limits))], _timeout(source)))


RECIPES = (
    Recipe("poll", 8, _polling("poll")),
    Recipe("ppoll", 3, _polling("ppoll")),
    Recipe("select", 6, _select),
    Recipe("epoll_create1", 10, _create, opens=True),
    Recipe("epoll_ctl", 40, _ctl),
    Recipe("epoll_wait", 30, _wait),
    Recipe("dup", 3, _dup_watched),
    Recipe("close", 3, _close_watched),
)
