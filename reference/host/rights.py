# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors and credentials that come with a message to an imported socket.

The kernel below hands over numbers of host descriptors. Each is imported afresh, with no option at all,
and the application keeps as many as its control buffer has room for.
Credentials never cross: where the application asks for them it is told of nobody.
"""

from __future__ import annotations

from typing import Any

from reference.constants.descriptors import F_GETFL, F_SETFD, FD_CLOEXEC
from reference.constants.open_flags import O_NONBLOCK
from reference.constants.sockets import MSG_CMSG_CLOEXEC, MSG_CTRUNC, SCM_CREDENTIALS
from reference.host.calls_descriptors import SETTABLE, DescriptorCalls
from reference.host.description import Description
from reference.host.importing import Options
from reference.host.socket import Received, SocketDescription
from reference.outcomes import Declined

CREDENTIALS_SPACE_BYTES = 32
"""What an item with credentials takes of a control buffer, with its header and up to the next word."""
DESCRIPTOR_BYTES = 4
NO_CREDENTIALS = (0, 65534, 65534)
"""No process, and the user and group that stand for nobody (user_namespaces(7))."""


class RightsCalls(DescriptorCalls):
    """What recvmsg(2) does with the control data."""

    def rights_room(self, file: SocketDescription, rights_max: int) -> int:
        """How many descriptors are asked for, when the control buffer has a header and room for ``rights_max``."""
        if not rights_max:
            return 0
        self.cite("SCK-43")
        room_bytes = rights_max * DESCRIPTOR_BYTES
        if file.passes_credentials:
            room_bytes -= CREDENTIALS_SPACE_BYTES
        return max(room_bytes // DESCRIPTOR_BYTES, 0)

    def credentials(self, file: SocketDescription, rights_max: int) -> tuple[tuple[tuple[int, Any], ...], int]:
        """The control items beside descriptors, and the MSG flags that say that something had no room."""
        if not file.passes_credentials:
            return (), 0
        self.cite("SCK-47")
        if not rights_max:
            return (), MSG_CTRUNC
        stored = NO_CREDENTIALS[:rights_max]
        return ((SCM_CREDENTIALS, stored),), MSG_CTRUNC if len(stored) < len(NO_CREDENTIALS) else 0

    def take_rights(self, received: Received, room: int, flags: int) -> tuple[tuple[int, ...], int]:
        """The numbers that the application is given, and MSG_CTRUNC when some had no room in its buffer."""
        files = self._imported_rights(received.rights)
        kept, rest = received.rights[: min(len(files), room)], received.rights[room : len(files)]
        for number in rest:
            self.close(number)
        if flags & MSG_CMSG_CLOEXEC:
            for number in kept:
                self.cite("SCK-46")
                self.kernel.fcntl(number, F_SETFD, FD_CLOEXEC)
        if rest:
            self.cite("SCK-46")
        return kept, MSG_CTRUNC if rest else 0

    def _imported_rights(self, numbers: tuple[int, ...]) -> list[Description]:
        """New imports of host descriptors: with the first that cannot be one, the rest is lost too (SCK-45)."""
        files: list[Description] = []
        for position, number in enumerate(numbers):
            host_flags = self.kernel.fcntl(number, F_GETFL)
            try:
                file = self.imported_description(number, Options())
            except (OSError, Declined):
                self.cite("SCK-45")
                self.give_up(numbers[position:])
                break
            self.cite("SCK-44")
            file.flags = file.flags & ~SETTABLE | host_flags & O_NONBLOCK
            self.install(number, file)
            files.append(file)
        return files

    def give_up(self, numbers: tuple[int, ...]) -> None:
        """Close host descriptors that nobody imports."""
        for number in numbers:
            self.kernel.close(number)
