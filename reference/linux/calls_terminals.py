# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on pseudoterminals: opening the two ends, and the functions of termios(3)."""

from __future__ import annotations

from typing import Any

from reference.constants.errors import EINVAL, ENOTTY
from reference.constants.open_flags import O_DIRECTORY, O_PATH
from reference.constants.requests import TCFLSH, TCGETS, TCSBRK, TCSETS, TCSETSF, TCSETSW, TCXONC, TIOCGPTN, TIOCSPTLCK
from reference.constants.terminals import TCSADRAIN, TCSAFLUSH, TCSANOW
from reference.linux.calls_names import NameCalls
from reference.linux.description import OpenFileDescription
from reference.linux.inode import Inode
from reference.linux.open_flags import effective_flags
from reference.linux.pseudoterminal import Master
from reference.linux.state import KernelState
from reference.linux.terminal_device import TerminalMultiplexer
from reference.outcomes import Refused
from reference.structures import Termios

_SET_REQUESTS = {TCSANOW: TCSETS, TCSADRAIN: TCSETSW, TCSAFLUSH: TCSETSF}


class TerminalCalls(KernelState):
    """posix_openpt(3), unlockpt(3), opening a slave, termios(3)."""

    def posix_openpt(self, flags: int) -> int:
        """posix_openpt(3)."""
        return self._open_device(TerminalMultiplexer(self), flags)

    def unlockpt(self, fd: int) -> int:
        """unlockpt(3)."""
        try:
            return int(self._request(fd, TIOCSPTLCK, 0))
        except Refused as refusal:
            if refusal.errno != ENOTTY:
                raise
            raise Refused(EINVAL, "TTY-UNLOCKPT") from None

    def open_slave(self, fd: int, flags: int) -> int:
        """ptsname(3), then open(2)."""
        # RESOLVE
        description = self.description(fd)
        master = description.object
        # CHECK
        if not isinstance(master, Master):
            master.ioctl(description, TIOCGPTN, 0)
            raise Refused(ENOTTY, "TTY-MASTER-ONLY")
        # CHANGE
        return self._open_device(master.slave, flags)

    def _open_device(self, device: Inode, flags: int) -> int:
        """open(2) of a device whose name exists."""
        # CHECK
        flags = effective_flags(flags)
        self.fds.lowest_free()
        NameCalls.check_found(device, flags, bool(flags & O_DIRECTORY))
        # CHANGE
        description = OpenFileDescription(device, flags) if flags & O_PATH else device.open(flags)
        # RETURN
        return self.open_descriptor(description, flags)

    def _request(self, fd: int, request: int, argument: Any = 0) -> Any:
        description = self.description(fd)
        return description.object.ioctl(description, request, argument)

    def tcgetattr(self, fd: int) -> Termios:
        """tcgetattr(3)."""
        termios: Termios = self._request(fd, TCGETS)
        return termios

    def tcsetattr(self, fd: int, action: int, attributes: Termios) -> int:
        """tcsetattr(3)."""
        request = _SET_REQUESTS.get(action)
        if request is None:
            raise Refused(EINVAL, "TTY-TCSETATTR-ACTION")
        self._request(fd, request, attributes)
        return 0

    def tcflush(self, fd: int, queue: int) -> int:
        """tcflush(3)."""
        self._request(fd, TCFLSH, queue)
        return 0

    def tcflow(self, fd: int, action: int) -> int:
        """tcflow(3)."""
        self._request(fd, TCXONC, action)
        return 0

    def tcsendbreak(self, fd: int, duration: int) -> int:
        """tcsendbreak(3)."""
        self._request(fd, TCSBRK, 0)
        return 0

    def tcdrain(self, fd: int) -> int:
        """tcdrain(3)."""
        self._request(fd, TCSBRK, 1)
        return 0
