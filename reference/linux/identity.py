# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers that name inodes, the file systems that hold them, and pseudoterminals.

Which number the kernel gives is nobody's to predict; that one thing keeps its number, and no two share one, is.
So a number is reported as the place that its thing has among those that the program was shown.
"""

from __future__ import annotations

from collections.abc import Hashable


class Ordinals:
    """Counts things from ``first`` on, in the order in which they are first asked for."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._known: dict[Hashable, int] = {}

    def of(self, thing: Hashable) -> int:
        """The number of a thing: the same each time, and no other thing's."""
        return self._known.setdefault(thing, self._first + len(self._known))

    def clear(self) -> None:
        """Forget everything, and count from the start again."""
        self._known.clear()


FIRST_INODE = FIRST_DEVICE = 1
FIRST_TERMINAL = 0
"""/dev/pts counts from 0."""
