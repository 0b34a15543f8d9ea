# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a command has left behind: processes that left its process group, and would outlive it.

A process inherits its environment, and a command is told of a directory in it that is nobody else's: whoever has
been told of it descends from the command, whatever group, session or parent it has by now. Only a program that is
started with another environment is not known by it any more.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

END_S = 5.0
"""How long a process that was killed may take to end; one that the kernel holds is given up on."""


def kill_leftovers(variable: str, value: str) -> None:
    """Kill every process whose environment has a variable of that value, until there is none that can be killed."""
    setting = f"{variable}={value}".encode()
    held: set[int] = set()
    while found := [pid for pid in _running() if pid not in held and _is_told(pid, setting)]:
        # A process may fork while it is looked for: whoever is found next is a child of one of these.
        held.update(pid for pid in found if not _killed(pid, setting))


def _running() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _is_told(pid: int, setting: bytes) -> bool:
    try:
        return setting in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        # It has ended, or is another user's.
        return False


def _killed(pid: int, setting: bytes) -> bool:
    """Kill a process and wait for its end: whether it came, or there is no such process any more."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if not _is_told(pid, setting):
            # It ended, and the number may be another's by now.
            return True
        signal.pidfd_send_signal(process, signal.SIGKILL)
        ended = select.poll()
        ended.register(process, select.POLLIN)
        return bool(ended.poll(END_S * 1000))
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    finally:
        os.close(process)
