# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Datagram and sequenced-packet sockets: whole messages, of any length from 0 up to the send buffer (unix(7)).

Sequenced packets are connected: a shutdown or a close is felt at the other end, and reads end in end of file.
Datagrams are not: the other end learns of a close only when it sends.
"""

from __future__ import annotations

from reference.constants import (
    EAGAIN,
    ECONNREFUSED,
    EMSGSIZE,
    ENOTCONN,
    EOPNOTSUPP,
    EPIPE,
    MSG_OOB,
    MSG_TRUNC,
    SO_TIMESTAMP,
    SOCK_DGRAM,
    SOCK_SEQPACKET,
)
from reference.linux.rights import Packet, Reception, Rights
from reference.linux.socket_room import DATAGRAM_RESERVE_BYTES, datagram_cost
from reference.linux.unix_socket import READ_CLOSED, ROOM_EVENTS, UnixSocket
from reference.outcomes import Refused, Sleeps


class DatagramSocket(UnixSocket):
    """One end of a pair of datagram sockets."""

    type = SOCK_DGRAM
    connected = False

    # Sending ------------------------------------------------------------------------------------

    def send(self, data: bytes, rights: Rights, flags: int, wait: bool) -> int:
        # CHECK
        if flags & MSG_OOB:
            raise Refused(EOPNOTSUPP, "OOB-STREAM-ONLY")
        if len(data) > self.options.send_buffer_bytes - DATAGRAM_RESERVE_BYTES:
            raise Refused(EMSGSIZE, "DGRAM-TOO-LONG")
        self.check_room(wait)
        self.check_in_flight(rights)
        try:
            peer = self._reachable_peer()
        except Refused:
            # The message was made before the peer was looked at, and throwing it away announces room.
            self.kernel.cite("DGRAM-REFUSED-WAKES")
            self.announce_room(1)
            raise
        # CHANGE
        self.put(peer, data, datagram_cost(len(data)), rights)
        # RETURN
        return len(data)

    def _reachable_peer(self) -> UnixSocket:
        """The peer, when it takes messages."""
        peer = self.peer
        if peer is None:
            raise Refused(ENOTCONN, "SOCK-NO-PEER")
        if peer.gone:
            self._disconnect()
            raise Refused(ECONNREFUSED, "DGRAM-PEER-GONE")
        if peer.closed & READ_CLOSED:
            raise Refused(EPIPE, "DGRAM-SHUT-READ")
        return peer

    def _disconnect(self) -> None:
        """The peer turned out to be gone: what it sent is thrown away."""
        self.peer = None
        self.waiters.wake(ROOM_EVENTS)
        self.discard_queue()

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
    """One end of a pair of sequenced-packet sockets."""

    type = SOCK_SEQPACKET
    connected = True

    def check_before_rights(self) -> None:
        if self.error:
            raise Refused(self.take_error(), "SOCK-ERROR")

    def send(self, data: bytes, rights: Rights, flags: int, wait: bool) -> int:
        self.check_before_rights()
        return super().send(data, rights, flags, wait)

    def end_without_waiting(self) -> None:
        if self.closed & READ_CLOSED:
            self.kernel.cite("SEQ-EOF")
            return
        super().end_without_waiting()

    def waiting_bytes(self) -> int:
        self.kernel.cite("SEQ-FIONREAD")
        return sum([len(packet.data) for packet in self.queue])
