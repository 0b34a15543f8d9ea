# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on processes, groups and sessions, and on what the caller does with signals."""

from __future__ import annotations

from reference.constants.errors import EINVAL, EPERM, ESRCH
from reference.constants.signals import SIG_BLOCK, SIG_CATCH, SIG_IGN, SIG_SETMASK, SIG_UNBLOCK
from reference.linux.state import KernelState
from reference.outcomes import Refused
from reference.processes import Process, process_id


class ProcessCalls(KernelState):
    """fork(2) in two forms, setsid(2), setpgid(2), sigaction(2), sigprocmask(2)."""

    def spawn(self) -> int:
        """fork(2); the child waits, and the caller goes on. The number of the child."""
        self.cite("JOB-FORK")
        return self.processes.fork().number

    def descend(self) -> int:
        """fork(2); the caller waits, and the child goes on, which holds the descriptors alone. Its number."""
        self.cite("JOB-FORK")
        child = self.processes.fork()
        self.processes.caller = child
        self.reactions.pending.clear()
        for description in self.fds.entries.values():
            locks = description.object.locks
            if locks is not None and not description.path_only:
                locks.descriptor_closed()
        return child.number

    def setsid(self) -> int:
        """setsid(2). EPERM."""
        caller = self.processes.caller
        # CHECK
        if caller.leads or self.processes.session_of_group(caller.number) is not None:
            raise Refused(EPERM, "JOB-SETSID-LEADER")
        # CHANGE
        self.cite("JOB-SETSID")
        self.processes.lead_session()
        # RETURN
        return caller.number

    def getsid(self, process: int) -> int:
        """getsid(2). ESRCH."""
        return self._process(process).session

    def getpgid(self, process: int) -> int:
        """getpgid(2). ESRCH."""
        return self._process(process).group

    def _process(self, process: int) -> Process:
        """The process of a number, the caller for 0."""
        number = process_id(process)
        found = self.processes.find(number) if number else self.processes.caller
        if found is None:
            raise Refused(ESRCH, "JOB-NO-PROCESS")
        self.cite("JOB-IDS")
        return found

    def setpgid(self, process: int, group: int) -> int:
        """setpgid(2). EINVAL, ESRCH, EPERM."""
        caller = self.processes.caller
        number = process_id(process) or caller.number
        wanted = process_id(group) or number
        # CHECK
        if wanted < 0:
            raise Refused(EINVAL, "JOB-SETPGID-NEGATIVE")
        member = self.processes.find(number)
        if member is None or (member is not caller and member.parent is not caller):
            raise Refused(ESRCH, "JOB-SETPGID-WHOM")
        if member.session != caller.session:
            raise Refused(EPERM, "JOB-SETPGID-OTHER-SESSION")
        if member.leads:
            raise Refused(EPERM, "JOB-SETPGID-LEADER")
        if wanted != number and self.processes.session_of_group(wanted) != caller.session:
            raise Refused(EPERM, "JOB-SETPGID-GROUP")
        # CHANGE
        self.cite("JOB-SETPGID")
        member.group = wanted
        # RETURN
        return 0

    def sigaction(self, signal: int, action: int) -> int:
        """sigaction(2)."""
        # RESOLVE
        before = SIG_IGN if signal in self.reactions.ignored else SIG_CATCH
        # CHANGE
        self.cite("JOB-SIGACTION")
        self.reactions.ignore(signal, action == SIG_IGN)
        # RETURN
        return before

    def sigprocmask(self, how: int, signals: tuple[int, ...]) -> tuple[int, ...]:
        """sigprocmask(2). EINVAL."""
        # RESOLVE
        before = self.reactions.blocked
        named = set(signals)
        wanted = {SIG_BLOCK: before | named, SIG_UNBLOCK: before - named, SIG_SETMASK: named}.get(how)
        # CHECK
        if wanted is None:
            raise Refused(EINVAL, "JOB-SIGPROCMASK-HOW")
        # CHANGE
        self.cite("JOB-SIGPROCMASK")
        self.reactions.block(wanted)
        # RETURN
        return tuple(sorted(before))
