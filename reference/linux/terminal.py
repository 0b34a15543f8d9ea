# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Pseudoterminals (pty(7)): two ends, each with a queue of input and a line discipline of its own.

What is written to one end is put into the other end's queue, from which the kernel moves it into that end's discipline
as soon as there is room. The slave's discipline has the modes that programs set, and echoes towards the master;
the master's lets everything through. Calls on modes and window size mean the slave's, on whichever end they are made.

**Closing.** When the last description of the slave goes, the master reads what is left and then fails with EIO,
until the slave is opened again; nothing that the slave holds is lost.
When the master goes, every description of the slave is hung up for good: reads end, writes and device calls fail.

**A failed opening.** A locked slave refuses to be opened, and the refusal marks the slave as broken:
descriptions that exist already fail with EIO until another opening succeeds.

The kernel moves data on its own time; at the end of each call here all of it has been moved (:func:`settle`).
Within one large write the kernel may or may not have freed the queue in time: there the number of bytes taken is free.
"""

from __future__ import annotations

from typing import Any

from reference.constants import (
    EAGAIN,
    EBUSY,
    EINVAL,
    EIO,
    ENOTTY,
    EPERM,
    O_ASYNC,
    O_DIRECT,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDNORM,
    POLLWRNORM,
    S_IFCHR,
    SIGIO,
    TIOCPKT_DATA,
    TIOCPKT_FLUSHREAD,
    TIOCPKT_FLUSHWRITE,
    TIOCPKT_START,
    TIOCPKT_STOP,
    UINT_MAX,
    UTIME_NOW,
)
from reference.linux import terminal_requests
from reference.linux.description import OpenFileDescription
from reference.linux.inode import Inode
from reference.linux.line_discipline import LineDiscipline
from reference.linux.profile import DEVTMPFS, Filesystem
from reference.linux.pty_buffer import PtyBuffer
from reference.linux.pty_output import plain_run, processed
from reference.linux.state import KernelState
from reference.linux.terminal_modes import MASTER_TERMIOS, SLAVE_TERMIOS
from reference.linux.waiting import WaitQueue
from reference.outcomes import Anything, Between, Refused, Sleeps
from reference.structures import Stat, Termios, Winsize

READ_STEP_BYTES = 64
WRITE_STEP_BYTES = 2048
WAKE_BELOW_BYTES = 128
"""A writer at the other end is told of room once so few bytes are left to be read."""

_SLAVES = Filesystem("devpts", block_size_bytes=1024)
_HUNG_UP = "hung up"
_READABLE = POLLIN | POLLRDNORM
_WRITABLE = POLLOUT | POLLWRNORM


class Terminal(Inode):
    """What both ends share. ``link`` is the other end.

    ``stopped`` holds output, ``stopped_by_call`` says that tcflow(3) did.
    ``broken`` is set by the last close and by a failed opening, ``other_closed`` when the other end was closed.
    ``packet`` is packet mode, which a master can be in; ``packet_status`` collects what a slave has to tell it.
    """

    asynchronous = True
    link: Terminal

    def __init__(self, kernel: KernelState, mode: int, uid: int, gid: int, home: Filesystem, termios: Termios) -> None:
        super().__init__(kernel, S_IFCHR | mode, uid, gid, home)
        self.cite = kernel.cite
        self.input = PtyBuffer()
        self.stopped = False
        self.stopped_by_call = False
        self.broken = False
        self.other_closed = False
        self.exclusive = False
        self.packet = False
        self.packet_status = 0
        self.wakes_writers = False
        self.descriptions: list[OpenFileDescription] = []
        self.read_wait = WaitQueue()
        self.write_wait = WaitQueue()
        self.discipline: LineDiscipline = LineDiscipline(self, termios)

    @property
    def slave(self) -> Slave:
        """The end whose modes count."""
        raise NotImplementedError

    # Descriptions -----------------------------------------------------------------------------

    def open(self, flags: int, created: bool = False) -> OpenFileDescription:
        description = super().open(flags & ~O_DIRECT, created)
        if flags & O_DIRECT:
            self.released(description)
            raise Refused(EINVAL, "OPEN-DIRECT")
        return description

    def stat(self) -> Stat:
        return super().stat()._replace(atime=Anything(), mtime=Anything(), ctime=Anything())

    def poll(self, description: OpenFileDescription) -> int:
        if description.private is _HUNG_UP:
            self.cite("TTY-HUP-POLL")
            return _READABLE | _WRITABLE | POLLERR | POLLHUP
        modes = self.discipline.modes
        events = 0
        if self.discipline.available(1 if modes.time else max(modes.minimum, 1)):
            events |= _READABLE
        if self.packet and self.link.packet_status:
            self.cite("TTY-PACKET-POLL")
            events |= POLLPRI | _READABLE
        if self.other_closed:
            self.cite("TTY-OTHER-CLOSED-POLL")
            events |= POLLHUP
        if self.room():
            events |= _WRITABLE
        return events

    def check_announcing(self, description: OpenFileDescription) -> None:
        if description.private is _HUNG_UP:
            raise Refused(ENOTTY, "TTY-HUP-ASYNC")

    def wait_queues(self, description: OpenFileDescription) -> tuple[WaitQueue, ...] | None:
        return () if description.private is _HUNG_UP else (self.read_wait, self.write_wait)

    def ioctl(self, description: OpenFileDescription, request: int, argument: Any) -> Any:
        if description.private is _HUNG_UP:
            raise Refused(EIO, "TTY-HUP-IOCTL")
        call = terminal_requests.REQUESTS.get(request)
        if call is None:
            raise Refused(ENOTTY, "OBJ-IOCTL")
        result = call(self, argument)
        settle(self)
        return result

    # Reading ----------------------------------------------------------------------------------

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        # CHECK
        if description.private is _HUNG_UP:
            self.cite("TTY-HUP-READ")
            return b""
        if self.broken:
            raise Refused(EIO, "TTY-BROKEN")
        if not count:
            return b""
        # CHANGE
        if self.packet and self.link.packet_status:
            self.cite("TTY-PACKET-STATUS")
            status, self.link.packet_status = self.link.packet_status, 0
            return bytes((status,))
        before = self.discipline.tail
        taken = self._read_line(description, count) if self.discipline.by_line else self._read_raw(description, count)
        if self.discipline.tail != before:
            self._room_came_free()
            settle(self)
        # RETURN
        return taken

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
        if description.private is _HUNG_UP:
            raise Refused(EIO, "TTY-HUP-WRITE")
        if self.broken:
            raise Refused(EIO, "TTY-BROKEN")
        # CHANGE
        written = self._write_all(data)
        self.write_wait.wake(POLLOUT)
        if written < len(data) and any(other.announced for other in self.descriptions):
            self.wakes_writers = True
        settle(self)
        # RETURN
        if written == 0 and data:
            if description.nonblocking:
                raise Refused(EAGAIN, "TTY-WRITE-EAGAIN")
            raise Sleeps("TTY-WRITE-SLEEPS")
        if written < len(data):
            self.cite("TTY-WRITE-PART")
        return written

    def _write_all(self, data: bytes) -> int:
        if not data:
            self.discipline.process_echo()
        written = 0
        goal = len(data)
        decided = False
        if goal > WRITE_STEP_BYTES and self._pair_announces():
            # SIGIO may come between two steps, and ends the write there.
            self.cite("TTY-WRITE-SIGIO")
            goal = self.kernel.choose(Between(WRITE_STEP_BYTES, goal, goal))
        while written < goal:
            self.discipline.process_echo()
            step = data[written : min(written + WRITE_STEP_BYTES, goal)]
            sent = self._write_processed(step) if self.discipline.modes.post_process else self._write_as_is(step)
            written += sent
            if sent < len(step) and (not self.link.input.queued or not deliver(self.link)):
                break
            if sent < len(step) and not decided:
                self.cite("TTY-WRITE-RACE")
                goal = self.kernel.choose(Between(written, goal, goal))
                decided = True
        return written

    def _pair_announces(self) -> bool:
        return any(description.announced for end in (self, self.link) for description in end.descriptions)

    def _write_as_is(self, data: bytes) -> int:
        sent = 0
        while sent < len(data):
            taken = self.send(data[sent:])
            if not taken:
                break
            sent += taken
        return sent

    def _write_processed(self, data: bytes) -> int:
        """Output processing: runs of plain bytes in one piece, what is between them one by one."""
        self.cite("TTY-OPOST")
        discipline = self.discipline
        modes = discipline.modes
        sent = 0
        while sent < len(data):
            room = self.room()
            if room:
                count, discipline.cursor = plain_run(data[sent : sent + room], discipline.cursor, modes)
                sent += self.send(data[sent : sent + count])
                if sent == len(data):
                    break
            output = processed(data[sent], discipline.cursor, modes, self.room())
            if output is None:
                break
            self.send(output[0])
            discipline.cursor = output[1]
            sent += 1
        return sent

    # The line, as the discipline sees it --------------------------------------------------------

    def send(self, data: bytes) -> int:
        """Put bytes into the other end's queue: the number taken."""
        return 0 if self.stopped or not data else self.link.input.add(data)

    def room(self) -> int:
        """The bytes that the other end's queue takes for certain."""
        return 0 if self.stopped else self.link.input.room()

    def start(self) -> None:
        """Let output flow again, unless tcflow(3) holds it."""
        if self.stopped and not self.stopped_by_call:
            self.stopped = False
            self.tell_packet(TIOCPKT_START, TIOCPKT_STOP)
            self.writers_may_go_on()

    def stop(self) -> None:
        """Hold output."""
        if not self.stopped:
            self.stopped = True
            self.tell_packet(TIOCPKT_STOP, TIOCPKT_START)

    def discard_output(self) -> None:
        """Throw away what the other end's discipline did not take yet."""
        self.link.input.clear()
        self.tell_packet(TIOCPKT_FLUSHWRITE, wakes=0)

    def input_discarded(self) -> None:
        """Tell a master in packet mode that input was thrown away."""
        self.tell_packet(TIOCPKT_FLUSHREAD, wakes=0)

    def input_arrived(self) -> None:
        """Tell readers."""
        self.announce()
        self.read_wait.wake(_READABLE)

    def restart_input(self) -> None:
        """Move input on that had to wait."""
        self.input.queued = True

    def restart_input_if_full(self) -> None:
        """Move input on when it had to wait."""
        if self.discipline.full:
            self.discipline.full = False
            self.input.queued = True

    def writers_may_go_on(self) -> None:
        """Tell writers that there may be room."""
        if self.wakes_writers:
            self.wakes_writers = False
            self.announce()
        self.write_wait.wake(POLLOUT)

    def announce(self) -> None:
        """Raise SIGIO where O_ASYNC asks for it."""
        signals = self.kernel.signals
        if SIGIO not in signals and any(description.announced for description in self.descriptions):
            self.cite("TTY-SIGIO")
            signals.append(SIGIO)

    def tell_packet(self, status: int, instead_of: int = 0, wakes: int = POLLIN) -> None:
        """Add to what a master in packet mode reads next."""
        if self.link.packet:
            self.packet_status = self.packet_status & ~instead_of | status
            self.link.read_wait.wake(wakes)

    def discard_input(self) -> None:
        """Throw away what the discipline holds."""
        self.discipline.discard_input()
        self.restart_input_if_full()
        self.input_discarded()


class Master(Terminal):
    """The end that posix_openpt(3) returns: it stands on the device /dev/ptmx, which is the machine's."""

    shared = True

    def __init__(self, kernel: KernelState) -> None:
        super().__init__(kernel, 0o666, 0, 0, DEVTMPFS, MASTER_TERMIOS)
        self.locked = True
        self._slave = Slave(kernel, self)
        self.link = self._slave

    @property
    def slave(self) -> Slave:
        return self._slave

    def change_mode(self, mode: int) -> None:
        self.cite("DEV-SHARED")
        raise Refused(EPERM, "CHMOD-OWNER")

    def change_owner(self, uid: int, gid: int) -> None:
        self.cite("DEV-SHARED")
        if uid & UINT_MAX != UINT_MAX or gid & UINT_MAX != UINT_MAX:
            raise Refused(EPERM, "CHOWN-OWNER")

    def change_times(self, atime: int, mtime: int) -> None:
        self.cite("DEV-SHARED")
        if not atime == mtime == -UTIME_NOW:
            raise Refused(EPERM, "UTIMES-OWNER")

    def opened(self, description: OpenFileDescription) -> None:
        self.descriptions.append(description)

    def reopen(self, flags: int) -> OpenFileDescription:
        self.cite("TTY-MASTER-REOPEN")
        return Master(self.kernel).open(flags)

    def released(self, description: OpenFileDescription) -> None:
        if description not in self.descriptions:
            return
        self.cite("TTY-MASTER-CLOSE")
        self.descriptions.clear()
        self.packet = False
        self.slave.hang_up()


class Slave(Terminal):
    """The end that looks like a terminal, with modes and a window size."""

    def __init__(self, kernel: KernelState, master: Master) -> None:
        super().__init__(kernel, 0o600, kernel.profile.uid, kernel.profile.gid, _SLAVES, SLAVE_TERMIOS)
        self.link = self.master = master
        self.window = Winsize(0, 0, 0, 0)
        self.hung_up = False

    @property
    def slave(self) -> Slave:
        return self

    def opened(self, description: OpenFileDescription) -> None:
        # CHECK
        if self.hung_up:
            raise Refused(EIO, "TTY-OPEN-NO-MASTER")
        if self.exclusive and not self.kernel.profile.capable:
            raise Refused(EBUSY, "TTY-EXCLUSIVE")
        if self.master.locked:
            self.broken = True
            raise Refused(EIO, "TTY-LOCKED")
        # CHANGE
        self.descriptions.append(description)
        self.broken = False
        self.master.other_closed = False

    def released(self, description: OpenFileDescription) -> None:
        if description not in self.descriptions:
            return
        self.descriptions.remove(description)
        if self.descriptions or self.broken:
            return
        self.cite("TTY-SLAVE-CLOSE")
        self.broken = True
        self.master.other_closed = True
        for queue in (self.read_wait, self.write_wait, self.master.read_wait, self.master.write_wait):
            queue.wake(0)

    def hang_up(self) -> None:
        """The master went: every description is of no more use."""
        self.hung_up = True
        self.nlink = 0
        for description in self.descriptions:
            description.private = _HUNG_UP
            if description.announced:
                description.announced = False
                description.flags &= ~O_ASYNC
        self.descriptions.clear()
        for queue in (self.read_wait, self.write_wait):
            queue.wake(0)
        self.write_wait.wake(POLLOUT)
        self.read_wait.wake(POLLIN)


def settle(end: Terminal) -> None:
    """Move all data of a pair as far as it goes. The slave comes first: it may echo towards the master."""
    slave = end.slave
    master = slave.master
    while slave.input.queued or master.input.queued:
        for side in (slave, master):
            if side.input.queued:
                deliver(side)


def deliver(end: Terminal) -> bool:
    """Move what waits for an end into its discipline: whether anything moved."""
    queue = end.input
    queue.queued = False
    moved = False
    while (first := queue.first_waiting()) is not None:
        data = bytes(first.data[first.read :])
        taken = end.discipline.receive(data)
        first.read += taken
        moved = moved or bool(taken)
        if taken < len(data):
            end.cite("TTY-INPUT-WAITS")
            first.scanned = max(first.scanned, first.read)
            for buffer in queue.chain:
                if buffer.scanned < len(buffer.data):
                    end.discipline.scan_ahead(bytes(buffer.data[buffer.scanned :]))
                    buffer.scanned = len(buffer.data)
        if not taken:
            break
    return moved
