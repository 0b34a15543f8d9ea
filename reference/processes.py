# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Processes, process groups and sessions (credentials(7)), as far as a terminal asks about them.

One process makes all the calls: the *caller*. The others only wait, hold no descriptor,
and block every signal, so that none of them is ever stopped.

Processes are numbered from 1 in the order they were made; a group and a session bear the number of their leader.
The first process comes from outside of the program, and is no leader there: it finds itself in group 0 of session 0,
which stand for whatever there is outside. No process ends while the program runs.
"""

from __future__ import annotations

from reference.constants.limits import INT_MAX, UINT_MAX

OUTSIDE = 0
"""The group, the session, and the number of every process that the program did not make."""


def process_id(number: int) -> int:
    """A number as the C int that a process id is."""
    number &= UINT_MAX
    return number - UINT_MAX - 1 if number > INT_MAX else number


class Process:
    """One process.

    ``leads`` says that it leads its session. ``terminal`` is its controlling terminal, an end of a pseudoterminal.
    ``parent`` is None for the first one.
    """

    __slots__ = ("group", "leads", "number", "parent", "session", "terminal")

    def __init__(self, number: int, parent: Process | None) -> None:
        self.number = number
        self.parent = parent
        self.leads = False
        # What fork(2) hands down.
        self.group: int = OUTSIDE if parent is None else parent.group
        self.session: int = OUTSIDE if parent is None else parent.session
        self.terminal: object | None = None if parent is None else parent.terminal


class ProcessTable:
    """Every process of a program. ``caller`` is the one that makes the calls."""

    def __init__(self) -> None:
        self.caller = Process(1, None)
        self.members = [self.caller]

    def fork(self) -> Process:
        """A child of the caller."""
        child = Process(len(self.members) + 1, self.caller)
        self.members.append(child)
        return child

    def lead_session(self) -> None:
        """The caller leads a session of its own, and a group in it, without controlling terminal."""
        caller = self.caller
        caller.session = caller.group = caller.number
        caller.leads = True
        caller.terminal = None

    def find(self, number: int) -> Process | None:
        """The process of a number."""
        return self.members[number - 1] if 0 < number <= len(self.members) else None

    def session_of_group(self, group: int) -> int | None:
        """The session of a group; None when the group has no member."""
        return next((member.session for member in self.members if member.group == group), None)

    def orphaned(self, group: int) -> bool:
        """Whether no member of a group has a parent in the same session that is in another group (setpgid(2))."""
        for member in self.members:
            if member.group == group:
                parent = member.parent
                around = (OUTSIDE, OUTSIDE) if parent is None else (parent.group, parent.session)
                if around[0] != group and around[1] == member.session:
                    return False
        return True

    def take_terminal_from(self, session: int) -> None:
        """Leave every member of a session without controlling terminal."""
        for member in self.members:
            if member.session == session:
                member.terminal = None
