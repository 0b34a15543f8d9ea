# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What of a program can be run by donating descriptors to a sandbox.

An import is made as the sandbox makes it, whatever the program asks for.
What names an import, or what came of one, is run inside; all else is run outside, on the host's own descriptors.
An op that names descriptors of both sides can be run on neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.domains.base import Slot
from conformance.ops import Op, slots_read

EPOLL_CREATE = "epoll_create1"
MOVING = ("dup2", "dup3")
NAMING = ("bind", "connect", "sendto")
"""Calls whose last argument is an address."""


@dataclass(frozen=True)
class Imports:
    """How a sandbox imports what is donated to it; whether as a terminal, the program says.

    With ``restored`` it is saved and restored where the program says so, or else halfway between the import and the
    end; then there is one import, and it is no terminal.
    """

    readonly: int
    owner: tuple[int, int] | None
    flags: int | None
    savable: int
    restored: bool = False

    def made(self, op: Op) -> Op:
        """An import as it is made."""
        fd, _, _, tty, _, _ = op.arguments
        tty = 0 if self.restored else tty
        return op._replace(arguments=(fd, self.readonly, self.owner, tty, self.flags, self.savable))


def donated(ops: Sequence[Op], imports: Imports) -> tuple[Op, ...]:
    """What can be run of a program; nothing where nothing would be imported."""
    left: list[Op] = []
    inside: dict[Slot, bool | None] = {}
    """The side of each slot: None for an epoll instance that does not watch anything yet."""
    for op in ops:
        read = slots_read(op)
        if not all(slot in inside for slot in read):
            continue
        # What the second number of these means is replaced, on whichever side it is.
        deciding = read[:1] if op.call in MOVING else read
        sides = {inside[slot] for slot in deciding} - {None}
        if imports.restored and op.call == "import_fd" and True in inside.values():
            continue
        if len(sides) > 1 or (op.call == "import_fd" and sides != {False}) or (op.call == "mmap" and sides != {True}):
            continue
        if True in sides and op.call in NAMING and op.arguments[-1] is not None:
            # The names of the sandbox are not those of the host.
            continue
        side: bool | None = sides.pop() if sides else None if op.call == EPOLL_CREATE else False
        if op.call != "import_fd":
            inside.update(dict.fromkeys(read, side))
        inside.update(dict.fromkeys(op.out, side or op.call == "import_fd"))
        if op.call == EPOLL_CREATE:
            inside.update(dict.fromkeys(op.out, None))
        left.append(imports.made(op) if op.call == "import_fd" else op)
    if not any(op.call == "import_fd" for op in left):
        return ()
    return _cut(left) if imports.restored else tuple(left)


def _cut(ops: Sequence[Op]) -> tuple[Op, ...]:
    """A program in which every save is followed by its restore, and there is one at least."""
    first = next(place for place, op in enumerate(ops) if op.call == "import_fd") + 1
    left = [op for place, op in enumerate(ops) if op.call != "restore" and (op.call != "save" or place >= first)]
    if not any(op.call == "save" for op in left):
        left.insert((first + len(left)) // 2, Op("save", ()))
    return tuple(cut for op in left for cut in ((op, Op("restore", ())) if op.call == "save" else (op,)))
