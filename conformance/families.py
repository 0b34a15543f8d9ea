# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Which slots of a program can have to do with each other: those that may share an inode, or be ends of one thing."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from posixpath import normpath

from conformance.domains.base import Slot
from conformance.domains.names import Path, SocketAddress
from conformance.observation import Observation
from conformance.ops import Op, numbers_made, slots_read, spec_of
from reference.constants.limits import UINT_MAX

_JOINING = frozenset(
    (
        "epoll_ctl",
        "sendmsg",
        "splice",
        "tee",
        "sendfile",
        "copy_file_range",
        "connect",
        "bind",
        "link",
        "symlink",
        "sendto",
    )
)
"""Calls that make two things one thing to an observer, beside those that make a slot out of another."""

PROCESSES: Hashable = "processes"
"""The member that all processes of a program are, with their signals, sessions and groups."""
_PROCESS_CALLS = frozenset(("setsid", "getsid", "getpgid", "setpgid", "spawn", "descend", "sigaction", "sigprocmask"))
_TERMINAL_MAKERS = frozenset(("posix_openpt", "open_slave"))
_REPLACING = frozenset(("dup2", "dup3"))
"""Calls that choose the number of what they make, and close what it meant before."""


@dataclass(frozen=True, slots=True)
class _Members:
    """What one op names or makes, and the slots that it closes without naming them."""

    named: tuple[Hashable, ...]
    closed: tuple[Hashable, ...] = ()


class Families:
    """Slots and names of a program, joined where one op speaks of both and may tie them together.

    A slot is only a number: once that was closed and has been handed out again, whoever goes on to use the old slot
    speaks of what the number means by then. ``observations`` tell which numbers the slots got.
    A family is told by one of its members; ops that name nothing have no family.

    In a program that makes sessions, processes and terminals reach each other by signals, and are one family.
    """

    def __init__(self, ops: Sequence[Op], observations: Sequence[Observation]) -> None:
        self._parents: dict[Hashable, Hashable] = {}
        self._members = tuple(_members_of(ops, observations))
        for op, members in zip(ops, self._members, strict=True):
            if op.out or op.call in _JOINING:
                for member in members.named[1:]:
                    self._join(members.named[0], member)

    def of(self, index: int) -> frozenset[Hashable]:
        """The families of everything that the op at an index names, makes or closes."""
        members = self._members[index]
        return frozenset(self._root(member) for member in (*members.named, *members.closed))

    def _root(self, member: Hashable) -> Hashable:
        while (parent := self._parents.get(member, member)) != member:
            member = parent
        return member

    def _join(self, one: Hashable, other: Hashable) -> None:
        self._parents[self._root(one)] = self._root(other)


def _members_of(ops: Sequence[Op], observations: Sequence[Observation]) -> Iterator[_Members]:
    """What each op speaks of, where a slot stands for the last one that was given its number."""
    numbers: dict[Slot, int] = {}
    owners: dict[int, Slot] = {}
    of_processes = _PROCESS_CALLS | (_TERMINAL_MAKERS if any(op.call == "setsid" for op in ops) else frozenset())
    for op, seen in zip(ops, observations, strict=True):
        slots = [owners[numbers[slot]] if slot in numbers else slot for slot in slots_read(op)]
        made = numbers_made(op, seen)
        closed: list[Slot] = []
        if op.call in _REPLACING:
            closed = [owners[number] for number in made if number in owners]
        elif op.call == "close_range":
            first, last = (numbers.get(bound, -1) if isinstance(bound, Slot) else bound for bound in op.arguments[:2])
            closed = [slot for number, slot in owners.items() if first & UINT_MAX <= number <= last & UINT_MAX]
        processes = (PROCESSES,) if op.call in of_processes else ()
        yield _Members((*slots, *op.out, *_names(op), *processes), tuple(closed))
        for slot, number in zip(op.out, made, strict=False):
            numbers[slot] = number
            owners[number] = slot


def _names(op: Op) -> Iterator[Hashable]:
    """The paths that an op names, and the addresses, which are paths of sockets or names beside them."""
    for parameter, value in zip(spec_of(op).parameters, op.arguments, strict=True):
        if isinstance(parameter.domain, Path | SocketAddress) and value is not None:
            yield ("path", normpath(value) if value else value)
