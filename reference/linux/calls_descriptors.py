# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on descriptors, and on the flags that descriptors and descriptions carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from reference.constants import (
    CLOSE_RANGE_CLOEXEC,
    CLOSE_RANGE_UNSHARE,
    EBADF,
    EINVAL,
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_SETFD,
    F_SETFL,
    FD_CLOEXEC,
    O_CLOEXEC,
    UINT_MAX,
)
from reference.linux.state import KernelState
from reference.outcomes import Refused

FcntlCall = Callable[[Any, int, Any], Any]


class DescriptorCalls(KernelState):
    """close(2), close_range(2), dup(2), and the dispatch of fcntl(2) and ioctl(2)."""

    fcntl_commands: ClassVar[dict[int, FcntlCall]] = {}
    """Commands of fcntl(2), filled by the modules of their subjects through :func:`fcntl_command`."""

    def close(self, fd: int) -> int:
        """close(2)."""
        # RESOLVE
        self.fds.lookup(fd)
        # CHANGE
        self.fds.remove(fd)
        # RETURN
        return 0

    def dup(self, fd: int) -> int:
        """dup(2)."""
        # RESOLVE
        description = self.fds.lookup(fd)
        # CHANGE
        return self.fds.install(self.fds.lowest_free(), description, cloexec=False)

    def dup2(self, fd: int, newfd: int) -> int:
        """dup2(2)."""
        # CHECK
        if fd == newfd:
            self.fds.lookup(fd)
            self.cite("DUP-SAME")
            return newfd
        return self.dup3(fd, newfd, 0)

    def dup3(self, fd: int, newfd: int, flags: int) -> int:
        """dup3(2)."""
        # CHECK
        if flags & ~O_CLOEXEC:
            raise Refused(EINVAL, "DUP-FLAGS")
        if fd == newfd:
            raise Refused(EINVAL, "DUP-EQUAL")
        if not 0 <= newfd < self.fds.limit:
            raise Refused(EBADF, "DUP-RANGE")
        # RESOLVE
        description = self.fds.lookup(fd)
        # CHANGE
        description.references += 1
        if newfd in self.fds.entries:
            self.cite("DUP-CLOSES")
            self.fds.remove(newfd)
        description.references -= 1
        return self.fds.install(newfd, description, bool(flags & O_CLOEXEC))

    def close_range(self, first: int, last: int, flags: int) -> int:
        """close_range(2)."""
        first, last = first & UINT_MAX, last & UINT_MAX
        # CHECK
        if flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC):
            raise Refused(EINVAL, "CLR-FLAGS")
        if first > last:
            raise Refused(EINVAL, "CLR-ORDER")
        # CHANGE
        for fd in sorted(fd for fd in self.fds.entries if first <= fd <= last):
            if flags & CLOSE_RANGE_CLOEXEC:
                self.cite("CLR-CLOEXEC")
                self.fds.close_on_exec.add(fd)
            else:
                self.fds.remove(fd)
        return 0

    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        """fcntl(2): each command is a function of its own."""
        call = self.fcntl_commands.get(command)
        if call is None:
            self.fds.lookup(fd)
            raise Refused(EINVAL, "FCNTL-COMMAND")
        return call(self, fd, argument)

    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        """ioctl(2)."""
        description = self.description(fd)
        return description.object.ioctl(description, request, argument)


def fcntl_command(command: int) -> Callable[[FcntlCall], FcntlCall]:
    """Register a function as a command of fcntl(2)."""

    def register(call: FcntlCall) -> FcntlCall:
        DescriptorCalls.fcntl_commands[command] = call
        return call

    return register


@fcntl_command(F_GETFL)
def fcntl_getfl(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_GETFL: access mode and status flags."""
    return kernel.fds.lookup(fd).flags
