# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls on the numbers of imported descriptors, and on the status flags of sandbox descriptions.

The numbers themselves are the kernel's below: it hands them out and takes them back.
What is kept here is which sandbox description each of them means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from reference.constants.descriptors import (
    CLOSE_RANGE_CLOEXEC,
    CLOSE_RANGE_UNSHARE,
    F_ADD_SEALS,
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GET_SEALS,
    F_GETFD,
    F_GETFL,
    F_GETPIPE_SZ,
    F_SETFD,
    F_SETFL,
    F_SETPIPE_SZ,
)
from reference.constants.errors import EBADF, EINVAL, EPERM
from reference.constants.limits import UINT_MAX
from reference.constants.open_flags import O_APPEND, O_ASYNC, O_CLOEXEC, O_DIRECT, O_NOATIME, O_NONBLOCK
from reference.constants.requests import FIOASYNC, FIONBIO
from reference.host.calls_reopening import ReopeningCalls
from reference.host.description import Description
from reference.outcomes import Refused

FcntlCall = Callable[[Any, int, Description, Any], Any]
SETTABLE = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK
"""The status flags that F_SETFL replaces."""
_OF_THE_NUMBER = (F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD)
"""Commands of fcntl(2) on the number: what it means matters to none of them."""


class DescriptorCalls(ReopeningCalls):
    """close(2), dup(2) and their kin, fcntl(2), ioctl(2)."""

    fcntl_commands: ClassVar[dict[int, FcntlCall]] = {}
    """Commands of fcntl(2) on a description, filled by the modules of their subjects."""

    # Numbers ----------------------------------------------------------------------------------

    def close(self, fd: int) -> int:
        """close(2). It never fails on an imported descriptor."""
        self.forget(fd)
        return self.kernel.close(fd)

    def forget(self, fd: int) -> None:
        """A number is about to be closed; the description hears of it when it was the last one (CLS-02)."""
        file = self.files.pop(fd, None)
        if file is None:
            if fd in self.left and self.is_open(fd):
                self.left.discard(fd)
            return
        self.left.add(fd)
        self.cite("CLS-01")
        locks = file.inode.locks
        if not file.path_only:
            self.cite("LCK-17")
            locks.descriptor_closed(self.jobs.caller.number)
        file.references -= 1
        if file.references:
            return
        self.cite("CLS-02")
        locks.description_closed(file)
        self.description_released(fd, file)
        file.released(fd)
        file.inode.descriptions.discard(file)
        if not file.inode.descriptions:
            self.cite("CLS-03")
            if file.inode.epollable:
                self.cite("CLS-07")

    def description_released(self, fd: int, file: Description) -> None:
        """The last number of a description is about to be closed."""

    def dup(self, fd: int) -> int:
        """dup(2)."""
        return self._shared(fd, self.kernel.dup(fd))

    def dup2(self, fd: int, newfd: int) -> int:
        """dup2(2)."""
        if fd == newfd:
            return self.kernel.dup2(fd, newfd)
        return self.dup3(fd, newfd, 0)

    def dup3(self, fd: int, newfd: int, flags: int) -> int:
        """dup3(2). What ``newfd`` meant is released before the kernel below closes it."""
        if fd != newfd and not flags & ~O_CLOEXEC and 0 <= newfd < self.caller.descriptors_max:
            self.kernel.fcntl(fd, F_GETFD)
            self.forget(newfd)
        return self._shared(fd, self.kernel.dup3(fd, newfd, flags))

    def _shared(self, fd: int, new: int) -> int:
        """A duplicate of a number means the same description (IMP-23)."""
        file = self.files.get(fd)
        if file is None:
            return new
        self.cite("IMP-23")
        return self.install(new, file)

    def close_range(self, first: int, last: int, flags: int) -> int:
        """close_range(2)."""
        low, high = first & UINT_MAX, last & UINT_MAX
        if low <= high and not flags & ~CLOSE_RANGE_UNSHARE and not flags & CLOSE_RANGE_CLOEXEC:
            for fd in sorted((fd for fd in self.files.keys() | self.left if low <= fd <= high), reverse=True):
                self.forget(fd)
        return self.kernel.close_range(first, last, flags)

    # fcntl and ioctl --------------------------------------------------------------------------

    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        """fcntl(2): each command on a description is a function of its own."""
        file = self.files.get(fd)
        if file is None:
            return self.kernel.fcntl(fd, command, argument)
        if command in _OF_THE_NUMBER:
            result = self.kernel.fcntl(fd, command, argument)
            return self.install(result, file) if command in (F_DUPFD, F_DUPFD_CLOEXEC) else result
        if file.path_only and command != F_GETFL:
            raise Refused(EBADF, "OPN-10")
        call = self.fcntl_commands.get(command)
        if call is None:
            raise Refused(EINVAL, "FL-08")
        return call(self, fd, file, argument)

    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        """ioctl(2): FIONBIO and FIOASYNC are the calls' own, the rest is the description's."""
        file = self.imported(fd)
        if file is None:
            return self.kernel.ioctl(fd, request, argument)
        if request in (FIONBIO, FIOASYNC):
            self.cite("FL-07")
            self.cite("FL-06")
            if file.inode.tty:
                self.cite("TTY-30")
            bit = O_NONBLOCK if request == FIONBIO else O_ASYNC
            file.flags = file.flags | bit if argument & UINT_MAX else file.flags & ~bit
            return 0
        return file.ioctl(fd, request, argument)


def fcntl_command(*commands: int) -> Callable[[FcntlCall], FcntlCall]:
    """Register a function as commands of fcntl(2) on an imported descriptor."""

    def register(call: FcntlCall) -> FcntlCall:
        DescriptorCalls.fcntl_commands.update(dict.fromkeys(commands, call))
        return call

    return register


@fcntl_command(F_GETFL)
def fcntl_getfl(host: DescriptorCalls, fd: int, file: Description, argument: Any) -> int:
    """F_GETFL: the flags that were kept at the open, as F_SETFL has changed them since."""
    host.cite("FL-01")
    return file.flags


@fcntl_command(F_SETFL)
def fcntl_setfl(host: DescriptorCalls, fd: int, file: Description, argument: Any) -> int:
    """F_SETFL: replaces the flags that can be set, and tells the host nothing (FL-06)."""
    changed = file.flags ^ argument
    if changed & argument & O_NOATIME and file.inode.stat(fd).uid != host.caller.uid and not host.caller.capable:
        host.cite("FL-05")
        raise Refused(EPERM, "FL-04")
    if argument & O_DIRECT:
        host.cite("FL-05")
        raise Refused(EINVAL, "FL-03")
    host.cite("FL-02")
    host.cite("FL-06")
    file.flags = file.flags & ~SETTABLE | argument & SETTABLE
    return 0


@fcntl_command(F_SETPIPE_SZ, F_GETPIPE_SZ)
def fcntl_pipe_size(host: DescriptorCalls, fd: int, file: Description, argument: Any) -> int:
    """F_SETPIPE_SZ and F_GETPIPE_SZ: an imported pipe is no pipe of the sandbox's."""
    raise Refused(EBADF, "FL-08")


@fcntl_command(F_GET_SEALS)
def fcntl_get_seals(host: DescriptorCalls, fd: int, file: Description, argument: Any) -> int:
    """F_GET_SEALS: imported memory is no memory file of the sandbox's."""
    raise Refused(EINVAL, "FL-08")


@fcntl_command(F_ADD_SEALS)
def fcntl_add_seals(host: DescriptorCalls, fd: int, file: Description, argument: Any) -> int:
    """F_ADD_SEALS: EPERM without write access, else as F_GET_SEALS."""
    raise Refused(EINVAL if file.writable else EPERM, "FL-08")
