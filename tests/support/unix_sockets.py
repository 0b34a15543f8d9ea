# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Sockets with names, and options of any."""

from __future__ import annotations

from struct import unpack

from reference.constants.sockets import AF_UNIX, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET
from reference.linux.kernel import Linux
from reference.syscalls import Syscalls


def make(kernel: Linux, kind: int, address: str = "", flags: int = SOCK_NONBLOCK) -> int:
    """A socket, bound when an address is given."""
    fd = kernel.socket(AF_UNIX, kind | flags, 0)
    if address:
        kernel.bind(fd, address)
    return fd


def server(kernel: Linux, kind: int = SOCK_STREAM, backlog: int = 5, flags: int = SOCK_NONBLOCK) -> int:
    """A socket that listens at the address ``s``."""
    fd = make(kernel, kind, "s", flags)
    kernel.listen(fd, backlog)
    return fd


def option(kernel: Syscalls, fd: int, name: int) -> int:
    """The value of an option of a socket that is a number."""
    value: int = unpack("<i", kernel.getsockopt(fd, SOL_SOCKET, name, 4))[0]
    return value
