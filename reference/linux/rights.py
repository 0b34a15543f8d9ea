# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages in flight, and what travels beside their data: descriptors and credentials (unix(7), cmsg(3)).

Descriptors travel as references to open file descriptions: those of a message that nobody reads are closed with it.
The receiver is handed new numbers, as far as its control buffer and its descriptor limit go; the rest is closed.

The control buffer of recvmsg has room for a header and the descriptors asked for, to the byte: 16 + 4 x ``rights_max``.
Items are stored in the order time stamp, credentials, descriptors.
An item that does not fit is cut at the end of the room, and MSG_CTRUNC tells of it;
where not even a header fits, nothing is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.sockets import (
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_PEEK,
    SCM_CREDENTIALS,
    SO_PASSCRED,
    SO_TIMESTAMP,
)
from reference.linux.description import OpenFileDescription
from reference.linux.fdtable import drop
from reference.outcomes import Refused
from reference.syscalls import Address

if TYPE_CHECKING:
    from reference.linux.ring import Memory
    from reference.linux.state import KernelState
    from reference.linux.unix_socket import UnixSocket

Credentials = tuple[int, int, int]
Rights = tuple[OpenFileDescription, ...]

CONTROL_HEADER_BYTES = 16
CONTROL_ALIGN_BYTES = 8
DESCRIPTOR_BYTES = 4
CREDENTIAL_BYTES = 4
TIMESTAMP_BYTES = 16
OVERFLOW_ID = 65534
"""The user and group that stand for nobody (user_namespaces(7))."""
NO_CREDENTIALS: Credentials = (0, OVERFLOW_ID, OVERFLOW_ID)
"""What a message carries that was sent while neither end asked for credentials."""
EMPTY_CREDENTIALS: Credentials = (0, 0, 0)
"""What is reported where there was no message at all."""


class Packet:
    """One message, or one piece of a stream. ``consumed`` bytes were read; ``cost`` is what its sender is charged.

    ``seen`` says that it is empty and was peeked at.
    """

    __slots__ = ("consumed", "cost", "credentials", "data", "receiver", "rights", "seen", "sender")

    def __init__(
        self,
        sender: UnixSocket,
        receiver: UnixSocket,
        data: Memory,
        cost: int,
        credentials: Credentials,
        rights: Rights,
    ) -> None:
        self.sender = sender
        self.receiver = receiver
        self.data = data
        self.cost = cost
        self.credentials = credentials
        self.rights = rights
        self.consumed = 0
        self.seen = False
        sender.kernel.descriptors_in_flight += len(rights)
        for description in rights:
            description.references += 1
            for target in _sockets_in((description,)):
                target.holders.append(receiver)

    @property
    def left(self) -> int:
        """How many bytes of it are still to be read."""
        return len(self.data) - self.consumed

    def take_rights(self) -> Rights:
        """Take the descriptors out. Their references are the caller's to give up."""
        rights, self.rights = self.rights, ()
        self.sender.kernel.descriptors_in_flight -= len(rights)
        for target in _sockets_in(rights):
            target.holders.remove(self.receiver)
        return rights

    def free(self) -> None:
        """Forget it: descriptors that nobody took are closed, and the sender has room again."""
        if self.rights:
            self.sender.kernel.cite("RIGHTS-UNREAD")
            drop_all(self.take_rights())
        self.sender.uncharge(self.cost)


class Carried:
    """A socket that may travel: ``holders`` has, for each message that carries it, the socket where that waits."""

    holders: list[UnixSocket]


def _sockets_in(rights: Rights) -> list[Carried]:
    """The sockets among descriptors. One that travels as an O_PATH descriptor does not count."""
    targets = [description.object for description in rights if not description.path_only]
    return [target for target in targets if isinstance(target, Carried)]


def break_up_ring(start: UnixSocket) -> None:
    """Throw the messages of a ring away: of sockets that nothing refers to but messages in each other's queues."""
    ring = [start]
    for member in ring:
        if member.description is None or member.description.references > len(member.holders):
            return
        ring.extend([holder for holder in _held_by(member) if holder not in ring])
    start.kernel.cite("RIGHTS-RING")
    lost: list[Packet] = []
    for member in ring:
        if _holds_itself(member):
            waiting = member.listener.waiting if member.listener is not None else []
            for queued in (member, *waiting):
                lost += queued.queue
                queued.queue = []
    for packet in lost:
        packet.free()


def _held_by(member: UnixSocket) -> list[UnixSocket]:
    """The sockets whose queues keep a socket alive."""
    return [holder.holder for holder in member.holders]


def _holds_itself(start: UnixSocket) -> bool:
    """Whether a socket waits, through any number of others, in its own queue."""
    above = _held_by(start)
    for holder in above:
        if holder is start:
            return True
        above.extend([further for further in _held_by(holder) if further not in above])
    return False


def drop_all(rights: Rights) -> None:
    """Give the references of a message in flight up."""
    for description in rights:
        drop(description)


class Reception:
    """One call that receives: what it asks for, and what it is given.

    ``room`` is what is left of the control buffer in bytes, None when there is no control buffer.
    ``address`` is the name of the sender, None when it has none or nobody sent.
    """

    __slots__ = ("address", "control", "count", "data", "flags", "message_flags", "peek", "rights", "room", "wait")

    def __init__(self, count: int, flags: int, wait: bool, room: int | None = None) -> None:
        self.count = count
        self.flags = flags
        self.peek = bool(flags & MSG_PEEK)
        self.wait = wait and not flags & MSG_DONTWAIT
        self.room = room
        self.data = b""
        self.address: Address = None
        self.message_flags = flags & MSG_CMSG_CLOEXEC
        self.control: list[tuple[int, Any]] = []
        self.rights: list[int] = []

    def deliver(self, socket: UnixSocket, credentials: Credentials, rights: Rights) -> None:
        """Hand over what travelled beside the data. Descriptors of a message that was only peeked at stay in it."""
        wants_credentials = SO_PASSCRED in socket.options.enabled
        if self.room is None:
            if wants_credentials or rights:
                socket.kernel.cite("CMSG-NO-BUFFER")
                self.message_flags |= MSG_CTRUNC
        else:
            if wants_credentials:
                socket.kernel.cite("CRED-RECEIVED")
                self._store_credentials(credentials)
            if rights:
                self._install(socket.kernel, rights)
        if rights and not self.peek:
            drop_all(rights)

    def deliver_timestamp(self, socket: UnixSocket) -> None:
        """Store when the message was queued; the time itself is not modelled."""
        socket.kernel.cite("CMSG-TIMESTAMP")
        if self._store(TIMESTAMP_BYTES) is not None:
            self.control.append((SO_TIMESTAMP, ()))

    def _store_credentials(self, credentials: Credentials) -> None:
        stored = self._store(len(credentials) * CREDENTIAL_BYTES)
        if stored is not None:
            self.control.append((SCM_CREDENTIALS, credentials[: stored // CREDENTIAL_BYTES]))

    def _store(self, size: int) -> int | None:
        """Take room for an item: how many bytes of it are stored, None when not even its header is."""
        room = self.room
        if room is None or room < CONTROL_HEADER_BYTES:
            self.message_flags |= MSG_CTRUNC
            return None
        if room < CONTROL_HEADER_BYTES + size:
            self.message_flags |= MSG_CTRUNC
        self.room = max(room - _aligned(CONTROL_HEADER_BYTES + size), 0)
        return min(size, room - CONTROL_HEADER_BYTES)

    def _install(self, kernel: KernelState, rights: Rights) -> None:
        """Give the receiver numbers for the descriptors of a message."""
        fitting = max((self.room or 0) - CONTROL_HEADER_BYTES, 0) // DESCRIPTOR_BYTES
        cloexec = bool(self.flags & MSG_CMSG_CLOEXEC)
        if cloexec:
            kernel.cite("RIGHTS-CLOEXEC")
        for description in rights[:fitting]:
            try:
                fd = kernel.fds.lowest_free()
            except Refused:
                kernel.cite("RIGHTS-EMFILE")
                break
            self.rights.append(kernel.fds.install(fd, description, cloexec))
        if len(self.rights) < len(rights):
            kernel.cite("RIGHTS-TRUNCATED")
            self.message_flags |= MSG_CTRUNC
        if self.peek:
            kernel.cite("RIGHTS-PEEK")


def _aligned(size: int) -> int:
    return -(-size // CONTROL_ALIGN_BYTES) * CONTROL_ALIGN_BYTES
