# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Listening sockets: connections that wait to be accepted (listen(2), connect(2), accept(2)).

connect(2) makes the socket of the other end at once, and queues it at the listening socket.
So the connection is there before anybody accepts it: data, and a shutdown, may already wait in it.
accept(2) only gives that socket a descriptor. It has the address of the listening socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.sockets import SO_PASSCRED
from reference.linux.releases import CREDENTIALS_AT_CONNECT_SINCE

if TYPE_CHECKING:
    from reference.linux.unix_socket import UnixSocket


class Listener:
    """What a listening socket has beside an ordinary one: ``waiting`` are the other ends of its connections."""

    __slots__ = ("backlog", "waiting")

    def __init__(self, backlog: int) -> None:
        self.backlog = backlog
        self.waiting: list[UnixSocket] = []

    @property
    def full(self) -> bool:
        """Whether no further connection is queued. One more than the backlog may wait."""
        return len(self.waiting) > self.backlog


def queue_connection(listening: UnixSocket, client: UnixSocket) -> UnixSocket:
    """Connect a socket to a listening one: the socket of the other end, which waits to be accepted from now on."""
    listener = listening.listener
    assert listener is not None
    other = type(client)(client.kernel)
    other.peer, client.peer = client, other
    other.address = listening.address
    other.waits_at = listening
    if client.kernel.profile.kernel >= CREDENTIALS_AT_CONNECT_SINCE:
        other.options.enabled |= listening.options.enabled & {SO_PASSCRED}
    other.peer_credentials = client.caller()
    client.peer_credentials = listening.peer_credentials
    listener.waiting.append(other)
    return other
