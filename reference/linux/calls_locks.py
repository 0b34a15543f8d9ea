# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that lock: flock(2), and the record locks of fcntl(2)."""

from __future__ import annotations

from typing import Any

from reference.constants.descriptors import F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_SETLK
from reference.constants.errors import EAGAIN, EBADF, EINVAL, ENOLCK, EOVERFLOW
from reference.constants.limits import LLONG_MAX
from reference.constants.locks import F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN
from reference.constants.transfers import SEEK_CUR, SEEK_END, SEEK_SET
from reference.linux.calls_descriptors import fcntl_command
from reference.linux.description import OpenFileDescription
from reference.linux.directory import Directory
from reference.linux.inode import Inode
from reference.linux.locks import LOCK_TYPES, PROCESS, FileLocks, Owner, Span
from reference.linux.releases import OWN_LOCKS_SINCE
from reference.linux.state import KernelState
from reference.outcomes import Refused, Sleeps
from reference.structures import Flock

LOCK_MAND = 32
"""A kind of lock that Linux no longer has, and still accepts."""

OFD_PID = -1

_WHOLE_TYPES = {LOCK_SH: F_RDLCK, LOCK_EX: F_WRLCK, LOCK_UN: F_UNLCK}


class LockCalls(KernelState):
    """flock(2)."""

    def flock(self, fd: int, operation: int) -> int:
        """flock(2). EINVAL, EBADF, EWOULDBLOCK."""
        # CHECK
        if operation & LOCK_MAND:
            self.cite("LOCK-MANDATORY")
            return 0
        kind = _WHOLE_TYPES.get(operation & ~LOCK_NB)
        if kind is None:
            raise Refused(EINVAL, "LOCK-OPERATION")
        # RESOLVE
        description = self.description(fd)
        _refuse_shared(description, kind)
        if kind != F_UNLCK and not (description.readable or description.writable):
            raise Refused(EBADF, "LOCK-ACCESS")
        locks = _locks_of(description)
        # CHANGE
        held = locks.wholes.get(description)
        if held == kind:
            self.cite("LOCK-HELD")
            return 0
        if held is not None:
            self.cite("LOCK-UNLOCK" if kind == F_UNLCK else "LOCK-CONVERSION")
            del locks.wholes[description]
        if kind == F_UNLCK:
            return 0
        if locks.whole_conflicts(description, kind):
            if operation & LOCK_NB:
                raise Refused(EAGAIN, "LOCK-CONFLICT")
            raise Sleeps("LOCK-WAITS")
        locks.wholes[description] = kind
        # RETURN
        return 0


def _refuse_shared(description: OpenFileDescription, kind: int) -> None:
    """Refuse locks on an inode that other processes of the machine use: what they hold is nobody's to predict."""
    if description.object.shared and kind != F_UNLCK:
        raise Refused(ENOLCK, "LOCK-SHARED")


def _locks_of(description: OpenFileDescription) -> FileLocks:
    """The locks of the inode behind a description."""
    target = description.object
    if target.locks is None:
        target.locks = FileLocks(target.kernel.cite)
    return target.locks


def _base(description: OpenFileDescription, whence: int) -> Any:
    """The offset that ``l_start`` counts from. How large a directory is, is its file system's own business."""
    if whence == SEEK_SET:
        return 0
    if whence == SEEK_CUR:
        return description.offset
    if whence == SEEK_END:
        target = description.object
        if isinstance(target, Directory):
            raise Refused(ENOLCK, "RLOCK-DIRECTORY-END")
        return target.size() if isinstance(target, Inode) else 0
    raise Refused(EINVAL, "RLOCK-WHENCE")


def _span(description: OpenFileDescription, lock: Flock) -> Span:
    """The bytes that a struct flock describes: length 0 reaches to the end of time, below 0 lies before the start."""
    # CHECK
    base = _base(description, lock.whence)
    first = base + lock.start
    if first > LLONG_MAX:
        raise Refused(EOVERFLOW, "RLOCK-OVERFLOW")
    if first < 0:
        raise Refused(EINVAL, "RLOCK-NEGATIVE")
    last = LLONG_MAX
    if lock.len > 0:
        last = first + lock.len - 1
        if last > LLONG_MAX:
            raise Refused(EOVERFLOW, "RLOCK-OVERFLOW")
    elif lock.len < 0:
        first, last = first + lock.len, first - 1
        if first < 0:
            raise Refused(EINVAL, "RLOCK-NEGATIVE")
    if lock.type not in LOCK_TYPES:
        raise Refused(EINVAL, "RLOCK-TYPE")
    # RETURN
    return Span(lock.type, first, last)


def _check_pid(lock: Flock) -> None:
    if lock.pid != 0:
        raise Refused(EINVAL, "RLOCK-OFD-PID")


def _set(kernel: KernelState, description: OpenFileDescription, owner: Owner, wanted: Span) -> int:
    """Take or give up a record lock for an owner. EAGAIN."""
    locks = _locks_of(description)
    # CHECK
    if wanted.type != F_UNLCK and locks.conflict(owner, wanted):
        raise Refused(EAGAIN, "RLOCK-CONFLICT")
    # CHANGE
    kernel.cite("RLOCK-REPLACES")
    locks.set(owner, wanted)
    # RETURN
    return 0


def _check_access(description: OpenFileDescription, kind: int) -> None:
    """Refuse a lock that the access mode does not allow."""
    if (kind == F_RDLCK and not description.readable) or (kind == F_WRLCK and not description.writable):
        raise Refused(EBADF, "RLOCK-ACCESS")


def _found(kernel: KernelState, lock: Flock, hit: tuple[Owner, Span] | None) -> Flock:
    """What a query answers: a lock that was found, or the question with its type set to F_UNLCK."""
    if hit is None:
        kernel.cite("RLOCK-FREE")
        return lock._replace(type=F_UNLCK)
    owner, (kind, first, last) = hit
    kernel.cite("RLOCK-FOUND")
    length = 0 if last == LLONG_MAX else last - first + 1
    return Flock(kind, SEEK_SET, first, length, kernel.processes.caller.number if owner is PROCESS else OFD_PID)


@fcntl_command(F_SETLK)
def fcntl_setlk(kernel: KernelState, fd: int, argument: Flock) -> int:
    """F_SETLK (fcntl_locking(2)). EBADF, EINVAL, EOVERFLOW, EAGAIN."""
    # RESOLVE
    description = kernel.description(fd)
    # CHECK
    wanted = _span(description, argument)
    _refuse_shared(description, wanted.type)
    _check_access(description, wanted.type)
    # CHANGE
    return _set(kernel, description, PROCESS, wanted)


@fcntl_command(F_OFD_SETLK)
def fcntl_ofd_setlk(kernel: KernelState, fd: int, argument: Flock) -> int:
    """F_OFD_SETLK (fcntl_locking(2)). EBADF, EINVAL, EOVERFLOW, EAGAIN."""
    # RESOLVE
    description = kernel.description(fd)
    # CHECK
    wanted = _span(description, argument)
    if not description.object.shared:
        _check_access(description, wanted.type)
    _check_pid(argument)
    _refuse_shared(description, wanted.type)
    # CHANGE
    return _set(kernel, description, description, wanted)


@fcntl_command(F_GETLK)
def fcntl_getlk(kernel: KernelState, fd: int, argument: Flock) -> Flock:
    """F_GETLK (fcntl_locking(2)): the first lock in the way of one that is asked for. EBADF, EINVAL, EOVERFLOW."""
    # RESOLVE
    description = kernel.description(fd)
    # CHECK
    if argument.type not in (F_RDLCK, F_WRLCK):
        raise Refused(EINVAL, "RLOCK-TYPE")
    wanted = _span(description, argument)
    _refuse_shared(description, wanted.type)
    # RETURN
    return _found(kernel, argument, _locks_of(description).conflict(PROCESS, wanted))


@fcntl_command(F_OFD_GETLK)
def fcntl_ofd_getlk(kernel: KernelState, fd: int, argument: Flock) -> Flock:
    """F_OFD_GETLK (fcntl_locking(2)): as F_GETLK for a description; with F_UNLCK, a lock that it holds itself."""
    # RESOLVE
    description = kernel.description(fd)
    # CHECK
    if argument.type == F_UNLCK and kernel.profile.kernel < OWN_LOCKS_SINCE:
        raise Refused(EINVAL, "RLOCK-OWN")
    wanted = _span(description, argument)
    _check_pid(argument)
    _refuse_shared(description, wanted.type)
    # RETURN
    locks = _locks_of(description)
    if wanted.type == F_UNLCK:
        kernel.cite("RLOCK-OWN")
        return _found(kernel, argument, locks.overlap(description, wanted))
    return _found(kernel, argument, locks.conflict(description, wanted))
