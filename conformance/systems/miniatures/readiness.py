# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in what is said to be ready."""

from __future__ import annotations

from conformance.systems.miniatures.base import PlantedBug
from reference.constants.errors import EBADF
from reference.constants.readiness import EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLET, EPOLLONESHOT, POLLERR, POLLHUP, POLLOUT
from reference.linux.epoll import Epoll
from reference.linux.kernel import Linux
from reference.linux.pipe import PipeEnds
from reference.outcomes import Refused
from reference.syscalls import PollList


class _ForgetsMode(Linux):
    """Takes a registration as it should, and then forgets some of its bits."""

    forgotten = 0

    def epoll_ctl(self, fd: int, operation: int, target: int, events: int, data: int) -> int:
        result = super().epoll_ctl(fd, operation, target, events, data)
        for registration in self.description(target).registrations:
            registration.events &= ~self.forgotten
        return result


class _EdgeIsLevel(_ForgetsMode):
    forgotten = EPOLLET


class _OneshotStays(_ForgetsMode):
    forgotten = EPOLLONESHOT


class _AddTwice(Linux):
    def epoll_ctl(self, fd: int, operation: int, target: int, events: int, data: int) -> int:
        try:
            return super().epoll_ctl(fd, operation, target, events, data)
        except Refused as refusal:
            if operation == EPOLL_CTL_ADD and refusal.clause == "EPOLL-EEXIST":
                return super().epoll_ctl(fd, EPOLL_CTL_MOD, target, events, data)
            raise


class _OnlyAsked(Linux):
    def epoll_wait(self, fd: int, events_max: int, timeout: int) -> tuple[tuple[int, int], ...]:
        instance = self.description(fd).object
        if isinstance(instance, Epoll):
            for registration in instance.registrations.values():
                registration.events &= ~POLLHUP
        return super().epoll_wait(fd, events_max, timeout)


class _CloseForgets(Linux):
    def close(self, fd: int) -> int:
        for registration in tuple(self.fds.lookup(fd).registrations):
            if registration.key[1] == fd:
                registration.remove()
        return super().close(fd)


class _NoHangup(Linux):
    def _polled(self, fd: int, events: int) -> int:
        return super()._polled(fd, events) & ~POLLHUP


class _NoError(Linux):
    def _polled(self, fd: int, events: int) -> int:
        return super()._polled(fd, events) & ~POLLERR


class _ClosedRefused(Linux):
    def poll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        if any(fd not in self.fds.entries for fd, _ in fds):
            raise Refused(EBADF, "POLL-NVAL")
        return super().poll(fds, timeout)


class _FullIsReady(Linux):
    def _polled(self, fd: int, events: int) -> int:
        returned = super()._polled(fd, events)
        description = self.fds.entries.get(fd)
        if description and description.writable and isinstance(description.object, PipeEnds):
            returned |= events & POLLOUT
        return returned


_WATCHED = "r0, r1 = pipe2(0)\nr2 = epoll_create1(0)\n"
_WAIT = "epoll_wait(r2, 1, 0)\n"

BUGS = (
    PlantedBug(
        "epoll-edge-is-level",
        "readiness",
        "EPOLLET is ignored: what is ready is reported again and again.",
        "pipes",
        _WATCHED + "epoll_ctl(r2, EPOLL_CTL_ADD, r1, EPOLLOUT | EPOLLET, 0)\n" + _WAIT + _WAIT,
        _EdgeIsLevel,
    ),
    PlantedBug(
        "epoll-oneshot-stays",
        "readiness",
        "A one-shot registration is not disabled by its report.",
        "pipes",
        _WATCHED + "epoll_ctl(r2, EPOLL_CTL_ADD, r1, EPOLLOUT | EPOLLONESHOT, 0)\n" + _WAIT + _WAIT,
        _OneshotStays,
    ),
    PlantedBug(
        "epoll-add-twice",
        "readiness",
        "Adding a descriptor to an epoll instance twice changes the first registration.",
        "pipes",
        _WATCHED + "epoll_ctl(r2, EPOLL_CTL_ADD, r0, 0, 0)\n" * 2,
        _AddTwice,
    ),
    PlantedBug(
        "epoll-hangup-unasked",
        "readiness",
        "epoll_wait(2) never reports EPOLLHUP.",
        "pipes",
        _WATCHED + "epoll_ctl(r2, EPOLL_CTL_ADD, r0, 0, 0)\nclose(r1)\n" + _WAIT,
        _OnlyAsked,
    ),
    PlantedBug(
        "epoll-close-forgets",
        "readiness",
        "Closing a number ends its registration although a duplicate keeps the description.",
        "pipes",
        _WATCHED + "r3 = dup(r1)\nepoll_ctl(r2, EPOLL_CTL_ADD, r1, EPOLLOUT, 0)\nclose(r1)\n" + _WAIT,
        _CloseForgets,
    ),
    PlantedBug(
        "poll-no-hangup",
        "readiness",
        "poll(2) never reports POLLHUP.",
        "pipes",
        "r0, r1 = pipe2(0)\nclose(r1)\npoll([(r0, 0)], 0)\n",
        _NoHangup,
    ),
    PlantedBug(
        "poll-no-error",
        "readiness",
        "poll(2) never reports POLLERR.",
        "pipes",
        "r0, r1 = pipe2(0)\nclose(r0)\npoll([(r1, 0)], 0)\n",
        _NoError,
    ),
    PlantedBug(
        "poll-closed-refused",
        "readiness",
        "poll(2) fails with EBADF for a number that is not open.",
        "pipes",
        "r0 = epoll_create1(0x1)\npoll([(r0, 0)], 0)\n",
        _ClosedRefused,
    ),
    PlantedBug(
        "poll-full-is-ready",
        "readiness",
        "A full pipe can be written, says poll(2).",
        "pipes",
        "r0, r1 = pipe2(0)\nwrite(r1, pattern(65536, seed=0))\npoll([(r1, POLLOUT)], 0)\n",
        _FullIsReady,
    ),
)
