# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The description of an import that was said to be a terminal. Whether it is one, only the host knows (IMP-20).

What it does beyond a plain description is to answer a few requests of terminals, by asking the host.
The line discipline is the host's, with everything that it does to what is read and written.
"""

from __future__ import annotations

from typing import Any

from reference.constants import (
    ENOTTY,
    FIONREAD,
    TCFLSH,
    TCGETS,
    TCSADRAIN,
    TCSAFLUSH,
    TCSANOW,
    TCSBRK,
    TCSBRKP,
    TCSETS,
    TCSETSF,
    TCSETSW,
    TIOCCBRK,
    TIOCCONS,
    TIOCEXCL,
    TIOCGDEV,
    TIOCGETD,
    TIOCGEXCL,
    TIOCGICOUNT,
    TIOCGPTPEER,
    TIOCGSID,
    TIOCGWINSZ,
    TIOCMBIC,
    TIOCMBIS,
    TIOCMGET,
    TIOCMSET,
    TIOCNOTTY,
    TIOCNXCL,
    TIOCSBRK,
    TIOCSCTTY,
    TIOCSETD,
    TIOCSTI,
    TIOCSWINSZ,
    TIOCVHANGUP,
)
from reference.host.description import PlainDescription
from reference.outcomes import Refused

SET_REQUESTS = {TCSANOW: TCSETS, TCSADRAIN: TCSETSW, TCSAFLUSH: TCSETSF}
"""The requests that the actions of tcsetattr(3) stand for."""
_ACTIONS = {request: action for action, request in SET_REQUESTS.items()}
_NOTED = (
    *(TCFLSH, TCSBRK, TCSBRKP, TIOCCBRK, TIOCSBRK, TIOCSTI, TIOCCONS, TIOCVHANGUP),
    *(TIOCGETD, TIOCSETD, TIOCGDEV, TIOCMGET, TIOCMSET, TIOCMBIC, TIOCMBIS, TIOCGICOUNT),
    *(TIOCEXCL, TIOCGEXCL, TIOCGPTPEER, TIOCGSID, TIOCNOTTY, TIOCNXCL, TIOCSCTTY),
)
"""Requests that the sandbox knows it does not offer."""


class TerminalDescription(PlainDescription):
    """A description with the requests of terminals."""

    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        kernel = self.host.kernel
        if request == FIONREAD:
            self.host.cite("TTY-21")
            return super().ioctl(host_fd, request, argument)
        if request == TCGETS:
            self.host.cite("TTY-22")
            return kernel.tcgetattr(host_fd)
        if request in _ACTIONS:
            self.host.cite("TTY-23")
            return kernel.tcsetattr(host_fd, _ACTIONS[request], argument)
        if request in (TIOCGWINSZ, TIOCSWINSZ):
            self.host.cite("TTY-26" if request == TIOCGWINSZ else "TTY-27")
            return kernel.ioctl(host_fd, request, argument)
        raise Refused(ENOTTY, "TTY-28" if request in _NOTED else "TTY-29")
