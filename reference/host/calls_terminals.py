# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The functions of the C library that ask something of a terminal: each makes one request of ioctl(2)."""

from __future__ import annotations

from reference.constants.errors import EINVAL
from reference.constants.requests import TCFLSH, TCGETS, TCSBRK, TCXONC, TIOCGPTN, TIOCSPTLCK
from reference.host.description import Description
from reference.host.state import HostState
from reference.host.terminal import SET_REQUESTS
from reference.outcomes import Refused
from reference.structures import Termios


class TerminalCalls(HostState):
    """unlockpt(3), opening a slave, termios(3)."""

    def unlockpt(self, fd: int) -> int:
        """unlockpt(3). The C library makes EINVAL of the refusal."""
        file = self.imported(fd)
        if file is None:
            return self.kernel.unlockpt(fd)
        try:
            return _request(fd, file, TIOCSPTLCK, 0)
        except Refused as refusal:
            raise Refused(EINVAL, refusal.clause) from None

    def open_slave(self, fd: int, flags: int) -> int:
        """ptsname(3), then open(2). It gets no further than to ask for the number, which no import tells."""
        file = self.imported(fd)
        return self.kernel.open_slave(fd, flags) if file is None else _request(fd, file, TIOCGPTN, 0)

    def tcgetattr(self, fd: int) -> Termios:
        """tcgetattr(3)."""
        file = self.imported(fd)
        if file is None:
            return self.kernel.tcgetattr(fd)
        attributes: Termios = file.ioctl(fd, TCGETS, 0)
        return attributes

    def tcsetattr(self, fd: int, action: int, attributes: Termios) -> int:
        """tcsetattr(3). The C library refuses an action that it does not know."""
        request = SET_REQUESTS.get(action)
        file = self.imported(fd) if request else None
        if file is None or request is None:
            return self.kernel.tcsetattr(fd, action, attributes)
        return _request(fd, file, request, attributes)

    def tcflush(self, fd: int, queue: int) -> int:
        """tcflush(3)."""
        file = self.imported(fd)
        return self.kernel.tcflush(fd, queue) if file is None else _request(fd, file, TCFLSH, queue)

    def tcflow(self, fd: int, action: int) -> int:
        """tcflow(3)."""
        file = self.imported(fd)
        return self.kernel.tcflow(fd, action) if file is None else _request(fd, file, TCXONC, action)

    def tcsendbreak(self, fd: int, duration: int) -> int:
        """tcsendbreak(3)."""
        file = self.imported(fd)
        return self.kernel.tcsendbreak(fd, duration) if file is None else _request(fd, file, TCSBRK, 0)

    def tcdrain(self, fd: int) -> int:
        """tcdrain(3)."""
        file = self.imported(fd)
        return self.kernel.tcdrain(fd) if file is None else _request(fd, file, TCSBRK, 1)


def _request(fd: int, file: Description, request: int, argument: object) -> int:
    """A request of ioctl(2) that answers with a number."""
    return int(file.ioctl(fd, request, argument))
