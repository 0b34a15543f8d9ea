# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Output processing of a terminal (termios(3), "Output modes"), as functions of a character and a column.

The line discipline follows where the cursor stands, to know how wide a tab is and how far an erased one reaches back.
``column`` is the cursor's, ``line_column`` that of the first character of the line being typed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from reference.linux.terminal_modes import BACKSPACE, NEWLINE, RETURN, TAB, Modes, is_control, raised

TAB_COLUMNS = 8
_CONTROLS = bytes(byte for byte in range(256) if is_control(byte))
_MOVES = re.compile(b"[%c%c%c%c]" % (BACKSPACE, TAB, NEWLINE, RETURN))
"""What moves the cursor in another way than on by one column, or not at all."""


class Cursor(NamedTuple):
    """Where output stands."""

    column: int = 0
    line_column: int = 0

    def back(self, columns: int = 1) -> Cursor:
        """The cursor moved left, at most to the margin."""
        return Cursor(max(self.column - columns, 0), self.line_column)

    def on(self, columns: int = 1) -> Cursor:
        """The cursor moved right."""
        return Cursor(self.column + columns, self.line_column)

    def marked(self) -> Cursor:
        """The cursor, with the line being typed starting here."""
        return Cursor(self.column, self.column)


MARGIN = Cursor()


def processed(character: int, cursor: Cursor, modes: Modes, room: int) -> tuple[bytes, Cursor] | None:
    """What is sent for one character, and where the cursor is then; None when ``room`` bytes do not hold it."""
    if room == 0:
        return None
    sent = bytes((character,))
    if character == NEWLINE:
        if modes.output_nl_to_crnl:
            return None if room < 2 else (b"\r\n", MARGIN)
        if modes.output_nl_resets:
            cursor = Cursor(0, cursor.line_column)
        return sent, cursor.marked()
    if character == RETURN:
        if modes.output_no_cr_at_start and cursor.column == 0:
            return b"", cursor
        if modes.output_cr_to_nl:
            return b"\n", MARGIN if modes.output_nl_resets else cursor
        return sent, MARGIN
    if character == TAB:
        spaces = TAB_COLUMNS - cursor.column % TAB_COLUMNS
        if not modes.expands_tabs:
            return sent, cursor.on(spaces)
        return None if room < spaces else (b" " * spaces, cursor.on(spaces))
    if character == BACKSPACE:
        return sent, cursor.back()
    if is_control(character):
        return sent, cursor
    if modes.output_uppers:
        character = raised(character)
        sent = bytes((character,))
    return sent, cursor if is_continuation(character, modes) else cursor.on()


def plain_run(data: bytes, cursor: Cursor, modes: Modes) -> tuple[int, Cursor]:
    """How many bytes at the start of ``data`` are sent as they are, in one piece, and where the cursor is then."""
    column, line_column = cursor
    if not (modes.output_uppers or modes.utf8 or _MOVES.search(data)):
        return len(data), Cursor(column + len(data.translate(None, _CONTROLS)), line_column)
    count = 0
    for character in data:
        if not is_control(character):
            if modes.output_uppers:
                break
            if not is_continuation(character, modes):
                column += 1
        elif character == TAB:
            break
        elif character == NEWLINE:
            if modes.output_nl_resets:
                column = 0
            if modes.output_nl_to_crnl:
                break
            line_column = column
        elif character == RETURN:
            if modes.output_cr_to_nl or (modes.output_no_cr_at_start and column == 0):
                break
            column = line_column = 0
        elif character == BACKSPACE:
            column = max(column - 1, 0)
        count += 1
    return count, Cursor(column, line_column)


def is_continuation(character: int, modes: Modes) -> bool:
    """Whether a byte continues a character of several bytes (IUTF8), and so takes no column of its own."""
    return modes.utf8 and character & 0xC0 == 0x80
