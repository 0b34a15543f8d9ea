# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in the names of Unix sockets, and in connections by name."""

from __future__ import annotations

from typing import ClassVar

from conformance.systems.miniatures.base import PlantedBug
from conformance.systems.miniatures.sockets import OwnSockets
from reference.constants.readiness import POLLHUP
from reference.linux.description import OpenFileDescription
from reference.linux.kernel import Linux
from reference.linux.unix_datagram import DatagramSocket
from reference.linux.unix_socket import UnixSocket
from reference.linux.unix_stream import StreamSocket
from reference.syscalls import Address


class _Renames(Linux):
    def bind(self, fd: int, address: Address) -> int:
        _, socket = self._socket(fd)
        if address:
            socket.address = None
        return super().bind(fd, address)


class _ExactBacklog(Linux):
    def listen(self, fd: int, backlog: int) -> int:
        super().listen(fd, backlog)
        listener = self._socket(fd)[1].listener
        assert listener is not None
        listener.backlog -= 1
        return 0


class _OpenDatagram(DatagramSocket):
    def _check_reach(self, receiver: UnixSocket) -> None:
        peer, receiver.peer = receiver.peer, None
        try:
            super()._check_reach(receiver)
        finally:
            receiver.peer = peer


class _NoPeerFilter(OwnSockets):
    wrong: ClassVar = {DatagramSocket: _OpenDatagram}


class _EveryoneIsKnown(Linux):
    def socket(self, domain: int, type: int, protocol: int) -> int:
        fd = super().socket(domain, type, protocol)
        made = self._socket(fd)[1]
        made.peer_credentials = made.caller()
        return fd


class _Tidy(Linux):
    def close(self, fd: int) -> int:
        found = self.fds.entries.get(fd)
        closed = super().close(fd)
        if found is not None and isinstance(found.object, UnixSocket) and found.object.gone:
            for name, inode in tuple(self.directory.entries.items()):
                if inode is found.object.file:
                    self.directory.remove(name)
        return closed


class _QuietStream(StreamSocket):
    def poll(self, description: OpenFileDescription) -> int:
        return super().poll(description) if self.listener is None else 0


class _NobodyArrives(OwnSockets):
    wrong: ClassVar = {StreamSocket: _QuietStream}


class _HopefulStream(StreamSocket):
    def poll(self, description: OpenFileDescription) -> int:
        events = super().poll(description)
        return events & ~POLLHUP if self.peer is None else events


class _NoHangup(OwnSockets):
    wrong: ClassVar = {StreamSocket: _HopefulStream}


class _GentleStream(StreamSocket):
    def end(self, accepted: bool = True) -> None:
        super().end()


class _NoResetOfWaiting(OwnSockets):
    wrong: ClassVar = {StreamSocket: _GentleStream}


class _AnonymousSenders(Linux):
    def recvfrom(self, fd: int, count: int, flags: int) -> tuple[bytes, Address]:
        return super().recvfrom(fd, count, flags)[0], None


class _NamelessDatagram(DatagramSocket):
    def name_for_credentials(self) -> None:
        """No name."""


class _CredentialsWithoutName(OwnSockets):
    wrong: ClassVar = {DatagramSocket: _NamelessDatagram}


_SERVER = 'r0 = socket(AF_UNIX, SOCK_STREAM, 0)\nbind(r0, "s")\nlisten(r0, 0)\n'
_CLIENT = 'r1 = socket(AF_UNIX, SOCK_STREAM, 0)\nconnect(r1, "s")\n'
_DATAGRAMS = "r0, r1 = socketpair(AF_UNIX, SOCK_DGRAM, 0)\n"

BUGS = (
    PlantedBug(
        "bind-twice",
        "sockets",
        "A socket that has a name can be bound to another one.",
        "sockets",
        'r0 = socket(AF_UNIX, SOCK_STREAM, 0)\nbind(r0, "s")\nbind(r0, "t")\n',
        _Renames,
    ),
    PlantedBug(
        "backlog-exact",
        "sockets",
        "No more connections wait than the backlog says.",
        "sockets",
        _SERVER + 'connect(r0, "s")\n',
        _ExactBacklog,
    ),
    PlantedBug(
        "datagram-no-peer-filter",
        "sockets",
        "A datagram socket that has a peer takes messages from everybody.",
        "sockets",
        _DATAGRAMS + 'bind(r0, "s")\nsendto(r0, b"x", 0, "s")\n',
        _NoPeerFilter,
    ),
    PlantedBug(
        "peercred-of-caller",
        "sockets",
        "SO_PEERCRED of a socket without a peer tells the credentials of its owner.",
        "sockets",
        "r0 = socket(AF_UNIX, SOCK_STREAM, 0)\ngetsockopt(r0, SOL_SOCKET, SO_PEERCRED, 4)\n",
        _EveryoneIsKnown,
    ),
    PlantedBug(
        "socket-file-goes",
        "sockets",
        "The file of a bound socket goes away when the socket is closed.",
        "sockets",
        'r0 = socket(AF_UNIX, SOCK_STREAM, 0)\nbind(r0, "s")\nclose(r0)\nunlink("s")\n',
        _Tidy,
    ),
    PlantedBug(
        "connection-unannounced",
        "sockets",
        "A listening socket is not readable while a connection waits.",
        "sockets",
        _SERVER + _CLIENT + "poll([(r0, POLLIN)], 0)\n",
        _NobodyArrives,
    ),
    PlantedBug(
        "unconnected-no-hangup",
        "sockets",
        "A stream that has never been connected does not report POLLHUP.",
        "sockets",
        "r0 = socket(AF_UNIX, SOCK_STREAM, 0)\npoll([(r0, 0)], 0)\n",
        _NoHangup,
    ),
    PlantedBug(
        "waiting-no-reset",
        "sockets",
        "Closing a listening socket looks to the clients that wait like an ordinary end.",
        "sockets",
        _SERVER + _CLIENT + "close(r0)\nread(r1, 1)\n",
        _NoResetOfWaiting,
    ),
    PlantedBug(
        "sender-unknown",
        "sockets",
        "recvfrom(2) does not tell the name of the sender.",
        "sockets",
        _DATAGRAMS + 'bind(r0, "s")\nsend(r0, b"x", 0)\nrecvfrom(r1, 1, 0)\n',
        _AnonymousSenders,
    ),
    PlantedBug(
        "credentials-without-name",
        "sockets",
        "SO_PASSCRED does not give a datagram socket a name when it sends.",
        "sockets",
        _DATAGRAMS + 'setsockopt(r0, SOL_SOCKET, SO_PASSCRED, b"xxxx")\nsend(r0, b"x", 0)\ngetsockname(r0)\n',
        _CredentialsWithoutName,
    ),
)
