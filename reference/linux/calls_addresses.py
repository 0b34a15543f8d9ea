# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that give sockets names, and that connect sockets by name (unix(7))."""

from __future__ import annotations

from reference.constants.errors import (
    EACCES,
    EADDRINUSE,
    EAFNOSUPPORT,
    EAGAIN,
    ECONNREFUSED,
    EEXIST,
    EINVAL,
    EISCONN,
    ENOTCONN,
    ENOTSOCK,
    EOPNOTSUPP,
    EPROTOTYPE,
)
from reference.constants.limits import UINT_MAX
from reference.constants.sockets import AF_UNIX, MSG_DONTWAIT, SO_PASSCRED
from reference.linux.calls_names import NameCalls
from reference.linux.calls_sockets import TYPE_MASK, SocketCalls
from reference.linux.inode import PERMISSION_BITS
from reference.linux.paths import LastStep
from reference.linux.permissions import MAY_WRITE
from reference.linux.releases import CREDENTIALS_AT_CONNECT_SINCE
from reference.linux.unix_address import (
    Address,
    Destination,
    SocketFile,
    check_address,
    check_length,
    is_abstract,
)
from reference.linux.unix_datagram import DatagramSocket
from reference.linux.unix_listener import Listener, queue_connection
from reference.linux.unix_socket import ARRIVAL_EVENTS, READ_CLOSED, UnixSocket
from reference.outcomes import Refused, Sleeps


class AddressCalls(NameCalls, SocketCalls):
    """socket(2), bind(2), listen(2), connect(2), accept4(2), and the calls that tell or take an address."""

    def socket(self, domain: int, type: int, protocol: int) -> int:
        """socket(2)."""
        # CHECK
        self.check_socket_flags(type & ~TYPE_MASK)
        if domain != AF_UNIX:
            raise Refused(EAFNOSUPPORT, "SOCKET-DOMAIN")
        make = self._kind(domain, type & TYPE_MASK, protocol)
        # RETURN
        return self.open_socket(self.fds.lowest_free(), make(self), type)

    # Names --------------------------------------------------------------------------------------

    def bind(self, fd: int, address: Address) -> int:
        """bind(2)."""
        # RESOLVE
        _, socket = self._socket(fd)
        # CHANGE
        if address == "":
            socket.name_automatically()
        elif is_abstract(check_address(address)):
            self._bind_abstract(socket, check_address(address))
        else:
            self._bind_file(socket, check_address(address))
        # RETURN
        return 0

    def _bind_abstract(self, socket: UnixSocket, name: str) -> None:
        # CHECK
        if socket.address is not None:
            raise Refused(EINVAL, "BIND-TWICE")
        if (socket.type, name) in self.abstract_sockets:
            raise Refused(EADDRINUSE, "BIND-IN-USE")
        # CHANGE
        self.cite("BIND-ABSTRACT")
        socket.address = name
        self.abstract_sockets[socket.type, name] = socket

    def _bind_file(self, socket: UnixSocket, path: str) -> None:
        # CHECK
        last = self._free_name(path)
        directory = last.directory
        directory.check_change()
        # CHANGE
        permissions = directory.mode_of_new(socket.mode & PERMISSION_BITS)
        file = SocketFile(self, permissions, directory.group_of_new(), socket)
        directory.add(last.name, file)
        if socket.address is not None:
            # The file is made first, and removed again when it turns out that the socket has a name.
            directory.remove(last.name)
            raise Refused(EINVAL, "BIND-TWICE")
        self.cite("BIND-FILE")
        socket.address, socket.file = path, file

    def _free_name(self, path: str) -> LastStep:
        """Where the file of a name goes; EADDRINUSE when the name is taken."""
        try:
            return self._new_name(path)
        except Refused as refusal:
            if refusal.errno != EEXIST:
                raise
            raise Refused(EADDRINUSE, "BIND-IN-USE") from None

    def getsockname(self, fd: int) -> Address:
        """getsockname(2)."""
        # RESOLVE
        _, socket = self._socket(fd)
        # RETURN
        return _shown(socket)

    def getpeername(self, fd: int) -> Address:
        """getpeername(2)."""
        # RESOLVE
        _, socket = self._socket(fd)
        # CHECK
        if socket.peer is None:
            raise Refused(ENOTCONN, "ADDR-NO-PEER")
        # RETURN
        return _shown(socket.peer)

    def find_socket(self, address: str, type: int) -> UnixSocket:
        """The socket of a type that answers at an address; ECONNREFUSED, EPROTOTYPE, EACCES, and those of a path."""
        if is_abstract(address):
            abstract = self.abstract_sockets.get((type, address))
            if abstract is None:
                raise Refused(ECONNREFUSED, "CONNECT-ABSTRACT")
            return abstract
        inode = self._walk().inode(address)
        if not inode.permits(MAY_WRITE):
            raise Refused(EACCES, "CONNECT-PERMISSION")
        found = inode.socket if isinstance(inode, SocketFile) else None
        if found is None:
            raise Refused(ECONNREFUSED, "CONNECT-NOBODY")
        if found.type != type:
            raise Refused(EPROTOTYPE, "CONNECT-TYPE")
        inode.touched()
        return found

    # Connections --------------------------------------------------------------------------------

    def listen(self, fd: int, backlog: int) -> int:
        """listen(2)."""
        # RESOLVE
        _, socket = self._socket(fd)
        # CHECK
        if not socket.connected:
            raise Refused(EOPNOTSUPP, "LISTEN-DATAGRAM")
        if socket.address is None:
            raise Refused(EINVAL, "LISTEN-UNNAMED")
        if socket.peer is not None:
            raise Refused(EINVAL, "LISTEN-CONNECTED")
        # CHANGE
        limit = min(backlog & UINT_MAX, self.profile.listen_backlog_max)
        if socket.listener is None:
            self.cite("LISTEN")
            socket.listener = Listener(limit)
        else:
            self.cite("LISTEN-AGAIN")
            socket.listener.backlog = limit
        socket.peer_credentials = socket.caller()
        # RETURN
        return 0

    def connect(self, fd: int, address: Address) -> int:
        """connect(2)."""
        # RESOLVE
        description = self.description(fd)
        check_length(address)
        _, socket = self._socket(fd)
        # CHANGE
        if isinstance(socket, DatagramSocket) and not socket.connected:
            self._connect_datagram(socket, address)
        else:
            self._connect_stream(socket, check_address(address), not description.nonblocking)
        # RETURN
        return 0

    def _connect_datagram(self, socket: DatagramSocket, address: Address) -> None:
        if address is None:
            self.cite("CONNECT-NO-FAMILY")
            socket.connect_to(None)
            return
        address = check_address(address)
        socket.name_for_credentials()
        socket.connect_to(self.find_socket(address, socket.type))

    def _connect_stream(self, socket: UnixSocket, address: str, wait: bool) -> None:
        # RESOLVE
        socket.name_for_credentials()
        found = self.find_socket(address, socket.type)
        # CHECK
        listener = found.listener
        if listener is None or found.closed & READ_CLOSED:
            raise Refused(ECONNREFUSED, "CONNECT-NOT-LISTENING")
        if listener.full:
            if not wait or not socket.options.send_ticks:
                raise Refused(EAGAIN, "CONNECT-FULL")
            raise Sleeps("CONNECT-WAITS")
        if socket.peer is not None:
            raise Refused(EISCONN, "CONNECT-TWICE")
        if socket.listener is not None:
            raise Refused(EINVAL, "CONNECT-LISTENING")
        # CHANGE
        self.cite("CONNECT")
        queue_connection(found, socket)
        found.waiters.wake(ARRIVAL_EVENTS)

    def accept4(self, fd: int, flags: int) -> tuple[int, Address]:
        """accept4(2). SOCK_NONBLOCK is about the new descriptor; whether the call waits is up to the old one."""
        # RESOLVE
        description = self.description(fd)
        # CHECK
        self.check_socket_flags(flags)
        number = self.fds.lowest_free()
        socket = description.object
        if not isinstance(socket, UnixSocket):
            raise Refused(ENOTSOCK, "SOCK-NOTSOCK")
        if not socket.connected:
            raise Refused(EOPNOTSUPP, "LISTEN-DATAGRAM")
        listener = socket.listener
        if listener is None:
            raise Refused(EINVAL, "ACCEPT-NOT-LISTENING")
        if not listener.waiting:
            if description.nonblocking or not socket.options.receive_ticks:
                raise Refused(EAGAIN, "ACCEPT-EMPTY")
            if socket.closed & READ_CLOSED:
                raise Refused(EINVAL, "ACCEPT-SHUT")
            raise Sleeps("ACCEPT-WAITS")
        # CHANGE
        self.cite("ACCEPT")
        accepted = listener.waiting.pop(0)
        accepted.waits_at = None
        if self.profile.kernel < CREDENTIALS_AT_CONNECT_SINCE:
            accepted.options.enabled |= socket.options.enabled & {SO_PASSCRED}
        peer = accepted.peer
        assert peer is not None
        # RETURN
        return self.open_socket(number, accepted, flags), _shown(peer)

    # Messages -----------------------------------------------------------------------------------

    def sendto(self, fd: int, data: bytes, flags: int, address: Address) -> int:
        """sendto(2)."""
        # RESOLVE
        description, socket = self._socket(fd)
        # CHECK
        check_length(address)
        # CHANGE
        destination = None if address is None else Destination(address, self.find_socket)
        return socket.send(data, (), flags, not (description.nonblocking or flags & MSG_DONTWAIT), destination)

    def recvfrom(self, fd: int, count: int, flags: int) -> tuple[bytes, Address]:
        """recvfrom(2)."""
        reception = self.received(fd, count, flags)
        if reception.address is not None:
            self.cite("ADDR-SENDER")
        return reception.data, reception.address


def _shown(socket: UnixSocket) -> str:
    """The address of a socket as getsockname(2) gives it: one without a name when it has none."""
    return socket.address or ""
