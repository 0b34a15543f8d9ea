# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Job control (termios(3), credentials(7)): whose terminal it is, and who may use it now.

A terminal controls at most one session, and a process has at most one controlling terminal.
``session`` and ``foreground`` of a slave name the session that it controls and the group in its foreground.

A member of another group of that session is in the *background*:
when it uses its controlling terminal, its whole group gets a signal that is meant to stop it, and the call is not made.
Who would not be stopped, or could not be continued again, is refused or let through instead.
A master is nobody's controlling terminal; requests on it that mean the slave are checked as if they were made there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.errors import EIO
from reference.constants.open_flags import O_NOCTTY
from reference.constants.signals import SIGCONT, SIGHUP, SIGTTIN
from reference.outcomes import Refused, Sleeps

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.pseudoterminal import Slave
    from reference.linux.terminal_line import TerminalLine


def check_background(end: TerminalLine, signal: int) -> None:
    """Stop a caller in the background that reads from (SIGTTIN), or changes (SIGTTOU), its controlling terminal.

    A signal that is caught interrupts the call, as the harness interrupts one that sleeps.
    """
    kernel = end.kernel
    caller = kernel.processes.caller
    if caller.terminal is not end or caller.group == end.slave.foreground:
        return
    if kernel.reactions.shuns(signal):
        if signal == SIGTTIN:
            raise Refused(EIO, "JOB-READ-SHUNNED")
        end.cite("JOB-WRITE-SHUNNED")
        return
    if kernel.processes.orphaned(caller.group):
        raise Refused(EIO, "JOB-ORPHANED")
    kernel.reactions.send(signal)
    raise Sleeps("JOB-STOPPED")


def take_control(slave: Slave) -> None:
    """Make a slave the controlling terminal of the caller and its session, with the caller's group in front."""
    caller = slave.kernel.processes.caller
    slave.session = caller.session
    slave.foreground = caller.group
    caller.terminal = slave


def take_control_by_opening(slave: Slave, description: OpenFileDescription, flags: int) -> None:
    """What opening a slave means to the leader of a session that has no controlling terminal yet."""
    caller = slave.kernel.processes.caller
    if not caller.leads or caller.terminal is not None or slave.session is not None or flags & O_NOCTTY:
        return
    if not description.readable:
        slave.cite("CTTY-OPEN-UNREADABLE")
        return
    slave.cite("CTTY-OPEN")
    take_control(slave)


def give_up_control(slave: Slave) -> None:
    """The leader of a session gives up its terminal, for all members: the group in the foreground is hung up."""
    kernel = slave.kernel
    kernel.signal_group(slave.foreground, SIGHUP)
    kernel.signal_group(slave.foreground, SIGCONT)
    slave.session = slave.foreground = None
    kernel.processes.take_terminal_from(kernel.processes.caller.session)


def lose_control(slave: Slave) -> None:
    """A slave was hung up: its session loses it, and the session's leader is told."""
    kernel = slave.kernel
    processes = kernel.processes
    if slave.session is None:
        return
    slave.cite("CTTY-HANGUP")
    for member in processes.members:
        if member.terminal is slave:
            member.terminal = None
    caller = processes.caller
    if caller.leads and caller.session == slave.session:
        kernel.reactions.send(SIGHUP)
        kernel.reactions.send(SIGCONT)
    slave.session = slave.foreground = None
