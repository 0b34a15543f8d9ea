# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Readiness of imported descriptors: poll(2), select(2), epoll(7).

Epoll instances are the kernel's below. An imported descriptor is registered there by its number,
with a token instead of the application's data, so that what comes back can be told from the host's own
and cut to what the sandbox would have said.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from reference.constants.descriptors import F_GETFD
from reference.constants.errors import EINVAL, ENOENT, EPERM
from reference.constants.limits import ULONG_MAX
from reference.constants.readiness import (
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLONESHOT,
    EPOLLWAKEUP,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
)
from reference.host.caller import Caller
from reference.host.description import Description
from reference.host.state import HostState, Kernel
from reference.outcomes import Refused, Sleeps
from reference.syscalls import FdList, PollList

ALWAYS_REPORTED = POLLERR | POLLHUP
SELECT_READ = POLLIN | POLLHUP | POLLERR
SELECT_WRITE = POLLOUT | POLLERR
SELECT_URGENT = POLLPRI
SLEEP_MS_MIN = 1000
"""A timeout of at least this counts as sleeping for ever, as it does on the kernel below."""
TOKENS_FROM = 2**63
"""Where the data of imported registrations begins."""
EPOLL_LINK = "anon_inode:[eventpoll]"
"""What the link of an epoll instance in /proc/self/fd says."""
_REFUSALS_OF_NAMES = {EPOLL_CTL_ADD: EPERM, EPOLL_CTL_MOD: ENOENT, EPOLL_CTL_DEL: ENOENT}
_MODIFIERS = EPOLLET | EPOLLEXCLUSIVE | EPOLLONESHOT | EPOLLWAKEUP


class Interest(NamedTuple):
    """What the epoll instance ``epoll`` was asked about a descriptor; the host was asked for ``asked``.

    ``file`` is None for a descriptor that was not imported, whose data would be taken for a token.
    """

    epoll: int
    fd: int
    file: Description | None
    asked: int
    data: int


class ReadinessCalls(HostState):
    """poll, ppoll, select and the epoll calls."""

    def __init__(self, kernel: Kernel, caller: Caller | None = None) -> None:
        super().__init__(kernel, caller)
        self._interests: dict[int, Interest] = {}

    # poll and select --------------------------------------------------------------------------

    def poll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        """poll(2)."""
        if not any(fd in self.files for fd, _ in fds):
            return self.kernel.poll(fds, timeout)
        return self._poll(fds, timeout)

    def ppoll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        """ppoll(2) without a signal mask. EINVAL for a negative timeout but -1 comes from below."""
        if not any(fd in self.files for fd, _ in fds):
            return self.kernel.ppoll(fds, timeout)
        if timeout < -1:
            return self.kernel.ppoll((), timeout)
        return self._poll(fds, timeout)

    def _poll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        if len(fds) > self.caller.descriptors_max:
            raise Refused(EINVAL, "EV-07")
        self.cite("EV-07")
        found = tuple([self._polled(fd, events) for fd, events in fds])
        if not any(found):
            self._wait(timeout, tuple([fd for fd, _ in fds]))
        return found

    def _polled(self, fd: int, events: int) -> int:
        file = self.files.get(fd)
        if file is None:
            (found,) = self.kernel.poll(((fd, events),), 0)
            return found
        self._cite_queue(file)
        mask = events & 0xFFFF | ALWAYS_REPORTED
        return file.readiness(fd, mask) & mask

    def _cite_queue(self, file: Description) -> None:
        """Whoever asks a description asks its inode, which the other descriptions of it do as well."""
        if len(file.inode.descriptions) > 1:
            self.cite("EV-13")

    def _wait(self, timeout: int, fds: FdList) -> None:
        """Nothing is ready: a short timeout passes, and without one nobody in the program can end the wait.

        ``fds`` are waited for, and those that cannot be watched do not keep anybody from waiting.
        """
        if any(fd in self.files and not self.files[fd].inode.epollable for fd in fds):
            self.cite("EV-12")
        if timeout < 0 or timeout >= SLEEP_MS_MIN:
            raise Sleeps("EV-16")

    def select(self, read: FdList, write: FdList, urgent: FdList, timeout: int) -> tuple[FdList, FdList, FdList]:
        """select(2). EBADF and EINVAL come from below."""
        if timeout < -1 or not any(fd in self.files for fd in (*read, *write, *urgent)):
            return self.kernel.select(read, write, urgent, timeout)
        self.kernel.select(read, write, urgent, 0)
        found = (
            self._selected(read, SELECT_READ),
            self._selected(write, SELECT_WRITE),
            self._selected(urgent, SELECT_URGENT),
        )
        if not any(found):
            self._wait(timeout, (*read, *write, *urgent))
        return found

    def _selected(self, fds: FdList, mask: int) -> FdList:
        return tuple([fd for fd in sorted(set(fds)) if self._polled(fd, mask) & mask])

    # epoll ------------------------------------------------------------------------------------

    def epoll_ctl(self, fd: int, operation: int, target: int, events: int, data: int) -> int:
        """epoll_ctl(2)."""
        self._check_instance(fd)
        file = self.found(target)
        if file is not None and file.path_only:
            return self._refuse_watching_a_name(fd, operation)
        if operation not in (EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL):
            return self.kernel.epoll_ctl(fd, operation, target, events, data)
        data &= ULONG_MAX
        if file is None:
            if data < TOKENS_FROM:
                return self.kernel.epoll_ctl(fd, operation, target, events, data)
            return self._registered(Interest(fd, target, None, events, data), operation)
        self.cite("EV-14")
        if operation != EPOLL_CTL_DEL:
            self.cite("EV-15")
        return self._registered(Interest(fd, target, file, file.epoll_interest(events), data), operation)

    def _refuse_watching_a_name(self, fd: int, operation: int) -> int:
        """A descriptor that only names a file is never watched. EBADF, EINVAL, EPERM, ENOENT."""
        self.kernel.fcntl(fd, F_GETFD)
        if self.kernel.readlink_fd(fd) != EPOLL_LINK or operation not in _REFUSALS_OF_NAMES:
            raise Refused(EINVAL, "EV-14")
        raise Refused(_REFUSALS_OF_NAMES[operation], "OPN-10")

    def _registered(self, interest: Interest, operation: int) -> int:
        """Register an interest with a token for its data, which is what it comes back with."""
        token = TOKENS_FROM + len(self._interests)
        result = self.kernel.epoll_ctl(interest.epoll, operation, interest.fd, interest.asked, token)
        if operation != EPOLL_CTL_DEL:
            self._interests[token] = interest
        return result

    def registered_data(self, data: int) -> int:
        """What the application registered with, where the kernel below says ``data``."""
        return self._interests[data].data if data in self._interests else data

    def is_left(self, data: int) -> bool:
        """Whether a registration that the kernel below reports with ``data`` is of a description that is gone."""
        interest = self._interests.get(data)
        return interest is not None and interest.file is not None and not interest.file.references

    def _check_instance(self, fd: int) -> None:
        """Refuse an import as an epoll instance, before anything else is looked at. EINVAL."""
        if self.found(fd) is not None:
            raise Refused(EINVAL, "EV-14")

    def epoll_wait(self, fd: int, events_max: int, timeout: int) -> tuple[tuple[int, int], ...]:
        """epoll_wait(2): what the kernel below reports, with imported descriptors as the sandbox sees them.

        What the sandbox would not have reported is left out, and others are asked for that had no place beside it.
        """
        self._check_instance(fd)
        found = self.kernel.epoll_wait(fd, events_max, timeout)
        if not self._interests:
            return found
        shown: list[tuple[int, int]] = []
        met: set[tuple[int, int]] = set()
        while True:
            hidden = self._show(fd, found, shown, met)
            met.update(found)
            if not hidden or len(shown) == events_max:
                break
            found = self.kernel.epoll_wait(fd, events_max - len(shown), 0)
        if not shown and met:
            self._wait(timeout, ())
        return tuple(shown)

    def _show(
        self, fd: int, found: tuple[tuple[int, int], ...], shown: list[tuple[int, int]], met: set[tuple[int, int]]
    ) -> bool:
        """Add to ``shown`` what the sandbox reports of ``found``; whether something was left out, and more may come.

        Entries that stay ready come round again: with the first of those ``met`` in earlier rounds the search ends.
        """
        hidden = round_again = False
        for entry in found:
            events, data = entry
            interest = self._interests.get(data)
            cut = events if interest is None else self._cut(interest, events)
            if interest is not None and not cut:
                hidden = True
                self._arm_again(fd, data, interest)
            if entry in met:
                round_again = True
            elif cut:
                if interest is not None and interest.file is not None:
                    self.cite("EV-10")
                shown.append((cut, self.registered_data(data)))
        return hidden and not round_again

    def _cut(self, interest: Interest, events: int) -> int:
        """What the sandbox reports when the host's epoll reports ``events`` of an imported descriptor."""
        if interest.file is None:
            return events
        if not interest.file.references:
            return 0
        self.cite("EV-11")
        self._cite_queue(interest.file)
        return interest.file.epoll_events(interest.fd, events)

    def _arm_again(self, fd: int, token: int, interest: Interest) -> None:
        """A registration for one report has not had it yet."""
        if interest.asked & EPOLLONESHOT and self.files.get(interest.fd) is interest.file:
            self.kernel.epoll_ctl(fd, EPOLL_CTL_MOD, interest.fd, interest.asked, token)

    def description_released(self, fd: int, file: Description) -> None:
        """A description is gone: no epoll instance watches it any longer, though the host's description may live on."""
        for interest in self._interests.values():
            if interest.file is file and interest.fd == fd:
                self.cite("CLS-02")
                with suppress(OSError):
                    self.kernel.epoll_ctl(interest.epoll, EPOLL_CTL_DEL, fd, 0, 0)


def modifiers(events: int) -> int:
    """The bits of an epoll interest that say how to report, and are no events."""
    return events & _MODIFIERS
