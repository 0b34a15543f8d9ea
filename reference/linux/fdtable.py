# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The table of descriptors: numbers that refer to open file descriptions, each with its close-on-exec flag."""

from __future__ import annotations

from reference.constants import EBADF, EMFILE
from reference.linux.description import OpenFileDescription
from reference.outcomes import Refused


class FdTable:
    """The lowest free number is handed out first (dup(2))."""

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

    def remove(self, fd: int) -> None:
        """Forget a number; the object hears of it when this was the last reference to its description."""
        description = self.entries.pop(fd)
        self.close_on_exec.discard(fd)
        drop(description)


def drop(description: OpenFileDescription) -> None:
    """Give up one reference to a description, from a descriptor or from a message in flight."""
    description.references -= 1
    if description.references == 0:
        description.object.released(description)
