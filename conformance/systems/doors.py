# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ways by which a donated descriptor comes to the process of a program in a sandbox."""

from __future__ import annotations

import os
import socket
from array import array
from contextlib import suppress
from typing import Protocol

from conformance.systems.native_calls.private import make_private


class Door(Protocol):
    """Where donations arrive."""

    def arrived(self) -> int:
        """The next donation, as a descriptor of this process."""

    def left_behind(self) -> int:
        """Let go of donations that nobody took; how many there were."""

    def leave(self) -> None:
        """What is donated is the business of another process from now on."""


class Listener:
    """An abstract address, at which another process of the sandbox hands over what it was started with."""

    def __init__(self, name: str) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"\0{name}")
        listener.listen()
        self._listener = socket.socket(fileno=make_private(listener.detach()))

    def arrived(self) -> int:
        """What the next process hands over."""
        connection, _ = self._listener.accept()
        with connection:
            _, ancillary, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(array("i").itemsize))
        (fd,) = array("i", ancillary[0][2])
        return fd

    def left_behind(self) -> int:
        """How many processes nobody has listened to."""
        self._listener.setblocking(False)
        left = 0
        with suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
                left += 1
        self._listener.setblocking(True)
        return left

    def leave(self) -> None:
        """The address is for the programs that come."""


class Given:
    """One descriptor, which has arrived already."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def arrived(self) -> int:
        """The descriptor."""
        return self._fd

    def left_behind(self) -> int:
        """Nothing comes after it."""
        return 0

    def leave(self) -> None:
        """Nobody but the program holds it, so that it is gone when the program closes it."""
        os.close(self._fd)
