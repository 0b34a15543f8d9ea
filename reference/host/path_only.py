# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The description of an import that was opened again with O_PATH: it names the inode, and does nothing.

It counts as one that may be read, so what the calls look at before they ask a description is looked at here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from reference.constants.errors import EBADF
from reference.constants.open_flags import O_PATH, O_RDONLY
from reference.constants.readiness import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from reference.host.description import Description
from reference.outcomes import Refused

if TYPE_CHECKING:
    from reference.host.inode import Inode
    from reference.host.state import HostState

_ALWAYS_READY = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM


class PathDescription(Description):
    """A description that answers EBADF to whoever gets as far as asking it, but to poll(2)."""

    path_only = True

    def __init__(self, host: HostState, inode: Inode, flags: int) -> None:
        super().__init__(host, inode, O_RDONLY)
        self.flags = flags | O_PATH

    def check_reader(self) -> None:
        self.refuse()

    def read(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        self.refuse()

    def read_at(self, host_fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        self.refuse()

    def sync(self, host_fd: int) -> int:
        self.refuse()

    def check_mapping(self) -> None:
        self.refuse()

    def readiness(self, host_fd: int, mask: int) -> int:
        self.host.cite("OPN-10")
        return _ALWAYS_READY & mask

    def refuse(self) -> NoReturn:
        """EBADF: what the description itself says to everything."""
        raise Refused(EBADF, "OPN-10")
