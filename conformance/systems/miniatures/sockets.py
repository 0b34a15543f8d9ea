# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in Unix sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from conformance.systems.miniatures.base import PlantedBug
from reference.constants.readiness import POLLRDHUP
from reference.constants.sockets import MSG_NOSIGNAL, MSG_TRUNC, SO_SNDBUF, SOL_SOCKET
from reference.linux.description import OpenFileDescription
from reference.linux.kernel import Linux
from reference.linux.rights import Reception, Rights
from reference.linux.unix_datagram import DatagramSocket, SequencedSocket
from reference.linux.unix_socket import UnixSocket
from reference.linux.unix_stream import StreamSocket
from reference.structures import Message


class OwnSockets(Linux):
    """Makes sockets of other classes than the model does."""

    wrong: ClassVar[Mapping[type[UnixSocket], type[UnixSocket]]] = {}

    def _kind(self, domain: int, type: int, protocol: int) -> type[UnixSocket]:
        right = super()._kind(domain, type, protocol)
        return self.wrong.get(right, right)


class _OneSidedStream(StreamSocket):
    def shut_down(self, how: int) -> None:
        peer, self.peer = self.peer, None
        super().shut_down(how)
        self.peer = peer


class _OneSidedShutdown(OwnSockets):
    wrong: ClassVar = {StreamSocket: _OneSidedStream}


class _HungryStream(StreamSocket):
    def receive(self, reception: Reception) -> None:
        reception.peek = False
        super().receive(reception)


class _PeekConsumes(OwnSockets):
    wrong: ClassVar = {StreamSocket: _HungryStream}


class _RunningSequence(SequencedSocket):
    def receive(self, reception: Reception) -> None:
        super().receive(reception)
        while not reception.peek and self.queue and len(reception.data) < reception.count:
            following = Reception(reception.count - len(reception.data), reception.flags, wait=False)
            super().receive(following)
            reception.data += following.data


class _SequenceMerges(OwnSockets):
    wrong: ClassVar = {SequencedSocket: _RunningSequence}


class _ThriftyDatagram(DatagramSocket):
    def receive(self, reception: Reception) -> None:
        first = self.queue[0] if self.queue else None
        cost = first.cost if first else 0
        if first and not reception.peek and len(first.data) > reception.count:
            first.cost = 0
            super().receive(reception)
            first.data, first.cost = first.data[reception.count :], cost
            self.queue.insert(0, first)
        else:
            super().receive(reception)


class _DatagramRest(OwnSockets):
    wrong: ClassVar = {DatagramSocket: _ThriftyDatagram}


class _PoliteStream(StreamSocket):
    def unread(self) -> bool:
        return False


class _NoReset(OwnSockets):
    wrong: ClassVar = {StreamSocket: _PoliteStream}


class _CountingDatagram(DatagramSocket):
    def waiting_bytes(self) -> int:
        return sum([len(packet.data) for packet in self.queue])


class _DatagramsCounted(OwnSockets):
    wrong: ClassVar = {DatagramSocket: _CountingDatagram}


class _SteadyStream(StreamSocket):
    def poll(self, description: OpenFileDescription) -> int:
        return super().poll(description) & ~POLLRDHUP


class _NoHalfHangup(OwnSockets):
    wrong: ClassVar = {StreamSocket: _SteadyStream}


class _UrgentInLine(StreamSocket):
    def step_over_mark(self, position: int, reception: Reception, copied: int) -> int | None:
        if self.queue[position] is self.urgent and self.urgent.left:
            if not reception.peek:
                self.urgent = None
            return position
        return super().step_over_mark(position, reception, copied)


class _UrgentIsData(OwnSockets):
    wrong: ClassVar = {StreamSocket: _UrgentInLine}


class _RightsCloexec(Linux):
    def recvmsg(self, fd: int, lengths: tuple[int, ...], rights_max: int, flags: int) -> Message:
        message = super().recvmsg(fd, lengths, rights_max, flags)
        self.fds.close_on_exec.update(message.rights)
        return message


class _RightsLost(Linux):
    def _passed(self, rights: tuple[int, ...]) -> Rights:
        super()._passed(rights)
        return ()


class _NoTruncation(Linux):
    def recvmsg(self, fd: int, lengths: tuple[int, ...], rights_max: int, flags: int) -> Message:
        message = super().recvmsg(fd, lengths, rights_max, flags)
        return message._replace(flags=message.flags & ~MSG_TRUNC)


class _Loud(Linux):
    def send(self, fd: int, data: bytes, flags: int) -> int:
        return super().send(fd, data, flags & ~MSG_NOSIGNAL)


class _BufferAsAsked(Linux):
    def setsockopt(self, fd: int, level: int, option: int, value: bytes) -> int:
        result = super().setsockopt(fd, level, option, value)
        if level == SOL_SOCKET and option == SO_SNDBUF:
            self._socket(fd)[1].options.send_buffer_bytes //= 2
        return result


class _NoCredentials(Linux):
    def recvmsg(self, fd: int, lengths: tuple[int, ...], rights_max: int, flags: int) -> Message:
        return super().recvmsg(fd, lengths, rights_max, flags)._replace(control=())


def _pair(kind: str) -> str:
    return f"r0, r1 = socketpair(AF_UNIX, {kind}, 0)\n"


_WRITE = 'write(r0, b"x")\n'

BUGS = (
    PlantedBug(
        "socket-shutdown-one-sided",
        "sockets",
        "The peer of a stream does not feel shutdown(2).",
        "sockets",
        _pair("SOCK_STREAM") + "shutdown(r0, SHUT_WR)\nread(r1, 1)\n",
        _OneSidedShutdown,
    ),
    PlantedBug(
        "socket-peek-consumes",
        "sockets",
        "MSG_PEEK takes what it shows from a stream.",
        "sockets",
        _pair("SOCK_STREAM") + _WRITE + "recv(r1, 1, MSG_PEEK)\nread(r1, 1)\n",
        _PeekConsumes,
    ),
    PlantedBug(
        "seqpacket-merges",
        "sockets",
        "A read of a sequenced-packet socket goes on into the next message.",
        "sockets",
        _pair("SOCK_SEQPACKET") + _WRITE + _WRITE + "read(r1, 2)\n",
        _SequenceMerges,
    ),
    PlantedBug(
        "datagram-rest-kept",
        "sockets",
        "The rest of a datagram that was read in part is there for the next read.",
        "sockets",
        _pair("SOCK_DGRAM") + _WRITE + "recv(r1, 0, 0)\nread(r1, 1)\n",
        _DatagramRest,
    ),
    PlantedBug(
        "socket-no-reset",
        "sockets",
        "Closing a stream with unread data does not reset its peer.",
        "sockets",
        _pair("SOCK_STREAM") + _WRITE + "close(r1)\nread(r0, 1)\n",
        _NoReset,
    ),
    PlantedBug(
        "datagram-fionread-all",
        "sockets",
        "FIONREAD of a datagram socket counts all datagrams.",
        "sockets",
        _pair("SOCK_DGRAM") + _WRITE + _WRITE + "ioctl(r1, FIONREAD)\n",
        _DatagramsCounted,
    ),
    PlantedBug(
        "socket-no-rdhup",
        "sockets",
        "POLLRDHUP is never reported.",
        "sockets",
        _pair("SOCK_STREAM") + "shutdown(r0, SHUT_WR)\npoll([(r1, POLLRDHUP)], 0)\n",
        _NoHalfHangup,
    ),
    PlantedBug(
        "socket-urgent-is-data",
        "sockets",
        "An out-of-band byte is read like any other.",
        "sockets",
        _pair("SOCK_STREAM") + 'send(r0, b"x", MSG_OOB)\nread(r1, 1)\n',
        _UrgentIsData,
    ),
    PlantedBug(
        "rights-cloexec",
        "sockets",
        "Descriptors that came in a message are close-on-exec without being asked for.",
        "sockets",
        _pair("SOCK_STREAM") + 'sendmsg(r0, [b"x"], [r0], 0)\nr2 = recvmsg(r1, [1], 1, 0)\nfcntl(r2, F_GETFD)\n',
        _RightsCloexec,
    ),
    PlantedBug(
        "rights-lost",
        "sockets",
        "A message does not hold the descriptors that it carries.",
        "sockets",
        _pair("SOCK_STREAM") + 'sendmsg(r0, [b"x"], [r0], 0)\nrecvmsg(r1, [1], 1, 0)\n',
        _RightsLost,
    ),
    PlantedBug(
        "datagram-trunc-flag",
        "sockets",
        "recvmsg(2) does not tell that a datagram was cut.",
        "sockets",
        _pair("SOCK_DGRAM") + _WRITE + "recvmsg(r1, [], 0, 0)\n",
        _NoTruncation,
    ),
    PlantedBug(
        "send-nosignal-ignored",
        "sockets",
        "MSG_NOSIGNAL does not keep SIGPIPE away.",
        "sockets",
        _pair("SOCK_STREAM") + 'close(r1)\nsend(r0, b"x", MSG_NOSIGNAL)\n',
        _Loud,
    ),
    PlantedBug(
        "sndbuf-as-asked",
        "sockets",
        "SO_SNDBUF is what was asked for, not twice that.",
        "sockets",
        _pair("SOCK_STREAM")
        + 'setsockopt(r0, SOL_SOCKET, SO_SNDBUF, b"xxxx")\ngetsockopt(r0, SOL_SOCKET, SO_SNDBUF, 4)\n',
        _BufferAsAsked,
    ),
    PlantedBug(
        "credentials-missing",
        "sockets",
        "SO_PASSCRED brings no credentials.",
        "sockets",
        _pair("SOCK_STREAM")
        + 'setsockopt(r1, SOL_SOCKET, SO_PASSCRED, b"xxxx")\n'
        + _WRITE
        + "recvmsg(r1, [1], 4, 0)\n",
        _NoCredentials,
    ),
)
