# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Addresses of Unix sockets (unix(7)): where a name comes from, and the file that stands for a bound socket.

An address is a path; the empty text, which is an address without a name; or a text that begins with NUL,
which is a name in the *abstract* name space, where no file stands for it. None is no address at all.

A socket that is bound to the empty address is given an abstract name of the kernel's choice.
Nobody can say which, so every such name reads as :data:`AUTOMATIC_NAME`, and nobody is found by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference.constants.errors import EINVAL
from reference.constants.file_status import S_IFSOCK
from reference.linux.inode import Inode
from reference.outcomes import Refused
from reference.syscalls import AUTOMATIC_NAME, Address

if TYPE_CHECKING:
    from reference.linux.state import KernelState
    from reference.linux.unix_socket import UnixSocket

__all__ = ["AUTOMATIC_NAME", "Address", "Destination", "SocketFile", "check_address", "is_abstract"]

ADDRESS_BYTES_MAX = 108
STORAGE_BYTES_MAX = 126
"""The longest name that any family of sockets has: what is longer is refused before the socket is looked at."""


def is_abstract(address: str) -> bool:
    """Whether an address with a name lies in the abstract name space."""
    return address.startswith("\0")


def check_address(address: Address) -> str:
    """The address, when it names somebody; EINVAL when it is none, has no name, or is too long."""
    if not address or len(address.encode()) > ADDRESS_BYTES_MAX:
        raise Refused(EINVAL, "ADDR-INVALID")
    return address


def check_length(address: Address) -> None:
    """Refuse an address that no socket of any family has."""
    if address is not None and len(address.encode()) > STORAGE_BYTES_MAX:
        raise Refused(EINVAL, "ADDR-INVALID")


class SocketFile(Inode):
    """The file that bind(2) makes. ``socket`` is the socket that answers there, None once that is closed."""

    def __init__(self, kernel: KernelState, permissions: int, gid: int, socket: UnixSocket) -> None:
        super().__init__(kernel, S_IFSOCK | permissions, kernel.profile.uid, gid)
        self.socket: UnixSocket | None = socket


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message is to go: an address, and ``look_up``, which finds the socket of a type that answers there."""

    address: Address
    look_up: Callable[[str, int], UnixSocket]

    def check(self) -> str:
        """The address, when it names somebody: EINVAL."""
        return check_address(self.address)

    def find(self, type: int) -> UnixSocket:
        """The socket at the address; EINVAL, and the errors of looking it up."""
        return self.look_up(check_address(self.address), type)
