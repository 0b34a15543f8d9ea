# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Lines to and from a system that its user started, on a Unix socket: it is spoken to, and never ended.

Each connection is a conversation of its own, from hello to bye.
What the system writes to standard error, its user sees.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from conformance.wire.channel import LINE_BYTES_MAX, Lines


class Attached(Lines):
    """A conversation with the system that listens on a socket. OSError when nobody does."""

    def __init__(self, path: Path, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(os.fspath(path))
            # Each direction has a descriptor of its own, as the pipes of a command have.
            reads, writes = os.dup(connection.fileno()), os.dup(connection.fileno())
        streams = {"stdin": os.fdopen(writes, "wb", buffering=0), "stdout": os.fdopen(reads, "rb", buffering=0)}
        super().__init__(streams, line_bytes_max)

    def stop(self, grace_s: float = 0.0) -> int | None:
        """Hang up. The system goes on, and can be spoken to again."""
        self._drop_all()
        return None

    def _end(self) -> str:
        return f"went away, or hung up{self._half()}"
