# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The modes of a terminal (termios(3)), made ready for a line discipline that looks at every character.

A character can have a *role*: it starts or stops output, raises a signal, edits or ends a line.
Which role it has depends on the control characters and on the modes that switch a role on.
Roles form two tables, because input may be translated in between (CR to NL and back):
what is asked of a character as it came, and, in canonical mode only, what is asked of it after the translation.
In both the first line that fits decides.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache

from reference.constants.limits import UINT_MAX
from reference.constants.signals import SIGINT, SIGQUIT, SIGTSTP
from reference.constants.terminals import (
    B38400,
    CREAD,
    CS8,
    CSIZE,
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHOKE,
    ECHONL,
    ECHOPRT,
    EXTPROC,
    ICANON,
    ICRNL,
    IEXTEN,
    IGNCR,
    INLCR,
    ISIG,
    ISTRIP,
    IUCLC,
    IUTF8,
    IXANY,
    IXON,
    NCCS,
    NOFLSH,
    OCRNL,
    OLCUC,
    ONLCR,
    ONLRET,
    ONOCR,
    OPOST,
    PARENB,
    PARMRK,
    TAB3,
    TABDLY,
    VEOF,
    VEOL,
    VEOL2,
    VERASE,
    VINTR,
    VKILL,
    VLNEXT,
    VMIN,
    VQUIT,
    VREPRINT,
    VSTART,
    VSTOP,
    VSUSP,
    VTIME,
    VWERASE,
)
from reference.structures import Termios

NEWLINE, RETURN, TAB, BACKSPACE = b"\n\r\t\b"
DISABLED = 0
"""The control character that stands for none (_POSIX_VDISABLE), and the mark that an end-of-file character leaves."""

_NEVER_PLAIN = bytes((*range(32), 127, 255))
"""Controls, and the byte that PARMRK doubles."""
_ADDRESS_BIT = 0x20000000
"""The bit of the control modes that only RS-485 configuration changes."""


class Role(Enum):
    """What a character is for."""

    START = auto()
    STOP = auto()
    SIGNAL = auto()
    ERASE = auto()
    WORD_ERASE = auto()
    KILL = auto()
    LITERAL_NEXT = auto()
    REPRINT = auto()
    NEWLINE = auto()
    END_OF_FILE = auto()
    END_OF_LINE = auto()


_AS_IT_CAME = (
    # control character, role, input modes and local modes that switch it on
    (VSTART, Role.START, IXON, 0),
    (VSTOP, Role.STOP, IXON, 0),
    (VINTR, Role.SIGNAL, 0, ISIG),
    (VQUIT, Role.SIGNAL, 0, ISIG),
    (VSUSP, Role.SIGNAL, 0, ISIG),
)
_SIGNALS = {VINTR: SIGINT, VQUIT: SIGQUIT, VSUSP: SIGTSTP}
_IN_A_LINE = (
    # control character, role, local modes that switch it on beside ICANON
    (VERASE, Role.ERASE, 0),
    (VWERASE, Role.WORD_ERASE, IEXTEN),
    (VKILL, Role.KILL, 0),
    (VLNEXT, Role.LITERAL_NEXT, IEXTEN),
    (VREPRINT, Role.REPRINT, IEXTEN | ECHO),
    (None, Role.NEWLINE, 0),
    (VEOF, Role.END_OF_FILE, 0),
    (VEOL, Role.END_OF_LINE, 0),
    (VEOL2, Role.END_OF_LINE, IEXTEN),
)

_DEFAULT_CHARACTERS = bytes((3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0))
MASTER_TERMIOS = Termios(0, 0, B38400 | CS8 | CREAD, 0, _DEFAULT_CHARACTERS)
SLAVE_TERMIOS = Termios(
    ICRNL | IXON,
    OPOST | ONLCR,
    B38400 | CS8 | CREAD,
    ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    _DEFAULT_CHARACTERS,
)


def as_set_on_pty(wanted: Termios, current: Termios) -> Termios:
    """The modes a pseudoterminal takes over when some are asked for: it has eight bits, no parity, and always reads."""
    cflag = wanted.cflag & UINT_MAX & ~_ADDRESS_BIT | current.cflag & _ADDRESS_BIT
    return Termios(
        wanted.iflag & UINT_MAX,
        wanted.oflag & UINT_MAX,
        cflag & ~(CSIZE | PARENB) | CS8 | CREAD,
        wanted.lflag & UINT_MAX,
        wanted.cc[:NCCS].ljust(NCCS, b"\0"),
    )


class Modes:
    """A :class:`~reference.structures.Termios`, taken apart once for the many characters that follow.

    ``transparent``: no input mode looks at single characters, so data passes as it is.
    ``first`` and ``then`` are the two tables of roles;
    ``signals`` are the signals of the characters that raise one;
    ``special`` holds every character that has a role or is translated.
    ``plain`` finds runs of characters that are stored, and echoed, as they are.
    """

    __slots__ = (
        "canonical",
        "clears_on_signal",
        "cr_ignored",
        "cr_to_nl",
        "echo",
        "echo_controls",
        "echo_erase",
        "echo_kill",
        "echo_kill_erase",
        "echo_newline",
        "echo_printing",
        "end_of_file",
        "erase",
        "expands_tabs",
        "extended",
        "external",
        "first",
        "flow",
        "kill",
        "lowers",
        "lowers_or_strips",
        "mark_parity",
        "minimum",
        "nl_to_cr",
        "output_cr_to_nl",
        "output_nl_resets",
        "output_nl_to_crnl",
        "output_no_cr_at_start",
        "output_uppers",
        "plain",
        "post_process",
        "restart_any",
        "signals",
        "special",
        "start",
        "stop",
        "strips",
        "termios",
        "then",
        "time",
        "transparent",
        "utf8",
    )

    def __init__(self, termios: Termios) -> None:
        iflag, oflag, _, lflag, cc = self.termios = termios
        self.strips = bool(iflag & ISTRIP)
        self.lowers = bool(iflag & IUCLC and lflag & IEXTEN)
        self.lowers_or_strips = self.strips or self.lowers
        self.cr_ignored = bool(iflag & IGNCR)
        self.cr_to_nl = bool(iflag & ICRNL)
        self.nl_to_cr = bool(iflag & INLCR)
        self.flow = bool(iflag & IXON)
        self.restart_any = bool(iflag & IXON and iflag & IXANY)
        self.mark_parity = bool(iflag & PARMRK)
        self.utf8 = bool(iflag & IUTF8)
        self.canonical = bool(lflag & ICANON)
        self.extended = bool(lflag & IEXTEN)
        self.external = bool(lflag & EXTPROC)
        self.clears_on_signal = not lflag & NOFLSH
        self._take_echo(lflag)
        self._take_output(oflag)
        self.minimum, self.time = cc[VMIN], cc[VTIME]
        self.erase, self.kill, self.end_of_file = cc[VERASE], cc[VKILL], cc[VEOF]
        self.start, self.stop = cc[VSTART], cc[VSTOP]
        looks = ISTRIP | IUCLC | IGNCR | ICRNL | INLCR | IXON | PARMRK
        self.transparent = not (iflag & looks or lflag & (ICANON | ISIG | ECHO))
        self._take_roles(iflag, lflag, cc)

    def _take_echo(self, lflag: int) -> None:
        self.echo = bool(lflag & ECHO)
        self.echo_newline = bool(lflag & ECHONL)
        self.echo_controls = bool(lflag & ECHOCTL)
        self.echo_printing = bool(lflag & ECHOPRT)
        self.echo_erase = bool(lflag & ECHOE)
        self.echo_kill = bool(lflag & ECHOK)
        self.echo_kill_erase = bool(lflag & ECHOKE)

    def _take_output(self, oflag: int) -> None:
        self.post_process = bool(oflag & OPOST)
        self.output_nl_to_crnl = bool(oflag & ONLCR)
        self.output_nl_resets = bool(oflag & ONLRET)
        self.output_cr_to_nl = bool(oflag & OCRNL)
        self.output_no_cr_at_start = bool(oflag & ONOCR)
        self.output_uppers = bool(oflag & OLCUC)
        self.expands_tabs = oflag & TABDLY == TAB3

    def _take_roles(self, iflag: int, lflag: int, cc: bytes) -> None:
        self.first: dict[int, Role] = {}
        self.signals: dict[int, int] = {}
        for index, role, needs_input, needs_local in _AS_IT_CAME:
            if needs_input & ~iflag == 0 and needs_local & ~lflag == 0:
                self.first.setdefault(cc[index], role)
                if role is Role.SIGNAL:
                    self.signals.setdefault(cc[index], _SIGNALS[index])
        self.then: dict[int, Role] = {}
        if self.canonical:
            for line_index, role, needs_local in _IN_A_LINE:
                character = NEWLINE if line_index is None else cc[line_index]
                # A kill character that is also the word erase character erases a word, IEXTEN or not.
                kills_a_word = line_index == VWERASE and character == cc[VKILL]
                if needs_local & ~lflag == 0 or kills_a_word:
                    self.then.setdefault(character, role)
        special = {*self.first, *self.then}
        if self.cr_ignored or self.cr_to_nl:
            special.add(RETURN)
        if self.nl_to_cr:
            special.add(NEWLINE)
        self.special = frozenset(special - {DISABLED})
        self.plain = re.compile(b"[^%s]+" % re.escape(_NEVER_PLAIN + bytes(self.special)))


@lru_cache(maxsize=256)
def modes_of(termios: Termios) -> Modes:
    """The modes that a structure spells, shared by all disciplines that have them: nobody changes them."""
    return Modes(termios)


def lowered(character: int) -> int:
    """The lower case of a Latin-1 character."""
    is_upper = 65 <= character <= 90 or (192 <= character <= 222 and character != 215)
    return character + 32 if is_upper else character


def raised(character: int) -> int:
    """The upper case of a Latin-1 character, by plain distance: the two that have none are moved as well."""
    is_lower = 97 <= character <= 122 or (character >= 223 and character != 247)
    return character - 32 if is_lower else character


def is_control(character: int) -> bool:
    """Whether a character is an ASCII control."""
    return character < 32 or character == 127


def is_word(character: int) -> bool:
    """Whether a character belongs to a word for the word erase character: Latin-1 letters, digits and underscore."""
    return character == ord("_") or (chr(character).isalnum() and character not in _NOT_LETTERS)


_NOT_LETTERS = frozenset(b"\xaa\xb2\xb3\xb5\xb9\xba\xbc\xbd\xbe")
"""Characters that Unicode counts as letters or numbers, and the terminal does not."""
