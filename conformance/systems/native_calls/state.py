# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What the native calls of one process keep between them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from conformance.systems.native_calls.private import private_descriptor
from reference.outcomes import Choices


class NativeState:
    """Signals that were raised, in the order they came; the kernel cites no clauses.

    ``pids`` are the ids of the program's processes, the first made first; none while it has no process of its own.
    ``reset`` forgets everything of a program.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []
        self.choices = Choices()
        self.cited: list[str] = []
        self.home = "."
        """The path of the program's directory."""
        self.home_fd = -1
        """A descriptor of it, out of the reach of programs."""
        self.pids: list[int] = []
        self._waits = False
        self.tell_waiting: Callable[[bool], None] = _nobody
        """Tells whoever watches this process whether it waits for another system: its sleep is no blocked call then."""

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within it another system is waited for, be it within another such wait."""
        before, self._waits = self._waits, True
        self.tell_waiting(True)
        try:
            yield
        finally:
            self._waits = before
            self.tell_waiting(before)

    def settle_in(self) -> None:
        """Take the directory that the process stands in as the program's. Subjects that keep more extend this."""
        self.home = os.getcwd()
        self.home_fd = private_descriptor(".")

    def number_of(self, pid: int) -> int:
        """The number that stands for a process id, the caller's being 1 at first; 0 for one outside of the program."""
        pids = self.pids or [os.getpid()]
        return pids.index(pid) + 1 if pid in pids else 0

    def reset(self) -> None:
        """Make ready for the next program. Subjects that keep more extend this."""
        self.signals.clear()
        self.cited.clear()

    def let_go(self) -> None:
        """Give up what this process holds beside descriptors. Subjects that hold something extend this."""

    def settle(self, call: str, arguments: tuple[Any, ...]) -> None:
        """Wait until the work is done that the kernel does on its own behalf after a call.

        Subjects that have such work extend this.
        """


def _nobody(waits: bool) -> None:
    """Nobody watches."""
