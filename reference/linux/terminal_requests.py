# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Device calls on the ends of a pseudoterminal (ioctl_tty(2), ioctl_console(2)), each a function of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reference.constants.errors import EINVAL, EIO, ENOTTY
from reference.constants.open_flags import O_CREAT, O_DIRECT, O_EXCL, O_NOCTTY, O_PATH, O_TRUNC
from reference.constants.readiness import POLLOUT
from reference.constants.requests import (
    FIONREAD,
    TCFLSH,
    TCGETS,
    TCSETS,
    TCSETSF,
    TCSETSW,
    TCXONC,
    TIOCEXCL,
    TIOCGEXCL,
    TIOCGPKT,
    TIOCGPTLCK,
    TIOCGPTPEER,
    TIOCGWINSZ,
    TIOCNXCL,
    TIOCOUTQ,
    TIOCPKT,
    TIOCSPTLCK,
    TIOCSWINSZ,
)
from reference.constants.signals import SIGTTOU, SIGWINCH
from reference.constants.terminals import (
    EXTPROC,
    IXON,
    TCIFLUSH,
    TCIOFF,
    TCIOFLUSH,
    TCION,
    TCOFLUSH,
    TCOOFF,
    TCOON,
    TIOCPKT_DOSTOP,
    TIOCPKT_IOCTL,
    TIOCPKT_NOSTOP,
    VSTART,
    VSTOP,
)
from reference.linux.description import OpenFileDescription
from reference.linux.job_control import check_background, take_control_by_opening
from reference.linux.line_discipline import RING_BYTES
from reference.linux.terminal_modes import DISABLED, as_set_on_pty
from reference.linux.terminal_speed import speeds
from reference.outcomes import Between, Refused
from reference.structures import Termios, Winsize

if TYPE_CHECKING:
    from reference.linux.pseudoterminal import Master
    from reference.linux.terminal_line import TerminalLine

Request = Callable[["TerminalLine", Any], Any]
REQUESTS: dict[int, Request] = {}
"""Requests that an end answers, by number."""

_WINDOW_MASK = 0xFFFF
_XON, _XOFF = 0x11, 0x13


def registering(table: dict[int, Request]) -> Callable[..., Callable[[Request], Request]]:
    """A decorator that puts functions into a table, each under its request numbers."""

    def request(*numbers: int) -> Callable[[Request], Request]:
        def register(call: Request) -> Request:
            table.update(dict.fromkeys(numbers, call))
            return call

        return register

    return request


request = registering(REQUESTS)


def master_of(end: TerminalLine) -> Master:
    """The end itself, when it is a master; ENOTTY on a slave."""
    if end is end.slave:
        raise Refused(ENOTTY, "TTY-MASTER-ONLY")
    return end.slave.master


# Modes --------------------------------------------------------------------------------------------


@request(TCGETS)
def get_modes(end: TerminalLine, argument: Any) -> Termios:
    """tcgetattr(3): the slave's modes."""
    end.cite("TTY-MODES")
    return end.slave.discipline.modes.termios


@request(TCSETS, TCSETSW)
def set_modes(end: TerminalLine, wanted: Termios) -> int:
    """tcsetattr(3), TCSANOW and TCSADRAIN: output of a pseudoterminal is never in the way."""
    slave = end.slave
    check_background(slave, SIGTTOU)
    before = slave.discipline.modes.termios
    after = as_set_on_pty(wanted, before)
    if (after.iflag, after.oflag, after.lflag, after.cflag) != wanted[:4]:
        end.cite("TTY-MODES-FIXED")
    if slave.link.packet:
        _tell_flow_change(slave, before, after)
    slave.discipline.set_modes(after)
    slave.speeds = speeds(after.cflag, slave.speeds)
    slave.write_wait.wake(0)
    slave.read_wait.wake(0)
    return 0


@request(TCSETSF)
def set_modes_and_discard(end: TerminalLine, wanted: Termios) -> int:
    """tcsetattr(3), TCSAFLUSH: input that was not read goes first."""
    check_background(end.slave, SIGTTOU)
    end.cite("TTY-TCSAFLUSH")
    end.slave.discard_input()
    return int(set_modes(end, wanted))


def _tell_flow_change(slave: TerminalLine, before: Termios, after: Termios) -> None:
    """Packet mode hears whether the usual flow control characters are in force, and of every change with EXTPROC."""
    flowed, flows = _usual_flow_control(before), _usual_flow_control(after)
    if flowed != flows:
        slave.cite("TTY-PACKET-DOSTOP")
        status = TIOCPKT_DOSTOP if flows else TIOCPKT_NOSTOP
        slave.packet_status = slave.packet_status & ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP) | status
    external = (before.lflag | after.lflag) & EXTPROC
    if external:
        slave.cite("TTY-PACKET-IOCTL")
        slave.packet_status |= TIOCPKT_IOCTL
    if external or flowed != flows:
        slave.link.read_wait.wake(0)


def _usual_flow_control(termios: Termios) -> bool:
    return bool(termios.iflag & IXON) and termios.cc[VSTOP] == _XOFF and termios.cc[VSTART] == _XON


# Queues and flow ------------------------------------------------------------------------------------


@request(TCFLSH)
def flush(end: TerminalLine, queue: int) -> int:
    """tcflush(3), on the queues of this end. EINVAL."""
    if queue in (TCIFLUSH, TCIOFLUSH):
        # What waits in front of the discipline goes even when the call is refused.
        end.cite("TTY-TCIFLUSH")
        end.input.clear()
    check_background(end, SIGTTOU)
    if queue in (TCIFLUSH, TCIOFLUSH):
        end.discard_input()
        end.link.writers_may_go_on()
    elif queue != TCOFLUSH:
        raise Refused(EINVAL, "TTY-TCFLUSH-QUEUE")
    if queue in (TCOFLUSH, TCIOFLUSH):
        end.cite("TTY-TCOFLUSH")
        end.discard_output()
    return 0


@request(TCXONC)
def flow(end: TerminalLine, action: int) -> int:
    """tcflow(3): hold or let go output, or send the other end a character that asks it to. EINVAL."""
    check_background(end, SIGTTOU)
    characters = end.discipline.modes
    if action == TCOOFF:
        end.cite("TTY-TCOOFF")
        if not end.stopped_by_call:
            end.stopped_by_call = True
            end.stop()
    elif action == TCOON:
        end.cite("TTY-TCOON")
        if end.stopped_by_call:
            end.stopped_by_call = False
            end.start()
    elif action == TCIOFF:
        _send_at_once(end, characters.stop)
    elif action == TCION:
        _send_at_once(end, characters.start)
    else:
        raise Refused(EINVAL, "TTY-TCFLOW-ACTION")
    return 0


def _send_at_once(end: TerminalLine, character: int) -> None:
    """Send one character although output may be held; not when tcflow(3) holds it."""
    end.cite("TTY-TCION")
    if character == DISABLED:
        return
    was_stopped = end.stopped
    if was_stopped:
        end.start()
    end.send(bytes((character,)))
    if was_stopped:
        end.stop()
    end.write_wait.wake(POLLOUT)


@request(FIONREAD)
def bytes_to_read(end: TerminalLine, argument: Any) -> int:
    """FIONREAD: bytes that can be read, in canonical mode those of ended lines."""
    end.cite("TTY-FIONREAD")
    if end.doubtful:
        return int(end.kernel.choose(Between(0, RING_BYTES, end.discipline.bytes_to_read())))
    return end.discipline.bytes_to_read()


@request(TIOCOUTQ)
def bytes_to_send(end: TerminalLine, argument: Any) -> int:
    """TIOCOUTQ: a pseudoterminal holds no output back."""
    end.cite("TTY-OUTQ")
    return 0


# The pair -------------------------------------------------------------------------------------------


@request(TIOCGWINSZ)
def get_window(end: TerminalLine, argument: Any) -> Winsize:
    """TIOCGWINSZ: the slave's window size."""
    end.cite("TTY-WINSIZE")
    return end.slave.window


@request(TIOCSWINSZ)
def set_window(end: TerminalLine, window: Winsize) -> int:
    """TIOCSWINSZ: four numbers of 16 bits. The group in the foreground hears of a change."""
    end.cite("TTY-WINSIZE")
    slave = end.slave
    size = Winsize(*(number & _WINDOW_MASK for number in window))
    if size != slave.window and slave.foreground is not None:
        end.cite("CTTY-WINCH")
        end.kernel.signal_group(slave.foreground, SIGWINCH)
    slave.window = size
    return 0


@request(TIOCPKT)
def set_packet_mode(end: TerminalLine, argument: int) -> int:
    """TIOCPKT: packet mode of a master; switching it on forgets what was not told."""
    master = master_of(end)
    end.cite("TTY-PACKET")
    if argument and not master.packet:
        master.slave.packet_status = 0
    master.packet = bool(argument)
    return 0


@request(TIOCGPKT)
def get_packet_mode(end: TerminalLine, argument: Any) -> int:
    """TIOCGPKT."""
    return int(master_of(end).packet)


@request(TIOCSPTLCK)
def set_lock(end: TerminalLine, argument: int) -> int:
    """TIOCSPTLCK: lock or unlock the slave; unlockpt(3)."""
    master = master_of(end)
    end.cite("TTY-LOCK")
    master.locked = bool(argument)
    return 0


@request(TIOCGPTLCK)
def get_lock(end: TerminalLine, argument: Any) -> int:
    """TIOCGPTLCK."""
    return int(master_of(end).locked)


@request(TIOCEXCL)
def set_exclusive(end: TerminalLine, argument: Any) -> int:
    """TIOCEXCL: refuse further openings of this end."""
    end.exclusive = True
    return 0


@request(TIOCNXCL)
def clear_exclusive(end: TerminalLine, argument: Any) -> int:
    """TIOCNXCL."""
    end.exclusive = False
    return 0


@request(TIOCGEXCL)
def get_exclusive(end: TerminalLine, argument: Any) -> int:
    """TIOCGEXCL."""
    return int(end.exclusive)


@request(TIOCGPTPEER)
def open_peer(end: TerminalLine, flags: int) -> int:
    """TIOCGPTPEER: open the slave without its name, and without asking for permission. EIO, EBUSY, EMFILE, EINVAL."""
    if end is end.slave:
        raise Refused(EIO, "TTY-PEER-OF-SLAVE")
    kernel, slave = end.kernel, end.slave
    kernel.fds.lowest_free()
    description = OpenFileDescription(slave, flags)
    if flags & O_PATH:
        description.flags = flags
    else:
        description.flags = flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC)
        slave.opened(description)
        take_control_by_opening(slave, description, flags)
        if flags & O_DIRECT:
            slave.released(description)
            raise Refused(EINVAL, "OPEN-DIRECT")
    end.cite("TTY-PEER")
    return kernel.open_descriptor(description, flags)
