# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that make pipes, and the commands of fcntl(2) that only pipes answer."""

from __future__ import annotations

from typing import Any

from reference.constants.descriptors import F_GETPIPE_SZ, F_SETPIPE_SZ
from reference.constants.errors import EBADF, EINVAL
from reference.constants.open_flags import O_CLOEXEC, O_DIRECT, O_NONBLOCK, O_RDONLY, O_WRONLY
from reference.linux.calls_descriptors import fcntl_command, int_argument
from reference.linux.description import OpenFileDescription
from reference.linux.pipe import Pipe, PipeEnds
from reference.linux.state import KernelState
from reference.outcomes import Refused


class PipeCalls(KernelState):
    """pipe2(2)."""

    def pipe2(self, flags: int) -> tuple[int, int]:
        """pipe2(2). EINVAL, EMFILE."""
        # CHECK
        if flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT):
            raise Refused(EINVAL, "PIPE-FLAGS")
        read_fd = self.fds.lowest_free()
        write_fd = self.fds.lowest_free(read_fd + 1)
        # CHANGE
        pipe = Pipe(self)
        reader = OpenFileDescription(pipe, O_RDONLY | flags & O_NONBLOCK)
        writer = OpenFileDescription(pipe, O_WRONLY | flags & (O_NONBLOCK | O_DIRECT))
        for description in (reader, writer):
            description.direct = description.nowait = True
        pipe.ring.readers = pipe.ring.writers = 1
        cloexec = bool(flags & O_CLOEXEC)
        # RETURN
        return self.fds.install(read_fd, reader, cloexec), self.fds.install(write_fd, writer, cloexec)


def _pipe_of(kernel: KernelState, fd: int) -> PipeEnds:
    """The pipe behind a descriptor; EBADF when it is something else."""
    target = kernel.description(fd).object
    if not isinstance(target, PipeEnds):
        raise Refused(EBADF, "PIPE-SIZE-OTHER")
    return target


@fcntl_command(F_SETPIPE_SZ)
def fcntl_setpipe_sz(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_SETPIPE_SZ: the size that the pipe has got, in bytes."""
    return _pipe_of(kernel, fd).set_size(int_argument(kernel, argument))


@fcntl_command(F_GETPIPE_SZ)
def fcntl_getpipe_sz(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_GETPIPE_SZ: the size of the pipe in bytes."""
    return _pipe_of(kernel, fd).get_size()
