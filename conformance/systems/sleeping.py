# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a process sleeps in a call: what the kernel says of it, and what is to be done about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from conformance.systems.worker import GIVE_UP, NUDGE

LOOK_INTERVAL_MS = 2
SLEEPS_WHEN_WOKEN_MAX = 1
"""How often a call that a signal starts again goes to sleep for it."""
STATUS_BYTES_MAX = 2**16
DAEMON_WAITS = ("request_wait_answer",)
"""Where the kernel's FUSE sleeps until a daemon has answered."""


class Look(NamedTuple):
    """What was seen of a process: which op of which program it performs, and whether it sleeps."""

    program: int
    op: int
    pid: int
    state: str
    """The letter of its state (proc_pid_status(5))."""

    switches: int
    """How often it has gone to sleep."""


class SleepWatch:
    """Tells by one look after another when a process is blocked in an op.

    One that was asleep all the time between two looks is woken first: a call that had moved something returns then.
    It is given up on when it did nothing since but go back to sleep. One that waits for another system in short
    sleeps goes to sleep many times, and is not blocked, however often a busy machine lets it oversleep.
    """

    def __init__(self) -> None:
        self._last: Look | None = None
        self._woken: Look | None = None

    def is_due(self, program: int, op: int, pid: int) -> bool:
        """Whether a process is where it was, so that its state is worth asking for. A pid of 0 is nobody's."""
        if pid and self._last is not None and self._last[:3] == (program, op, pid):
            return True
        self._last = Look(program, op, pid, "", 0)
        return False

    def signal_for(self, look: Look) -> int | None:
        """The signal that a process is to be sent, if any."""
        asleep = look == self._last and look.state == "S"
        self._last = look
        if not asleep:
            return None
        # The next two looks have to agree again.
        self._last = look._replace(state="")
        number = GIVE_UP if self._did_not_move(look) else NUDGE
        self._woken = look
        return number

    def _did_not_move(self, look: Look) -> bool:
        woken = self._woken
        return woken is not None and woken[:2] == look[:2] and look.switches - woken.switches <= SLEEPS_WHEN_WOKEN_MAX


def _waits_for_daemon(pid: int) -> bool:
    """Whether a process waits for the daemon of a file system in user space: where it sleeps in the kernel says so.

    Where the kernel does not tell that (proc_pid_wchan(5)), it does not.
    """
    try:
        return Path(f"/proc/{pid}/wchan").read_text() in DAEMON_WAITS
    except OSError:
        return False


def sleep_state(pid: int) -> tuple[str, int]:
    """The state letter of a process, and how often it has gone to sleep (proc_pid_status(5)); 0 where nobody counts.

    One that waits for a daemon is said to wait for a disk, as it is not asleep in the call itself.
    """
    try:
        fd = os.open(f"/proc/{pid}/status", os.O_RDONLY)
        try:
            status = os.read(fd, STATUS_BYTES_MAX).decode(errors="replace")
        finally:
            os.close(fd)
    except OSError:
        return "?", 0
    state = status.partition("State:\t")[2][:1]
    if state == "S" and _waits_for_daemon(pid):
        state = "D"
    return state, int(status.partition("voluntary_ctxt_switches:")[2].split("\n", 1)[0] or 0)
