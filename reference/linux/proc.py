# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The links of /proc/self/fd (proc_pid_fd(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.errors import EACCES
from reference.constants.file_status import S_IFLNK
from reference.linux.directory import DELETED
from reference.linux.inode import Inode
from reference.linux.profile import PROCFS
from reference.outcomes import Anything, OneOf
from reference.structures import Stat

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.state import KernelState

LINK_BYTES = 64
"""What every such link says its size is."""
OWNER_READ_SEARCH, OWNER_WRITE_SEARCH = 0o500, 0o300


class DescriptorLink(Inode):
    """One link. Its permissions tell how the descriptor may be used.

    A process that has changed its user belongs to root here: whether it has is not known.
    """

    def __init__(self, kernel: KernelState, number: int) -> None:
        super().__init__(kernel, S_IFLNK, kernel.profile.uid, kernel.profile.gid, PROCFS)
        self.number = number
        self.gone = False
        """Whether the number was looked up again when it referred to nothing."""
        self.atime = self.mtime = self.ctime = Anything()

    def lead_to(self, description: OpenFileDescription) -> None:
        """The link was looked up while the number referred to this description."""
        read = OWNER_READ_SEARCH if description.readable else 0
        write = OWNER_WRITE_SEARCH if description.writable else 0
        self.mode = S_IFLNK | read | write

    def link_text(self, description: OpenFileDescription) -> str:
        self.kernel.cite("LINKFD-LINK")
        return f"/proc/self/fd/{self.number}{DELETED if self.gone else ''}"

    def permits(self, wanted: int) -> bool:
        profile = self.kernel.profile
        if profile.capable or not wanted or not super().permits(wanted):
            return super().permits(wanted)
        self.kernel.cite("ACCESS-LINK")
        return not self.kernel.choices.refused(EACCES)

    def size(self) -> Any:
        return LINK_BYTES

    def stat(self) -> Stat:
        profile = self.kernel.profile
        uid: Any = OneOf((profile.uid, 0))
        gid: Any = OneOf((profile.gid, 0))
        return super().stat()._replace(uid=uid, gid=gid)
