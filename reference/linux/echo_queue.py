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

from typing import Protocol

from reference.linux.pty_output import TAB_COLUMNS, Cursor, plain_run, processed
from reference.linux.terminal_modes import TAB, Modes, is_control

RING_BYTES = 4096
_INDEX = RING_BYTES - 1
CARRIED_OUT_FROM_BYTES = 256
"""So much echo is carried out at once while more input is being looked at."""
DROPPED_FROM_BYTES = RING_BYTES - (256 + 32)
"""When so much stays in the queue, the oldest is dropped."""

LINE_STARTS_BYTES = 2
"""What the note that a line starts takes of the queue."""
_OPERATION = 0xFF
_BACK, _LINE_STARTS, _ERASE_TAB = 0x80, 0x81, 0x82
_AFTER_TAB = 0x80


class Outlet(Protocol):
    """Where echo goes."""

    def send(self, data: bytes) -> int:
        """Send bytes in one piece: the number taken."""

    def send_singly(self, data: bytes) -> None:
        """Send bytes one by one."""


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

    def plain(self, run: bytes) -> None:
        """Echo characters that need no care, fewer than would have to be carried out at once."""
        start = self.head & _INDEX
        if start + len(run) <= RING_BYTES:
            self.ring[start : start + len(run)] = run
            self.head += len(run)
        else:
            self._add(*run)
        self.marked = self.head

    def uncommitted_room(self) -> int:
        """How many bytes can be added before echo has to be carried out."""
        return CARRIED_OUT_FROM_BYTES - 1 - (self.head - self.tail)

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

    def carry_out(self, modes: Modes, cursor: Cursor, room: int, line: Outlet) -> Cursor:
        """Send what is committed, as far as it fits into ``room`` bytes: where the cursor is then."""
        complete = True
        while (self.committed ^ self.tail) & _INDEX:
            size = 1
            if self.ring[self.tail & _INDEX] == _OPERATION:
                size = self._size(self.tail)
                complete = not self._cut_short(size)
                if not complete:
                    break
                sent = self._operation(cursor, room)
            else:
                run = self._characters()[:room]
                count, cursor = plain_run(run, cursor, modes) if modes.post_process else (len(run), cursor)
                line.send_singly(run[:count])
                self.tail += count
                room -= count
                if count or not room:
                    if not room:
                        break
                    continue
                sent = processed(run[0], cursor, modes, room)
            if sent is None:
                break
            output, cursor = sent
            if size == 1:
                line.send(output)
            else:
                line.send_singly(output)
            room -= len(output)
            self.tail += size
        if complete:
            self._drop_oldest()
        return cursor

    def _characters(self) -> bytes:
        """The characters at the tail, up to an operation, the end of what is committed, or the edge of the ring."""
        start = self.tail & _INDEX
        end = self.committed & _INDEX
        run = bytes(self.ring[start : end if end > start else RING_BYTES])
        operation = run.find(_OPERATION)
        return run if operation < 0 else run[:operation]

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
