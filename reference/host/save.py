# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Saving and restoring the sandbox (section 21 of the specification), without writing anything down.

What a save and a restore do to the state that stays is all that an application can see of them:
pipes are read dry into the sandbox, and descriptors are made non-blocking again.
"""

from __future__ import annotations

from reference.constants.file_status import S_IFCHR, S_IFIFO, S_IFREG
from reference.constants.readiness import POLLIN
from reference.constants.requests import FIONBIO
from reference.host.inode import Inode
from reference.host.state import HostState
from reference.outcomes import Declined

DRAIN_STEP_BYTES = 4096


class SavingCalls(HostState):
    """save and restore."""

    def save(self) -> int:
        """Make every import ready to be saved: 0. Refused when one of them was not imported as savable."""
        inodes = self._inodes()
        if not all(inode.savable for inode in inodes):
            raise Declined("SR-01")
        for inode, host_fd in inodes.items():
            self.cite("SR-03")
            if inode.type == S_IFIFO:
                self._drain(inode, host_fd)
            elif inode.type == S_IFCHR and not inode.seekable:
                self.cite("SR-12")
        return 0

    def restore(self) -> int:
        """Give every import its host descriptor back, which is the one it had: 0."""
        for inode, host_fd in self._inodes().items():
            self.cite("SR-04")
            if inode.type == S_IFREG:
                self.cite("SR-11")
            if inode.readonly or inode.owner is not None or any(file.flags for file in inode.descriptions):
                self.cite("SR-13")
            if inode.epollable:
                self.kernel.ioctl(host_fd, FIONBIO, 1)
            for file in inode.descriptions:
                file.restored(host_fd)
        return 0

    def _inodes(self) -> dict[Inode, int]:
        """The imports that live, each with a number of it, in the order they were made."""
        found = {file.inode: fd for fd, file in reversed(self.files.items())}
        return dict(sorted(found.items(), key=lambda item: item[0].ino))

    def _drain(self, inode: Inode, host_fd: int) -> None:
        """Read a pipe dry. What it held leaves the host, and waits in the sandbox for the next read.

        It is asked first whether it holds anything: whoever shares the host's description may have made it
        blocking again, and a save never waits (SR-08).
        """
        self.cite("SR-05")
        while self._holds_data(host_fd):
            self.cite("SR-06")
            inode.saved += self.kernel.read(host_fd, DRAIN_STEP_BYTES)
        self.cite("SR-08")

    def _holds_data(self, host_fd: int) -> bool:
        """Whether a read would bring bytes. A write end holds none."""
        (found,) = self.kernel.poll(((host_fd, POLLIN),), 0)
        return bool(found & POLLIN)
