# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on descriptors of directories."""

from __future__ import annotations

from reference.constants.errors import ENOTDIR
from reference.linux.calls_names import NameCalls
from reference.linux.directory import Directory
from reference.outcomes import Refused


class DirectoryCalls(NameCalls):
    """getdents64(2), fchdir(2)."""

    def getdents(self, fd: int, count: int) -> tuple[str, ...]:
        """getdents64(2): only the names, sorted."""
        description = self.description(fd)
        if not isinstance(description.object, Directory):
            raise Refused(ENOTDIR, "DIRENT-KIND")
        return description.object.list_names(description, count)

    def fchdir(self, fd: int) -> int:
        """fchdir(2). An O_PATH descriptor will do."""
        # RESOLVE
        target = self.fds.lookup(fd).object
        # CHECK
        if not isinstance(target, Directory):
            raise Refused(ENOTDIR, "FCHDIR-KIND")
        target.check_search()
        # CHANGE
        self.cite("FCHDIR-PATHS")
        self.working_directory = target
        return 0
