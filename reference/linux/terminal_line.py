# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""One end of a pseudoterminal as its line discipline sees it: where bytes go, whether they may, who is told.

The kernel moves data on its own time; at the end of each call here all of it has been moved (:func:`settle`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.file_status import S_IFCHR
from reference.constants.readiness import POLLIN, POLLOUT, POLLRDNORM
from reference.constants.signals import SIGIO
from reference.constants.terminals import TIOCPKT_FLUSHREAD, TIOCPKT_FLUSHWRITE, TIOCPKT_START, TIOCPKT_STOP
from reference.linux.inode import Inode
from reference.linux.line_discipline import LineDiscipline
from reference.linux.pty_buffer import PtyBuffer
from reference.linux.waiting import WaitQueue

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.profile import Filesystem
    from reference.linux.pseudoterminal import Slave
    from reference.linux.state import KernelState
    from reference.structures import Termios

READABLE = POLLIN | POLLRDNORM


class TerminalLine(Inode):
    """What both ends share. ``link`` is the other end.

    ``stopped`` holds output, ``stopped_by_call`` says that tcflow(3) did.
    ``broken`` is set by the last close and by a failed opening, ``other_closed`` when the other end was closed.
    ``doubtful``: output was thrown away while the kernel moved it on,
    so what this end holds is not known until it is found empty.
    ``packet`` is packet mode, which a master can be in; ``packet_status`` collects what a slave has to tell it.
    """

    link: TerminalLine

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
        self.doubtful = False
        self.descriptions: list[OpenFileDescription] = []
        self.read_wait = WaitQueue()
        self.write_wait = WaitQueue()
        self.discipline: LineDiscipline = LineDiscipline(self, termios)

    @property
    def slave(self) -> Slave:
        """The end whose modes count."""
        raise NotImplementedError

    def send(self, data: bytes) -> int:
        """Put bytes into the other end's queue: the number taken."""
        return 0 if self.stopped or not data else self.link.input.add(data)

    def send_singly(self, data: bytes) -> None:
        """Put bytes one by one into the other end's queue."""
        if not self.stopped:
            self.link.input.add_singly(data)

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
        if self.link.input.queued and not self.link.discipline.full:
            self.kernel.race("TTY-FLUSH-RACE")
            self.link.doubtful = True
        self.link.input.clear()
        self.tell_packet(TIOCPKT_FLUSHWRITE, wakes=0)

    def input_discarded(self) -> None:
        """Tell a master in packet mode that input was thrown away."""
        self.tell_packet(TIOCPKT_FLUSHREAD, wakes=0)

    def input_arrived(self) -> None:
        """Tell readers."""
        self.announce()
        self.read_wait.wake(READABLE)

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

    def signal_foreground(self, signal: int) -> None:
        """A signal character came: signal the group in the foreground, if there is one."""
        if self.slave.foreground is not None:
            self.cite("CTTY-SIGNALS")
            self.kernel.signal_group(self.slave.foreground, signal)

    def announce(self) -> None:
        """Raise SIGIO where O_ASYNC asks for it."""
        signals = self.kernel.signals
        if SIGIO not in signals and self.caller_listens():
            self.cite("TTY-SIGIO")
            signals.append(SIGIO)

    def caller_listens(self) -> bool:
        """Whether SIGIO of this end reaches the caller."""
        caller = self.kernel.processes.caller
        return any(
            description.announced and description.owner in ((True, caller.group), (False, caller.number))
            for description in self.descriptions
        )

    def announces_to(self) -> tuple[bool, int]:
        """Who hears of a description that begins to announce: the group in the foreground, or else the caller."""
        return False, self.kernel.processes.caller.number

    def tell_packet(self, status: int, instead_of: int = 0, wakes: int = POLLIN) -> None:
        """Add to what a master in packet mode reads next."""
        if self.link.packet:
            self.packet_status = self.packet_status & ~instead_of | status
            self.link.read_wait.wake(wakes)

    def discard_input(self) -> None:
        """Throw away what the discipline holds."""
        self.doubtful = False
        self.discipline.discard_input()
        self.restart_input_if_full()
        self.input_discarded()


def settle(end: TerminalLine) -> None:
    """Move all data of a pair as far as it goes. The slave comes first: it may echo towards the master."""
    slave = end.slave
    master = slave.master
    while slave.input.queued or master.input.queued:
        for side in (slave, master):
            if side.input.queued:
                deliver(side)


def deliver(end: TerminalLine) -> bool:
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
    if queue.others:
        queue.follow()
    return moved
