# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""epoll instances (epoll(7)): what they watch, and the list of what may be ready.

A **registration** is known by the description that it watches and by the number under which it was added.
It lives until it is deleted or the last reference to its description goes away, whatever becomes of the number.

A registration is put at the end of the **ready list** by a wake-up of what it watches that may concern it,
or when it is added or changed while something it asks for is true.
epoll_wait(2) takes from the front and looks again: what is not ready (any more) is dropped.
What is ready is reported; a level-triggered registration goes back to the end of the list,
an edge-triggered one waits for the next wake-up, and a one-shot one is disabled.

An instance is readable while its ready list holds something that is ready, so instances can watch instances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.errors import EACCES, EINVAL, ENOTTY
from reference.constants.file_status import UTIME_NOW
from reference.constants.open_flags import O_RDWR
from reference.constants.readiness import EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP, POLLIN, POLLRDNORM
from reference.linux.description import OpenFileDescription
from reference.linux.objects import FileObject
from reference.linux.releases import EPOLL_IOCTL_SINCE
from reference.linux.waiting import WaitQueue
from reference.outcomes import Refused

if TYPE_CHECKING:
    from reference.linux.state import KernelState

PRIVATE_BITS = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE
"""The bits of an event mask that are no events."""
READY_EVENTS = POLLIN | POLLRDNORM

NESTS_MAX = 4
"""How many steps from instance to instance a chain may have."""
PATHS_MAX = (0, 500, 100, 50, 10)
"""How many ways may lead from one description up to an outermost instance, by the number of steps between instances.
The number of instances that watch a description directly is not limited."""

Key = tuple[OpenFileDescription, int]


class Registration:
    """What one epoll instance asks of one description."""

    __slots__ = ("_queues", "data", "description", "events", "instance", "key")

    def __init__(self, instance: Epoll, key: Key, events: int, data: int) -> None:
        self.instance = instance
        self.key = key
        self.description = key[0]
        self.events = events
        self.data = data
        self._queues: tuple[WaitQueue, ...] = ()
        instance.registrations[key] = self
        self.description.registrations.append(self)

    def listen(self) -> None:
        """Hear wake-ups from now on."""
        self._queues = self.description.object.wait_queues(self.description) or ()
        for queue in self._queues:
            queue.add(self.woken, bool(self.events & EPOLLEXCLUSIVE))

    def remove(self) -> None:
        """Leave all books."""
        for queue in self._queues:
            queue.remove(self.woken)
        self.instance.ready.pop(self, None)
        del self.instance.registrations[self.key]
        self.description.registrations.remove(self)

    def forget(self) -> None:
        """The last reference to the description went away."""
        self.instance.kernel.cite("EPOLL-LAST-CLOSE")
        self.remove()

    def current(self) -> int:
        """The events that are asked for and true now."""
        current = self.description.object.poll(self.description) & self.events
        self.description.object.awaits(self.events)
        return current

    def woken(self, events: int) -> None:
        """A wake-up of what is watched; ``events`` 0 may mean any event."""
        if not self.events & ~PRIVATE_BITS:
            self.instance.kernel.cite("EPOLL-DISABLED")
        elif not events or events & self.events:
            self.instance.kernel.cite("EPOLL-WOKEN")
            self.instance.add_ready(self)

    def inspect(self) -> None:
        """Join the ready list if something that is asked for is true."""
        if self.current() and self not in self.instance.ready:
            self.instance.add_ready(self)


class Epoll(FileObject):
    """An epoll instance. All instances of the machine stand on one inode without a name."""

    transfers = False
    seeks = True
    shared = True
    executable = False
    anonymous_name = "eventpoll"

    def __init__(self, kernel: KernelState) -> None:
        super().__init__(kernel)
        self.description = OpenFileDescription(self, O_RDWR)
        self.registrations: dict[Key, Registration] = {}
        self.ready: dict[Registration, None] = {}
        """The ready list: a dict keeps the order in which its keys came."""
        self._queue = WaitQueue()

    def add_ready(self, registration: Registration) -> None:
        """Put a registration at the end of the ready list, unless it is in it, and wake who watches this instance."""
        self.ready.setdefault(registration)
        self._queue.wake(POLLIN)

    def collect(self, events_max: int) -> list[tuple[int, int]]:
        """Report what is ready, up to ``events_max``: (events, data) in order."""
        cite = self.kernel.cite
        reported: list[tuple[int, int]] = []
        waiting = self.ready
        again: dict[Registration, None] = {}
        for registration in tuple(waiting):
            if len(reported) == events_max:
                cite("EPOLL-MAX")
                break
            del waiting[registration]
            events = registration.current()
            if not events:
                cite("EPOLL-STALE")
                continue
            reported.append((events, registration.data))
            if registration.events & EPOLLONESHOT:
                cite("EPOLL-ONESHOT")
                registration.events &= PRIVATE_BITS
            elif registration.events & EPOLLET:
                cite("EPOLL-EDGE")
            else:
                cite("EPOLL-LEVEL")
                again[registration] = None
        waiting.update(again)
        return reported

    # Nesting ----------------------------------------------------------------------------------

    def nests(self, inner: Epoll) -> bool:
        """Whether ``inner`` may be added here: no loop, and no chain of instances that is too long."""
        below = inner.depth_below(self)
        return below <= NESTS_MAX and below + 1 + self.depth_above() <= NESTS_MAX

    def depth_below(self, outer: Epoll) -> int:
        """How many steps lead down from here; more than NESTS_MAX when ``outer`` is reached."""
        depth = 0
        for description, _ in self.registrations:
            instance = description.object
            if instance is outer:
                return NESTS_MAX + 1
            if isinstance(instance, Epoll):
                depth = max(depth, instance.depth_below(outer) + 1)
        return depth

    def depth_above(self) -> int:
        """How many steps lead up from here."""
        return max([above.instance.depth_above() + 1 for above in self.description.registrations], default=0)

    def crowded(self, description: OpenFileDescription) -> bool:
        """Whether too many ways lead up from a description, or from one that can be reached through it."""
        target = description.object
        if isinstance(target, Epoll):
            return any(self.crowded(inner) for inner, _ in target.registrations)
        counts = [0] * len(PATHS_MAX)
        _count_paths(description, 0, counts)
        return any(count > allowed for count, allowed in zip(counts[1:], PATHS_MAX[1:], strict=True))

    # What descriptors of an instance answer ---------------------------------------------------

    def poll(self, description: OpenFileDescription) -> int:
        for registration in tuple(self.ready):
            if registration.current():
                self.kernel.cite("EPOLL-NESTED-READY")
                return READY_EVENTS
            del self.ready[registration]
        return 0

    def wait_queues(self, description: OpenFileDescription) -> tuple[WaitQueue, ...]:
        return (self._queue,)

    def seek(self, description: OpenFileDescription, offset: int, whence: int) -> int:
        self.kernel.cite("EPOLL-SEEK")
        return 0

    def ioctl(self, description: OpenFileDescription, request: int, argument: Any) -> Any:
        if self.kernel.profile.kernel < EPOLL_IOCTL_SINCE:
            raise Refused(ENOTTY, "EPOLL-IOCTL")
        raise Refused(EINVAL, "EPOLL-IOCTL")

    def reopen(self, flags: int) -> OpenFileDescription:
        self._check_permission()
        return super().reopen(flags)

    def change_times(self, atime: int, mtime: int) -> None:
        if atime == mtime == -UTIME_NOW:
            self._check_permission()
        super().change_times(atime, mtime)

    def _check_permission(self) -> None:
        """Refuse those to whom the mode of the inode grants nothing: everybody but root."""
        profile = self.kernel.profile
        if not profile.capable and profile.uid != self.uid:
            raise Refused(EACCES, "EPOLL-INODE")

    def released(self, description: OpenFileDescription) -> None:
        if description is self.description:
            for registration in tuple(self.registrations.values()):
                registration.remove()


def _count_paths(description: OpenFileDescription, steps: int, counts: list[int]) -> None:
    """Count the ways up from a description by their number of steps between instances."""
    for registration in description.registrations:
        above = registration.instance.description
        if above.registrations:
            _count_paths(above, steps + 1, counts)
        else:
            counts[steps] += 1
