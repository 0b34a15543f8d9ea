# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Rings of sockets that wait in each other's queues: seeing that a program may have built one, and having it broken up.

The kernel looks for such rings on a worker of its own, some time after any Unix socket of the machine was closed.
To know that it has looked, a small ring that holds the end of a pipe is built and abandoned:
when the pipe reports the end of its writers, every ring that was abandoned earlier has been found.
What was found together is closed by another worker in any order, ours perhaps before the others;
but it closes all of that before what is found later. So a second small ring is built when the first is gone.
"""

from __future__ import annotations

import os
import select
import socket
from array import array
from collections.abc import Iterator

DESCRIPTOR_NUMBER_MAX = 255
"""The highest number that a program may have."""
ROUNDS = 2
LOOKS_MAX = 2000
LOOKS_WITHOUT_SIGN = 30
LOOK_MS = 1
"""Short, so that the process is never taken for one that sleeps for good."""


class Rings:
    """Which groups of sockets a program has sent through which. Sockets are known by inode number.

    A group is a pair, or all that have to do with names: sockets that may reach each other's queues.
    Its members are not told apart, and a group that was sent once counts as waiting for the rest of the program:
    seeing too many rings costs time and nothing else.
    """

    __slots__ = ("_group_of", "_joined", "_named", "looked_at", "possible", "received", "travellers", "waits_in")

    def __init__(self) -> None:
        self._group_of: dict[int, int] = {}
        self._joined: dict[int, int] = {}
        self._named: int | None = None
        self.waits_in: dict[int, set[int]] = {}
        self.travellers: set[int] = set()
        self.possible = False
        self.received = False
        self.looked_at: frozenset[int] = frozenset()

    @property
    def in_use(self) -> bool:
        """Whether anything is known."""
        return bool(self._group_of)

    def made(self, *sockets: int) -> None:
        """A socket was made, or a pair."""
        inodes = [os.fstat(fd).st_ino for fd in sockets]
        self._group_of.update(dict.fromkeys(inodes, inodes[0]))

    def met_by_name(self, fd: int) -> None:
        """A socket was bound, or connected to one that is bound: all these count as one group, whatever their names."""
        group = self._group(os.fstat(fd).st_ino)
        if self._named is not None:
            self._join(group, self._group(self._named))
        self._named = group

    def accepted(self, listening: int, new: int) -> None:
        """A connection was accepted."""
        self._group_of[os.fstat(new).st_ino] = self._group_of[os.fstat(listening).st_ino]

    def passed(self, carrier: int, rights: tuple[int, ...]) -> None:
        """Descriptors were sent through ``carrier``."""
        place = self._group(os.fstat(carrier).st_ino)
        for right in rights:
            inode = os.fstat(right).st_ino
            if inode in self._group_of:
                self.travellers.add(inode)
                self.waits_in.setdefault(self._group(inode), set()).add(place)
                self._look_for_rings()

    def _group(self, inode: int) -> int:
        """The group of a socket, by its first member."""
        group = self._group_of[inode]
        while group in self._joined:
            group = self._joined[group]
        return group

    def _join(self, one: int, other: int) -> None:
        """Make one group of two."""
        if one != other:
            self._joined[one] = other
            self.waits_in.setdefault(other, set()).update(self.waits_in.pop(one, ()))
            for places in self.waits_in.values():
                if one in places:
                    places.remove(one)
                    places.add(other)
            self._look_for_rings()

    def _look_for_rings(self) -> None:
        self.possible = self.possible or any(place in self._above(place) for place in self.waits_in)

    def abandoned(self) -> bool:
        """Whether a ring may have been abandoned since the last look: something was closed, or a message received."""
        if not self.possible:
            return False
        before, received = self.looked_at, self.received
        self.looked_at, self.received = frozenset(_open_inodes()), False
        return not self.travellers <= self.looked_at and (received or self.looked_at != before)

    def _above(self, place: int) -> list[int]:
        """Every group that a group may wait in, itself or by way of others."""
        reached = list(self.waits_in.get(place, ()))
        for here in reached:
            reached.extend([further for further in self.waits_in.get(here, ()) if further not in reached])
        return reached


def _open_inodes() -> Iterator[int]:
    """The inode numbers behind the descriptors that a program may have."""
    for fd in range(DESCRIPTOR_NUMBER_MAX + 1):
        try:
            yield os.fstat(fd).st_ino
        except OSError:
            continue


def collect() -> None:
    """Return when the kernel has closed every ring that is abandoned now. Without free descriptors nothing is done."""
    for _ in range(ROUNDS):
        _abandon_and_wait()


def _abandon_and_wait() -> None:
    """Build a small ring, and return when the kernel has closed it."""
    opened: list[int] = []
    try:
        opened += os.pipe2(os.O_CLOEXEC)
        one, other = socket.socketpair()
    except OSError:
        for fd in opened:
            os.close(fd)
        return
    reader, writer = opened
    looks = LOOKS_MAX
    try:
        other.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [one.fileno(), writer]))])
        os.close(writer)
    except OSError:
        # The program has as many descriptors in flight as its user may have: there is nothing to wait for but time.
        looks = LOOKS_WITHOUT_SIGN
    one.close()
    # This is the close that makes the kernel look.
    other.close()
    gone = select.poll()
    gone.register(reader, 0)
    for _ in range(looks):
        if gone.poll(LOOK_MS):
            break
    os.close(reader)
    if looks == LOOKS_WITHOUT_SIGN:
        os.close(writer)
