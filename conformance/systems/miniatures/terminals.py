# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in pseudoterminals and their line discipline."""

from __future__ import annotations

from typing import Any

from conformance.systems.miniatures.base import PlantedBug
from reference.constants.readiness import POLLHUP
from reference.constants.requests import TIOCSWINSZ
from reference.linux.echo_queue import Outlet
from reference.linux.kernel import Linux
from reference.linux.line_discipline import LineDiscipline
from reference.linux.pseudoterminal import Master
from reference.linux.terminal import Terminal
from reference.linux.terminal_modes import SLAVE_TERMIOS, Modes, Role
from reference.outcomes import Refused
from reference.structures import Termios

_END_OF_FILE = 4


class _OwnDiscipline(Linux):
    """Puts a discipline of another class on every slave that posix_openpt(3) makes."""

    discipline: type[LineDiscipline] = LineDiscipline

    def posix_openpt(self, flags: int) -> int:
        fd = super().posix_openpt(flags)
        master = self.fds.lookup(fd).object
        if isinstance(master, Master):
            master.slave.discipline = self.discipline(master.slave, SLAVE_TERMIOS)
            self.spoil(master)
        return fd

    def spoil(self, master: Master) -> None:
        """Make more of a new pair wrong."""


class _RoleDiscipline(LineDiscipline):
    """A discipline that treats one role of a line in its own way."""

    role: Role

    def _character(self, character: int, scanned: bool) -> None:
        if self.modes.then.get(character) is self.role and not self.literal and not self.modes.external:
            self.misplay(character, scanned)
        else:
            self.play(character, scanned)

    def play(self, character: int, scanned: bool) -> None:
        """Do the right thing."""
        super()._character(character, scanned)

    def misplay(self, character: int, scanned: bool) -> None:
        """Do the wrong thing."""
        raise NotImplementedError


class _BareNewlines:
    """An outlet that loses the return before a newline."""

    def __init__(self, line: Outlet) -> None:
        self.send_singly = line.send_singly
        self._send = line.send

    def send(self, data: bytes) -> int:
        return self._send(b"\n" if data == b"\r\n" else data)


class _BareNewline(LineDiscipline):
    def _carry_out_echo(self) -> None:
        self.cursor = self.echo.carry_out(self.modes, self.cursor, self.line.room(), _BareNewlines(self.line))


class _EchoWithoutReturn(_OwnDiscipline):
    discipline = _BareNewline


class _GreedyErase(_RoleDiscipline):
    role = Role.ERASE

    def misplay(self, character: int, scanned: bool) -> None:
        if self.head == self.line_end > self.tail and self.ends:
            self.ends.pop()
            self.head -= 1
            self.line_end = self.ends[-1] + 1 if self.ends else self.tail
        else:
            self.play(character, scanned)


class _EraseBeyond(_OwnDiscipline):
    discipline = _GreedyErase


class _LoudEnd(_RoleDiscipline):
    role = Role.END_OF_FILE

    def misplay(self, character: int, scanned: bool) -> None:
        self.store(_END_OF_FILE)
        self.play(character, scanned)


class _EndOfFileKept(_OwnDiscipline):
    discipline = _LoudEnd


class _MildKill(_RoleDiscipline):
    role = Role.KILL

    def misplay(self, character: int, scanned: bool) -> None:
        before = self.head
        self.play(character, scanned)
        if before > self.line_end:
            self.head = self.line_end + 1


class _KillKeepsOne(_OwnDiscipline):
    discipline = _MildKill


class _PlainLiteral(_RoleDiscipline):
    role = Role.LITERAL_NEXT

    def misplay(self, character: int, scanned: bool) -> None:
        self._ordinary(character, newline_raw=True)


class _LiteralNextIgnored(_OwnDiscipline):
    discipline = _PlainLiteral


class _EightBits(LineDiscipline):
    def set_modes(self, termios: Termios) -> None:
        super().set_modes(termios)
        self.modes = Modes(termios)  # One of its own: those of other disciplines may be shared.
        self.modes.strips = False


class _StripIgnored(_OwnDiscipline):
    discipline = _EightBits


class _EagerCount(LineDiscipline):
    def bytes_to_read(self) -> int:
        return self.head - self.tail


class _UnfinishedCounted(_OwnDiscipline):
    discipline = _EagerCount


class _PacketDeaf(_OwnDiscipline):
    def spoil(self, master: Master) -> None:
        master.slave.tell_packet = lambda status, instead_of=0, wakes=0: None  # type: ignore[method-assign]


class _NeverLocked(_OwnDiscipline):
    def spoil(self, master: Master) -> None:
        master.locked = False


class _EndInsteadOfError(Linux):
    def read(self, fd: int, count: int) -> bytes:
        try:
            return super().read(fd, count)
        except Refused as refusal:
            if refusal.clause == "TTY-OTHER-CLOSED-READ":
                return b""
            raise


class _NoHangup(Linux):
    def _polled(self, fd: int, events: int) -> int:
        returned = super()._polled(fd, events)
        description = self.fds.entries.get(fd)
        return returned & ~POLLHUP if description and isinstance(description.object, Terminal) else returned


class _WindowFixed(Linux):
    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        target = self.fds.lookup(fd).object
        if request != TIOCSWINSZ or not isinstance(target, Terminal):
            return super().ioctl(fd, request, argument)
        kept = target.slave.window
        result = super().ioctl(fd, request, argument)
        target.slave.window = kept
        return result


_MASTER = "r0 = posix_openpt(O_RDWR)\n"
_PAIR = _MASTER + "unlockpt(r0)\nr1 = open_slave(r0, O_RDWR)\n"
_CHARACTERS = 'b"' + "\\x00" * 6 + "\\x01" + "\\x00" * 12 + '"'
_STRIPPING = f"termios(iflag=ISTRIP, oflag=0, cflag=CS8 | CREAD | B38400, lflag=ECHO, cc={_CHARACTERS})"

BUGS = (
    PlantedBug(
        "echo-without-return",
        "terminals",
        "The echo of a newline lacks the carriage return.",
        "terminals",
        _MASTER + 'write(r0, b"\\n")\nread(r0, 2)\n',
        _EchoWithoutReturn,
    ),
    PlantedBug(
        "erase-beyond-line",
        "terminals",
        "The erase character at the start of a line takes the end of the line before away.",
        "terminals",
        _MASTER + 'write(r0, b"x\\n\\x7f\\x7f")\nioctl(r0, FIONREAD)\n',
        _EraseBeyond,
    ),
    PlantedBug(
        "end-of-file-kept",
        "terminals",
        "The end-of-file character is read like data.",
        "terminals",
        _PAIR + 'write(r0, b"\\x04")\nread(r1, 1)\n',
        _EndOfFileKept,
    ),
    PlantedBug(
        "kill-keeps-one",
        "terminals",
        "The kill character leaves the first character of the line.",
        "terminals",
        _PAIR + 'write(r0, b"x\\x15\\n")\nread(r1, 2)\n',
        _KillKeepsOne,
    ),
    PlantedBug(
        "literal-next-ignored",
        "terminals",
        "The literal-next character is a character like any other.",
        "terminals",
        _MASTER + 'write(r0, b"\\x16")\nread(r0, 2)\n',
        _LiteralNextIgnored,
    ),
    PlantedBug(
        "strip-ignored",
        "terminals",
        "ISTRIP does nothing.",
        "terminals",
        _MASTER + f'tcsetattr(r0, TCSANOW, {_STRIPPING})\nwrite(r0, b"\\xff")\nread(r0, 1)\n',
        _StripIgnored,
    ),
    PlantedBug(
        "unfinished-line-counted",
        "terminals",
        "FIONREAD counts a line that has no end yet.",
        "terminals",
        _PAIR + 'write(r0, b"x")\nioctl(r1, FIONREAD)\n',
        _UnfinishedCounted,
    ),
    PlantedBug(
        "packet-status-lost",
        "terminals",
        "A master in packet mode does not hear that output was stopped.",
        "terminals",
        _MASTER + 'ioctl(r0, TIOCPKT, 1)\nwrite(r0, b"\\x13")\nread(r0, 1)\n',
        _PacketDeaf,
    ),
    PlantedBug(
        "slave-never-locked",
        "terminals",
        "A slave can be opened before it was unlocked.",
        "terminals",
        _MASTER + "open_slave(r0, O_RDWR)\n",
        _NeverLocked,
    ),
    PlantedBug(
        "closed-slave-ends",
        "terminals",
        "A master whose slave was closed reads end of file instead of failing with EIO.",
        "terminals",
        _PAIR + "close(r1)\nread(r0, 1)\n",
        _EndInsteadOfError,
    ),
    PlantedBug(
        "closed-slave-no-hangup",
        "terminals",
        "poll(2) of a master whose slave was closed reports no POLLHUP.",
        "terminals",
        _PAIR + "close(r1)\npoll([(r0, 0)], 0)\n",
        _NoHangup,
    ),
    PlantedBug(
        "window-size-fixed",
        "terminals",
        "TIOCSWINSZ does nothing.",
        "terminals",
        _MASTER + "ioctl(r0, TIOCSWINSZ, winsize(rows=1, cols=0, xpixel=0, ypixel=0))\nioctl(r0, TIOCGWINSZ)\n",
        _WindowFixed,
    ),
)
