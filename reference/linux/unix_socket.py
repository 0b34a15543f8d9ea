# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Unix sockets (unix(7), socket(7)): what stream, datagram and sequenced-packet sockets have in common.

A socket owns the queue it reads from; its peer puts messages there.
What a message costs is charged to its sender until it has been read or thrown away,
so a sender is held up by what its peer has not read.

A connected pair comes from socketpair(2), or from connect(2) and accept(2).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reference.constants.errors import EAGAIN, ECONNRESET, EINVAL, EOPNOTSUPP, EPIPE, ETOOMANYREFS
from reference.constants.file_status import S_IFSOCK, SOCKFS_MAGIC
from reference.constants.readiness import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDBAND,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from reference.constants.requests import FIONREAD, SIOCATMARK, SIOCOUTQ
from reference.constants.sockets import MSG_DONTWAIT, MSG_NOSIGNAL, SHUT_RD, SHUT_WR, SO_PASSCRED
from reference.constants.transfers import RWF_NOSIGNAL, RWF_NOWAIT
from reference.linux.inode import Inode
from reference.linux.profile import Filesystem
from reference.linux.releases import MARK_OF_STREAMS_SINCE, MESSAGE_SPLICE_SINCE, SOCKET_NOWAIT_SINCE
from reference.linux.rights import NO_CREDENTIALS, Carried, Credentials, Packet, Reception, Rights, break_up_ring
from reference.linux.socket_options import UNKNOWN_PEER, SocketOptions
from reference.linux.socket_pages import SLOTS_PER_MESSAGE_MAX
from reference.linux.unix_address import AUTOMATIC_NAME, Address, Destination, SocketFile
from reference.linux.unix_listener import Listener
from reference.linux.waiting import WaitQueue
from reference.outcomes import Anything, Refused, Sleeps
from reference.structures import Stat

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.ring import Memory, Slot
    from reference.linux.state import KernelState

SOCKET_FILESYSTEM = Filesystem("sockfs", SOCKFS_MAGIC)
SOCKET_MODE = S_IFSOCK | 0o777
READ_CLOSED, WRITE_CLOSED = 1, 2
BOTH_CLOSED = READ_CLOSED | WRITE_CLOSED
ARRIVAL_EVENTS = POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND
ROOM_EVENTS = POLLOUT | POLLWRNORM | POLLWRBAND
READABLE_EVENTS = POLLIN | POLLRDNORM

_CLOSES = {SHUT_RD: READ_CLOSED, SHUT_WR: WRITE_CLOSED}
_MIRRORED = {READ_CLOSED: WRITE_CLOSED, WRITE_CLOSED: READ_CLOSED, BOTH_CLOSED: BOTH_CLOSED}


class UnixSocket(Inode, Carried):
    """One socket.

    ``charged`` is what its messages that are in flight cost in bytes, ``closed`` the directions that were shut down,
    ``error`` the pending error number (SO_ERROR). ``connected`` kinds share shutdowns with their peer.
    ``gone`` says that this end was closed; its peer may still hold on to it.
    ``address`` is its name, None while it has none; ``file`` is where that stands in a directory.
    ``listener`` is there while it listens, and ``waits_at`` is the listening socket where it waits to be accepted.
    ``peer_credentials`` is what SO_PEERCRED says. ``senders`` are told when its queue, which was full, is read from.
    """

    asynchronous = True
    lends = True
    takes_pages = True
    type = 0
    executable = False
    connected = True

    def __init__(self, kernel: KernelState) -> None:
        profile = kernel.profile
        super().__init__(kernel, SOCKET_MODE, profile.uid, profile.gid, SOCKET_FILESYSTEM)
        # Linux leaves the times of a new socket as it finds them in reused memory.
        self.atime = self.mtime = self.ctime = Anything()
        self.options = SocketOptions(profile.socket_buffer_bytes_default)
        self.peer: UnixSocket | None = None
        self.address: Address = None
        self.file: SocketFile | None = None
        self.listener: Listener | None = None
        self.waits_at: UnixSocket | None = None
        self.peer_credentials: Credentials = UNKNOWN_PEER
        self.queue: list[Packet] = []
        self.waiters = WaitQueue()
        self.senders = WaitQueue()
        self.charged = 0
        self.closed = 0
        self.error = 0
        self.gone = False
        self.holders = []
        self.description: OpenFileDescription | None = None

    # What a kind has of its own -----------------------------------------------------------------

    builtin_attributes = MappingProxyType({"system.sockprotoname": b"UNIX\0"})

    def send(self, data: bytes, rights: Rights, flags: int, wait: bool, destination: Destination | None = None) -> int:
        """Queue data and descriptors at the peer, or at the destination: the number of bytes taken.

        ``wait`` says that the call may sleep.
        """
        raise NotImplementedError

    def check_before_rights(self) -> None:
        """Refuse what is refused before the descriptors of a message are looked at."""

    def receive(self, reception: Reception) -> None:
        """Fill a reception from the queue."""
        raise NotImplementedError

    def waiting_bytes(self) -> int:
        """What FIONREAD says."""
        raise NotImplementedError

    # Names --------------------------------------------------------------------------------------

    @property
    def holder(self) -> UnixSocket:
        """The socket that keeps this one alive: a connection that waits belongs to the socket where it waits."""
        return self.waits_at or self

    def caller(self) -> Credentials:
        """The credentials of the process that makes the call."""
        profile = self.kernel.profile
        return self.kernel.processes.caller.number, profile.uid, profile.gid

    def name_automatically(self) -> None:
        """Give a socket that has no name one of the kernel's choice."""
        if self.address is None:
            self.kernel.cite("BIND-AUTOMATIC")
            self.address = AUTOMATIC_NAME

    def name_for_credentials(self) -> None:
        """A socket that asks for credentials has a name before it reaches another one."""
        if self.address is None and SO_PASSCRED in self.options.enabled:
            self.kernel.cite("CRED-NAMES")
            self.address = AUTOMATIC_NAME

    # Room and errors ----------------------------------------------------------------------------

    def take_error(self) -> int:
        """The pending error number, 0 for none; it is pending no more."""
        error, self.error = self.error, 0
        return error

    def check_room(self, wait: bool) -> None:
        """Refuse, or sleep, when nothing may be sent now."""
        if self.error:
            raise Refused(self.take_error(), "SOCK-ERROR")
        if self.closed & WRITE_CLOSED:
            raise Refused(EPIPE, "SOCK-SHUT-WRITE")
        if self.charged >= self.options.send_buffer_bytes:
            if not wait or not self.options.send_ticks:
                raise Refused(EAGAIN, "SOCK-FULL")
            raise Sleeps("SOCK-SEND-WAITS")

    def check_in_flight(self, rights: Rights) -> None:
        """Refuse descriptors while an ordinary caller has more of them in flight than it may have open."""
        kernel = self.kernel
        if rights and kernel.descriptors_in_flight > kernel.fds.limit and not kernel.profile.capable:
            self.announce_room(1)
            raise Refused(ETOOMANYREFS, "RIGHTS-IN-FLIGHT")

    def put(self, peer: UnixSocket, data: Memory, cost: int, rights: Rights) -> Packet:
        """Queue one message at the peer, and tell who waits there."""
        packet = Packet(self, peer, data, cost, self._credentials(peer), rights)
        self.charged += cost
        peer.queue.append(packet)
        peer.waiters.wake(ARRIVAL_EVENTS)
        return packet

    def _credentials(self, peer: UnixSocket) -> Credentials:
        """Credentials go with a message when one of the ends asks for them at the time it is sent."""
        if SO_PASSCRED in self.options.enabled or SO_PASSCRED in peer.options.enabled:
            return self.caller()
        return NO_CREDENTIALS

    def uncharge(self, cost: int) -> None:
        """A message of this sender is gone."""
        self.charged -= cost
        # The kernel looks while it still holds one byte of the charge back.
        self.announce_room(1)

    def announce_room(self, held_bytes: int) -> None:
        """Tell waiting senders when there is room enough to count as writable."""
        if self._has_room(held_bytes):
            self.waiters.wake(ROOM_EVENTS)

    def _has_room(self, held_bytes: int = 0) -> bool:
        """Whether what is in flight takes no more than a quarter of the send buffer. An idle socket counts one byte."""
        return 4 * (self.charged + held_bytes + 1) <= self.options.send_buffer_bytes

    # Calls that reach every object --------------------------------------------------------------

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        return self._read(count, 0, not description.nonblocking)

    def read_vector(self, description: OpenFileDescription, lengths: tuple[int, ...], flags: int) -> bytes:
        return self._read(sum(lengths), MSG_DONTWAIT if flags & RWF_NOWAIT else 0, not description.nonblocking)

    def _read(self, count: int, flags: int, wait: bool) -> bytes:
        if count == 0:
            self.kernel.cite("SOCK-READ-NOTHING")
            return b""
        reception = Reception(count, flags, wait)
        self.receive(reception)
        return reception.data

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        return self.send(data, (), 0, not description.nonblocking)

    def write_vector(self, description: OpenFileDescription, buffers: tuple[bytes, ...], flags: int) -> int:
        wait = not description.nonblocking and not flags & RWF_NOWAIT
        return self.send(b"".join(buffers), (), MSG_NOSIGNAL if flags & RWF_NOSIGNAL else 0, wait)

    def take_pages(self, description: OpenFileDescription, pieces: list[Slot], position: int) -> tuple[int, int]:
        self.kernel.cite("SPLICE-MESSAGE")
        data = b"".join([piece.bytes() for piece in pieces[:SLOTS_PER_MESSAGE_MAX]])
        return self.send(data, (), 0, not description.nonblocking), position

    def takes_one_page(self) -> bool:
        return self.kernel.profile.kernel < MESSAGE_SPLICE_SINCE

    def offers_nowait(self, description: OpenFileDescription) -> bool:
        return self.kernel.profile.kernel >= SOCKET_NOWAIT_SINCE

    def link_text(self, description: OpenFileDescription) -> str:
        self.kernel.cite("LINKFD-NUMBER")
        return f"socket:[{self.inode_number()}]"

    def stat(self) -> Stat:
        self.kernel.cite("SOCK-STAT")
        return super().stat()

    def ioctl(self, description: OpenFileDescription, request: int, argument: Any) -> Any:
        if request == FIONREAD:
            if self.listener is not None:
                raise Refused(EINVAL, "LISTEN-FIONREAD")
            return self.waiting_bytes()
        if request == SIOCOUTQ:
            self.kernel.cite("SOCK-OUTQ")
            return self.charged
        if request == SIOCATMARK:
            return self.at_mark()
        return super().ioctl(description, request, argument)

    def at_mark(self) -> int:
        """SIOCATMARK (sockatmark(3)): only streams have a mark, and others are never at one."""
        if self.kernel.profile.kernel < MARK_OF_STREAMS_SINCE:
            self.kernel.cite("OOB-STREAM-ONLY")
            return 0
        raise Refused(EOPNOTSUPP, "OOB-STREAM-ONLY")

    def poll(self, description: OpenFileDescription) -> int:
        events = 0
        if self.error:
            events |= POLLERR
        if self.closed == BOTH_CLOSED:
            events |= POLLHUP
        if self.closed & READ_CLOSED:
            events |= POLLRDHUP | READABLE_EVENTS
        if self.queue:
            events |= READABLE_EVENTS
        if self.listener is not None:
            self.kernel.cite("LISTEN-READY")
            return events | READABLE_EVENTS if self.listener.waiting else events
        if self.connected and self.peer is None:
            self.kernel.cite("CONNECT-HANGUP")
            events |= POLLHUP
        if self.may_send():
            events |= ROOM_EVENTS
        return events

    def may_send(self) -> bool:
        """Whether poll(2) says that there is room to send."""
        return self._has_room()

    def wait_queues(self, description: OpenFileDescription) -> tuple[WaitQueue, ...]:
        return (self.waiters,)

    # Ending -------------------------------------------------------------------------------------

    def shut_down(self, how: int) -> None:
        """shutdown(2): SHUT_RD, SHUT_WR or SHUT_RDWR. Connected kinds close the mirror image at the peer."""
        closing = _CLOSES.get(how, BOTH_CLOSED)
        # CHANGE
        self.closed |= closing
        self.waiters.wake(0)
        peer = self.peer
        if peer is not None and self.connected:
            self.kernel.cite("SHUT-MIRROR")
            peer.closed |= _MIRRORED[closing]
            peer.waiters.wake(0)

    def reference_lost(self, description: OpenFileDescription) -> None:
        if self.holders and not description.path_only:
            break_up_ring(self)

    def released(self, description: OpenFileDescription) -> None:
        if not description.path_only:
            self.end()

    def end(self, accepted: bool = True) -> None:
        """The socket is closed, or the listening socket where it waits to be ``accepted`` is."""
        peer = self.peer
        self.gone = True
        self.closed = BOTH_CLOSED
        self._give_name_up()
        self.senders.wake(0)
        if peer is not None and self.connected:
            self.kernel.cite("SOCK-CLOSE-PEER")
            peer.closed = BOTH_CLOSED
            if not accepted:
                self.kernel.cite("LISTEN-CLOSE")
                peer.error = ECONNRESET
            elif self.unread():
                self.kernel.cite("SOCK-CLOSE-UNREAD")
                peer.error = ECONNRESET
            peer.waiters.wake(0)
        self.peer = None
        if self.listener is not None:
            for waiting in self.listener.waiting:
                waiting.end(accepted=False)
        self.discard_queue()

    def _give_name_up(self) -> None:
        """Nobody is found by the name of this socket any more. Its file, if it has one, stays."""
        if self.file is not None:
            self.file.socket = None
        elif self.address is not None and self.kernel.abstract_sockets.get((self.type, self.address)) is self:
            del self.kernel.abstract_sockets[self.type, self.address]

    def unread(self) -> bool:
        """Whether a message waits that a reader would miss. An empty message at the head of the queue is overlooked."""
        queue = self.queue
        return bool(queue) and (bool(queue[0].left) or len(queue) > 1)

    def discard_queue(self) -> None:
        """Throw every waiting message away."""
        while self.queue:
            self.queue.pop(0).free()
