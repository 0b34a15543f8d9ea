# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The device calls of job control (ioctl_tty(2))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.errors import EINVAL, ENOTTY, EPERM, ESRCH
from reference.constants.requests import TIOCGPGRP, TIOCGSID, TIOCNOTTY, TIOCSPGRP
from reference.constants.signals import SIGTTOU
from reference.linux.job_control import check_background, give_up_control, take_control
from reference.linux.terminal_requests import Request, registering
from reference.outcomes import Refused
from reference.processes import OUTSIDE, process_id

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.terminal_line import TerminalLine

REQUESTS: dict[int, Request] = {}
"""Requests of this subject, by number."""
request = registering(REQUESTS)

STEAL = 1
"""The argument of TIOCSCTTY with which root takes a terminal away from another session."""


def set_controlling(end: TerminalLine, description: OpenFileDescription, argument: int) -> int:
    """TIOCSCTTY: make the slave the controlling terminal of the session that the caller leads. EPERM."""
    slave = end.slave
    kernel = end.kernel
    caller = kernel.processes.caller
    capable = kernel.profile.capable
    # CHECK
    if caller.leads and caller.session == slave.session:
        end.cite("CTTY-SCTTY-AGAIN")
        return 0
    if not caller.leads:
        raise Refused(EPERM, "CTTY-SCTTY-LEADER")
    if caller.terminal is not None:
        raise Refused(EPERM, "CTTY-SCTTY-HAS-ONE")
    if slave.session is not None and (argument != STEAL or not capable):
        raise Refused(EPERM, "CTTY-SCTTY-TAKEN")
    # CHANGE
    if slave.session is not None:
        end.cite("CTTY-SCTTY-STEALS")
        kernel.processes.take_terminal_from(slave.session)
    if not description.readable and not capable:
        raise Refused(EPERM, "CTTY-SCTTY-UNREADABLE")
    end.cite("CTTY-SCTTY")
    take_control(slave)
    # RETURN
    return 0


@request(TIOCNOTTY)
def give_up(end: TerminalLine, argument: Any) -> int:
    """TIOCNOTTY: be without controlling terminal; a leader takes its whole session along. ENOTTY."""
    caller = end.kernel.processes.caller
    # CHECK
    if caller.terminal is not end:
        raise Refused(ENOTTY, "CTTY-NOTTY-OTHER")
    # CHANGE
    if caller.leads:
        end.cite("CTTY-NOTTY-LEADER")
        give_up_control(end.slave)
    else:
        end.cite("CTTY-NOTTY")
        caller.terminal = None
    # RETURN
    return 0


@request(TIOCGPGRP)
def get_foreground(end: TerminalLine, argument: Any) -> int:
    """TIOCGPGRP: the group in the foreground; a master says 0 when there is none. ENOTTY."""
    _check_own(end)
    end.cite("CTTY-GPGRP")
    foreground = end.slave.foreground
    return OUTSIDE if foreground is None else foreground


@request(TIOCGSID)
def get_session(end: TerminalLine, argument: Any) -> int:
    """TIOCGSID: the session that the terminal controls. ENOTTY."""
    _check_own(end)
    session = end.slave.session
    if session is None:
        raise Refused(ENOTTY, "CTTY-GSID-NONE")
    end.cite("CTTY-GSID")
    return session


def _check_own(end: TerminalLine) -> None:
    """Refuse a slave that is not the caller's controlling terminal."""
    if end is end.slave and end.kernel.processes.caller.terminal is not end:
        raise Refused(ENOTTY, "CTTY-ASK-OTHER")


@request(TIOCSPGRP)
def set_foreground(end: TerminalLine, argument: int) -> int:
    """TIOCSPGRP: put a group of the caller's session into the foreground. ENOTTY, EINVAL, ESRCH, EPERM."""
    slave = end.slave
    processes = end.kernel.processes
    caller = processes.caller
    # CHECK
    try:
        check_background(slave, SIGTTOU)
    except Refused:
        raise Refused(ENOTTY, "CTTY-SPGRP-ORPHANED") from None
    group = process_id(argument)
    if group < 0:
        raise Refused(EINVAL, "CTTY-SPGRP-NEGATIVE")
    if caller.terminal is not slave or slave.session != caller.session:
        raise Refused(ENOTTY, "CTTY-SPGRP-OTHER")
    member = processes.find(group)
    if member is None:
        raise Refused(ESRCH, "CTTY-SPGRP-NOBODY")
    session = processes.session_of_group(group)
    if session is None:
        end.cite("CTTY-SPGRP-EMPTY")
        session = member.session
    if session != caller.session:
        raise Refused(EPERM, "CTTY-SPGRP-FOREIGN")
    # CHANGE
    end.cite("CTTY-SPGRP")
    slave.foreground = group
    # RETURN
    return 0
