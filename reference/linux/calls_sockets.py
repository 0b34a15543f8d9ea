# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on sockets: connected pairs (socketpair(2)), and the calls that only sockets answer.

Names and connections are in :mod:`reference.linux.calls_addresses`.
"""

from __future__ import annotations

from reference.constants.errors import (
    EAFNOSUPPORT,
    EBADF,
    EFAULT,
    EINVAL,
    EMSGSIZE,
    ENOTSOCK,
    EOPNOTSUPP,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
)
from reference.constants.limits import INT_MAX, IOV_MAX, MAX_RW_COUNT, SIZE_MAX, UINT_MAX
from reference.constants.open_flags import O_NONBLOCK, O_RDWR
from reference.constants.sockets import (
    AF_INET,
    AF_UNIX,
    MSG_DONTWAIT,
    SHUT_RD,
    SHUT_RDWR,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.linux.calls_transfer import ADDRESS_SPACE_BYTES
from reference.linux.description import OpenFileDescription
from reference.linux.rights import (
    CONTROL_HEADER_BYTES,
    DESCRIPTOR_BYTES,
    Reception,
    Rights,
)
from reference.linux.socket_options import get_option, set_option
from reference.linux.state import KernelState
from reference.linux.unix_datagram import DatagramSocket, SequencedSocket
from reference.linux.unix_socket import UnixSocket
from reference.linux.unix_stream import StreamSocket
from reference.outcomes import Refused
from reference.structures import Message

RIGHTS_MAX = 253
"""The most descriptors that one message carries (unix(7))."""
TYPE_MASK = 0xF
TYPE_LIMIT = 11
INTERNET_PROTOCOL_LIMIT = 263

_KINDS: dict[int, type[UnixSocket]] = {
    SOCK_STREAM: StreamSocket,
    SOCK_DGRAM: DatagramSocket,
    SOCK_RAW: DatagramSocket,
    SOCK_SEQPACKET: SequencedSocket,
}
_INTERNET_TYPES = frozenset((SOCK_STREAM, SOCK_DGRAM, SOCK_RAW))


class SocketCalls(KernelState):
    """socketpair(2), send(2), recv(2), shutdown(2), getsockopt(2) and their relatives."""

    # Making -------------------------------------------------------------------------------------

    def socketpair(self, domain: int, type: int, protocol: int) -> tuple[int, int]:
        """socketpair(2)."""
        # CHECK
        self.check_socket_flags(type & ~TYPE_MASK)
        first = self.fds.lowest_free()
        second = self.fds.lowest_free(first + 1)
        make = self._kind(domain, type & TYPE_MASK, protocol)
        # CHANGE
        one, other = make(self), make(self)
        one.peer, other.peer = other, one
        one.peer_credentials = other.peer_credentials = one.caller()
        # RETURN
        return self.open_socket(first, one, type), self.open_socket(second, other, type)

    @staticmethod
    def check_socket_flags(flags: int) -> None:
        """Refuse flags of a new socket that do not exist."""
        if flags & UINT_MAX & ~(SOCK_NONBLOCK | SOCK_CLOEXEC):
            raise Refused(EINVAL, "PAIR-FLAGS")

    def open_socket(self, fd: int, socket: UnixSocket, flags: int) -> int:
        """Make a free number refer to a new socket; SOCK_NONBLOCK and SOCK_CLOEXEC in ``flags`` count."""
        socket.description = OpenFileDescription(socket, O_RDWR | (O_NONBLOCK if flags & SOCK_NONBLOCK else 0))
        return self.fds.install(fd, socket.description, bool(flags & SOCK_CLOEXEC))

    def _kind(self, domain: int, type: int, protocol: int) -> type[UnixSocket]:
        """The class for a domain, a type and a protocol."""
        if domain not in (AF_UNIX, AF_INET):
            raise Refused(EAFNOSUPPORT, "PAIR-DOMAIN")
        if type >= TYPE_LIMIT:
            raise Refused(EINVAL, "PAIR-TYPE-RANGE")
        if domain == AF_INET:
            raise self._internet(type, protocol)
        if protocol not in (0, AF_UNIX):
            raise Refused(EPROTONOSUPPORT, "PAIR-PROTOCOL")
        if type not in _KINDS:
            raise Refused(ESOCKTNOSUPPORT, "PAIR-TYPE")
        return _KINDS[type]

    def _internet(self, type: int, protocol: int) -> Refused:
        """Why there is no pair of internet sockets. Only protocol 0 is modelled."""
        if not 0 <= protocol < INTERNET_PROTOCOL_LIMIT:
            return Refused(EINVAL, "PAIR-INTERNET-PROTOCOL")
        if type not in _INTERNET_TYPES:
            return Refused(ESOCKTNOSUPPORT, "PAIR-TYPE")
        if type == SOCK_RAW:
            return Refused(EPROTONOSUPPORT, "PAIR-INTERNET-RAW")
        return Refused(EOPNOTSUPP, "PAIR-INTERNET")

    # Sending and receiving ----------------------------------------------------------------------

    def send(self, fd: int, data: bytes, flags: int) -> int:
        """send(2)."""
        # RESOLVE
        description, socket = self._socket(fd)
        # CHANGE
        return socket.send(data, (), flags, not (description.nonblocking or flags & MSG_DONTWAIT))

    def recv(self, fd: int, count: int, flags: int) -> bytes:
        """recv(2). A count beyond what one call moves is cut, even one that is no size at all."""
        return self.received(fd, count, flags).data

    def received(self, fd: int, count: int, flags: int) -> Reception:
        """What recv(2) and recvfrom(2) receive."""
        # RESOLVE
        description, socket = self._socket(fd)
        # CHANGE
        reception = Reception(min(count & SIZE_MAX, MAX_RW_COUNT), flags, not description.nonblocking)
        socket.receive(reception)
        # RETURN
        return reception

    def sendmsg(self, fd: int, buffers: tuple[bytes, ...], rights: tuple[int, ...], flags: int) -> int:
        """sendmsg(2)."""
        # RESOLVE
        description, socket = self._socket(fd)
        # CHECK
        if len(buffers) > IOV_MAX:
            raise Refused(EMSGSIZE, "MSG-IOV-MAX")
        socket.check_before_rights()
        passed = self._passed(rights)
        # CHANGE
        wait = not (description.nonblocking or flags & MSG_DONTWAIT)
        # RETURN
        return socket.send(b"".join(buffers), passed, flags, wait)

    def recvmsg(self, fd: int, lengths: tuple[int, ...], rights_max: int, flags: int) -> Message:
        """recvmsg(2). The control buffer has 16 + 4 x ``rights_max`` bytes; there is none for 0."""
        # RESOLVE
        description, socket = self._socket(fd)
        # CHECK
        count = _vector_count(lengths)
        # CHANGE
        room = CONTROL_HEADER_BYTES + DESCRIPTOR_BYTES * rights_max if rights_max else None
        reception = Reception(count, flags, not description.nonblocking, room)
        socket.receive(reception)
        # RETURN
        return Message(reception.data, tuple(reception.rights), tuple(reception.control), reception.message_flags)

    def _passed(self, rights: tuple[int, ...]) -> Rights:
        """The descriptions that a message is to carry. An O_PATH descriptor may travel too."""
        if len(rights) > RIGHTS_MAX:
            raise Refused(EINVAL, "RIGHTS-MAX")
        entries = self.fds.entries
        try:
            return tuple([entries[fd] for fd in rights])
        except KeyError:
            raise Refused(EBADF, "RIGHTS-EBADF") from None

    # Ending and options -------------------------------------------------------------------------

    def shutdown(self, fd: int, how: int) -> int:
        """shutdown(2)."""
        # RESOLVE
        _, socket = self._socket(fd)
        # CHECK
        if not SHUT_RD <= how <= SHUT_RDWR:
            raise Refused(EINVAL, "SHUT-HOW")
        # CHANGE
        socket.shut_down(how)
        # RETURN
        return 0

    def getsockopt(self, fd: int, level: int, option: int, length: int) -> bytes:
        """getsockopt(2)."""
        # RESOLVE
        _, socket = self._socket(fd)
        # CHECK
        if level != SOL_SOCKET:
            raise Refused(EOPNOTSUPP, "SOCKOPT-LEVEL")
        if not 0 <= length <= INT_MAX:
            raise Refused(EINVAL, "SOCKOPT-LENGTH")
        # RETURN
        return get_option(socket, option, length)

    def setsockopt(self, fd: int, level: int, option: int, value: bytes) -> int:
        """setsockopt(2)."""
        # RESOLVE
        _, socket = self._socket(fd)
        # CHECK
        if level != SOL_SOCKET:
            raise Refused(EOPNOTSUPP, "SOCKOPT-LEVEL")
        # CHANGE
        set_option(socket, option, value)
        # RETURN
        return 0

    def _socket(self, fd: int) -> tuple[OpenFileDescription, UnixSocket]:
        """The socket behind a descriptor; EBADF, ENOTSOCK."""
        description = self.description(fd)
        target = description.object
        if not isinstance(target, UnixSocket):
            raise Refused(ENOTSOCK, "SOCK-NOTSOCK")
        return description, target


def _vector_count(lengths: tuple[int, ...]) -> int:
    """The bytes that the buffers of recvmsg(2) hold, at most what one call moves."""
    if len(lengths) > IOV_MAX:
        raise Refused(EMSGSIZE, "MSG-IOV-MAX")
    if lengths and min(lengths) < 0:
        raise Refused(EINVAL, "MSG-IOV-NEGATIVE")
    if len(lengths) > 1 and max(lengths) >= ADDRESS_SPACE_BYTES:
        raise Refused(EFAULT, "MSG-IOV-FAULT")
    return min(sum(lengths), MAX_RW_COUNT)
