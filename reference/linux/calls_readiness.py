# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that ask what is ready: poll(2), select(2), epoll(7)."""

from __future__ import annotations

from reference.constants.errors import EBADF, EEXIST, EINVAL, ELOOP, ENOENT, EPERM
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
    EPOLLOUT,
    EPOLLWAKEUP,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDBAND,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from reference.linux.description import OpenFileDescription
from reference.linux.epoll import Epoll, Registration
from reference.linux.releases import EPOLL_DESCRIPTOR_FIRST_SINCE
from reference.linux.state import KernelState
from reference.outcomes import Refused, Sleeps
from reference.syscalls import FdList, PollList

ALWAYS_REPORTED = POLLERR | POLLHUP
SELECT_READ = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR | POLLNVAL
SELECT_WRITE = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR | POLLNVAL
SELECT_URGENT = POLLPRI | POLLNVAL

SLEEP_MS_MIN = 1000
"""A timeout of at least this counts as sleeping for ever: whoever observes the call does not wait that long."""

EPOLL_EVENT_BYTES = 12
EPOLL_EVENTS_MAX = INT_MAX // EPOLL_EVENT_BYTES
EXCLUSIVE_EVENTS = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE
ULLONG_MAX = 2**64 - 1


class ReadinessCalls(KernelState):
    """poll, ppoll, select and the epoll calls."""

    # poll and select --------------------------------------------------------------------------

    def poll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        """poll(2): every negative timeout means for ever. EINVAL."""
        return self._poll(fds, max(timeout, -1))

    def ppoll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        """ppoll(2): a timeout below zero, other than the -1 that stands for none, is EINVAL."""
        # CHECK
        if timeout < -1:
            raise Refused(EINVAL, "POLL-TIMEOUT")
        return self._poll(fds, timeout)

    def _poll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        # CHECK
        if len(fds) > self.profile.descriptors_max:
            raise Refused(EINVAL, "POLL-MANY")
        # RETURN
        returned = tuple([self._polled(fd, events) for fd, events in fds])
        if not any(returned):
            self._wait(timeout)
        return returned

    def _polled(self, fd: int, events: int) -> int:
        """What poll(2) returns for one entry."""
        description = self.fds.entries.get(fd)
        if description is None or description.path_only:
            self.cite("POLL-NVAL")
            return POLLNVAL
        current = description.object.poll(description)
        description.object.awaits(events)
        if current & ALWAYS_REPORTED & ~events:
            self.cite("POLL-ALWAYS")
        return current & (events | ALWAYS_REPORTED)

    def _wait(self, timeout: int) -> None:
        """Nothing is ready: let the time pass. Nobody makes anything ready meanwhile."""
        if timeout < 0 or timeout >= SLEEP_MS_MIN:
            raise Sleeps("READY-WAITS")
        self.cite("READY-TIMEOUT")

    def select(self, read: FdList, write: FdList, urgent: FdList, timeout: int) -> tuple[FdList, FdList, FdList]:
        """select(2). EINVAL for a timeout below -1, EBADF."""
        # CHECK
        if timeout < -1:
            raise Refused(EINVAL, "POLL-TIMEOUT")
        asked = sorted({*read, *write, *urgent})
        entries = self.fds.entries
        if any(fd not in entries for fd in asked):
            raise Refused(EBADF, "SELECT-EBADF")
        # RETURN
        self.cite("SELECT-SETS")
        masks = {fd: self._mask(entries[fd], fd in write) for fd in asked}
        result = tuple(
            [
                tuple([fd for fd in asked if fd in members and masks[fd] & events])
                for members, events in ((read, SELECT_READ), (write, SELECT_WRITE), (urgent, SELECT_URGENT))
            ]
        )
        if not any(result):
            self._wait(timeout)
        return result  # type: ignore[return-value]

    def _mask(self, description: OpenFileDescription, write: bool) -> int:
        if description.path_only:
            self.cite("SELECT-OPATH")
            return POLLNVAL
        current = description.object.poll(description)
        if write:
            description.object.awaits(SELECT_WRITE)
        return current

    # epoll ------------------------------------------------------------------------------------

    def epoll_create1(self, flags: int) -> int:
        """epoll_create1(2). EINVAL, EMFILE."""
        # CHECK
        if flags & ~EPOLL_CLOEXEC:
            raise Refused(EINVAL, "EPOLL-FLAGS")
        # CHANGE
        return self.open_descriptor(Epoll(self).description, flags)

    def epoll_ctl(self, fd: int, operation: int, target: int, events: int, data: int) -> int:
        """epoll_ctl(2). EBADF, EPERM, EINVAL, ELOOP, EEXIST, ENOENT."""
        # RESOLVE
        instance = self.description(fd).object
        description = self.description(target)
        # CHECK
        if description.object.wait_queues(description) is None:
            raise Refused(EPERM, "EPOLL-EPERM")
        if not isinstance(instance, Epoll):
            raise Refused(EINVAL, "EPOLL-OTHER")
        if instance is description.object:
            raise Refused(EINVAL, "EPOLL-SELF")
        events &= UINT_MAX
        if events & EPOLLEXCLUSIVE:
            _check_exclusive(operation, description, events)
        inner = description.object
        if operation == EPOLL_CTL_ADD and isinstance(inner, Epoll) and not instance.nests(inner):
            raise Refused(ELOOP, "EPOLL-LOOP")
        known = instance.registrations.get((description, target))
        # CHANGE
        events |= EPOLLERR | EPOLLHUP
        if operation == EPOLL_CTL_ADD:
            if known is not None:
                raise Refused(EEXIST, "EPOLL-EEXIST")
            self._add(Registration(instance, (description, target), events, data & ULLONG_MAX))
            return 0
        if operation not in (EPOLL_CTL_MOD, EPOLL_CTL_DEL):
            raise Refused(EINVAL, "EPOLL-OPERATION")
        if known is None:
            raise Refused(ENOENT, "EPOLL-ENOENT")
        if operation == EPOLL_CTL_DEL:
            known.remove()
            return 0
        if known.events & EPOLLEXCLUSIVE:
            raise Refused(EINVAL, "EPOLL-EXCLUSIVE-MOD")
        self.cite("EPOLL-MOD")
        known.events = events
        known.data = data & ULLONG_MAX
        known.inspect()
        return 0

    def _add(self, registration: Registration) -> None:
        """Let a new registration take part, unless it would make too many ways for a wake-up."""
        instance = registration.instance
        target = registration.description
        # CHECK
        if instance.description.registrations or isinstance(target.object, Epoll):
            self.cite("EPOLL-NESTED")
            if instance.crowded(target):
                registration.remove()
                raise Refused(EINVAL, "EPOLL-PATHS")
        # CHANGE
        self.cite("EPOLL-ADD")
        registration.listen()
        registration.inspect()

    def epoll_wait(self, fd: int, events_max: int, timeout: int) -> tuple[tuple[int, int], ...]:
        """epoll_wait(2): every negative timeout means for ever. EBADF, EINVAL."""
        # CHECK
        too_many = not 0 < events_max <= EPOLL_EVENTS_MAX
        if too_many and self.profile.kernel < EPOLL_DESCRIPTOR_FIRST_SINCE:
            raise Refused(EINVAL, "EPOLL-WAIT-MAX")
        # RESOLVE
        instance = self.description(fd).object
        # CHECK
        if too_many:
            raise Refused(EINVAL, "EPOLL-WAIT-MAX")
        if not isinstance(instance, Epoll):
            raise Refused(EINVAL, "EPOLL-OTHER")
        # RETURN
        reported = instance.collect(events_max)
        if not reported:
            self._wait(timeout)
        return tuple(reported)


def _check_exclusive(operation: int, target: OpenFileDescription, events: int) -> None:
    """Refuse EPOLLEXCLUSIVE where it is not allowed (epoll_ctl(2))."""
    if operation == EPOLL_CTL_MOD:
        raise Refused(EINVAL, "EPOLL-EXCLUSIVE-MOD")
    if operation == EPOLL_CTL_ADD and (isinstance(target.object, Epoll) or events & ~EXCLUSIVE_EVENTS):
        raise Refused(EINVAL, "EPOLL-EXCLUSIVE")
