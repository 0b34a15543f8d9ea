# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on descriptors, and on the flags that descriptors and descriptions carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from reference.constants.descriptors import (
    CLOSE_RANGE_CLOEXEC,
    CLOSE_RANGE_UNSHARE,
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_SETFD,
    F_SETFL,
    FD_CLOEXEC,
)
from reference.constants.errors import EBADF, EINVAL, ENOTTY, EPERM
from reference.constants.limits import UINT_MAX, ULONG_MAX
from reference.constants.open_flags import O_APPEND, O_ASYNC, O_CLOEXEC, O_DIRECT, O_NOATIME, O_NONBLOCK
from reference.constants.requests import FIGETBSZ, FIOASYNC, FIONBIO, FIONREAD
from reference.linux.description import OpenFileDescription
from reference.linux.regular import RegularFile
from reference.linux.releases import INT_ARGUMENTS_SINCE
from reference.linux.state import KernelState
from reference.outcomes import Refused

FcntlCall = Callable[[Any, int, Any], Any]

SETTABLE = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME
"""The status flags that F_SETFL stores. O_ASYNC is the object's own, everything else stays as it is."""

_PATH_COMMANDS = frozenset((F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL))
"""The commands that a descriptor opened with O_PATH answers (open(2))."""


class DescriptorCalls(KernelState):
    """close(2), close_range(2), dup(2), and the dispatch of fcntl(2) and ioctl(2)."""

    fcntl_commands: ClassVar[dict[int, FcntlCall]] = {}
    """Commands of fcntl(2), filled by the modules of their subjects through :func:`fcntl_command`."""

    def close(self, fd: int) -> int:
        """close(2). EBADF."""
        # RESOLVE
        self.fds.lookup(fd)
        # CHANGE
        self.fds.remove(fd)
        # RETURN
        return 0

    def dup(self, fd: int) -> int:
        """dup(2). EBADF, EMFILE."""
        # RESOLVE
        description = self.fds.lookup(fd)
        # CHANGE
        return self.fds.install(self.fds.lowest_free(), description, cloexec=False)

    def dup2(self, fd: int, newfd: int) -> int:
        """dup2(2). EBADF."""
        # CHECK
        if fd == newfd:
            self.fds.lookup(fd)
            self.cite("DUP-SAME")
            return newfd
        return self.dup3(fd, newfd, 0)

    def dup3(self, fd: int, newfd: int, flags: int) -> int:
        """dup3(2). EINVAL, EBADF."""
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
        if newfd in self.fds.entries:
            self.cite("DUP-CLOSES")
            return self.fds.replace(newfd, description, bool(flags & O_CLOEXEC))
        return self.fds.install(newfd, description, bool(flags & O_CLOEXEC))

    def close_range(self, first: int, last: int, flags: int) -> int:
        """close_range(2). EINVAL. The numbers are unsigned: -1 is the largest."""
        first, last = first & UINT_MAX, last & UINT_MAX
        # CHECK
        if flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC):
            raise Refused(EINVAL, "CLR-FLAGS")
        if first > last:
            raise Refused(EINVAL, "CLR-ORDER")
        # CHANGE
        if flags & CLOSE_RANGE_CLOEXEC:
            self.cite("CLR-CLOEXEC")
            self.fds.close_on_exec.update([fd for fd in self.fds.entries if first <= fd <= last])
        else:
            self.cite("CLR-CLOSES")
            self.fds.remove_between(first, last)
        # RETURN
        return 0

    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        """fcntl(2): each command is a function of its own."""
        # RESOLVE
        description = self.fds.lookup(fd)
        # CHECK
        if description.path_only and command not in _PATH_COMMANDS:
            raise Refused(EBADF, "FD-OPATH")
        call = self.fcntl_commands.get(command)
        if call is None:
            raise Refused(EINVAL, "FCNTL-COMMAND")
        # CHANGE
        return call(self, fd, argument)

    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        """ioctl(2): a few requests are the same everywhere, FIONREAD on files; the rest is the object's own."""
        # RESOLVE
        description = self.description(fd)
        # CHANGE
        if request == FIONBIO:
            self.cite("IOCTL-FIONBIO")
            if argument & UINT_MAX:
                description.flags |= O_NONBLOCK
            else:
                description.flags &= ~O_NONBLOCK
            return 0
        if request == FIOASYNC:
            return self._ioctl_async(description, bool(argument & UINT_MAX))
        target = description.object
        if request == FIONREAD and isinstance(target, RegularFile):
            self.cite("IOCTL-FIONREAD-FILE")
            # The difference is stored as a signed number of 32 bits.
            return (target.size() - description.offset + 2**31) % 2**32 - 2**31
        if request == FIGETBSZ:
            self.cite("IOCTL-FIGETBSZ")
            return target.stat().blksize
        return target.ioctl(description, request, argument)

    def _ioctl_async(self, description: OpenFileDescription, on: bool) -> int:
        """FIOASYNC. ENOTTY when the flag would change on an object that announces nothing."""
        if on != bool(description.flags & O_ASYNC):
            if not description.object.asynchronous:
                raise Refused(ENOTTY, "IOCTL-FIOASYNC-NONE")
            description.object.check_announcing(description)
            _announce(description, on)
        self.cite("IOCTL-FIOASYNC")
        return 0


def fcntl_command(command: int) -> Callable[[FcntlCall], FcntlCall]:
    """Register a function as a command of fcntl(2)."""

    def register(call: FcntlCall) -> FcntlCall:
        DescriptorCalls.fcntl_commands[command] = call
        return call

    return register


def int_argument(kernel: KernelState, argument: int) -> int:
    """The argument of a command that takes an int: 32 bits of it, or on older kernels all that it was given."""
    if kernel.profile.kernel < INT_ARGUMENTS_SINCE:
        return argument & ULONG_MAX
    return argument & UINT_MAX


def _announce(description: OpenFileDescription, on: bool) -> None:
    """Start or stop announcing with SIGIO. O_ASYNC that open(2) left in the flags was never started, and stays."""
    if on:
        description.announced = True
        description.object.announcing(description)
        description.flags |= O_ASYNC
    elif description.announced:
        description.announced = False
        description.flags &= ~O_ASYNC


def _duplicate(kernel: KernelState, fd: int, argument: int, cloexec: bool) -> int:
    # RESOLVE
    description = kernel.fds.lookup(fd)
    # CHECK
    minimum = argument & UINT_MAX
    if minimum >= kernel.fds.limit:
        raise Refused(EINVAL, "DUPFD-RANGE")
    # CHANGE
    kernel.cite("DUPFD-LOWEST")
    return kernel.fds.install(kernel.fds.lowest_free(minimum), description, cloexec)


@fcntl_command(F_DUPFD)
def fcntl_dupfd(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_DUPFD: the lowest free number from ``argument`` on. EINVAL, EMFILE."""
    return _duplicate(kernel, fd, argument, cloexec=False)


@fcntl_command(F_DUPFD_CLOEXEC)
def fcntl_dupfd_cloexec(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_DUPFD_CLOEXEC: as F_DUPFD, with FD_CLOEXEC on the new number."""
    return _duplicate(kernel, fd, argument, cloexec=True)


@fcntl_command(F_GETFD)
def fcntl_getfd(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_GETFD: FD_CLOEXEC or 0."""
    kernel.cite("FD-CLOEXEC")
    return FD_CLOEXEC if fd in kernel.fds.close_on_exec else 0


@fcntl_command(F_SETFD)
def fcntl_setfd(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_SETFD: bits other than FD_CLOEXEC are ignored."""
    kernel.cite("FD-CLOEXEC")
    if argument & FD_CLOEXEC:
        kernel.fds.close_on_exec.add(fd)
    else:
        kernel.fds.close_on_exec.discard(fd)
    return 0


@fcntl_command(F_GETFL)
def fcntl_getfl(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_GETFL: access mode and status flags."""
    kernel.cite("GETFL")
    return kernel.fds.lookup(fd).flags


@fcntl_command(F_SETFL)
def fcntl_setfl(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_SETFL: O_APPEND, O_NONBLOCK, O_DIRECT, O_NOATIME and O_ASYNC; other bits are ignored. EPERM, EINVAL."""
    # RESOLVE
    description = kernel.fds.lookup(fd)
    target = description.object
    # CHECK
    if argument & O_NOATIME and not description.flags & O_NOATIME:
        profile = kernel.profile
        if not profile.capable and profile.uid != target.uid:
            raise Refused(EPERM, "SETFL-NOATIME")
    if argument & O_DIRECT and not description.direct:
        raise Refused(EINVAL, "SETFL-DIRECT")
    # CHANGE
    if target.asynchronous and (argument ^ description.flags) & O_ASYNC:
        target.check_announcing(description)
        kernel.cite("SETFL-ASYNC")
        _announce(description, bool(argument & O_ASYNC))
    kernel.cite("SETFL-BITS")
    description.flags = argument & SETTABLE | description.flags & ~SETTABLE
    return 0
