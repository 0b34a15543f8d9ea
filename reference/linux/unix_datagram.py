# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Datagram and sequenced-packet sockets: whole messages, of any length from 0 up to the send buffer (unix(7)).

Sequenced packets are connected: a shutdown or a close is felt at the other end, and reads end in end of file.
Datagrams are not: a peer is only where messages go that say nothing else, and its close is learnt of when one is sent.

A socket that has a peer takes messages from nobody else.
One without takes them from all, but from those that are not its peer only as long as its queue is short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.errors import EAGAIN, ECONNREFUSED, ECONNRESET, EMSGSIZE, ENOTCONN, EOPNOTSUPP, EPERM, EPIPE
from reference.constants.readiness import POLLERR
from reference.constants.sockets import MSG_OOB, MSG_TRUNC, SO_TIMESTAMP, SOCK_DGRAM, SOCK_SEQPACKET
from reference.linux.releases import DATAGRAM_SIZE_FIRST_SINCE
from reference.linux.rights import Packet, Reception, Rights
from reference.linux.socket_room import DATAGRAM_RESERVE_BYTES, datagram_cost
from reference.linux.unix_socket import READ_CLOSED, ROOM_EVENTS, UnixSocket
from reference.outcomes import Refused, Sleeps

if TYPE_CHECKING:
    from reference.linux.state import KernelState
    from reference.linux.unix_address import Destination


class DatagramSocket(UnixSocket):
    """A datagram socket. ``awaited`` is the peer whose full queue it waits to be read from."""

    type = SOCK_DGRAM
    connected = False

    def __init__(self, kernel: KernelState) -> None:
        super().__init__(kernel)
        self.awaited: UnixSocket | None = None

    # Sending ------------------------------------------------------------------------------------

    def send(self, data: bytes, rights: Rights, flags: int, wait: bool, destination: Destination | None = None) -> int:
        # CHECK
        if flags & MSG_OOB:
            raise Refused(EOPNOTSUPP, "OOB-STREAM-ONLY")
        if destination is not None:
            destination.check()
        if destination is None and self.kernel.profile.kernel < DATAGRAM_SIZE_FIRST_SINCE:
            self._receiver(None)
        self.name_for_credentials()
        if len(data) > self.options.send_buffer_bytes - DATAGRAM_RESERVE_BYTES:
            raise Refused(EMSGSIZE, "DGRAM-TOO-LONG")
        self.check_room(wait)
        self.check_in_flight(rights)
        try:
            receiver = self._receiver(destination)
            self._check_reach(receiver)
            self._check_queue(receiver, wait)
        except (Refused, Sleeps):
            # The message was made before the receiver was looked at, and throwing it away announces room.
            self.kernel.cite("DGRAM-REFUSED-WAKES")
            self.announce_room(1)
            raise
        # CHANGE
        self.put(receiver, data, datagram_cost(len(data)), rights)
        # RETURN
        return len(data)

    def _receiver(self, destination: Destination | None) -> UnixSocket:
        """Where a message goes."""
        if destination is not None:
            return destination.find(self.type)
        if self.peer is None:
            raise Refused(ENOTCONN, "SOCK-NO-PEER")
        return self.peer

    def _check_reach(self, receiver: UnixSocket) -> None:
        """Refuse a receiver that takes no messages, or none of this socket."""
        if receiver.peer not in (None, self):
            raise Refused(EPERM, "DGRAM-OTHER-PEER")
        if receiver.gone:
            self.change_peer(None)
            raise Refused(ECONNREFUSED, "DGRAM-PEER-GONE")
        if receiver.closed & READ_CLOSED:
            raise Refused(EPIPE, "DGRAM-SHUT-READ")

    def _check_queue(self, receiver: UnixSocket, wait: bool) -> None:
        """Refuse, or sleep, while the queue of a receiver is full that has another peer than this socket, or none."""
        if not self._is_full(receiver):
            return
        if wait and self.options.send_ticks:
            raise Sleeps("DGRAM-QUEUE-WAITS")
        if receiver is self.peer:
            self._await(receiver)
        raise Refused(EAGAIN, "DGRAM-QUEUE-FULL")

    def _is_full(self, receiver: UnixSocket) -> bool:
        if receiver is self or receiver.peer is self:
            return False
        return len(receiver.queue) > self.kernel.profile.datagram_queue_max

    # Peers --------------------------------------------------------------------------------------

    def connect_to(self, peer: UnixSocket | None) -> None:
        """connect(2): send to this socket from now on, and to no peer when it is None."""
        # CHECK
        if peer is not None and peer.peer not in (None, self):
            raise Refused(EPERM, "DGRAM-OTHER-PEER")
        # CHANGE
        if self.peer is None:
            self.peer = peer
        else:
            self.change_peer(peer)

    def change_peer(self, peer: UnixSocket | None) -> None:
        """Leave the peer for another one, or for none. What waits in the queue is lost, whoever sent it."""
        old, self.peer = self.peer, peer
        self._stop_awaiting()
        self.waiters.wake(ROOM_EVENTS)
        if old is None or old is peer or not self.queue:
            return
        self.kernel.cite("DGRAM-PEER-LEFT")
        self.discard_queue()
        self.senders.wake(0)
        if old.peer is self and not old.gone:
            old.error = ECONNRESET
            old.waiters.wake(POLLERR)

    def _await(self, receiver: UnixSocket) -> None:
        """Be told when the queue of the peer is read from."""
        if self.awaited is None:
            self.awaited = receiver
            receiver.senders.add(self._peer_was_read)

    def _stop_awaiting(self) -> None:
        if self.awaited is not None:
            self.awaited.senders.remove(self._peer_was_read)
            self.awaited = None

    def _peer_was_read(self, events: int) -> None:
        self._stop_awaiting()
        self.kernel.cite("DGRAM-PEER-READ")
        self.waiters.wake(events)

    def may_send(self) -> bool:
        return super().may_send() and (self.peer is None or not self._is_full(self.peer))

    def awaits(self, events: int) -> None:
        peer = self.peer
        if events & ROOM_EVENTS and peer is not None and super().may_send() and self._is_full(peer):
            self._await(peer)

    def end(self, accepted: bool = True) -> None:
        self._stop_awaiting()
        super().end(accepted)

    # Receiving ----------------------------------------------------------------------------------

    def receive(self, reception: Reception) -> None:
        # CHECK
        if reception.flags & MSG_OOB:
            raise Refused(EOPNOTSUPP, "OOB-STREAM-ONLY")
        if self.error:
            raise Refused(self.take_error(), "SOCK-ERROR")
        packet, skip = self._next(reception)
        if packet is None:
            self._nothing_there(reception)
            return
        # CHANGE
        self.senders.wake(ROOM_EVENTS)
        reception.address = packet.sender.address
        available = len(packet.data) - skip
        size = min(reception.count, available)
        if size < available:
            self.kernel.cite("DGRAM-TRUNCATED")
            reception.message_flags |= MSG_TRUNC
        reception.data = packet.data[skip : skip + size]
        if SO_TIMESTAMP in self.options.enabled:
            reception.deliver_timestamp(self)
        if reception.peek:
            rights = packet.rights
            self.options.move_peek_offset(size)
        else:
            rights = packet.take_rights()
            self.options.move_peek_offset(-len(packet.data))
        reception.deliver(self, packet.credentials, rights)
        if not reception.peek:
            packet.free()

    def _next(self, reception: Reception) -> tuple[Packet | None, int]:
        """The message that a receive is given, and how many bytes of it a peek leaves out."""
        queue = self.queue
        if not reception.peek:
            return (queue.pop(0), 0) if queue else (None, 0)
        offset = self.options.peek_offset
        if offset < 0:
            offset = 0
            following = False
        else:
            following = True
        for packet in queue:
            length = len(packet.data)
            if following and offset >= length and (offset or packet.seen):
                self.kernel.cite("DGRAM-PEEK-OFFSET")
                offset -= length
                continue
            if not length:
                packet.seen = True
            return packet, offset
        return None, 0

    def _nothing_there(self, reception: Reception) -> None:
        """No message: end of file, a refusal or a wait."""
        if reception.wait and self.options.receive_ticks:
            if self.closed & READ_CLOSED:
                self.kernel.cite("DGRAM-EOF-WAITING")
                return
            raise Sleeps("SOCK-READ-WAITS")
        self.end_without_waiting()

    def end_without_waiting(self) -> None:
        """What a receive that may not wait is told of an empty queue."""
        raise Refused(EAGAIN, "SOCK-EMPTY")

    def waiting_bytes(self) -> int:
        self.kernel.cite("DGRAM-FIONREAD")
        return len(self.queue[0].data) if self.queue else 0


class SequencedSocket(DatagramSocket):
    """A sequenced-packet socket."""

    type = SOCK_SEQPACKET
    connected = True

    def check_before_rights(self) -> None:
        if self.error:
            raise Refused(self.take_error(), "SOCK-ERROR")
        if self.peer is None:
            raise Refused(ENOTCONN, "SOCK-NO-PEER")

    def send(self, data: bytes, rights: Rights, flags: int, wait: bool, destination: Destination | None = None) -> int:
        self.check_before_rights()
        if destination is not None:
            self.kernel.cite("SEQ-ADDRESS")
        return super().send(data, rights, flags, wait)

    def receive(self, reception: Reception) -> None:
        if self.peer is None:
            raise Refused(ENOTCONN, "SOCK-NO-PEER")
        super().receive(reception)

    def end_without_waiting(self) -> None:
        if self.closed & READ_CLOSED:
            self.kernel.cite("SEQ-EOF")
            return
        super().end_without_waiting()

    def waiting_bytes(self) -> int:
        self.kernel.cite("SEQ-FIONREAD")
        return sum([len(packet.data) for packet in self.queue])
