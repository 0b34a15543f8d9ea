# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in sessions, groups and job control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.systems.miniatures.base import PlantedBug
from reference.constants.open_flags import O_NOCTTY
from reference.constants.requests import TIOCGPGRP, TIOCNOTTY
from reference.constants.signals import SIGHUP, SIGINT, SIGTTIN, SIGWINCH
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.linux.pseudoterminal import Slave
from reference.linux.reactions import Reactions
from reference.outcomes import Refused
from reference.processes import ProcessTable


class _Undisturbed(Linux):
    """Can make a call as if the caller had no controlling terminal."""

    def undisturbed(self, call: Callable[[], Any]) -> Any:
        """The call, without job control."""
        caller = self.processes.caller
        kept, caller.terminal = caller.terminal, None
        try:
            return call()
        finally:
            caller.terminal = kept


class _BackgroundReads(_Undisturbed):
    def read(self, fd: int, count: int) -> bytes:
        taken: bytes = self.undisturbed(lambda: super(_BackgroundReads, self).read(fd, count))
        return taken


class _IgnoringReads(_Undisturbed):
    def read(self, fd: int, count: int) -> bytes:
        if SIGTTIN not in self.reactions.ignored:
            return super().read(fd, count)
        taken: bytes = self.undisturbed(lambda: super(_IgnoringReads, self).read(fd, count))
        return taken


class _BackgroundWrites(_Undisturbed):
    def write(self, fd: int, data: bytes) -> int:
        written: int = self.undisturbed(lambda: super(_BackgroundWrites, self).write(fd, data))
        return written


class _NoOrphans(ProcessTable):
    def orphaned(self, group: int) -> bool:
        return False


class _OrphansStopped(Linux):
    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self.processes = _NoOrphans()


class _DeafReactions(Reactions):
    """Lose what was pending when it is unblocked."""

    def block(self, numbers: set[int]) -> None:
        self.blocked = numbers
        self.pending &= numbers


class _PendingLost(Linux):
    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self.reactions = _DeafReactions(self._record, self.cite)


class _Numb(Linux):
    """Loses one signal."""

    lost: int

    def _record(self, signal: int) -> None:
        if signal != self.lost:
            super()._record(signal)


class _NoHangup(_Numb):
    lost = SIGHUP


class _NoInterrupt(_Numb):
    lost = SIGINT


class _NoWinch(_Numb):
    lost = SIGWINCH


class _ForeignGroups(Linux):
    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        try:
            return super().ioctl(fd, request, argument)
        except Refused as refusal:
            if refusal.clause == "CTTY-SPGRP-FOREIGN":
                return 0
            raise


class _CuriousGroups(_Undisturbed):
    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        target = self.fds.lookup(fd).object
        if request == TIOCGPGRP and isinstance(target, Slave) and target.foreground is not None:
            return target.foreground
        return super().ioctl(fd, request, argument)


class _QuietGivingUp(Linux):
    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        result = super().ioctl(fd, request, argument)
        if request == TIOCNOTTY:
            self.signals.clear()
        return result


class _AlwaysControlling(Linux):
    def open_slave(self, fd: int, flags: int) -> int:
        return super().open_slave(fd, flags & ~O_NOCTTY)


class _SessionsAnew(Linux):
    def setsid(self) -> int:
        try:
            return super().setsid()
        except Refused:
            return self.processes.caller.number


_TERMINAL = "setsid()\nr0 = posix_openpt(O_RDWR)\nioctl(r0, TIOCSCTTY, 0)\n"
_SLAVE = "setsid()\nr0 = posix_openpt(O_RDWR)\nunlockpt(r0)\nr1 = open_slave(r0, O_RDWR)\n"
_BEHIND = _SLAVE + "p0 = spawn()\nioctl(r0, TIOCSPGRP, p0)\n"
_CHARACTERS = 'b"' + "\\x00" * 19 + '"'
_STOPPING = f"termios(iflag=0, oflag=0, cflag=0, lflag=TOSTOP, cc={_CHARACTERS})"

BUGS = (
    PlantedBug(
        "background-reads",
        "jobs",
        "A process in the background may read.",
        "jobs",
        _BEHIND + "read(r1, 0)\n",
        _BackgroundReads,
    ),
    PlantedBug(
        "ignoring-reads",
        "jobs",
        "A process in the background that ignores SIGTTIN may read.",
        "jobs",
        _BEHIND + "sigaction(SIGTTIN, SIG_IGN)\nread(r1, 0)\n",
        _IgnoringReads,
    ),
    PlantedBug(
        "tostop-ignored",
        "jobs",
        "TOSTOP does nothing.",
        "jobs",
        _SLAVE + f"tcsetattr(r0, TCSANOW, {_STOPPING})\n" + 'p0 = spawn()\nioctl(r0, TIOCSPGRP, p0)\nwrite(r1, b"")\n',
        _BackgroundWrites,
    ),
    PlantedBug(
        "orphans-stopped",
        "jobs",
        "An orphaned group in the background is stopped instead of refused.",
        "jobs",
        _BEHIND + "ioctl(r0, TIOCSPGRP, 1)\n",
        _OrphansStopped,
    ),
    PlantedBug(
        "pending-signals-lost",
        "jobs",
        "A signal that was blocked when it came does not come when it is unblocked.",
        "jobs",
        _TERMINAL + "sigprocmask(SIG_BLOCK, [SIGHUP])\nclose(r0)\nsigprocmask(SIG_UNBLOCK, [SIGHUP])\n",
        _PendingLost,
    ),
    PlantedBug(
        "hang-up-silent",
        "jobs",
        "The leader of a session does not hear that its terminal was hung up.",
        "jobs",
        _TERMINAL + "close(r0)\n",
        _NoHangup,
    ),
    PlantedBug(
        "interrupt-silent",
        "jobs",
        "The interrupt character raises no signal.",
        "jobs",
        _TERMINAL + 'write(r0, b"\\x03")\n',
        _NoInterrupt,
    ),
    PlantedBug(
        "window-change-silent",
        "jobs",
        "A change of the window size raises no signal.",
        "jobs",
        _TERMINAL + "ioctl(r0, TIOCSWINSZ, winsize(rows=1, cols=0, xpixel=0, ypixel=0))\n",
        _NoWinch,
    ),
    PlantedBug(
        "foreign-group-in-front",
        "jobs",
        "TIOCSPGRP takes a group of another session.",
        "jobs",
        "p0 = spawn()\n" + _TERMINAL + "ioctl(r0, TIOCSPGRP, p0)\n",
        _ForeignGroups,
    ),
    PlantedBug(
        "foreground-told-to-all",
        "jobs",
        "TIOCGPGRP answers about a slave that is not the caller's controlling terminal.",
        "jobs",
        _SLAVE + "p0 = descend()\nsetsid()\nioctl(r1, TIOCGPGRP)\n",
        _CuriousGroups,
    ),
    PlantedBug(
        "given-up-silently",
        "jobs",
        "The foreground group does not hear that the leader gave the terminal up.",
        "jobs",
        _SLAVE + "ioctl(r1, TIOCNOTTY)\n",
        _QuietGivingUp,
    ),
    PlantedBug(
        "noctty-ignored",
        "jobs",
        "O_NOCTTY does nothing.",
        "jobs",
        "setsid()\nr0 = posix_openpt(O_RDWR)\nunlockpt(r0)\n"
        "r1 = open_slave(r0, O_RDWR | O_NOCTTY)\nioctl(r0, TIOCGPGRP)\n",
        _AlwaysControlling,
    ),
    PlantedBug(
        "session-leaders-again",
        "jobs",
        "The leader of a session may ask for another one.",
        "jobs",
        "setsid()\nsetsid()\n",
        _SessionsAnew,
    ),
)
