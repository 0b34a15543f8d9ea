# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ends of socket pairs that a sandbox has imported."""

from __future__ import annotations

from struct import pack

from reference.constants.sockets import AF_UNIX, SOL_SOCKET
from reference.host.kernel import Host

ON = pack("<i", 1)
Pair = tuple[int, int]


def pair(host: Host, type: int) -> Pair:
    """An imported end of a pair, and the other end, which is the host's. The host keeps no other descriptor."""
    one, other = host.socketpair(AF_UNIX, type, 0)
    return imported(host, one), other


def imported(host: Host, fd: int, flags: int | None = None, savable: int = 0) -> int:
    """The sandbox's number for a descriptor of the host's."""
    return host.import_fd(fd, 0, None, 0, flags, savable)


def turn_on(host: Host, fd: int, name: int) -> None:
    """Set an option that is on or off."""
    host.setsockopt(fd, SOL_SOCKET, name, ON)
