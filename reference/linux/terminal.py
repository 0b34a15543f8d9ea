# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Pseudoterminals (pty(7)): two ends, each with a queue of input and a line discipline of its own.

What is written to one end is put into the other end's queue, from which the kernel moves it into that end's discipline
as soon as there is room. The slave's discipline has the modes that programs set, and echoes towards the master;
the master's lets everything through. Calls on modes and window size mean the slave's, on whichever end they are made.

**Closing.** When the last description of the slave goes, the master reads what is left and then fails with EIO,
until the slave is opened again; nothing that the slave holds is lost.
When the master goes, every description of the slave is hung up for good: reads end, writes and device calls fail.

**Job control** (:mod:`reference.linux.job_control`) may stop or refuse who reads, writes or changes modes.

**A failed opening.** A locked slave refuses to be opened, and the refusal marks the slave as broken:
descriptions that exist already fail with EIO until another opening succeeds.

The kernel moves data on its own time; at the end of each call here all of it has been moved
(:func:`~reference.linux.terminal_line.settle`).
Within one large write the kernel may or may not have freed the queue in time: there the number of bytes taken is free.
"""

from __future__ import annotations

from typing import Any

from reference.constants.errors import EAGAIN, EINVAL, EIO, ENOTTY
from reference.constants.open_flags import O_DIRECT
from reference.constants.readiness import POLLERR, POLLHUP, POLLOUT, POLLPRI, POLLWRNORM
from reference.constants.requests import TIOCSCTTY, TIOCSPGRP
from reference.constants.signals import SIGTTIN, SIGTTOU
from reference.constants.terminals import TIOCPKT_DATA, TOSTOP
from reference.linux import job_requests, terminal_questions, terminal_requests
from reference.linux.description import OpenFileDescription
from reference.linux.job_control import check_background, take_control_by_opening
from reference.linux.pty_fill import WRITE_STEP_BYTES, AsIs, Processed, at_moments, fill, possible_fills
from reference.linux.terminal_line import READABLE, TerminalLine, deliver, settle
from reference.linux.waiting import WaitQueue
from reference.outcomes import Anything, Between, Refused, Sleeps

READ_STEP_BYTES = 64
WAKE_BELOW_BYTES = 128
"""A writer at the other end is told of room once so few bytes are left to be read."""

MOST_SENT_FOR_ONE = 8
"""Bytes that output processing makes of one: a tab is at most so many spaces."""

HUNG_UP = "hung up"
"""What the description of a slave holds once its master is gone."""
_WRITABLE = POLLOUT | POLLWRNORM
_REQUESTS = {**terminal_requests.REQUESTS, **terminal_questions.REQUESTS, **job_requests.REQUESTS}

ROUNDED_NOW = Anything()
"""A time that input or output took: the kernel takes it again only every eight seconds, and then without a fraction."""


class Terminal(TerminalLine):
    """Either end, as calls on its descriptors see it."""

    asynchronous = True
    lends = True
    takes_pages = True

    # Descriptions -----------------------------------------------------------------------------

    def open(self, flags: int, created: bool = False) -> OpenFileDescription:
        description = super().open(flags & ~O_DIRECT, created)
        if self is self.slave:
            take_control_by_opening(self.slave, description, flags)
        if flags & O_DIRECT:
            self.released(description)
            raise Refused(EINVAL, "OPEN-DIRECT")
        return description

    def poll(self, description: OpenFileDescription) -> int:
        if description.private is HUNG_UP:
            self.cite("TTY-HUP-POLL")
            return READABLE | _WRITABLE | POLLERR | POLLHUP
        modes = self.discipline.modes
        events = 0
        if self.discipline.available(1 if modes.time else max(modes.minimum, 1)):
            events |= READABLE
        if self.packet_waits():
            self.cite("TTY-PACKET-POLL")
            events |= POLLPRI | READABLE
        if self.other_closed:
            self.cite("TTY-OTHER-CLOSED-POLL")
            events |= POLLHUP
        if self.room():
            events |= _WRITABLE
        if self.doubtful or self.link.doubtful or self.link.input.room_is_doubtful():
            return self._poll_doubtful(events)
        return events

    def _poll_doubtful(self, events: int) -> int:
        """The events, or those that a poll of one descriptor saw."""
        observed = self.kernel.choose(Anything(None))
        if not isinstance(observed, tuple) or len(observed) != 1 or not isinstance(observed[0], int):
            return events
        doubted = _WRITABLE | (READABLE if self.doubtful and not self.packet_waits() else 0)
        return events & ~doubted | observed[0] & doubted

    def packet_waits(self) -> bool:
        """Whether packet mode has a status to tell."""
        return self.packet and bool(self.link.packet_status)

    def check_announcing(self, description: OpenFileDescription) -> None:
        if description.private is HUNG_UP:
            raise Refused(ENOTTY, "TTY-HUP-ASYNC")

    def announcing(self, description: OpenFileDescription) -> None:
        if description.owner is None:
            description.owner = self.announces_to()

    def wait_queues(self, description: OpenFileDescription) -> tuple[WaitQueue, ...] | None:
        return () if description.private is HUNG_UP else (self.read_wait, self.write_wait)

    def ioctl(self, description: OpenFileDescription, request: int, argument: Any) -> Any:
        if description.private is HUNG_UP:
            if request == TIOCSPGRP:
                raise Refused(ENOTTY, "CTTY-SPGRP-HUNG-UP")
            raise Refused(EIO, "TTY-HUP-IOCTL")
        if request == TIOCSCTTY:
            return job_requests.set_controlling(self, description, argument)
        call = _REQUESTS.get(request)
        if call is None:
            raise Refused(ENOTTY, "OBJ-IOCTL")
        result = call(self, argument)
        settle(self)
        return result

    # Reading ----------------------------------------------------------------------------------

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        # CHECK
        if description.private is HUNG_UP:
            self.cite("TTY-HUP-READ")
            return b""
        if self.broken:
            raise Refused(EIO, "TTY-BROKEN")
        check_background(self, SIGTTIN)
        if not count:
            return b""
        # CHANGE
        if self.packet_waits():
            self.cite("TTY-PACKET-STATUS")
            status, self.link.packet_status = self.link.packet_status, 0
            return bytes((status,))
        if self.doubtful:
            observed = self.kernel.choose(Anything(None))
            if isinstance(observed, bytes) and 0 < len(observed) <= count:
                return self._read_doubtful(observed)
            self.doubtful = False
            self.input.clear()
            self.discipline.discard_input()
        before = self.discipline.tail
        taken = self._read_line(description, count) if self.discipline.by_line else self._read_raw(description, count)
        if self.discipline.tail != before:
            self._room_came_free()
            settle(self)
        # RETURN
        if taken:
            self.atime = ROUNDED_NOW
        return taken

    def _read_doubtful(self, observed: bytes) -> bytes:
        """What was read, taken on trust; as much goes from the model of the queue."""
        self.discipline.take_run(len(observed) - self.packet)
        self._room_came_free()
        settle(self)
        self.atime = ROUNDED_NOW
        return observed

    def _read_line(self, description: OpenFileDescription, count: int) -> bytes:
        discipline = self.discipline
        if not discipline.available():
            self._refuse_empty_read(description, waits=True)
        self.cite("TTY-READ-LINE")
        taken = bytearray()
        while True:
            piece, ended = discipline.take_from_line(min(count - len(taken), READ_STEP_BYTES))
            taken += piece
            if ended or discipline.tail == discipline.line_end:
                return bytes(taken)
            if len(taken) == count:
                discipline.skip_end_of_file()
                return bytes(taken)

    def _read_raw(self, description: OpenFileDescription, count: int) -> bytes:
        """A read that takes no regard to lines: a first step until the minimum is there, then what else there is."""
        discipline = self.discipline
        # Canonical mode with EXTPROC reads bytes, and asks for no minimum.
        minimum = 0 if discipline.canonical else max(discipline.modes.minimum, 1)
        waits = discipline.canonical or bool(discipline.modes.minimum or discipline.modes.time)
        taken = bytearray()
        step = min(count, READ_STEP_BYTES)
        while len(taken) < step:
            if not discipline.available():
                if taken:
                    self.cite("TTY-READ-PART")
                    return bytes(taken)
                if self._refuse_empty_read(description, waits):
                    return b""
            if self.packet and not taken:
                self.cite("TTY-PACKET-DATA")
                taken.append(TIOCPKT_DATA)
            more = self._take(taken, step - len(taken))
            if more and len(taken) >= minimum:
                self._take_rest(taken, count)
                break
            if more and len(taken) == READ_STEP_BYTES:
                self.cite("TTY-READ-STEP")
            self._check_room_for_writers()
            if len(taken) >= minimum:
                break
        return bytes(taken)

    def _take(self, taken: bytearray, count: int) -> bool:
        """Take one run of the ring: whether there is more."""
        discipline = self.discipline
        piece = discipline.take_run(count)
        ends_here = discipline.tail == discipline.readable_end
        if discipline.canonical and ends_here and piece == bytes((discipline.modes.end_of_file,)):
            self.cite("TTY-EXTPROC-EOF")
            return False
        taken += piece
        return bool(piece) and not ends_here

    def _take_rest(self, taken: bytearray, count: int) -> None:
        while len(taken) < count and self._take(taken, min(count - len(taken), READ_STEP_BYTES)):
            pass

    def _refuse_empty_read(self, description: OpenFileDescription, waits: bool) -> bool:
        """There is nothing to read: refuse, sleep, or True when the read ends with nothing."""
        if self.other_closed:
            raise Refused(EIO, "TTY-OTHER-CLOSED-READ")
        if not waits:
            self.cite("TTY-READ-VMIN-0")
            return True
        if description.nonblocking:
            raise Refused(EAGAIN, "TTY-READ-EAGAIN")
        raise Sleeps("TTY-READ-SLEEPS")

    def _check_room_for_writers(self) -> None:
        if self.discipline.waiting() <= WAKE_BELOW_BYTES:
            self.restart_input_if_full()
            self.link.writers_may_go_on()

    def _room_came_free(self) -> None:
        self.restart_input_if_full()
        self._check_room_for_writers()

    # Writing ----------------------------------------------------------------------------------

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        # CHECK
        if description.private is HUNG_UP:
            raise Refused(EIO, "TTY-HUP-WRITE")
        if self.broken:
            raise Refused(EIO, "TTY-BROKEN")
        self._check_writer()
        # CHANGE
        written = self._write_all(data, waits=not description.nonblocking)
        self.write_wait.wake(POLLOUT)
        settle(self)
        # RETURN
        if written == 0 and data:
            if description.nonblocking:
                raise Refused(EAGAIN, "TTY-WRITE-EAGAIN")
            raise Sleeps("TTY-WRITE-SLEEPS")
        if written < len(data):
            self.cite("TTY-WRITE-PART")
        if written:
            self.mtime = ROUNDED_NOW
        return written

    def _check_writer(self) -> None:
        """Job control, where modes ask for it. Who waits to write is told when somebody else has tried."""
        if self.discipline.modes.termios.lflag & TOSTOP:
            try:
                check_background(self, SIGTTOU)
            except (Refused, Sleeps):
                self.write_wait.wake(POLLOUT)
                raise

    def _write_all(self, data: bytes, waits: bool) -> int:
        if not data:
            self.discipline.process_echo()
            return 0
        if self._may_not_fit(data):
            return self._fill(data, waits)
        written = 0
        goal = len(data)
        decided = False
        if goal > WRITE_STEP_BYTES and self._pair_announces():
            # SIGIO may come between two steps, and ends the write there.
            self.kernel.race("TTY-WRITE-SIGIO")
            goal = self.kernel.choose(Between(WRITE_STEP_BYTES, goal, goal))
        while written < goal:
            self.discipline.process_echo()
            step = data[written : min(written + WRITE_STEP_BYTES, goal)]
            output = self._output()
            sent = 0 if self.stopped else output.put(self.link.input, step)
            self.discipline.cursor = output.cursor
            written += sent
            if sent < len(step) and (not self.link.input.queued or not deliver(self.link)):
                self._remember_short_write()
                break
            if sent < len(step) and not decided:
                self.kernel.race("TTY-WRITE-RACE")
                goal = self.kernel.choose(Between(written, goal, goal))
                decided = True
        if goal < len(data) and goal % WRITE_STEP_BYTES:
            self._remember_short_write()
        return written

    def _output(self) -> AsIs:
        """What becomes of written bytes on their way."""
        modes = self.discipline.modes
        if not modes.post_process:
            return AsIs(self.discipline.cursor)
        self.cite("TTY-OPOST")
        return Processed(self.discipline.cursor, modes)

    def _may_not_fit(self, data: bytes) -> bool:
        """Whether it may take the kernel's help to write this, and only the room in the queue limits it."""
        queue = self.link.input
        return (
            (len(data) * MOST_SENT_FOR_ONE > queue.room() or bool(queue.others))
            and not self.stopped
            and not self._pair_announces()
            and self.link.discipline.stores_all(queue.waiting() + data)
        )

    def _fill(self, data: bytes, waits: bool) -> int:
        self.discipline.process_echo()
        queue = self.link.input
        discipline = self.link.discipline
        output = self._output()
        room = discipline.room()
        starts = (queue, *queue.others)
        fills = [way for start in starts for way in possible_fills(start, data, waits, output, room)]
        counts = sorted({way.taken for way in fills}, reverse=True)
        taken = counts[0]
        if len(counts) > 1:
            self.kernel.race("TTY-WRITE-RACE")
            observed = self.kernel.choose(Anything(taken))
            if observed in counts:
                taken = observed
            elif 0 in counts and not isinstance(observed, int):
                # A write that takes nothing does not return 0: it fails, or sleeps.
                taken = 0
        chosen, *others = (way for way in fills if way.taken == taken)
        queue.become(chosen.start)
        queue.others = []
        before_piece = at_moments(chosen.moments, lambda: queue.pass_on_first(discipline.receive))
        filled = fill(queue, data, waits, output, before_piece)
        self.discipline.cursor = output.cursor
        queue.others = [way.queue for way in others]
        if filled.short:
            self._remember_short_write()
        return filled.taken

    def _remember_short_write(self) -> None:
        """A step of a write found no room for its end: who asked for SIGIO hears when there is room again."""
        if any(description.announced for description in self.descriptions):
            self.wakes_writers = True

    def _pair_announces(self) -> bool:
        return self.caller_listens() or self.link.caller_listens()
