# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The line discipline of a terminal (termios(3)): what becomes of every character that comes in.

**The way of a character.** Input arrives in a ring of :data:`RING_BYTES`.
Each character goes through the same questions:

1. ISTRIP takes its eighth bit, IUCLC (with IEXTEN) its upper case. With EXTPROC it is then stored, and that is all.
2. Behind the literal-next character it is stored as it is, whatever its role.
3. Its role (:mod:`reference.linux.terminal_modes`) decides, flow control before signals:
   start and stop characters switch the output;
   signal characters clear both queues (unless NOFLSH) and start the output.
4. Any other character starts output that was stopped (IXANY).
5. IGNCR, ICRNL and INLCR drop or translate CR and NL.
6. In canonical mode roles are asked again:
   editing works on the line that was not yet ended; NL, EOF, EOL and EOL2 end it.
7. What is left is echoed and stored, a byte 255 twice when PARMRK is set.

**Positions** only grow and are taken modulo the ring: ``tail`` (read up to here),
``line_end`` (lines that can be read end here), ``readable_end`` (the same without canonical mode),
``head`` (stored up to here). ``ends`` are the positions of bytes that end a line.
An end-of-file character is stored as a byte 0 that ends a line and is not read.

**Room.** One byte is always kept free.
When no room is left, input waits in front of the discipline (``full``),
except when a canonical line is being typed that has no end yet:
then the last byte gives way to each new one, and nothing waits.
With PARMRK a third of the room counts, because one byte can become three.

Input that waits is scanned for start and stop characters ahead of time, so that they work although nobody reads;
``scanned`` counts these characters: when they come in at last, their flow control is done already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reference.linux import line_editing
from reference.linux.echo_queue import LINE_STARTS_BYTES, EchoQueue
from reference.linux.pty_output import MARGIN, Cursor
from reference.linux.terminal_modes import DISABLED, NEWLINE, RETURN, Role, lowered, modes_of
from reference.structures import Termios

if TYPE_CHECKING:
    from reference.linux.terminal_line import TerminalLine

RING_BYTES = 4096
INDEX = RING_BYTES - 1
ULLONG_MAX = 2**64 - 1


class LineDiscipline:
    """The state of one discipline. ``line`` is what it sits on."""

    def __init__(self, line: TerminalLine, termios: Termios) -> None:
        self.line = line
        self.ring = bytearray(RING_BYTES)
        self.echo = EchoQueue()
        self.cursor: Cursor = MARGIN
        self.ends: list[int] = []
        self.full = False
        self.literal = False
        self.erasing = False
        self.discard_input()
        self.modes = modes_of(termios)
        self.canonical = self.modes.canonical

    def discard_input(self) -> None:
        """Forget all that was stored."""
        self.head = self.tail = self.line_end = self.readable_end = 0
        self.ends.clear()
        self.erasing = False
        self.scanned = 0

    # What can be read -------------------------------------------------------------------------

    @property
    def by_line(self) -> bool:
        """Whether reads return lines."""
        return self.canonical and not self.modes.external

    def waiting(self) -> int:
        """The bytes up to which reading has no need to wait, end-of-file marks included."""
        return (self.line_end if self.canonical else self.readable_end) - self.tail

    def available(self, minimum: int = 1) -> bool:
        """Whether a line, or without canonical mode ``minimum`` bytes, can be read."""
        if self.by_line:
            return self.line_end != self.tail
        return self.readable_end - self.tail >= minimum

    def bytes_to_read(self) -> int:
        """What FIONREAD says."""
        if not self.by_line:
            return self.head - self.tail
        if self.line_end - self.tail == RING_BYTES:
            self.line.cite("TTY-FIONREAD-FULL")
            return RING_BYTES
        marks = sum(self.ring[end & INDEX] == DISABLED for end in self.ends if self.tail <= end < self.line_end)
        return self.line_end - self.tail - marks

    def take_run(self, count: int) -> bytes:
        """Up to ``count`` bytes without regard to lines, up to the edge of the ring."""
        taken = self._copy(self.tail, min(count, self.readable_end - self.tail, RING_BYTES - (self.tail & INDEX)))
        self.tail += len(taken)
        return taken

    def take_from_line(self, count: int) -> tuple[bytes, bool]:
        """Up to ``count`` bytes of one line, and whether the line's end was taken with them."""
        count = min(count, self.line_end - self.tail)
        end = self.ends[0] if self.ends else self.tail + count
        if end >= self.tail + count:
            taken = self._copy(self.tail, count)
            self.tail += count
            return taken, False
        self.ends.pop(0)
        marked = self.ring[end & INDEX] == DISABLED
        taken = self._copy(self.tail, end - self.tail + (not marked))
        self.tail = end + 1
        return taken, True

    def skip_end_of_file(self) -> None:
        """Take an end-of-file mark that follows directly behind what was read."""
        if self.tail != self.line_end and self.ends[:1] == [self.tail] and self.ring[self.tail & INDEX] == DISABLED:
            self.line.cite("TTY-READ-EOF-EATEN")
            self.ends.pop(0)
            self.tail += 1

    def _copy(self, position: int, count: int) -> bytes:
        start = position & INDEX
        taken = bytes(self.ring[start : start + count])
        return taken + bytes(self.ring[: count - len(taken)])

    # What comes in ----------------------------------------------------------------------------

    def room(self) -> int:
        """The bytes that may be stored before input must wait; negative where too many are."""
        room = RING_BYTES - (self.head - self.tail)
        if self.modes.mark_parity:
            room = -(-room // 3)
        return room - 1

    def stores_all(self, data: bytes) -> bool:
        """Whether each byte of this is stored as one, until there is no room and input must wait."""
        modes = self.modes
        if modes.transparent:
            return True
        overflows = self.canonical and self.line_end == self.tail
        by_itself = self.literal or modes.mark_parity or modes.restart_any or modes.lowers_or_strips or modes.external
        return not overflows and not by_itself and modes.special.isdisjoint(data)

    def receive(self, data: bytes) -> int:
        """Take in what there is room for: the number of bytes taken."""
        taken = 0
        overflow = False
        while True:
            room = self.room()
            overflow = False
            if room <= 0:
                overflow = self.canonical and self.line_end == self.tail
                if overflow and room < 0:
                    self.line.cite("TTY-LINE-OVERFLOW")
                    self.head -= 1
                room = int(overflow)
                self.full = not room
            piece = data[taken : taken + room]
            if not piece:
                break
            self._take_in(piece)
            taken += len(piece)
        if self.full and not self.waiting():
            self.full = False
            self.line.restart_input()
        return taken

    def scan_ahead(self, data: bytes) -> None:
        """Let start and stop characters work in input that must wait."""
        self.scanned = (self.scanned + len(data)) & ULLONG_MAX
        if self.modes.flow:
            for character in data:
                self._flow_control(character)

    def _take_in(self, data: bytes) -> None:
        modes = self.modes
        scanned = min(self.scanned, len(data))
        if modes.transparent or (modes.external and not modes.lowers_or_strips):
            self._store_all(data)
        else:
            index = 0
            while index < len(data):
                run = self._plain_run(data, index)
                if run:
                    self._store_plain(run)
                    index += len(run)
                else:
                    self._character(data[index], index < scanned)
                    index += 1
            self.flush_echo()
        if self.scanned < scanned:
            # A signal reset the count meanwhile. It wraps, and flow control is off for all that follows.
            self.line.cite("TTY-SCAN-WRAPS")
        self.scanned = (self.scanned - scanned) & ULLONG_MAX
        if not self.by_line:
            self.readable_end = self.head
            if self.head != self.tail:
                self.line.input_arrived()

    def _plain_run(self, data: bytes, start: int) -> bytes:
        """Characters from ``start`` on about which there is nothing to ask, as many as go without carrying out echo."""
        modes = self.modes
        if modes.lowers_or_strips or modes.restart_any or modes.external or self.literal or self.erasing:
            return b""
        room = self.echo.uncommitted_room() - LINE_STARTS_BYTES if modes.echo else len(data)
        found = modes.plain.match(data, start, max(start + room, start))
        return found.group() if found else b""

    def _store_plain(self, run: bytes) -> None:
        if self.modes.echo:
            if self.line_end == self.head:
                self.echo.line_starts()
            self.echo.plain(run)
        self._store_all(run)

    def _store_all(self, data: bytes) -> None:
        start = self.head & INDEX
        first = data[: RING_BYTES - start]
        self.ring[start : start + len(first)] = first
        self.ring[: len(data) - len(first)] = data[len(first) :]
        self.head += len(data)

    def store(self, character: int) -> None:
        """Put one byte into the ring."""
        self.ring[self.head & INDEX] = character
        self.head += 1

    def _character(self, character: int, scanned: bool) -> None:
        modes = self.modes
        if modes.strips:
            character &= 0x7F
        if modes.lowers:
            character = lowered(character)
        if self.literal:
            self.literal = False
            self._restart_by_any()
            self._ordinary(character, newline_raw=False)
        elif modes.external:
            self.store(character)
        elif character in modes.special:
            self._special(character, scanned)
        else:
            self._restart_by_any()
            self._ordinary(character, newline_raw=False)

    def _special(self, character: int, scanned: bool) -> None:
        modes = self.modes
        role = modes.first.get(character)
        if role is Role.SIGNAL:
            self._signal(character)
            return
        if role is not None:
            if not scanned:
                self._flow_control(character)
            return
        self._restart_by_any()
        if character == RETURN:
            if modes.cr_ignored:
                return
            if modes.cr_to_nl:
                character = NEWLINE
        elif character == NEWLINE and modes.nl_to_cr:
            character = RETURN
        action = _LINE_ACTIONS.get(modes.then.get(character))
        if action is None:
            self._ordinary(character, newline_raw=True)
        else:
            action(self, character)

    def _ordinary(self, character: int, newline_raw: bool) -> None:
        """Echo a character and store it."""
        modes = self.modes
        if modes.echo:
            self.finish_erasing()
            if character == NEWLINE and newline_raw:
                self.echo.raw(character)
            else:
                if self.line_end == self.head:
                    self.echo.line_starts()
                self.echo.character(character, modes)
            self.commit_echo()
        if character == 0xFF and modes.mark_parity:
            self.line.cite("TTY-PARMRK-DOUBLES")
            self.store(character)
        self.store(character)

    # Flow control and signals -----------------------------------------------------------------

    def _flow_control(self, character: int) -> None:
        if character == self.modes.start:
            self.line.cite("TTY-IXON-START")
            self.line.start()
            self.process_echo()
        elif character == self.modes.stop:
            self.line.cite("TTY-IXON-STOP")
            self.line.stop()

    def _restart_by_any(self) -> None:
        if self.modes.restart_any and self.line.stopped and not self.line.stopped_by_call:
            self.line.cite("TTY-IXANY")
            self.line.start()
            self.process_echo()

    def _signal(self, character: int) -> None:
        """A signal character: whoever is in the foreground is signalled, and the queues are cleared."""
        self.line.cite("TTY-ISIG")
        self.line.signal_foreground(self.modes.signals[character])
        if self.modes.clears_on_signal:
            self.line.cite("TTY-ISIG-FLUSH")
            self.echo.clear()
            self.line.discard_output()
            self.discard_input()
            self.line.input_discarded()
        if self.modes.flow:
            self.line.start()
        if self.modes.echo:
            self.echo.character(character, self.modes)
            self.commit_echo()
        else:
            self.process_echo()

    # Ends of lines ----------------------------------------------------------------------------

    def _literal_next(self, character: int) -> None:
        self.line.cite("TTY-LNEXT")
        self.literal = True
        if self.modes.echo:
            self.finish_erasing()
            if self.modes.echo_controls:
                self.echo.raw(ord("^"))
                self.echo.raw(ord("\b"))
                self.commit_echo()

    def _newline(self, character: int) -> None:
        if self.modes.echo or self.modes.echo_newline:
            self.echo.raw(character)
            self.commit_echo()
        self._end_line(character)

    def _end_of_file(self, character: int) -> None:
        self.line.cite("TTY-EOF")
        self._end_line(DISABLED)

    def _end_of_line(self, character: int) -> None:
        self.line.cite("TTY-EOL")
        if self.modes.echo:
            if self.line_end == self.head:
                self.echo.line_starts()
            self.echo.character(character, self.modes)
            self.commit_echo()
        if character == 0xFF and self.modes.mark_parity:
            self.store(character)
        self._end_line(character)

    def _end_line(self, character: int) -> None:
        self.ends.append(self.head)
        self.store(character)
        self.line_end = self.head
        self.line.input_arrived()

    # Echo -------------------------------------------------------------------------------------

    def finish_erasing(self) -> None:
        """Close the ``\\…/`` in which ECHOPRT shows erased characters."""
        if self.erasing:
            self.echo.raw(ord("/"))
            self.erasing = False

    def commit_echo(self) -> None:
        """Echo was added: carry it out when much has gathered."""
        if self.echo.overdue():
            self._carry_out_echo()

    def process_echo(self) -> None:
        """Carry out what was marked before."""
        if self.echo.marked != self.echo.tail:
            self.echo.committed = self.echo.marked
            self._carry_out_echo()

    def flush_echo(self) -> None:
        """A run of input was looked at: carry out its echo."""
        if (self.modes.echo or self.modes.echo_newline) and self.echo.committed != self.echo.head:
            self.echo.committed = self.echo.head
            self._carry_out_echo()

    def _carry_out_echo(self) -> None:
        self.cursor = self.echo.carry_out(self.modes, self.cursor, self.line.room(), self.line)

    # Modes ------------------------------------------------------------------------------------

    def set_modes(self, termios: Termios) -> None:
        """Take over new modes. A change to canonical mode makes what is stored a line that ends here."""
        before, self.modes = self.modes, modes_of(termios)
        if before.canonical != self.modes.canonical or before.external != self.modes.external:
            self.ends.clear()
            self.line_end = self.tail
            if self.modes.canonical and self.head != self.tail:
                self.line.cite("TTY-ICANON-PUSH")
                self.ends.append(self.head - 1)
                self.line_end = self.head
            self.readable_end = self.head
            self.erasing = False
            self.literal = False
        self.canonical = self.modes.canonical
        if before.flow and not self.modes.flow and not self.line.stopped_by_call:
            self.line.cite("TTY-IXON-OFF")
            self.line.start()
            self.process_echo()


_Action = Callable[[LineDiscipline, int], None]
_LINE_ACTIONS: dict[Role | None, _Action] = {
    Role.ERASE: line_editing.erase_character,
    Role.WORD_ERASE: line_editing.erase_word,
    Role.KILL: line_editing.kill,
    Role.REPRINT: line_editing.reprint,
    Role.LITERAL_NEXT: LineDiscipline._literal_next,
    Role.NEWLINE: LineDiscipline._newline,
    Role.END_OF_FILE: LineDiscipline._end_of_file,
    Role.END_OF_LINE: LineDiscipline._end_of_line,
}
"""What a role means to the line being typed."""
