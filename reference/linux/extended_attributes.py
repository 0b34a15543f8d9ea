# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Extended attributes of one inode (xattr(7)), and the room that a disk file system has for them.

ext4 keeps attributes in what is left of the inode, and in one block besides.
An attribute that is set goes into the inode if it fits there, else into the block, from wherever it was before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.errors import ENOSPC
from reference.outcomes import Refused

if TYPE_CHECKING:
    from reference.linux.profile import Filesystem

USER, TRUSTED, SYSTEM = "user.", "trusted.", "system."
"""Namespaces, as prefixes of names."""
_ENTRY_BYTES = 16
"""What an attribute takes on the disk beside its name and its value."""


def _padded(length: int) -> int:
    return -(-length // 4) * 4


def _room_taken(name: str, value: bytes) -> int:
    """The bytes that an attribute takes on the disk, where its namespace is a number."""
    return _padded(_ENTRY_BYTES + len(name.encode()) - len(USER)) + _padded(len(value))


class ExtendedAttributes:
    """Names and values. ``in_block`` holds the names of those that are not in the inode itself."""

    def __init__(self, filesystem: Filesystem) -> None:
        self._filesystem = filesystem
        self.values: dict[str, bytes] = {}
        self.in_block: set[str] = set()

    def put(self, name: str, value: bytes) -> None:
        """Set a value; ENOSPC when there is no room for it."""
        if self._filesystem.attribute_block_bytes and self.values.get(name) != value:
            self._place(name, _room_taken(name, value))
        self.values[name] = value

    def remove(self, name: str) -> None:
        """Forget an attribute that is there."""
        del self.values[name]
        self.in_block.discard(name)

    def _place(self, name: str, wanted: int) -> None:
        others = {other: _room_taken(other, value) for other, value in self.values.items() if other != name}
        in_block = sum(taken for other, taken in others.items() if other in self.in_block)
        if sum(others.values()) - in_block + wanted <= self._filesystem.attribute_inode_bytes:
            self.in_block.discard(name)
        elif in_block + wanted <= self._filesystem.attribute_block_bytes:
            self.in_block.add(name)
        else:
            raise Refused(ENOSPC, "XATTR-ROOM")
