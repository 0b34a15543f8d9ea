# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The state that all system calls of one modelled program share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.errors import EBADF
from reference.constants.open_flags import O_CLOEXEC
from reference.linux.description import OpenFileDescription
from reference.linux.fdtable import FdTable
from reference.linux.identity import FIRST_DEVICE, FIRST_INODE, FIRST_TERMINAL, Ordinals
from reference.linux.profile import Profile
from reference.linux.reactions import Reactions
from reference.linux.socket_pages import HeadCopies
from reference.outcomes import Choices, Refused
from reference.processes import ProcessTable

if TYPE_CHECKING:
    from reference.linux.regular import RegularFile
    from reference.linux.unix_socket import UnixSocket


class KernelState:
    """Descriptor table, processes, profile, and the three ways a call reports more than its value.

    ``cited`` collects the ids of the clauses that decided (``cite`` adds one),
    ``signals`` the signals raised in the caller,
    ``choices`` answers where the kernel is free.
    ``file_size_bytes_max`` is the soft limit of RLIMIT_FSIZE (getrlimit(2)).
    ``files`` holds every regular file that was made on a disk.
    ``inode_numbers``, ``device_numbers`` and ``terminal_numbers`` count what the program was shown.
    ``reactions`` say what becomes of signals that a program can ignore or block.
    ``abstract_sockets`` holds the sockets with an abstract name, by type and name.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.fds = FdTable(profile.descriptors_max)
        self.choices = Choices()
        self.choose = self.choices.choose
        self.cited: list[str] = []
        self.cite = self.cited.append
        self.signals: list[int] = []
        self.processes = ProcessTable()
        self.reactions = Reactions(self._record, self.cite)
        self.descriptors_in_flight = 0
        self.abstract_sockets: dict[tuple[int, str], UnixSocket] = {}
        self.head_copies = HeadCopies()
        self.files: list[RegularFile] = []
        self.file_size_bytes_max = profile.file_size_bytes_max
        self.inode_numbers = Ordinals(FIRST_INODE)
        self.device_numbers = Ordinals(FIRST_DEVICE)
        self.terminal_numbers = Ordinals(FIRST_TERMINAL)

    def race(self, clause: str) -> None:
        """Cite a rule by which it is for time to decide."""
        self.cite(clause)
        self.choices.raced = self.choices.raced or clause

    def _record(self, signal: int) -> None:
        """A signal that comes twice during one call counts once, as it would while the first is pending (signal(7))."""
        if signal not in self.signals:
            self.signals.append(signal)

    def signal_group(self, group: int | None, signal: int) -> None:
        """Send a signal to a group of processes: seen when the caller is among them."""
        if group == self.processes.caller.group:
            self.reactions.send(signal)

    def description(self, fd: int) -> OpenFileDescription:
        """The description a call works on; EBADF for a free number and for an O_PATH descriptor (open(2))."""
        description = self.fds.lookup(fd)
        if description.path_only:
            raise Refused(EBADF, "FD-OPATH")
        return description

    def open_descriptor(self, description: OpenFileDescription, flags: int = 0) -> int:
        """The lowest free number, made to refer to a new description; O_CLOEXEC in ``flags`` counts."""
        return self.fds.install(self.fds.lowest_free(), description, bool(flags & O_CLOEXEC))
