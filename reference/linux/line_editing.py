# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Editing of the line being typed (termios(3), "Canonical and noncanonical mode").

Erasing works backwards from the last character stored to where the last ended line ends,
by characters (several bytes with IUTF8).
What the terminal shows for an erased character depends on the modes, in this order:
ECHOPRT prints what is erased between ``\\`` and ``/``; without ECHOE the erase character itself is shown;
otherwise the cursor goes back over it:
two columns for a control character shown as ``^X``, as many as it took for a tab.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.linux.pty_output import is_continuation
from reference.linux.terminal_modes import NEWLINE, TAB, is_control, is_word

if TYPE_CHECKING:
    from reference.linux.line_discipline import LineDiscipline

_INDEX = 4095


def erase_character(discipline: LineDiscipline, character: int) -> None:
    """The erase character: takes one character away."""
    discipline.line.cite("TTY-ERASE")
    start = _last_character(discipline)
    if start is not None:
        _erase_from(discipline, start, single=True)
        _finish(discipline)
    discipline.commit_echo()


def erase_word(discipline: LineDiscipline, character: int) -> None:
    """The word erase character: takes away what is no word, then a word of letters, digits and underscores."""
    discipline.line.cite("TTY-WERASE")
    in_word = False
    start = _last_character(discipline)
    erasing = start is not None
    while start is not None:
        if is_word(discipline.ring[start & _INDEX]):
            in_word = True
        elif in_word:
            break
        _erase_from(discipline, start, single=False)
        start = _last_character(discipline)
    if erasing:
        _finish(discipline)
    discipline.commit_echo()


def kill(discipline: LineDiscipline, character: int) -> None:
    """The kill character: takes the line away, visibly with ECHOE, ECHOK and ECHOKE, otherwise by showing itself."""
    discipline.line.cite("TTY-KILL")
    modes = discipline.modes
    if discipline.head == discipline.line_end:
        pass
    elif not modes.echo:
        discipline.head = discipline.line_end
    elif not (modes.echo_kill and modes.echo_kill_erase and modes.echo_erase):
        discipline.head = discipline.line_end
        discipline.finish_erasing()
        discipline.echo.character(modes.kill, modes)
        if modes.echo_kill:
            discipline.echo.raw(NEWLINE)
    else:
        start = _last_character(discipline)
        while start is not None:
            _erase_from(discipline, start, single=False)
            start = _last_character(discipline)
        _finish(discipline)
    discipline.commit_echo()


def reprint(discipline: LineDiscipline, character: int) -> None:
    """The reprint character: shows the line being typed once more."""
    discipline.line.cite("TTY-REPRINT")
    modes = discipline.modes
    discipline.finish_erasing()
    discipline.echo.character(character, modes)
    discipline.echo.raw(NEWLINE)
    for position in range(discipline.line_end, discipline.line_end + (discipline.head - discipline.line_end & _INDEX)):
        discipline.echo.character(discipline.ring[position & _INDEX], modes)
    discipline.commit_echo()


def _last_character(discipline: LineDiscipline) -> int | None:
    """Where the last character of the line begins; None when there is none, or only its continuation."""
    position = discipline.head
    ring, modes = discipline.ring, discipline.modes
    if not (position - discipline.line_end) & _INDEX:
        return None
    while True:
        position -= 1
        continues = is_continuation(ring[position & _INDEX], modes)
        if not continues or not (position - discipline.line_end) & _INDEX:
            return None if continues else position


def _erase_from(discipline: LineDiscipline, start: int, single: bool) -> None:
    """Take away the character that begins at ``start`` and show it. ``single``: by the erase character."""
    end, discipline.head = discipline.head, start
    modes, echo, ring = discipline.modes, discipline.echo, discipline.ring
    if not modes.echo:
        return
    character = ring[start & _INDEX]
    if modes.echo_printing:
        if not discipline.erasing:
            echo.raw(ord("\\"))
            discipline.erasing = True
        echo.character(character, modes)
        for position in range(start + 1, end):
            echo.raw(ring[position & _INDEX])
            echo.back()
    elif single and not modes.echo_erase:
        echo.character(modes.erase, modes)
    elif character == TAB:
        echo.erase_tab(*_columns_before(discipline))
    else:
        columns = (1 if not is_control(character) else 2) if modes.echo_controls else int(not is_control(character))
        for byte in b"\b \b" * columns:
            echo.raw(byte)


def _columns_before(discipline: LineDiscipline) -> tuple[int, bool]:
    """The columns from the last tab, or from the start of the line, to its end now; and whether there was a tab."""
    columns = 0
    position = discipline.head
    modes = discipline.modes
    while (position - discipline.line_end) & _INDEX:
        position -= 1
        character = discipline.ring[position & _INDEX]
        if character == TAB:
            return columns, True
        if is_control(character):
            columns += 2 if modes.echo_controls else 0
        elif not is_continuation(character, modes):
            columns += 1
    return columns, False


def _finish(discipline: LineDiscipline) -> None:
    if discipline.head == discipline.line_end and discipline.modes.echo:
        discipline.finish_erasing()
