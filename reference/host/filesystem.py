# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The one file system that holds every imported inode."""

from __future__ import annotations


class Filesystem:
    """Hands out inode numbers: 1, 2, 3 in the order of imports, and none twice (ID-03)."""

    type_name = "none"
    mount_options = ""

    def __init__(self) -> None:
        self._last_ino = 0

    def next_ino(self) -> int:
        """A number for a new inode. It is spent even when the import fails later (IMP-11)."""
        self._last_ino += 1
        return self._last_ino
