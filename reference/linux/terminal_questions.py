# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Device calls on pseudoterminals that answer and change little: breaks, names, lines of a modem (ioctl_tty(2))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.errors import EINVAL, ENOTTY, EPERM
from reference.constants.limits import UINT_MAX
from reference.constants.requests import (
    TCGETS2,
    TCSBRK,
    TCSBRKP,
    TIOCCBRK,
    TIOCCONS,
    TIOCGDEV,
    TIOCGETD,
    TIOCGICOUNT,
    TIOCGPTN,
    TIOCMBIC,
    TIOCMBIS,
    TIOCMGET,
    TIOCMSET,
    TIOCSBRK,
    TIOCSETD,
    TIOCSTI,
    TIOCVHANGUP,
)
from reference.constants.signals import SIGTTOU
from reference.constants.terminals import N_TTY
from reference.linux.job_control import check_background
from reference.linux.terminal_requests import Request, master_of, registering
from reference.outcomes import Dealt, Refused
from reference.structures import Speeds, Termios

if TYPE_CHECKING:
    from reference.linux.terminal_line import TerminalLine

REQUESTS: dict[int, Request] = {}
"""Requests of this subject, by number."""
request = registering(REQUESTS)

SLAVES_MAX = 2**20
_SLAVE_MAJOR = 136
_LOW_MINOR = 0xFF


@request(TCSBRK, TCSBRKP, TIOCSBRK, TIOCCBRK)
def send_break(end: TerminalLine, argument: Any) -> int:
    """tcsendbreak(3), tcdrain(3): a pseudoterminal has no break, and nothing that drains."""
    check_background(end, SIGTTOU)
    end.cite("TTY-BREAK")
    return 0


@request(TIOCGETD)
def get_discipline(end: TerminalLine, argument: Any) -> int:
    """TIOCGETD: the line discipline."""
    end.cite("TTYIO-DISCIPLINE")
    return N_TTY


@request(TIOCSETD)
def set_discipline(end: TerminalLine, number: int) -> int:
    """TIOCSETD: the discipline that there is, or EINVAL for a number of none."""
    check_background(end, SIGTTOU)
    if number != N_TTY:
        raise Refused(EINVAL, "TTYIO-SETD-UNKNOWN")
    # Whoever is inside the discipline is asked to leave it, although it stays.
    end.cite("TTYIO-SETD")
    end.read_wait.wake(0)
    end.write_wait.wake(0)
    end.restart_input()
    return 0


@request(TCGETS2)
def get_modes_and_speeds(end: TerminalLine, argument: Any) -> tuple[Termios, Speeds]:
    """TCGETS2: the slave's modes, and its speeds in bits a second."""
    end.cite("TTYIO-SPEEDS")
    return end.slave.discipline.modes.termios, end.slave.speeds


@request(TIOCGPTN)
def get_number(end: TerminalLine, argument: Any) -> int:
    """TIOCGPTN: the number of the slave, that of its name. ENOTTY on a slave."""
    slave = master_of(end).slave
    end.cite("TTYIO-NUMBER")
    if slave.number is None:
        slave.number = end.kernel.choose(Dealt(0, SLAVES_MAX - 1, 0))
    return slave.number


@request(TIOCGDEV)
def get_device(end: TerminalLine, argument: Any) -> int:
    """TIOCGDEV: the device number of the slave, on either end, encoded as the kernel does for user space."""
    slave = end.slave
    end.cite("TTYIO-DEVICE")
    if slave.number is None:
        observed = end.kernel.choose(Dealt(0, UINT_MAX, _device(0)))
        slave.number = observed & _LOW_MINOR | observed >> 12 & ~_LOW_MINOR
    return _device(slave.number)


def _device(number: int) -> int:
    return number & _LOW_MINOR | _SLAVE_MAJOR << 8 | (number & ~_LOW_MINOR) << 12


@request(TIOCMGET, TIOCMSET, TIOCMBIS, TIOCMBIC, TIOCGICOUNT)
def modem(end: TerminalLine, argument: Any) -> int:
    """A pseudoterminal has no modem: ENOTTY."""
    raise Refused(ENOTTY, "TTYIO-MODEM")


@request(TIOCVHANGUP, TIOCCONS, TIOCSTI)
def disturb(end: TerminalLine, argument: Any) -> int:
    """Requests of root that reach further than the program. They are refused here whoever asks. EPERM."""
    raise Refused(EPERM, "TTYIO-PRIVILEGED")
