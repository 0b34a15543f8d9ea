# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What imports, saves and restores are where there is no sandbox: the twins that the host model is held against."""

from __future__ import annotations

from reference.linux.state import KernelState


class ImportCalls(KernelState):
    """import_fd, save and restore."""

    def import_fd(
        self, fd: int, readonly: int, owner: tuple[int, int] | None, tty: int, flags: int | None, savable: int
    ) -> int:
        """A duplicate: the descriptor is there already, and no option means anything. EBADF, EMFILE."""
        # RESOLVE
        description = self.fds.lookup(fd)
        # CHANGE
        self.cite("IMPORT-DUPLICATES")
        return self.fds.install(self.fds.lowest_free(), description, cloexec=False)

    def save(self) -> int:
        """Nothing happens."""
        self.cite("SAVE-NOTHING")
        return 0

    def restore(self) -> int:
        """Nothing happens."""
        self.cite("SAVE-NOTHING")
        return 0
