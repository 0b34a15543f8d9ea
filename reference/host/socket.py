# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The description of an imported Unix socket: an endpoint that counts as connected, whatever the host's socket is.

Data goes through the host's own queues, one host call for each attempt, and the host is never waited for.
Everything else is the sandbox's own: options, names, which directions were shut down, and what a poll says.
What the host call is asked, and what becomes of its answer, is the *model*'s; waiting and going on are the calls'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from reference.constants.errors import (
    EAGAIN,
    ECONNRESET,
    EDESTADDRREQ,
    EINVAL,
    EMSGSIZE,
    ENOTCONN,
    ENOTTY,
    EOPNOTSUPP,
    EPIPE,
    ESPIPE,
)
from reference.constants.open_flags import O_NONBLOCK
from reference.constants.readiness import POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRBAND, POLLWRNORM
from reference.constants.requests import FIONBIO, FIONREAD, SIOCOUTQ
from reference.constants.sockets import (
    AF_UNIX,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    MSG_PEEK,
    MSG_TRUNC,
    SHUT_RD,
    SHUT_WR,
    SO_DOMAIN,
    SO_PASSCRED,
    SO_SNDBUF,
    SO_TYPE,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
)
from reference.host.description import Description, WouldBlockError
from reference.host.socket_options import SocketOptions
from reference.outcomes import Refused, Sleeps
from reference.structures import Message

if TYPE_CHECKING:
    from reference.host.inode import Inode
    from reference.host.state import HostState

READABLE = POLLIN | POLLRDNORM
WRITABLE = POLLOUT | POLLWRNORM
HANG_UPS = POLLHUP | POLLRDHUP
SLEEP_NS_MIN = 10**9
"""A time to wait of at least this counts as sleeping for ever, as it does on the kernel below."""
_INT_BYTES = 4


class Received(NamedTuple):
    """What a receive brought: data, numbers of host descriptors that came along, MSG flags of a message.

    ``sender`` says whether the host was asked, and the other end's address thus known.
    """

    data: bytes
    rights: tuple[int, ...] = ()
    flags: int = 0
    sender: bool = True


class SocketDescription(Description):
    """A description of an imported socket. ``send_buffer_bytes`` is the host's SO_SNDBUF at the import.

    ``read_shut`` and ``write_shut`` are what was shut down here; what happened on the host's side does not count.
    ``path`` is the name that was bound in the sandbox, ``address`` what stands for the host's end of the connection.
    """

    direction_clause = "SCK-06"
    type: int
    send_buffer_bytes: int
    options: SocketOptions

    def __init__(self, host: HostState, inode: Inode, host_fd: int, flags: int) -> None:
        super().__init__(host, inode, flags)
        self._ask_host(host_fd)
        host.cite("SCK-02")
        host.kernel.ioctl(host_fd, FIONBIO, 1)
        self.options = SocketOptions(self.send_buffer_bytes)
        self.read_shut = False
        self.write_shut = False
        self.path = ""
        self.listening = False
        self.address = f"hostfd:[{host_fd}]"

    def _ask_host(self, host_fd: int) -> None:
        self.host.cite("IMP-19")
        if self._host_option(host_fd, SO_DOMAIN) != AF_UNIX:
            raise Refused(EINVAL, "IMP-19")
        self.type = self._host_option(host_fd, SO_TYPE)
        self.send_buffer_bytes = self._host_option(host_fd, SO_SNDBUF)
        if self.type == SOCK_DGRAM:
            self.host.cite("SCK-01")

    def _host_option(self, host_fd: int, option: int) -> int:
        return int.from_bytes(self.host.kernel.getsockopt(host_fd, SOL_SOCKET, option, _INT_BYTES), "little")

    @property
    def keeps_messages_apart(self) -> bool:
        """Whether it is a datagram or a sequenced-packet socket."""
        return self.type != SOCK_STREAM

    @property
    def passes_credentials(self) -> bool:
        """Whether SO_PASSCRED is on in the sandbox."""
        return SO_PASSCRED in self.options.enabled

    # Waiting ----------------------------------------------------------------------------------

    @property
    def nonblocking(self) -> bool:
        """Whether read(2) and write(2) may not wait. Both ask the time to wait for data (SCK-21, SCK-30)."""
        return bool(self.flags & O_NONBLOCK) or self.options.receive_ns < 0

    def would_block(self) -> Exception:
        return ended_wait(self.nonblocking, self.options.receive_ns)

    # Sending ----------------------------------------------------------------------------------

    def send_once(self, host_fd: int, data: bytes, ancillary: bool = False) -> int:
        """One attempt to send: the number of bytes taken. Raises WouldBlockError with that when it is not all."""
        if ancillary:
            raise Refused(EINVAL, "SCK-10")
        if self.passes_credentials:
            raise Refused(EINVAL, "SCK-11")
        offered = data
        if len(data) > self.send_buffer_bytes:
            if self.keeps_messages_apart:
                raise Refused(EMSGSIZE, "SCK-13")
            self.host.cite("SCK-13")
            offered = data[: self.send_buffer_bytes]
        self.host.cite("SCK-12")
        try:
            taken = self.host.kernel.send(host_fd, offered, MSG_DONTWAIT | MSG_NOSIGNAL)
        except OSError as error:
            if error.errno == EAGAIN:
                raise WouldBlockError from None
            self.host.cite("SCK-16" if error.errno == EPIPE else "SCK-15")
            if error.errno == EPIPE and self.write_shut:
                self.host.cite("SCK-51")
            if error.errno in (ENOTCONN, EDESTADDRREQ):
                self.host.cite("SCK-05")
            raise
        if taken < len(data):
            self.host.cite("SCK-14")
            raise WouldBlockError(taken)
        return taken

    # Receiving --------------------------------------------------------------------------------

    def receive_once(self, host_fd: int, count: int, flags: int, rights_room: int) -> Received:
        """One attempt to receive up to ``count`` bytes, and descriptors for at least ``rights_room`` numbers.

        Raises WouldBlockError where there is nothing.
        """
        if not count:
            if not flags & MSG_TRUNC:
                self.host.cite("SCK-38")
                return Received(b"", sender=False)
            self.host.cite("SCK-39")
        self.host.cite("SCK-31")
        if flags & MSG_PEEK:
            self.host.cite("SCK-36")
        # The host's control buffer ends where a word does, so that its room is for an even number of descriptors.
        room = rights_room + rights_room % 2
        lengths = (min(count, self.send_buffer_bytes),) if count else ()
        try:
            message = self.host.kernel.recvmsg(host_fd, lengths, room, MSG_DONTWAIT | MSG_TRUNC | flags & MSG_PEEK)
        except OSError as error:
            self.host.cite("SCK-32")
            if error.errno == EAGAIN:
                if self.type == SOCK_DGRAM:
                    self.host.cite("SCK-51")
                raise WouldBlockError from None
            if error.errno == ECONNRESET:
                self.host.cite("SCK-66")
            if error.errno in (EINVAL, ENOTCONN):
                self.host.cite("SCK-05")
            raise
        self._check_control(message)
        self._cite_end(message, count)
        return Received(message.data, message.rights, self._message_flags(message, room))

    def _check_control(self, message: Message) -> None:
        """Descriptors are all that may come along: anything else, which the host's side asked for, spoils the message.

        The data is gone by then. The descriptors are given up, which the sandbox would have forgotten to close.
        """
        if message.control:
            for number in message.rights:
                self.host.kernel.close(number)
            raise Refused(EINVAL, "SCK-43")

    def _cite_end(self, message: Message, count: int) -> None:
        if message.flags & MSG_TRUNC:
            self.host.cite("SCK-35" if not count else "SCK-34")
        elif count and not message.data:
            self.host.cite("SCK-33")
            if self.read_shut:
                self.host.cite("SCK-51")

    def _message_flags(self, message: Message, room: int) -> int:
        """The host's MSG_TRUNC and MSG_CTRUNC.

        With room to spare, descriptors are only missing because there were no numbers left for them,
        which the sandbox does not tell.
        """
        flags = message.flags & (MSG_TRUNC | MSG_CTRUNC)
        return flags & ~MSG_CTRUNC if len(message.rights) < room else flags

    # read(2) and write(2) ---------------------------------------------------------------------

    def check_positional(self) -> None:
        raise Refused(ESPIPE, "SCK-03")

    def read(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        if flags:
            raise Refused(EOPNOTSUPP, "SCK-04")
        count = sum(lengths)
        if not count:
            self.host.cite("SCK-37")
            return b""
        return self.receive_once(host_fd, count, 0, 0).data

    def write(self, host_fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        if flags:
            raise Refused(EOPNOTSUPP, "SCK-04")
        data = b"".join(buffers)
        if not data:
            self.host.cite("SCK-17")
        try:
            return self.send_once(host_fd, data)
        except WouldBlockError:
            self.host.cite("SCK-21")
            raise

    # Readiness --------------------------------------------------------------------------------

    def readiness(self, host_fd: int, mask: int) -> int:
        self.host.cite("EV-17")
        (found,) = self.host.kernel.poll(((host_fd, mask),), 0)
        found &= mask
        ready = self._ready(found, mask)
        self._cite_untold(found & ~ready)
        return ready

    def _ready(self, found: int, mask: int) -> int:
        """The events that follow from what the host says, and from what was shut down here."""
        ready = 0
        if found & READABLE:
            self.host.cite("SCK-60")
            ready |= READABLE
        if found & WRITABLE:
            self.host.cite("SCK-61")
            ready |= WRITABLE
        if mask & HANG_UPS and self.read_shut:
            self.host.cite("SCK-62")
            ready |= POLLRDHUP
            if mask & POLLHUP and self.write_shut:
                ready |= POLLHUP
        return ready

    def epoll_events(self, host_fd: int, events: int) -> int:
        """What an epoll instance reports when the host's says ``events``, which it only says of what was asked for.

        The host hangs up whenever the sandbox does, and more often: of that nothing is told, nor of errors (SCK-63).
        """
        ready = events & (READABLE | WRITABLE) | self._ready(0, HANG_UPS) & events
        self._cite_untold(events & ~ready)
        return ready

    def _cite_untold(self, events: int) -> None:
        """What the host says and the sandbox does not."""
        if events & POLLWRBAND:
            self.host.cite("SCK-64")
        if events & ~POLLWRBAND:
            self.host.cite("SCK-63")

    # The rest ---------------------------------------------------------------------------------

    def seek(self, host_fd: int, offset: int, whence: int) -> int:
        raise Refused(ESPIPE, "SEEK-02")

    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        raise Refused(ENOTTY, "SCK-57" if request in (FIONREAD, SIOCOUTQ) else "IOC-08")

    def shut(self, host_fd: int, how: int) -> None:
        """Shut one direction down: SHUT_RD or SHUT_WR. The host's socket always lets it happen."""
        self.host.kernel.shutdown(host_fd, how)
        if how == SHUT_RD:
            self.read_shut = True
        else:
            self.write_shut = True

    def released(self, host_fd: int) -> None:
        """Both directions are shut down on the host before it loses the descriptor, for everybody who holds another."""
        self.host.cite("CLS-05")
        self.shut(host_fd, SHUT_WR)
        self.shut(host_fd, SHUT_RD)

    def restored(self, host_fd: int) -> None:
        """The sandbox was restored: what the import asked the host is asked again, and the rest kept."""
        self.host.cite("SR-09")
        self._ask_host(host_fd)


def ended_wait(nonblocking: bool, wait_ns: int) -> Exception:
    """How a call ends that moved nothing and could only wait, for ``wait_ns`` at most unless that is 0."""
    if nonblocking:
        return Refused(EAGAIN, "LAY-07")
    if 0 < wait_ns < SLEEP_NS_MIN:
        return Refused(EAGAIN, "SCK-30")
    return Sleeps("LAY-07")
