# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The description of an import that was said to be a terminal. Whether it is one, only the host knows (IMP-20).

Beyond a plain description it answers a few requests of terminals, by asking the host,
and it has *job control* of its own: a foreground group, and the one bit of its modes that asks for it.
Both belong to the description, start anew with each opening, and are never told to the host.
The line discipline is the host's, with everything that it does to what is read and written,
and so is a second job control, which the host may apply to the process of the sandbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from reference.constants.errors import EINVAL, EIO, ENOTTY, EPERM, ESRCH
from reference.constants.requests import (
    FIONREAD,
    TCFLSH,
    TCGETS,
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
    TIOCGPGRP,
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
    TIOCSPGRP,
    TIOCSTI,
    TIOCSWINSZ,
    TIOCVHANGUP,
)
from reference.constants.signals import SIGTTIN, SIGTTOU, SIGWINCH
from reference.constants.terminals import TCSADRAIN, TCSAFLUSH, TCSANOW, TOSTOP
from reference.host.description import PlainDescription
from reference.outcomes import Refused, Sleeps
from reference.processes import OUTSIDE, process_id
from reference.structures import Termios

if TYPE_CHECKING:
    from reference.host.inode import Inode
    from reference.host.state import HostState

SET_REQUESTS = {TCSANOW: TCSETS, TCSADRAIN: TCSETSW, TCSAFLUSH: TCSETSF}
"""The requests that the actions of tcsetattr(3) stand for."""
_ACTIONS = {request: action for action, request in SET_REQUESTS.items()}
_NOTED = (
    *(TCFLSH, TCSBRK, TCSBRKP, TIOCCBRK, TIOCSBRK),
    *(TIOCEXCL, TIOCGEXCL, TIOCNXCL, TIOCGPTPEER),
    *(TIOCSCTTY, TIOCNOTTY, TIOCGSID, TIOCVHANGUP, TIOCSTI, TIOCCONS),
    *(TIOCGETD, TIOCSETD, TIOCGDEV),
    *(TIOCMGET, TIOCMSET, TIOCMBIC, TIOCMBIS, TIOCGICOUNT),
)
"""Requests that the sandbox knows it does not offer."""


class Group(NamedTuple):
    """A process group, with the session that it is in for as long as it exists."""

    number: int
    session: int


class TerminalDescription(PlainDescription):
    """A description with the requests and the job control of terminals.

    ``stops_writers`` is the bit TOSTOP of a copy of the modes, the only one of them that is ever looked at.
    """

    def __init__(self, host: HostState, inode: Inode, flags: int) -> None:
        super().__init__(host, inode, flags)
        host.cite("TTY-01")
        self.stops_writers = False
        host.cite("TTY-02")
        self.foreground = Group(host.jobs.caller.group, host.jobs.caller.session)

    # Job control ------------------------------------------------------------------------------

    def check_job(self, signal: int) -> None:
        """Stop a caller of this session that is not in the foreground, or refuse it (TTY-03). EIO."""
        host = self.host
        caller = host.jobs.caller
        group = Group(caller.group, caller.session)
        if group == self.foreground:
            return
        host.cite("TTY-03")
        if group.session != self.foreground.session:
            return
        if host.jobs.shuns(signal):
            if signal != SIGTTIN:
                return
            raise self._refused("TTY-06")
        if host.jobs.orphaned():
            raise self._refused("TTY-11")
        host.cite("TTY-05")
        host.jobs.stop(signal)
        raise Sleeps("TTY-04")

    def _refused(self, clause: str) -> Refused:
        """The host was not asked whether this is the caller's controlling terminal, or a master."""
        self.host.cite("TTY-05")
        return Refused(EIO, clause)

    # Reading and writing ----------------------------------------------------------------------

    def check_reader(self) -> None:
        self.check_job(SIGTTIN)

    def read(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        self.check_reader()
        return super().read(host_fd, lengths, flags)

    def read_at(self, host_fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        self.host.cite("TTY-07")
        self.check_job(SIGTTIN)
        return super().read_at(host_fd, lengths, offset, flags)

    def write(self, host_fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        self._check_writer()
        return super().write(host_fd, buffers, flags)

    def write_at(self, host_fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        self._check_writer()
        return super().write_at(host_fd, buffers, offset, flags)

    def _check_writer(self) -> None:
        """TOSTOP counts as this description set it, whatever the host's terminal has."""
        self.host.cite("TTY-09")
        if self.stops_writers:
            self.host.cite("TTY-08")
            self.check_job(SIGTTOU)

    # Requests ---------------------------------------------------------------------------------

    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        if request == FIONREAD:
            self.host.cite("TTY-21")
            return super().ioctl(host_fd, request, argument)
        if request == TCGETS:
            self.host.cite("TTY-22")
            return self.host.kernel.tcgetattr(host_fd)
        if request in _ACTIONS:
            return self._set_modes(host_fd, _ACTIONS[request], argument)
        if request in (TIOCGWINSZ, TIOCSWINSZ):
            return self._window(host_fd, request, argument)
        if request == TIOCGPGRP:
            self.host.cite("TTY-24")
            return self.foreground.number
        if request == TIOCSPGRP:
            return self._set_foreground(argument)
        raise Refused(ENOTTY, "TTY-28" if request in _NOTED else "TTY-29")

    def _set_modes(self, host_fd: int, action: int, modes: Termios) -> int:
        self.check_job(SIGTTOU)
        self.host.cite("TTY-23")
        result = self.host.kernel.tcsetattr(host_fd, action, modes)
        self.stops_writers = bool(modes.lflag & TOSTOP)
        return result

    def _window(self, host_fd: int, request: int, argument: Any) -> Any:
        self.host.cite("TTY-26" if request == TIOCGWINSZ else "TTY-27")
        try:
            return self.host.kernel.ioctl(host_fd, request, argument)
        finally:
            self.host.keep_in(SIGWINCH, "TTY-27")

    def _set_foreground(self, argument: int) -> int:
        """TIOCSPGRP. ENOTTY, EINVAL, ESRCH, EPERM."""
        try:
            self.check_job(SIGTTOU)
        except Refused:
            raise Refused(ENOTTY, "TTY-11") from None
        jobs = self.host.jobs
        if jobs.caller.session != self.foreground.session:
            raise Refused(ENOTTY, "TTY-25")
        group = process_id(argument)
        if group < 0:
            raise Refused(EINVAL, "TTY-25")
        session = None if group == OUTSIDE else jobs.table.session_of_group(group)
        if session is None:
            raise Refused(ESRCH, "TTY-25")
        if session != self.foreground.session:
            raise Refused(EPERM, "TTY-25")
        self.host.cite("TTY-25")
        self.foreground = Group(group, session)
        return 0
