# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What planted bugs of the host model share: a wrong host stands over the right model of Linux.

It plays the part of the host model over the real kernel, and is held against the host model over the model of Linux.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, cast

from conformance.interpreter import System
from conformance.laws import caller_of
from conformance.systems.miniatures.base import PlantedBug
from reference.host.description import Description, PlainDescription
from reference.host.inode import Facts, Inode
from reference.host.kernel import Host
from reference.host.socket import SocketDescription
from reference.host.terminal import TerminalDescription
from reference.linux.kernel import Linux
from reference.linux.profile import Profile


class WrongHost(Host):
    """The host model with descriptions and inodes of other classes."""

    plain: ClassVar[type[PlainDescription]] = PlainDescription
    terminal: ClassVar[type[TerminalDescription]] = TerminalDescription
    inode: ClassVar[type[Inode]] = Inode
    endpoint: ClassVar[type[SocketDescription]] = SocketDescription

    def opened_socket(self, inode: Inode, host_fd: int, flags: int) -> Description:
        """As in the host model."""
        return self.endpoint(self, inode, host_fd, flags)

    def opened(self, inode: Inode, host_fd: int, file_type: int, flags: int) -> Description:
        """As in the host model."""
        if type(inode) is not self.inode:
            inode = self.inode(self, facts_of(inode), inode.owner)
        file = super().opened(inode, host_fd, file_type, flags)
        if type(file) is PlainDescription:
            return self.plain(self, inode, flags)
        return self.terminal(self, inode, flags) if type(file) is TerminalDescription else file


def facts_of(inode: Inode) -> Facts:
    """What the import of an inode found out."""
    return Facts(inode.ino, inode.type, inode.seekable, inode.epollable, inode.tty, inode.savable, inode.readonly)


def over_linux(wrong: type[Host]) -> Callable[[Profile], System]:
    """Makes a wrong host over the model of Linux."""

    def make(profile: Profile) -> System:
        return cast(System, wrong(cast(System, Linux(profile)), caller_of(profile)))

    return make


def host_bug(name: str, kind: str, what: str, programs: str, minimal: str, wrong: type[Host]) -> PlantedBug:
    """A planted bug of the host model: as :class:`PlantedBug`, with the class of the wrong host."""
    return PlantedBug(name, kind, what, programs, minimal, over_linux(wrong), law="host")


def with_plain(description: type[PlainDescription]) -> type[Host]:
    """A wrong host whose plain descriptions are of a class."""
    return type(description.__name__, (WrongHost,), {"plain": description})


def with_inode(inode: type[Inode]) -> type[Host]:
    """A wrong host whose inodes are of a class."""
    return type(inode.__name__, (WrongHost,), {"inode": inode})


def with_socket(description: type[SocketDescription]) -> type[Host]:
    """A wrong host whose sockets are of a class."""
    return type(description.__name__, (WrongHost,), {"endpoint": description})


def with_terminal(description: type[TerminalDescription]) -> type[Host]:
    """A wrong host whose terminals are of a class."""
    return type(description.__name__, (WrongHost,), {"terminal": description})
