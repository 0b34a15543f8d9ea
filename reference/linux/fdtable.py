# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The table of descriptors: numbers that refer to open file descriptions, each with its close-on-exec flag."""

from __future__ import annotations

from reference.constants.errors import EBADF, EMFILE
from reference.linux.description import OpenFileDescription
from reference.outcomes import Refused


class FdTable:
    """The lowest free number is handed out first (dup(2)). ``limit`` is the first number that is never handed out."""

    def __init__(self, descriptors_max: int) -> None:
        self.limit = descriptors_max
        self.entries: dict[int, OpenFileDescription] = {}
        self.close_on_exec: set[int] = set()

    def lookup(self, fd: int) -> OpenFileDescription:
        """The description that a number refers to; EBADF when none."""
        try:
            return self.entries[fd]
        except KeyError:
            raise Refused(EBADF, "FD-EBADF") from None

    def lowest_free(self, minimum: int = 0) -> int:
        """The lowest free number from ``minimum`` on; EMFILE when the limit is reached."""
        entries = self.entries
        fd = minimum
        while fd in entries:
            fd += 1
        if fd >= self.limit:
            raise Refused(EMFILE, "FD-EMFILE")
        return fd

    def install(self, fd: int, description: OpenFileDescription, cloexec: bool) -> int:
        """Make a free number refer to a description."""
        self.entries[fd] = description
        description.references += 1
        if cloexec:
            self.close_on_exec.add(fd)
        return fd

    def replace(self, fd: int, description: OpenFileDescription, cloexec: bool) -> int:
        """Make a number in use refer to another description. The old one is given up when the new one is in place."""
        before = self.detach(fd)
        self.install(fd, description, cloexec)
        drop(before)
        return fd

    def remove(self, fd: int) -> None:
        """Forget a number; the object hears of it when this was the last reference to its description."""
        drop(self.detach(fd))

    def remove_between(self, first: int, last: int) -> None:
        """Forget all numbers from ``first`` to ``last``.

        Linux gives the descriptions up when the call returns, the one detached last first.
        The order shows in the order of events that an epoll instance reports.
        """
        numbers = sorted([fd for fd in self.entries if first <= fd <= last])
        for description in reversed([self.detach(fd) for fd in numbers]):
            drop(description)

    def detach(self, fd: int) -> OpenFileDescription:
        """Free a number. The reference that it held is still to be given up."""
        self.close_on_exec.discard(fd)
        description = self.entries.pop(fd)
        locks = description.object.locks
        if locks is not None and not description.path_only:
            locks.descriptor_closed()
        return description


def drop(description: OpenFileDescription) -> None:
    """Give up one reference to a description, from a descriptor or from a message in flight."""
    description.references -= 1
    if description.references == 0:
        for registration in tuple(description.registrations):
            registration.forget()
        target = description.object
        if target.locks is not None:
            target.locks.description_closed(description)
        target.released(description)
    else:
        description.object.reference_lost(description)
