# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Wait queues: who is told when the state of an object changes.

Linux wakes waiters with a mask of the events that the change may have made true.
poll(2) asks for the state itself and needs no queue;
an edge-triggered epoll registration hears every wake-up, so objects wake where the kernel does, and only there.

The waiter that came last is told first. Exclusive waiters are told after all others, in the order they came.
"""

from __future__ import annotations

from collections.abc import Callable

Watcher = Callable[[int], None]


class WaitQueue:
    """The watchers of one condition, in the order they are told."""

    __slots__ = ("watchers",)

    def __init__(self) -> None:
        self.watchers: list[Watcher] = []

    def add(self, watcher: Watcher, exclusive: bool = False) -> None:
        """Let a watcher wait here."""
        if exclusive:
            self.watchers.append(watcher)
        else:
            self.watchers.insert(0, watcher)

    def remove(self, watcher: Watcher) -> None:
        """Let a watcher wait no longer."""
        self.watchers.remove(watcher)

    def wake(self, events: int) -> None:
        """Tell every watcher that these events may have become true; 0 tells them without saying which."""
        for watcher in tuple(self.watchers):
            watcher(events)
