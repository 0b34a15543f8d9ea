# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Which slots of a program can have to do with each other: those that may share an inode, or be ends of one thing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from conformance.domains import Path
from conformance.ops import Op, slots_read, spec_of

_JOINING = frozenset(
    ("epoll_ctl", "sendmsg", "splice", "tee", "sendfile", "copy_file_range", "connect", "bind", "link", "sendto")
)
"""Calls that make two things one thing to an observer, beside those that make a slot out of another."""


class Families:
    """Slots and paths of a program, joined where one op names both and may tie them together.

    A family is told by one of its members; ops that name nothing have no family.
    """

    def __init__(self, ops: Sequence[Op]) -> None:
        self._parents: dict[Hashable, Hashable] = {}
        for op in ops:
            members = list(_members(op))
            if op.out or op.call in _JOINING:
                for member in members[1:]:
                    self._join(members[0], member)

    def of(self, op: Op) -> frozenset[Hashable]:
        """The families of everything that an op names or makes."""
        return frozenset(self._root(member) for member in _members(op))

    def _root(self, member: Hashable) -> Hashable:
        while (parent := self._parents.get(member, member)) != member:
            member = parent
        return member

    def _join(self, one: Hashable, other: Hashable) -> None:
        self._parents[self._root(one)] = self._root(other)


def _members(op: Op) -> Iterable[Hashable]:
    yield from slots_read(op)
    yield from op.out
    for parameter, value in zip(spec_of(op).parameters, op.arguments, strict=True):
        if isinstance(parameter.domain, Path):
            yield ("path", value)
