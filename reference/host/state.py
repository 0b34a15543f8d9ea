# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The state that all calls on imported descriptors share, and the ways in which they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from reference.constants.descriptors import F_GETFD
from reference.constants.errors import EBADF, EFBIG
from reference.constants.signals import SIGPIPE, SIGXFSZ
from reference.host.caller import Caller
from reference.host.description import Description
from reference.host.filesystem import Filesystem
from reference.host.jobs import Jobs
from reference.outcomes import Choices, Refused
from reference.syscalls import Syscalls

_SIGNALS_OF_WRITES = (SIGPIPE, SIGXFSZ)
"""What the host raises in the sandbox that writes, and the sandbox does not pass on."""


class Kernel(Syscalls, Protocol):
    """A kernel to stand on: the calls, and what a call reports beside its value."""

    signals: list[int]
    choices: Choices
    cited: list[str]


class HostState:
    """The sandbox descriptions by number, the file system that holds their inodes, processes, and the kernel below.

    ``cited`` collects the ids of the clauses that decided (``cite`` adds one).
    ``signals`` and ``choices`` are those of the kernel below: a call on a number that was not imported is its call.
    """

    def __init__(self, kernel: Kernel, caller: Caller | None = None) -> None:
        self.kernel = kernel
        self.caller = caller or Caller()
        self.files: dict[int, Description] = {}
        self.left: set[int] = set()
        """Numbers that were closed, and of which an import was the last that they meant."""
        self.filesystem = Filesystem()
        self.jobs = Jobs(kernel)
        self.file_size_bytes_max = self.caller.file_size_bytes_max
        self.choices = kernel.choices
        self.signals = kernel.signals
        self.cited: list[str] = []
        self.cite = self.cited.append

    def __getattr__(self, call: str) -> Any:
        """A call that no sandbox description takes part in is the kernel's own."""
        return getattr(self.kernel, call)

    def found(self, fd: int) -> Description | None:
        """As :meth:`imported`, for calls that find something else to refuse in a descriptor that only names a file."""
        file = self.files.get(fd)
        if file is not None and file.path_only:
            self.cite("OPN-10")
        return file

    def imported(self, fd: int) -> Description | None:
        """The sandbox description behind a number; None when the number was not imported. EBADF for O_PATH."""
        file = self.files.get(fd)
        if file is not None and file.path_only:
            raise Refused(EBADF, "OPN-10")
        return file

    def is_open(self, fd: int) -> bool:
        """Whether the kernel below has a descriptor of this number, imported or not."""
        try:
            self.kernel.fcntl(fd, F_GETFD)
        except OSError:
            return False
        return True

    def limited(self, write: Callable[[], int]) -> int:
        """A write whose EFBIG comes with SIGXFSZ (LAY-06)."""
        try:
            return write()
        except OSError as error:
            if error.errno == EFBIG:
                self.cite("WR-16")
                self.signals.append(SIGXFSZ)
            raise

    def keep_signals_in(self) -> None:
        """Forget the signals that the host raised for a write of the sandbox's own."""
        for number in _SIGNALS_OF_WRITES:
            self.keep_in(number, "LAY-09")

    def keep_in(self, signal: int, clause: str) -> None:
        """Forget a signal that the host raised for a call of the sandbox's own."""
        while signal in self.signals:
            self.signals.remove(signal)
            self.cite(clause)
