# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls on imported sockets: sending, receiving, shutdown(2), options.

One attempt is the description's. Whether another follows it is decided here, and how a call ends that can only wait.
"""

from __future__ import annotations

from reference.constants.descriptors import F_GETFD
from reference.constants.errors import EINTR, EINVAL, EMSGSIZE, ENOTSOCK
from reference.constants.limits import IOV_MAX, LLONG_MAX, MAX_RW_COUNT, UINT_MAX
from reference.constants.open_flags import O_NONBLOCK
from reference.constants.sockets import (
    MSG_CMSG_CLOEXEC,
    MSG_CONFIRM,
    MSG_CTRUNC,
    MSG_DONTROUTE,
    MSG_DONTWAIT,
    MSG_EOR,
    MSG_ERRQUEUE,
    MSG_MORE,
    MSG_NOSIGNAL,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
)
from reference.host.calls_transfer import checked_lengths
from reference.host.description import WouldBlockError
from reference.host.rights import RightsCalls
from reference.host.socket import Received, SocketDescription, ended_wait
from reference.host.socket_options import get_option, set_option
from reference.outcomes import Refused
from reference.structures import Message

RIGHTS_MAX = 253
"""The most descriptors that one message carries (unix(7))."""
_SEND_FLAGS = MSG_DONTWAIT | MSG_EOR | MSG_MORE | MSG_NOSIGNAL
_LOOKS_MAX = 3
"""How often a peek that gathers finds the same bytes: two looks are made without a wait, and one wait ends at once."""
_RECEIVE_FLAGS = MSG_OOB | MSG_DONTROUTE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | MSG_TRUNC | MSG_CTRUNC | MSG_PEEK
_RECVMSG_FLAGS = _RECEIVE_FLAGS | MSG_CMSG_CLOEXEC | MSG_ERRQUEUE
_RECVFROM_FLAGS = _RECEIVE_FLAGS | MSG_CONFIRM


class SocketCalls(RightsCalls):
    """send(2), recv(2) and their relatives, shutdown(2), getsockopt(2), setsockopt(2)."""

    def socket_of(self, fd: int) -> SocketDescription | None:
        """The imported socket behind a number; None when the number was not imported. ENOTSOCK."""
        file = self.found(fd)
        if file is None or isinstance(file, SocketDescription):
            return file
        raise Refused(ENOTSOCK, "LAY-01")

    # Sending ----------------------------------------------------------------------------------

    def send(self, fd: int, data: bytes, flags: int) -> int:
        """send(2): any flag is accepted, and MSG_DONTWAIT heeded (SCK-19)."""
        file = self.socket_of(fd)
        return self.kernel.send(fd, data, flags) if file is None else self.send_all(fd, file, data, flags)

    def sendmsg(self, fd: int, buffers: tuple[bytes, ...], rights: tuple[int, ...], flags: int) -> int:
        """sendmsg(2)."""
        file = self.socket_of(fd)
        if file is None:
            return self.kernel.sendmsg(fd, buffers, rights, flags)
        if flags & UINT_MAX & ~_SEND_FLAGS:
            raise Refused(EINVAL, "SCK-19")
        if len(buffers) > IOV_MAX:
            raise Refused(EMSGSIZE, "SCK-20")
        checked_lengths(tuple([len(buffer) for buffer in buffers]))
        if len(rights) > RIGHTS_MAX:
            raise Refused(EINVAL, "SCK-10")
        self._check_rights(rights)
        return self.send_all(fd, file, b"".join(buffers), flags, ancillary=bool(rights))

    def _check_rights(self, rights: tuple[int, ...]) -> None:
        """EBADF for a descriptor that is not open, whatever becomes of the message."""
        for number in rights:
            try:
                self.kernel.fcntl(number, F_GETFD)
            except OSError:
                self.cite("SCK-10")
                raise

    def send_all(self, fd: int, file: SocketDescription, data: bytes, flags: int, *, ancillary: bool = False) -> int:
        """Send as much as the host takes, which is nothing when there are no bytes: not even an empty message."""
        if not data:
            self.cite("SCK-17")
            return 0
        taken = 0
        while True:
            try:
                return taken + file.send_once(fd, data[taken:], ancillary)
            except WouldBlockError as stop:
                taken += stop.moved
                waits = not self._must_not_wait(file, flags, file.options.send_ns)
                if waits and stop.moved:
                    continue
                if taken:
                    return taken
                self.cite("SCK-21")
                raise ended_wait(not waits, file.options.send_ns) from None

    def _must_not_wait(self, file: SocketDescription, flags: int, wait_ns: int) -> bool:
        return bool(file.flags & O_NONBLOCK or flags & MSG_DONTWAIT) or wait_ns < 0

    # Receiving --------------------------------------------------------------------------------

    def recv(self, fd: int, count: int, flags: int) -> bytes:
        """recv(2)."""
        file = self.files.get(fd)
        return self.kernel.recv(fd, count, flags) if file is None else self.receive_from(fd, count, flags).data

    def receive_from(self, fd: int, count: int, flags: int) -> Received:
        """What recvfrom(2) on an imported descriptor brings. The arguments are looked at before the descriptor is."""
        if not 0 <= count <= LLONG_MAX:
            raise Refused(EINVAL, "LAY-01")
        if flags & UINT_MAX & ~_RECVFROM_FLAGS:
            raise Refused(EINVAL, "SCK-41")
        file = self.socket_of(fd)
        assert file is not None
        return self._receive(fd, file, min(count, MAX_RW_COUNT), flags, 0)

    def recvmsg(self, fd: int, lengths: tuple[int, ...], rights_max: int, flags: int) -> Message:
        """recvmsg(2). The control buffer has 16 + 4 x ``rights_max`` bytes; there is none for 0."""
        file = self.socket_of(fd)
        if file is None:
            return self.kernel.recvmsg(fd, lengths, rights_max, flags)
        if flags & UINT_MAX & ~_RECVMSG_FLAGS:
            raise Refused(EINVAL, "SCK-41")
        if len(lengths) > IOV_MAX:
            raise Refused(EMSGSIZE, "SCK-20")
        count = sum(checked_lengths(lengths))
        room = self.rights_room(file, rights_max)
        received = self._receive(fd, file, count, flags, room)
        control, no_room = self.credentials(file, rights_max)
        rights, cut = self.take_rights(received, room, flags)
        return Message(received.data, rights, control, received.flags | no_room | cut)

    def _receive(self, fd: int, file: SocketDescription, count: int, flags: int, room: int) -> Received:
        """Receive once, and with MSG_WAITALL again and again until there is all (SCK-40).

        Another peek brings the same bytes again, and so does that after the wait for more, which they end at once.
        Of the descriptors that come in several attempts only those of the last are kept, and none after a wait.
        """
        if flags & (MSG_OOB | MSG_ERRQUEUE):
            self.cite("SCK-41")
        may_not_wait = self._must_not_wait(file, flags, file.options.receive_ns)
        all_of_it = flags & MSG_WAITALL and not may_not_wait and not file.keeps_messages_apart
        data, seen, looks = b"", 0, 0
        while True:
            try:
                part = file.receive_once(fd, count - len(data), flags, room)
            except WouldBlockError:
                if data:
                    self.cite("SCK-40")
                    return Received(data, (), seen, sender=False)
                self.cite("SCK-30")
                raise ended_wait(may_not_wait, file.options.receive_ns) from None
            except OSError as error:
                if not data or error.errno == EINTR:
                    raise
                self.cite("SCK-32")
                return Received(data, (), seen)
            data += part.data
            seen |= part.flags
            if not all_of_it or not part.data or len(data) >= count:
                return part._replace(data=data, flags=seen)
            self.cite("SCK-40")
            self.give_up(part.rights)
            looks += bool(flags & MSG_PEEK)
            if looks == _LOOKS_MAX:
                return Received(data, (), seen, sender=False)

    # Ending and options -----------------------------------------------------------------------

    def shutdown(self, fd: int, how: int) -> int:
        """shutdown(2). Of both directions, reading is shut down first."""
        file = self.socket_of(fd)
        if file is None:
            return self.kernel.shutdown(fd, how)
        if not SHUT_RD <= how <= SHUT_RDWR:
            raise Refused(EINVAL, "SCK-50")
        self.cite("SCK-50")
        if how != SHUT_WR:
            file.shut(fd, SHUT_RD)
        if how != SHUT_RD:
            file.shut(fd, SHUT_WR)
        return 0

    def getsockopt(self, fd: int, level: int, option: int, length: int) -> bytes:
        """getsockopt(2)."""
        file = self.socket_of(fd)
        return (
            self.kernel.getsockopt(fd, level, option, length)
            if file is None
            else get_option(file, level, option, length)
        )

    def setsockopt(self, fd: int, level: int, option: int, value: bytes) -> int:
        """setsockopt(2)."""
        file = self.socket_of(fd)
        if file is None:
            return self.kernel.setsockopt(fd, level, option, value)
        set_option(file, level, option, value)
        return 0
