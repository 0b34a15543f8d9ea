# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Names and connections of imported sockets: bind(2), listen(2), accept4(2), connect(2), and who the other end is.

An imported socket counts as connected, so there is little that a name is good for.
Names are looked up in the sandbox, whose files and unimported sockets are those of the kernel below:
sockets made for the purpose, and closed at once, ask it what lies behind a name, and leave no trace there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, cast

from reference.constants.errors import EAGAIN, ECONNREFUSED, EINVAL, EISCONN, EISDIR, EPERM, EPROTOTYPE
from reference.constants.open_flags import O_NONBLOCK
from reference.constants.sockets import AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_SEQPACKET, SOCK_STREAM
from reference.host.caller import Caller
from reference.host.calls_sockets import SocketCalls
from reference.host.socket import SocketDescription
from reference.host.state import Kernel
from reference.outcomes import Refused, Sleeps

PERMISSIONS = 0o7777
ABSTRACT = "\0"
"""How the names begin that are no paths."""
ADDRESS_BYTES_MAX = 108
"""The longest name that an address has room for (unix(7))."""

Address = str | None


class NamingKernel(Protocol):
    """The calls of the kernel below that names need."""

    def socket(self, domain: int, type: int, protocol: int) -> int:
        """socket(2)."""

    def bind(self, fd: int, address: Address) -> int:
        """bind(2)."""

    def listen(self, fd: int, backlog: int) -> int:
        """listen(2)."""

    def connect(self, fd: int, address: Address) -> int:
        """connect(2)."""

    def accept4(self, fd: int, flags: int) -> tuple[int, Address]:
        """accept4(2)."""

    def getsockname(self, fd: int) -> Address:
        """getsockname(2)."""

    def getpeername(self, fd: int) -> Address:
        """getpeername(2)."""

    def sendto(self, fd: int, data: bytes, flags: int, address: Address) -> int:
        """sendto(2)."""

    def recvfrom(self, fd: int, count: int, flags: int) -> tuple[bytes, Address]:
        """recvfrom(2)."""


class SocketNameCalls(SocketCalls):
    """bind, listen, accept4, connect, getsockname, getpeername, sendto, recvfrom."""

    def __init__(self, kernel: Kernel, caller: Caller | None = None) -> None:
        super().__init__(kernel, caller)
        self._naming = cast(NamingKernel, kernel)
        self._bound: dict[str, SocketDescription] = {}

    # Names of its own -------------------------------------------------------------------------

    def bind(self, fd: int, address: Address) -> int:
        """bind(2). The socket file is made first, and taken away again when the socket has a name already."""
        file = self.socket_of(fd)
        if file is None:
            return self._naming.bind(fd, address)
        self.cite("SCK-56")
        path = _checked_path(address)
        if not path or path.startswith(ABSTRACT):
            # The baseline has no name space to look into, and ends. That it is refused is our reading.
            raise Refused(EINVAL, "SCK-56")
        self._make_socket_file(path, file.inode.stat(fd).mode)
        if file.path:
            self.kernel.unlink(path)
            raise Refused(EINVAL, "SCK-56")
        file.path = path
        self._bound[path] = file
        return 0

    def _make_socket_file(self, path: str, mode: int) -> None:
        maker = self._naming.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
        try:
            self.kernel.fchmod(maker, mode & PERMISSIONS)
            self._naming.bind(maker, path)
        finally:
            self.kernel.close(maker)

    def getsockname(self, fd: int) -> Address:
        """getsockname(2): what was bound in the sandbox, whatever the host's socket is called."""
        file = self.socket_of(fd)
        if file is None:
            return self._naming.getsockname(fd)
        self.cite("SCK-52")
        return file.path

    def getpeername(self, fd: int) -> Address:
        """getpeername(2)."""
        file = self.socket_of(fd)
        if file is None:
            return self._naming.getpeername(fd)
        self.cite("SCK-53")
        return file.address

    # Connections ------------------------------------------------------------------------------

    def _clause_of_names(self, fd: int, clause: str) -> str:
        """Why an import is refused a connection: by a clause where the host's socket has one, else for the import."""
        try:
            self._naming.getpeername(fd)
        except OSError:
            self.cite(clause)
            return "SCK-05"
        return clause

    def listen(self, fd: int, backlog: int) -> int:
        """listen(2)."""
        file = self.socket_of(fd)
        if file is None:
            return self._naming.listen(fd, backlog)
        if not file.path:
            raise Refused(EINVAL, self._clause_of_names(fd, "SCK-54"))
        self.cite("SCK-54")
        file.listening = True
        return 0

    def accept4(self, fd: int, flags: int) -> tuple[int, Address]:
        """accept4(2): nobody can ever connect."""
        file = self.files.get(fd)
        if file is None:
            return self._naming.accept4(fd, flags)
        if flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC):
            raise Refused(EINVAL, "LAY-01")
        socket = self.socket_of(fd)
        if socket is None or not socket.listening:
            raise Refused(EINVAL, "SCK-54" if socket is None else self._clause_of_names(fd, "SCK-54"))
        self.cite("SCK-54")
        raise Refused(EAGAIN, "LAY-07") if socket.flags & O_NONBLOCK else Sleeps("LAY-07")

    def connect(self, fd: int, address: Address) -> int:
        """connect(2): refused, for what lies behind the name or because the socket is connected."""
        file = self.socket_of(fd)
        if file is None:
            return self._naming.connect(fd, address)
        path = _checked_path(address)
        target = self._type_behind(path)
        if target == file.type:
            clause = self._clause_of_names(fd, "SCK-55")
            raise Refused(EINVAL if self._bound.get(path) is file else EISCONN, clause)
        raise Refused(EPROTOTYPE, "SCK-55")

    def _type_behind(self, path: str) -> int:
        """The type of the socket that is bound to a path. ENOENT, ECONNREFUSED, and whatever else the look-up says."""
        if not path:
            raise Refused(EINVAL, "SCK-55")
        if path.startswith(ABSTRACT):
            raise Refused(ECONNREFUSED, "SCK-55")
        error = self._refusal(SOCK_DGRAM, path)
        if error is None or error.errno == EPERM:
            return SOCK_DGRAM
        if error.errno == ECONNREFUSED and path in self._bound:
            return self._bound[path].type
        if error.errno != EPROTOTYPE:
            self.cite("SCK-55")
            raise error
        error = self._refusal(SOCK_STREAM, path)
        return SOCK_SEQPACKET if error is not None and error.errno == EPROTOTYPE else SOCK_STREAM

    def _refusal(self, type: int, path: str) -> OSError | None:
        """How the kernel below refuses to connect a socket of a type, which has a peer already, to a path."""
        with self._pair(type) as probe:
            try:
                self._naming.connect(probe, path)
            except OSError as error:
                return error
        return None

    @contextmanager
    def _pair(self, type: int) -> Iterator[int]:
        one, other = self.kernel.socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
        try:
            yield one
        finally:
            self.kernel.close(one)
            self.kernel.close(other)

    # Sending and receiving --------------------------------------------------------------------

    def sendto(self, fd: int, data: bytes, flags: int, address: Address) -> int:
        """sendto(2). None is no address."""
        file = self.socket_of(fd)
        if file is None:
            return self._naming.sendto(fd, data, flags, address)
        if address is not None and file.type != SOCK_SEQPACKET:
            if file.type == SOCK_STREAM:
                raise Refused(EISCONN, "SCK-18")
            self.cite("SCK-18")
            self._type_behind(_checked_path(address))
            if data:
                raise Refused(EISCONN, "SCK-18")
        return self.send_all(fd, file, data, flags)

    def recvfrom(self, fd: int, count: int, flags: int) -> tuple[bytes, Address]:
        """recvfrom(2): the data, and what stands for the sender."""
        file = self.files.get(fd)
        if file is None:
            return self._naming.recvfrom(fd, count, flags)
        received = self.receive_from(fd, count, flags)
        assert isinstance(file, SocketDescription)
        self.cite("SCK-42")
        return received.data, file.address if received.sender else None


def _checked_path(address: Address) -> str:
    """The name in an address. EINVAL for an address of no family or a name too long, EISDIR for a closing slash."""
    if address is None or len(address.encode()) > ADDRESS_BYTES_MAX:
        raise Refused(EINVAL, "SCK-55")
    if address.endswith("/"):
        raise Refused(EISDIR, "SCK-55")
    return address
