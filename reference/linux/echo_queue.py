# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a line discipline still has to echo.

Echo goes through a queue of its own, because output may be stopped or full when a character comes in.
Beside characters the queue holds operations that need the cursor as it is when they are carried out:
go back one column, note where the line starts, erase a tab, show a control character as ``^X``.
An operation is a mark and one or two bytes, so the queue is counted in bytes.

The queue is a ring, and nothing stops it from being overrun:
positions are compared modulo its size, so a whole round that was not carried out is lost.
"""

from __future__ import annotations

from collections.abc import Callable

from reference.linux.pty_output import TAB_COLUMNS, Cursor, processed
from reference.linux.terminal_modes import TAB, Modes, is_control

RING_BYTES = 4096
_INDEX = RING_BYTES - 1
CARRIED_OUT_FROM_BYTES = 256
"""So much echo is carried out at once while more input is being looked at."""
DROPPED_FROM_BYTES = RING_BYTES - (256 + 32)
"""When so much stays in the queue, the oldest is dropped."""

_OPERATION = 0xFF
_BACK, _LINE_STARTS, _ERASE_TAB = 0x80, 0x81, 0x82
_AFTER_TAB = 0x80


class EchoQueue:
    """The ring. ``committed`` is how far echo may be carried out now, ``marked`` how far at the next write."""

    __slots__ = ("committed", "head", "marked", "ring", "tail")

    def __init__(self) -> None:
        self.ring = bytearray(RING_BYTES)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.head = self.tail = self.marked = self.committed = 0

    # Filling ----------------------------------------------------------------------------------

    def _add(self, *content: int) -> None:
        for byte in content:
            self.ring[self.head & _INDEX] = byte
            self.head += 1

    def raw(self, character: int) -> None:
        """Echo a character as it is."""
        if character == _OPERATION:
            self._add(_OPERATION, _OPERATION)
        else:
            self._add(character)

    def character(self, character: int, modes: Modes) -> None:
        """Echo a character; a control character as ``^X`` when ECHOCTL says so."""
        if modes.echo_controls and is_control(character) and character != TAB:
            self._add(_OPERATION, character)
        else:
            self.raw(character)

    def back(self) -> None:
        """Take one column back: the byte before continued a character."""
        self._add(_OPERATION, _BACK)

    def line_starts(self) -> None:
        """The line being typed starts where the cursor is then."""
        self._add(_OPERATION, _LINE_STARTS)

    def erase_tab(self, columns: int, after_tab: bool) -> None:
        """Go back to where a tab began: so many columns after the tab before, or after the start of the line."""
        self._add(_OPERATION, _ERASE_TAB, columns % TAB_COLUMNS | (_AFTER_TAB if after_tab else 0))

    # Carrying out -----------------------------------------------------------------------------

    def overdue(self) -> bool:
        """Mark everything for the next write; True when enough gathered to carry it out at once."""
        self.marked = self.head
        before = self.committed - self.tail
        waiting = self.head - self.tail
        if waiting < CARRIED_OUT_FROM_BYTES or waiting % CARRIED_OUT_FROM_BYTES > before % CARRIED_OUT_FROM_BYTES:
            return False
        self.committed = self.head
        return True

    def carry_out(self, modes: Modes, cursor: Cursor, room: int, send: Callable[[bytes], object]) -> Cursor:
        """Send what is committed, as far as it fits into ``room`` bytes: where the cursor is then."""
        complete = True
        while (self.committed ^ self.tail) & _INDEX:
            character = self.ring[self.tail & _INDEX]
            size = 1
            if character != _OPERATION:
                sent = (
                    processed(character, cursor, modes, room) if modes.post_process else _as_is(character, cursor, room)
                )
            else:
                size = self._size(self.tail)
                complete = not self._cut_short(size)
                if not complete:
                    break
                sent = self._operation(cursor, room)
            if sent is None:
                break
            output, cursor = sent
            if output == b"\r\n" or (size == 1 and output[:1] == b" "):
                send(output)
            else:
                for index in range(len(output)):
                    send(output[index : index + 1])
            room -= len(output)
            self.tail += size
        if complete:
            self._drop_oldest()
        return cursor

    def _size(self, position: int) -> int:
        if self.ring[position & _INDEX] != _OPERATION:
            return 1
        return 3 if self.ring[(position + 1) & _INDEX] == _ERASE_TAB else 2

    def _cut_short(self, size: int) -> bool:
        return any(not (self.committed ^ (self.tail + byte)) & _INDEX for byte in range(1, size))

    def _operation(self, cursor: Cursor, room: int) -> tuple[bytes, Cursor] | None:
        """The bytes of the operation at the tail, and the cursor behind them; None when they do not fit."""
        operation = self.ring[(self.tail + 1) & _INDEX]
        if operation == _LINE_STARTS:
            return b"", cursor.marked()
        if operation == _BACK:
            return b"", cursor.back()
        if operation == _ERASE_TAB:
            columns = self.ring[(self.tail + 2) & _INDEX]
            if not columns & _AFTER_TAB:
                columns += cursor.line_column
            width = TAB_COLUMNS - columns % TAB_COLUMNS
            return None if width > room else (b"\b" * width, cursor.back(width))
        if operation == _OPERATION:
            return None if room < 1 else (b"\xff", cursor.on())
        return None if room < 2 else (bytes((ord("^"), operation ^ 0o100)), cursor.on(2))

    def _drop_oldest(self) -> None:
        while self.committed - self.tail >= DROPPED_FROM_BYTES:
            self.tail += self._size(self.tail)


def _as_is(character: int, cursor: Cursor, room: int) -> tuple[bytes, Cursor] | None:
    """A character without output processing: the cursor is not followed."""
    return (bytes((character,)), cursor) if room else None
