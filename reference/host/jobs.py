# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a terminal of the sandbox asks about its caller: where its process stands, and what it does with signals.

The processes of the sandbox are those of the kernel below, which makes all calls on them:
what it allows has happened in the sandbox too, and is noted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.signals import SIG_BLOCK
from reference.processes import Process, ProcessTable

if TYPE_CHECKING:
    from reference.host.state import Kernel


class Jobs:
    """The processes of a sandbox. ``ignored`` are the signals that the caller ignores."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.table = ProcessTable()
        self.ignored: set[int] = set()

    @property
    def caller(self) -> Process:
        """The process that makes the calls."""
        return self.table.caller

    def shuns(self, signal: int) -> bool:
        """Whether the caller ignores or blocks a signal."""
        return signal in self.ignored or signal in self._kernel.sigprocmask(SIG_BLOCK, ())

    def orphaned(self) -> bool:
        """Whether nobody could continue the caller's group."""
        return self.table.orphaned(self.caller.group)

    def stop(self, signal: int) -> None:
        """Send a signal to the caller's group, of which only the caller does not block it."""
        if signal not in self._kernel.signals:
            self._kernel.signals.append(signal)
