# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in terminals that were imported as such."""

from __future__ import annotations

from typing import Any

from conformance.systems.miniatures.wrong_host import host_bug, with_terminal
from reference.constants.errors import EPERM
from reference.constants.requests import FIONREAD, TCFLSH, TCSETS, TCSETSF, TCSETSW, TIOCGPGRP, TIOCGWINSZ
from reference.constants.signals import SIGTTOU
from reference.host.terminal import TerminalDescription
from reference.outcomes import Refused
from reference.processes import process_id


class _BackgroundReads(TerminalDescription):
    def read(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        kept, self.foreground = (
            self.foreground,
            self.foreground._replace(number=self.host.jobs.caller.group, session=self.host.jobs.caller.session),
        )
        try:
            return super().read(host_fd, lengths, flags)
        finally:
            self.foreground = kept


class _WritersAlwaysStop(TerminalDescription):
    def _check_writer(self) -> None:
        self.check_job(SIGTTOU)


class _ForegroundOfTheHost(TerminalDescription):
    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        if request == TIOCGPGRP:
            return self.host.kernel.ioctl(host_fd, request, argument)
        return super().ioctl(host_fd, request, argument)


class _AnyGroup(TerminalDescription):
    def _set_foreground(self, argument: int) -> int:
        try:
            return super()._set_foreground(argument)
        except Refused as refusal:
            if refusal.errno != EPERM:
                raise
            self.foreground = self.foreground._replace(number=process_id(argument))
            return 0


class _FlushPassedOn(TerminalDescription):
    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        if request == TCFLSH:
            return self.host.kernel.tcflush(host_fd, argument)
        return super().ioctl(host_fd, request, argument)


class _ModesKeptIn(TerminalDescription):
    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        if request in (TCSETS, TCSETSW, TCSETSF):
            return 0
        return super().ioctl(host_fd, request, argument)


class _BytesRefused(TerminalDescription):
    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        return super().ioctl(host_fd, TCFLSH if request == FIONREAD else request, argument)


class _WindowRefused(TerminalDescription):
    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        return super().ioctl(host_fd, TCFLSH if request == TIOCGWINSZ else request, argument)


_MASTER = "r0 = posix_openpt(O_RDWR | O_NOCTTY)\nr1 = import_fd(r0, tty=1)\n"
_FILE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0, tty=1)\n'
_MODES = 'termios(iflag=0, oflag=0, cflag=CS8 | CREAD | B38400, lflag=0, cc=b"' + r"\x00" * 19 + '")'
_KIND = "host-terminals"

BUGS = (
    host_bug(
        "host-terminal-background-reads",
        _KIND,
        "A read in the background is not stopped.",
        "host-jobs",
        _FILE + "setpgid(0, 0)\nread(r1, 1)\n",
        with_terminal(_BackgroundReads),
    ),
    host_bug(
        "host-terminal-stops-every-writer",
        _KIND,
        "A write in the background is stopped without TOSTOP.",
        "host-jobs",
        _FILE + 'setpgid(0, 0)\nwrite(r1, b"x")\n',
        with_terminal(_WritersAlwaysStop),
    ),
    host_bug(
        "host-terminal-foreground-of-the-host",
        _KIND,
        "TIOCGPGRP asks the host.",
        "host-jobs",
        _FILE + "ioctl(r1, TIOCGPGRP)\n",
        with_terminal(_ForegroundOfTheHost),
    ),
    host_bug(
        "host-terminal-any-foreground",
        _KIND,
        "A group of another session can be made the foreground group.",
        "host-jobs",
        'r0 = open("f", O_RDWR | O_CREAT, 0o600)\np0 = spawn()\nsetpgid(p0, 0)\nsetsid()\n'
        "r1 = import_fd(r0, tty=1)\nioctl(r1, TIOCSPGRP, p0)\n",
        with_terminal(_AnyGroup),
    ),
    host_bug(
        "host-terminal-flushes",
        _KIND,
        "tcflush works.",
        _KIND,
        _MASTER + "tcflush(r1, TCIFLUSH)\n",
        with_terminal(_FlushPassedOn),
    ),
    host_bug(
        "host-terminal-modes-kept-in",
        _KIND,
        "The host does not hear of new modes.",
        _KIND,
        _MASTER + f"tcsetattr(r1, TCSANOW, {_MODES})\ntcgetattr(r0)\n",
        with_terminal(_ModesKeptIn),
    ),
    host_bug(
        "host-terminal-refuses-fionread",
        _KIND,
        "FIONREAD is refused.",
        _KIND,
        _MASTER + "ioctl(r1, FIONREAD)\n",
        with_terminal(_BytesRefused),
    ),
    host_bug(
        "host-terminal-refuses-window",
        _KIND,
        "TIOCGWINSZ is refused.",
        _KIND,
        _MASTER + "ioctl(r1, TIOCGWINSZ)\n",
        with_terminal(_WindowRefused),
    ),
)
