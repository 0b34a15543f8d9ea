# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in imported sockets."""

from __future__ import annotations

from typing import Any

from conformance.systems.miniatures.wrong_host import host_bug, with_socket
from reference.constants.requests import FIONREAD
from reference.constants.sockets import MSG_DONTWAIT, MSG_PEEK, SHUT_RD, SO_ERROR, SO_SNDBUF, SOL_SOCKET
from reference.host.kernel import Host
from reference.host.socket import Received, SocketDescription
from reference.structures import Message


class _RightsSent(SocketDescription):
    def send_once(self, host_fd: int, data: bytes, ancillary: bool = False) -> int:
        return super().send_once(host_fd, data)


class _PeekTakes(SocketDescription):
    def receive_once(self, host_fd: int, count: int, flags: int, rights_room: int) -> Received:
        return super().receive_once(host_fd, count, flags & ~MSG_PEEK, rights_room)


class _CloseIsSilent(SocketDescription):
    def released(self, host_fd: int) -> None:
        self.host.cite("CLS-05")


class _ShutdownForgotten(SocketDescription):
    def shut(self, host_fd: int, how: int) -> None:
        self.host.kernel.shutdown(host_fd, how)


class _ReadingShutUnseenByHost(SocketDescription):
    def shut(self, host_fd: int, how: int) -> None:
        if how != SHUT_RD:
            super().shut(host_fd, how)
        self.read_shut = self.read_shut or how == SHUT_RD


class _CutsUntold(SocketDescription):
    def _message_flags(self, message: Message, room: int) -> int:
        return 0


class _HostReadiness(SocketDescription):
    def readiness(self, host_fd: int, mask: int) -> int:
        (found,) = self.host.kernel.poll(((host_fd, mask),), 0)
        return found


class _BytesCounted(SocketDescription):
    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        if request == FIONREAD:
            return self.host.kernel.ioctl(host_fd, request, argument)
        return super().ioctl(host_fd, request, argument)


class _EmptyMessages(Host):
    def send_all(self, fd: int, file: SocketDescription, data: bytes, flags: int, *, ancillary: bool = False) -> int:
        if not data and file.keeps_messages_apart and not ancillary:
            return self.kernel.send(fd, data, flags | MSG_DONTWAIT)
        return super().send_all(fd, file, data, flags, ancillary=ancillary)


class _SendBufferSet(Host):
    def setsockopt(self, fd: int, level: int, option: int, value: bytes) -> int:
        result = super().setsockopt(fd, level, option, value)
        file = self.socket_of(fd)
        if file is not None and (level, option) == (SOL_SOCKET, SO_SNDBUF):
            file.options.send_buffer_bytes = 2 * int.from_bytes(value[:4], "little")
        return result


class _ErrorsShown(Host):
    def getsockopt(self, fd: int, level: int, option: int, length: int) -> bytes:
        if (level, option) == (SOL_SOCKET, SO_ERROR):
            return self.kernel.getsockopt(fd, level, option, length)
        return super().getsockopt(fd, level, option, length)


class _RightsNotImported(Host):
    def take_rights(self, received: Received, room: int, flags: int) -> tuple[tuple[int, ...], int]:
        return received.rights, 0


_STREAM = "r0, r1 = socketpair(AF_UNIX, SOCK_STREAM, 0)\n"
_DATAGRAM = "r0, r1 = socketpair(AF_UNIX, SOCK_DGRAM, 0)\n"
_IMPORT = "r2 = import_fd(r0)\n"
_KIND = "host-sockets"

BUGS = (
    host_bug(
        "host-socket-passes-rights",
        _KIND,
        "A message with descriptors is sent without them, where it must be refused.",
        _KIND,
        _STREAM + _IMPORT + 'sendmsg(r2, [b"x"], [r1], 0)\n',
        with_socket(_RightsSent),
    ),
    host_bug(
        "host-socket-peek-takes",
        _KIND,
        "MSG_PEEK takes what it shows.",
        _KIND,
        _STREAM + _IMPORT + 'write(r1, b"x")\nrecv(r2, 1, MSG_PEEK)\nrecv(r2, 1, MSG_DONTWAIT)\n',
        with_socket(_PeekTakes),
    ),
    host_bug(
        "host-socket-closes-silently",
        _KIND,
        "The last close of an import shuts nothing down.",
        _KIND,
        _STREAM + _IMPORT + "close(r2)\nread(r1, 1)\n",
        with_socket(_CloseIsSilent),
    ),
    host_bug(
        "host-socket-forgets-shutdown",
        _KIND,
        "A poll does not tell that reading was shut down here.",
        _KIND,
        _STREAM + _IMPORT + "shutdown(r2, SHUT_RD)\npoll([(r2, POLLRDHUP)], 0)\n",
        with_socket(_ShutdownForgotten),
    ),
    host_bug(
        "host-socket-shuts-reading-alone",
        _KIND,
        "The host does not hear that reading was shut down.",
        _KIND,
        _STREAM + _IMPORT + "shutdown(r2, SHUT_RD)\nread(r2, 1)\n",
        with_socket(_ReadingShutUnseenByHost),
    ),
    host_bug(
        "host-socket-cuts-untold",
        _KIND,
        "A message that was cut off is not marked.",
        _KIND,
        _DATAGRAM + _IMPORT + 'write(r1, b"xy")\nrecvmsg(r2, [1], 0, 0)\n',
        with_socket(_CutsUntold),
    ),
    host_bug(
        "host-socket-readiness-of-the-host",
        _KIND,
        "A poll tells that the host's other end hung up.",
        _KIND,
        _STREAM + _IMPORT + "close(r1)\npoll([(r2, POLLIN)], 0)\n",
        with_socket(_HostReadiness),
    ),
    host_bug(
        "host-socket-counts-bytes",
        _KIND,
        "FIONREAD works.",
        _KIND,
        _STREAM + _IMPORT + "ioctl(r2, FIONREAD)\n",
        with_socket(_BytesCounted),
    ),
    host_bug(
        "host-socket-sends-empty-messages",
        _KIND,
        "An empty message reaches the host.",
        _KIND,
        _DATAGRAM + _IMPORT + 'send(r2, b"", 0)\nread(r1, 1)\n',
        _EmptyMessages,
    ),
    host_bug(
        "host-socket-sets-send-buffer",
        _KIND,
        "SO_SNDBUF changes what SO_SNDBUF says.",
        _KIND,
        _STREAM
        + _IMPORT
        + 'setsockopt(r2, SOL_SOCKET, SO_SNDBUF, b"\\x00\\x10\\x00\\x00")\ngetsockopt(r2, SOL_SOCKET, SO_SNDBUF, 4)\n',
        _SendBufferSet,
    ),
    host_bug(
        "host-socket-shows-errors",
        _KIND,
        "SO_ERROR tells, and takes, the error of the host's socket.",
        _KIND,
        _STREAM + _IMPORT + 'write(r0, b"x")\nclose(r1)\ngetsockopt(r2, SOL_SOCKET, SO_ERROR, 4)\n',
        _ErrorsShown,
    ),
    host_bug(
        "host-socket-rights-not-imported",
        _KIND,
        "Descriptors that come with a message stay the host's.",
        _KIND,
        _STREAM + _IMPORT + 'sendmsg(r1, [b"x"], [r1], 0)\nr3 = recvmsg(r2, [1], 1, 0)\nioctl(r3, FIONREAD)\n',
        _RightsNotImported,
    ),
)
