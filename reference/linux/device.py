# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Character devices: /dev/null, and those that read as zeros or refuse data."""

from __future__ import annotations

from reference.linux.description import OpenFileDescription
from reference.linux.objects import FileObject


class NullDevice(FileObject):
    """/dev/null (null(4)): reads end at once, writes vanish."""

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        return b""

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        return len(data)
