# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Rings of sockets that wait in each other's queues: seeing that a program may have built one, and having it broken up.

The kernel looks for such rings on a worker of its own, some time after any Unix socket of the machine was closed.
To know that it has looked, a small ring that holds the end of a pipe is built and abandoned:
when the pipe reports the end of its writers, every ring that was abandoned earlier is gone too.
"""

from __future__ import annotations

import os
import select
import socket
from array import array
from collections.abc import Iterator

DESCRIPTOR_NUMBER_MAX = 255
"""The highest number that a program may have."""
LOOKS_MAX = 2000
LOOKS_WITHOUT_SIGN = 30
LOOK_MS = 1
"""Short, so that the process is never taken for one that sleeps for good."""


class Rings:
    """Which pairs of sockets a program has sent through which. Sockets are known by inode number.

    The ends of a pair are not told apart, and a pair that was sent once counts as waiting for the rest of the program:
    seeing too many rings costs time and nothing else.
    """

    __slots__ = ("looked_at", "pair_of", "possible", "received", "travellers", "waits_in")

    def __init__(self) -> None:
        self.pair_of: dict[int, int] = {}
        self.waits_in: dict[int, set[int]] = {}
        self.travellers: set[int] = set()
        self.possible = False
        self.received = False
        self.looked_at: frozenset[int] = frozenset()

    def made(self, one: int, other: int) -> None:
        """A pair was made."""
        inode = os.fstat(one).st_ino
        self.pair_of[inode] = self.pair_of[os.fstat(other).st_ino] = inode

    def passed(self, carrier: int, rights: tuple[int, ...]) -> None:
        """Descriptors were sent through ``carrier``."""
        place = self.pair_of[os.fstat(carrier).st_ino]
        for right in rights:
            inode = os.fstat(right).st_ino
            traveller = self.pair_of.get(inode)
            if traveller is not None:
                self.travellers.add(inode)
                self.waits_in.setdefault(traveller, set()).add(place)
                self.possible = self.possible or traveller in self._above(place)

    def abandoned(self) -> bool:
        """Whether a ring may have been abandoned since the last look: something was closed, or a message received."""
        if not self.possible:
            return False
        before, received = self.looked_at, self.received
        self.looked_at, self.received = frozenset(_open_inodes()), False
        return not self.travellers <= self.looked_at and (received or self.looked_at != before)

    def _above(self, place: int) -> set[int]:
        """The place, and every place that it may wait in itself."""
        reached = [place]
        for here in reached:
            reached.extend([further for further in self.waits_in.get(here, ()) if further not in reached])
        return set(reached)


def _open_inodes() -> Iterator[int]:
    """The inode numbers behind the descriptors that a program may have."""
    for fd in range(DESCRIPTOR_NUMBER_MAX + 1):
        try:
            yield os.fstat(fd).st_ino
        except OSError:
            continue


def collect() -> None:
    """Return when the kernel has closed every ring that is abandoned now. Without free descriptors nothing is done."""
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
