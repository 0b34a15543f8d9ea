# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a pipe of the sandbox's own holds, which is a pipe of the kernel below: looked at, taken out, put in.

The sandbox reaches into its own pipes while it reads and writes imports; the calls of the kernel below have to do here.
"""

from __future__ import annotations

from reference.constants.descriptors import F_GETFL, F_GETPIPE_SZ, F_SETFL, F_SETPIPE_SZ
from reference.constants.errors import EAGAIN
from reference.constants.limits import MAX_RW_COUNT
from reference.constants.open_flags import O_NONBLOCK
from reference.constants.readiness import POLLHUP, POLLIN
from reference.constants.requests import FIONREAD
from reference.constants.transfers import SPLICE_F_NONBLOCK
from reference.host.state import Kernel


def peeked(kernel: Kernel, pipe: int, length: int) -> bytes:
    """Up to ``length`` bytes from the front of a pipe, which stay there: they are shared with another pipe."""
    count = min(length, MAX_RW_COUNT, kernel.ioctl(pipe, FIONREAD))
    if not count:
        return b""
    read_end, write_end = kernel.pipe2(O_NONBLOCK)
    try:
        kernel.fcntl(write_end, F_SETPIPE_SZ, kernel.fcntl(pipe, F_GETPIPE_SZ))
        shared = kernel.tee(pipe, write_end, count, SPLICE_F_NONBLOCK)
        data = b""
        while len(data) < shared:
            data += kernel.read(read_end, shared - len(data))
        return data
    finally:
        kernel.close(read_end)
        kernel.close(write_end)


def discard(kernel: Kernel, pipe: int, count: int) -> None:
    """Take bytes out of the front of a pipe that holds as many."""
    while count:
        count -= len(kernel.read(pipe, count))


def offered(kernel: Kernel, pipe: int, data: bytes) -> int:
    """How much of some bytes a pipe has taken, without a wait."""
    flags = kernel.fcntl(pipe, F_GETFL)
    kernel.fcntl(pipe, F_SETFL, flags | O_NONBLOCK)
    try:
        return kernel.write(pipe, data)
    except OSError as error:
        if error.errno != EAGAIN:
            raise
        return 0
    finally:
        kernel.fcntl(pipe, F_SETFL, flags)


def has_writers(kernel: Kernel, pipe: int) -> bool:
    """Whether anybody could still write to a pipe."""
    (found,) = kernel.poll(((pipe, POLLIN),), 0)
    return not found & POLLHUP
