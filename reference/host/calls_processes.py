# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls on processes, groups, sessions and signals: the kernel below makes them, and the sandbox notes the outcome."""

from __future__ import annotations

from reference.constants.signals import SIG_IGN
from reference.host.state import HostState
from reference.processes import process_id


class ProcessCalls(HostState):
    """spawn, descend, setsid, setpgid, sigaction."""

    def spawn(self) -> int:
        """fork(2), in the parent."""
        number = self.kernel.spawn()
        self.jobs.table.fork()
        return number

    def descend(self) -> int:
        """fork(2), in the child: the parent closes its descriptors, and so gives up its record locks."""
        number = self.kernel.descend()
        parent = self.jobs.caller
        self.jobs.table.caller = self.jobs.table.fork()
        for file in self.files.values():
            if not file.path_only:
                self.cite("LCK-17")
                file.inode.locks.descriptor_closed(parent.number)
        return number

    def setsid(self) -> int:
        """setsid(2)."""
        number = self.kernel.setsid()
        self.jobs.table.lead_session()
        return number

    def setpgid(self, process: int, group: int) -> int:
        """setpgid(2)."""
        result = self.kernel.setpgid(process, group)
        member = self.jobs.table.find(process_id(process)) or self.jobs.caller
        member.group = process_id(group) or member.number
        return result

    def sigaction(self, signal: int, action: int) -> int:
        """sigaction(2)."""
        before = self.kernel.sigaction(signal, action)
        if action == SIG_IGN:
            self.jobs.ignored.add(signal)
        else:
            self.jobs.ignored.discard(signal)
        return before
