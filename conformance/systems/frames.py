# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Frames between a worker and its parent: four bytes of length, then a pickle, or JSON where the worker is no Python.

Both ends are this project's own code on one machine; programs and observations are plain values.
"""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any

_LENGTH = struct.Struct("<I")


class Closed(Exception):
    """The other end went away."""


def send(fd: int, message: Any) -> None:
    """Write one message."""
    send_bytes(fd, pickle.dumps(message, protocol=5))


def send_bytes(fd: int, body: bytes) -> None:
    """Write what a message is made of."""
    view = memoryview(_LENGTH.pack(len(body)) + body)
    while view:
        view = view[os.write(fd, view) :]


def _exactly(fd: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(fd, count)
        if not part:
            raise Closed
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def receive(fd: int) -> Any:
    """Read one message; Closed when the other end is gone."""
    return pickle.loads(receive_bytes(fd))


def receive_bytes(fd: int) -> bytes:
    """Read what a message is made of; Closed when the other end is gone."""
    (length,) = _LENGTH.unpack(_exactly(fd, _LENGTH.size))
    return _exactly(fd, length)
