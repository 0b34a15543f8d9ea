# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Stream sockets: bytes in order, without message boundaries, and with out-of-band bytes (unix(7), recv(2)).

A send is queued in pieces. A read takes from one piece after the other and stops early only

- behind a piece that brought descriptors,
- before a piece whose sender's credentials are others than those reported so far,
- before the out-of-band mark, when it has already taken something.

The last byte sent with MSG_OOB is the *urgent* one. It stands in the queue as a piece of its own, the mark.
A receive with MSG_OOB takes its byte and leaves the mark behind as an empty piece;
a read that begins at the mark skips the byte, and with SO_OOBINLINE takes it as ordinary data.
A later urgent byte makes the earlier one an ordinary byte.
"""

from __future__ import annotations

from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from reference.constants.errors import EAGAIN, EINVAL, EISCONN, ENOTCONN, EOPNOTSUPP, EPIPE
from reference.constants.readiness import POLLPRI
from reference.constants.signals import SIGPIPE
from reference.constants.sockets import MSG_NOSIGNAL, MSG_OOB, MSG_WAITALL, SO_OOBINLINE, SO_PASSCRED, SOCK_STREAM
from reference.linux.releases import MARK_CONSUMED_SINCE, QUEUE_COUNTED_SINCE
from reference.linux.rights import EMPTY_CREDENTIALS, Credentials, Packet, Reception, Rights, drop_all
from reference.linux.socket_pages import FRAGMENTS_MAX, Fragments, as_fragments, slots_of
from reference.linux.socket_room import URGENT_COST_BYTES, spliced_cost, stream_cost, stream_piece
from reference.linux.unix_socket import READ_CLOSED, WRITE_CLOSED, UnixSocket
from reference.outcomes import Refused, Sleeps

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.ring import Slot
    from reference.linux.state import KernelState
    from reference.linux.unix_address import Destination


class StreamSocket(UnixSocket):
    """One end of a stream. ``urgent`` is the out-of-band piece in the queue, ``counted`` what FIONREAD says.

    ``dropped`` are descriptors that a read came across and that nobody took.
    """

    type = SOCK_STREAM
    builtin_attributes = MappingProxyType({"system.sockprotoname": b"UNIX-STREAM\0"})

    def __init__(self, kernel: KernelState) -> None:
        super().__init__(kernel)
        self.urgent: Packet | None = None
        self.counted = 0
        self.dropped: Rights = ()

    # Sending ------------------------------------------------------------------------------------

    def send(self, data: bytes, rights: Rights, flags: int, wait: bool, destination: Destination | None = None) -> int:
        # CHECK
        total = len(data)
        if flags & MSG_OOB:
            if not total:
                raise Refused(EOPNOTSUPP, "OOB-NOTHING")
            total -= 1
        if destination is not None:
            raise Refused(EISCONN if self.peer is not None else EOPNOTSUPP, "STREAM-ADDRESS")
        silent = bool(flags & MSG_NOSIGNAL)
        peer = self._open_peer(silent)
        # CHANGE
        sent = 0
        try:
            while sent < total:
                self.check_room(wait)
                self.check_in_flight(rights)
                self._check_open(peer, silent or sent > 0)
                size = stream_piece(total - sent, self.options.send_buffer_bytes)
                self.put(peer, data[sent : sent + size], stream_cost(size), rights)
                peer.counted += size
                rights = ()
                sent += size
            if flags & MSG_OOB:
                self.check_room(wait)
                self.check_in_flight(rights)
                self._check_open(peer, silent=True)
                peer.urgent = self.put(peer, data[sent:], URGENT_COST_BYTES, rights)
                peer.counted += 1
                sent += 1
        except (Refused, Sleeps):
            if not sent:
                raise
            self.kernel.cite("STREAM-SEND-PARTIAL")
        # RETURN
        return sent

    def _open_peer(self, silent: bool) -> StreamSocket:
        """The peer, while this end may send."""
        peer = self.peer
        if not isinstance(peer, StreamSocket):
            raise Refused(ENOTCONN, "SOCK-NO-PEER")
        if self.closed & WRITE_CLOSED:
            raise self._broken_pipe(silent, "STREAM-EPIPE")
        return peer

    def _check_open(self, peer: StreamSocket, silent: bool) -> None:
        """Refuse a peer that was shut down before it was connected: later shutdowns are felt at this end, too."""
        if peer.closed & READ_CLOSED:
            # The message was made before the peer was looked at, and throwing it away announces room.
            self.announce_room(1)
            raise self._broken_pipe(silent, "STREAM-PEER-CLOSED")

    def _broken_pipe(self, silent: bool, clause: str) -> Refused:
        """The refusal to write where nobody reads, with its signal."""
        if not silent:
            self.kernel.signals.append(SIGPIPE)
        return Refused(EPIPE, clause)

    # Pages --------------------------------------------------------------------------------------

    def take_pages(self, description: OpenFileDescription, pieces: list[Slot], position: int) -> tuple[int, int]:
        # CHECK
        peer = self._open_peer(silent=False)
        self.check_room(wait=not description.nonblocking)
        self._check_open(peer, silent=False)
        # CHANGE
        self.kernel.cite("SPLICE-TAKES-OVER")
        fragments = Fragments(list(islice(as_fragments(pieces), FRAGMENTS_MAX)))
        size = len(fragments)
        self.put(peer, fragments, spliced_cost(size), ())
        peer.counted += size
        # RETURN
        return size, position

    def takes_one_page(self) -> bool:
        # A buffer behind another goes on in the same piece of the queue, so that nobody can tell.
        return False

    def lend(
        self, description: OpenFileDescription, position: int, count: int, room: int, nonblocking: bool
    ) -> tuple[list[Slot], int]:
        self._check_connected()
        reception = Reception(count, 0, not (description.nonblocking or nonblocking))
        lending = StreamLend(self, reception, room)
        try:
            lending.run()
        finally:
            dropped, self.dropped = self.dropped, ()
            drop_all(dropped)
        return lending.slots, position

    # Receiving ----------------------------------------------------------------------------------

    def receive(self, reception: Reception) -> None:
        self._check_connected()
        if reception.flags & MSG_OOB:
            self._receive_urgent(reception)
        else:
            try:
                StreamRead(self, reception).run()
            finally:
                dropped, self.dropped = self.dropped, ()
                drop_all(dropped)

    def _check_connected(self) -> None:
        """Refuse to receive before there is a peer."""
        if self.peer is None:
            raise Refused(EINVAL, "STREAM-UNCONNECTED")

    def _receive_urgent(self, reception: Reception) -> None:
        # CHECK
        packet = self.urgent
        if packet is None or SO_OOBINLINE in self.options.enabled:
            raise Refused(EINVAL, "OOB-NONE")
        # CHANGE
        self.kernel.cite("OOB-RECEIVED")
        reception.data = packet.data[packet.consumed : packet.consumed + min(reception.count, 1)]
        reception.message_flags |= MSG_OOB
        if reception.peek:
            return
        self.urgent = None
        self.counted -= 1
        position = self.queue.index(packet)
        if position and not self.queue[position - 1].left:
            self.queue.pop(position - 1).free()
        packet.consumed += 1

    def step_over_mark(self, position: int, reception: Reception, copied: int) -> int | None:
        """Where reading goes on when it comes to a piece: None when it ends there."""
        queue = self.queue
        packet = queue[position]
        if packet.left and packet is not self.urgent:
            return position
        if not packet.left:
            if copied and self.urgent is None:
                self.kernel.cite("OOB-MARK-STOPS")
                return None
            if reception.peek:
                position += 1
            else:
                self._discard(queue.pop(position))
            if position >= len(queue):
                return None
        if queue[position] is not self.urgent:
            return position
        if copied:
            self.kernel.cite("OOB-MARK-STOPS")
            return None
        inline = SO_OOBINLINE in self.options.enabled
        self.kernel.cite("OOB-INLINE" if inline else "OOB-SKIPPED")
        if not reception.peek:
            self.urgent = None
            if not inline:
                # The kernel leaves the byte in what FIONREAD counts.
                self._discard(queue.pop(position))
        elif not inline:
            position += 1
        return position if position < len(queue) else None

    def _discard(self, packet: Packet) -> None:
        """Forget a piece in the middle of a read. Its descriptors are closed only when the call ends."""
        self.dropped += packet.take_rights()
        packet.free()

    # Questions ----------------------------------------------------------------------------------

    def waiting_bytes(self) -> int:
        self.kernel.cite("STREAM-FIONREAD")
        if self.kernel.profile.kernel < QUEUE_COUNTED_SINCE:
            return sum(packet.left for packet in self.queue)
        return self.counted

    def at_mark(self) -> int:
        self.kernel.cite("OOB-ATMARK")
        if self.listener is not None and self.kernel.profile.kernel >= MARK_CONSUMED_SINCE:
            # Connections that wait stand in the same queue as messages, as empty ones.
            return int(bool(self.listener.waiting))
        if not self.queue:
            return 0
        first = self.queue[0]
        if first is self.urgent:
            return 1
        if self.kernel.profile.kernel < MARK_CONSUMED_SINCE:
            return 0
        if first.left:
            return 0
        return int(self.urgent is None or (len(self.queue) > 1 and self.queue[1] is self.urgent))

    def poll(self, description: OpenFileDescription) -> int:
        events = super().poll(description)
        return events | POLLPRI if self.urgent is not None else events


class StreamRead:
    """One read of a stream, without MSG_OOB: what it has gathered so far."""

    __slots__ = ("copied", "credentials", "parts", "reception", "rights", "skip", "socket", "wanted")

    def __init__(self, socket: StreamSocket, reception: Reception) -> None:
        self.socket = socket
        self.reception = reception
        self.wanted = reception.count
        self.copied = 0
        self.parts: list[bytes] = []
        self.credentials: Credentials | None = None
        self.rights: Rights = ()
        self.skip = max(socket.options.peek_offset, 0) if reception.peek else 0

    def run(self) -> None:
        """Read, and fill the reception."""
        reception = self.reception
        delivered = self._peek() if reception.peek else self._take()
        reception.data = b"".join(self.parts)
        if delivered:
            reception.deliver(self.socket, self.credentials or EMPTY_CREDENTIALS, self.rights)

    def _take(self) -> bool:
        """Read from the head of the queue, piece by piece. False when a signal cut the wait for more short."""
        socket = self.socket
        queue = socket.queue
        while True:
            position: int | None = None
            if queue:
                position = socket.step_over_mark(0, self.reception, self.copied)
                if position is None and self.copied:
                    return True
            while position is not None and not queue[position].left:
                position = position + 1 if position + 1 < len(queue) else None
            if position is None:
                return self._nothing_more()
            packet = queue[position]
            if not self._same_sender(packet) or self.full():
                return True
            size = self._copy(packet)
            packet.consumed += size
            socket.options.move_peek_offset(-size)
            self.rights = packet.take_rights()
            socket.counted -= size
            if packet.left:
                break
            queue.remove(packet)
            packet.free()
            if self.rights:
                socket.kernel.cite("RIGHTS-BOUNDARY")
                break
            if not self.wanted:
                break
        return True

    def _peek(self) -> bool:
        """Look through the queue from the peek offset on. Pieces behind the bytes asked for are still looked at."""
        socket = self.socket
        queue = socket.queue
        position: int | None = 0 if queue else None
        while True:
            if position is not None:
                position = socket.step_over_mark(position, self.reception, self.copied)
                if position is None and self.copied:
                    return True
            while position is not None and self.skip >= queue[position].left:
                self.skip -= queue[position].left
                position = position + 1 if position + 1 < len(queue) else None
            if position is None:
                return self._nothing_more()
            packet = queue[position]
            if not self._same_sender(packet):
                return True
            size = self._copy(packet, self.skip)
            socket.options.move_peek_offset(size)
            if packet.rights:
                self.rights = packet.rights
                return True
            self.skip = 0
            position += 1
            if position >= len(queue):
                return True

    def _same_sender(self, packet: Packet) -> bool:
        """Whether a piece may follow what was read: with SO_PASSCRED only when it has the same credentials."""
        if self.credentials is not None:
            if packet.credentials != self.credentials:
                self.socket.kernel.cite("CRED-BOUNDARY")
                return False
        elif SO_PASSCRED in self.socket.options.enabled:
            self.credentials = packet.credentials
        return True

    def full(self) -> bool:
        """Whether there is no place for more, whatever was asked for."""
        return False

    def _copy(self, packet: Packet, skip: int = 0) -> int:
        size = min(packet.left - skip, self.wanted)
        if not self.parts:
            self.reception.address = packet.sender.address
        start = packet.consumed + skip
        self.parts.append(packet.data[start : start + size])
        self.copied += size
        self.wanted -= size
        return size

    def _nothing_more(self) -> bool:
        """The queue has no more: end of file, an error, a wait, or an end with what there is."""
        socket = self.socket
        reception = self.reception
        least = reception.count
        if not reception.flags & MSG_WAITALL:
            least = min(least, socket.options.low_water_bytes)
        if self.copied >= max(least, 1):
            return True
        error = socket.take_error()
        if error:
            if self.copied:
                socket.kernel.cite("STREAM-ERROR-LOST")
                return True
            raise Refused(error, "SOCK-ERROR")
        if socket.closed & READ_CLOSED:
            socket.kernel.cite("STREAM-EOF")
            return True
        if not reception.wait or not socket.options.receive_ticks:
            if self.copied:
                return True
            raise Refused(EAGAIN, "SOCK-EMPTY")
        if not self.copied:
            raise Sleeps("SOCK-READ-WAITS")
        socket.kernel.cite("STREAM-WAIT-PARTIAL")
        return False


class StreamLend(StreamRead):
    """A read of a stream whose data goes into a pipe with ``room`` free slots."""

    __slots__ = ("room", "slots")

    def __init__(self, socket: StreamSocket, reception: Reception, room: int) -> None:
        super().__init__(socket, reception)
        self.room = room
        self.slots: list[Slot] = []

    def full(self) -> bool:
        return len(self.slots) >= self.room

    def _copy(self, packet: Packet, skip: int = 0) -> int:
        self.socket.kernel.cite("SPLICE-STREAM")
        wanted = min(packet.left, self.wanted)
        copies = self.socket.kernel.head_copies
        slots = list(slots_of(packet.data, packet.consumed, wanted, copies))[: self.room - len(self.slots)]
        self.slots += slots
        size = sum([slot.left for slot in slots])
        self.copied += size
        self.wanted -= size
        return size
