# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a process sleeps in a call: what the kernel says of it, and what is to be done about it."""

from __future__ import annotations

import os
from math import inf
from pathlib import Path
from typing import NamedTuple

from conformance.systems.worker import GIVE_UP, NUDGE

LOOK_INTERVAL_MS = 2
SLEEPS_WHEN_WOKEN_MAX = 1
"""How often a call that a signal starts again goes to sleep for it."""
STATUS_BYTES_MAX = 2**16
DAEMON_WAITS = ("request_wait_answer",)
"""Where the kernel's FUSE sleeps until a daemon has answered."""
NOWHERE = "0"
"""What stands for the place where a process sleeps when it has none, or when nobody is told (proc_pid_wchan(5))."""
UNSURE = "s"
"""Our letter for a process that is said to sleep, and sleeps nowhere."""
LOOKS_UNSURE = 50
"""How many looks have to agree on that before it is believed to sleep."""


class Look(NamedTuple):
    """What was seen of a process: which op of which program it performs, and whether it sleeps."""

    program: int
    op: int
    pid: int
    state: str
    """The letter of its state (proc_pid_status(5)), or UNSURE."""

    switches: int
    """How often it has gone to sleep."""


class SleepWatch:
    """Tells by one look after another when a process is blocked in an op.

    One that was asleep all the time between two looks is woken first: a call that had moved something returns then.
    It is given up on when it did nothing since but go back to sleep. One that waits for another system in short
    sleeps goes to sleep many times, and is not blocked, however often a busy machine lets it oversleep.
    One that sleeps nowhere has, on a busy machine, been put aside for another on its way to sleep, and goes on soon.
    It is only believed to sleep when it stays so for long, as it does where the kernel tells nobody about places.
    """

    def __init__(self) -> None:
        self._last: Look | None = None
        self._woken: Look | None = None
        self._alike = 1

    def is_due(self, program: int, op: int, pid: int) -> bool:
        """Whether a process is where it was, so that its state is worth asking for. A pid of 0 is nobody's."""
        if pid and self._last is not None and self._last[:3] == (program, op, pid):
            return True
        self._last = Look(program, op, pid, "", 0)
        return False

    def signal_for(self, look: Look) -> int | None:
        """The signal that a process is to be sent, if any."""
        self._alike = self._alike + 1 if look == self._last else 1
        asleep = self._alike >= {"S": 2, UNSURE: LOOKS_UNSURE}.get(look.state, inf)
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


def _place_of(pid: int) -> str:
    """Where in the kernel a process sleeps (proc_pid_wchan(5)); empty where there is no such file."""
    try:
        return Path(f"/proc/{pid}/wchan").read_text()
    except OSError:
        return ""


def sleep_state(pid: int) -> tuple[str, int]:
    """The state letter of a process, and how often it has gone to sleep (proc_pid_status(5)); 0 where nobody counts.

    One that waits for a daemon is said to wait for a disk, as it is not asleep in the call itself,
    and one that sleeps nowhere is UNSURE.
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
    if state == "S":
        place = _place_of(pid)
        state = "D" if place in DAEMON_WAITS else UNSURE if place == NOWHERE else state
    return state, int(status.partition("voluntary_ctxt_switches:")[2].split("\n", 1)[0] or 0)
