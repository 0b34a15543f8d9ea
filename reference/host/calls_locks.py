# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls that lock imported descriptors: flock(2), and the record locks of fcntl(2)."""

from __future__ import annotations

from reference.constants.descriptors import F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_SETLK
from reference.constants.errors import EAGAIN, EBADF, EINVAL, ESPIPE
from reference.constants.file_status import S_IFREG
from reference.constants.limits import LLONG_MAX
from reference.constants.locks import F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN
from reference.constants.transfers import SEEK_CUR, SEEK_END, SEEK_SET
from reference.host.calls_descriptors import DescriptorCalls, fcntl_command
from reference.host.description import Description
from reference.host.locks import END_OF_FILE, WHOLE, FileLocks, Owner, Range, Segment
from reference.host.state import HostState
from reference.outcomes import Refused, Sleeps
from reference.structures import Flock

OFD_PID = -1
"""The process of a lock that belongs to a description."""
NO_PID = 0
"""What OFD_PID becomes when it is looked up as the number of a process."""
_WHOLE_TYPES = {LOCK_SH: F_RDLCK, LOCK_EX: F_WRLCK, LOCK_UN: F_UNLCK}


class LockCalls(HostState):
    """flock(2)."""

    def flock(self, fd: int, operation: int) -> int:
        """flock(2). The operation is looked at before an O_PATH description refuses."""
        file = self.files.get(fd)
        if file is None:
            return self.kernel.flock(fd, operation)
        self.cite("LCK-02")
        kind = _WHOLE_TYPES.get(operation & ~LOCK_NB)
        if kind is None:
            raise Refused(EINVAL, "LCK-05")
        if file.path_only:
            raise Refused(EBADF, "OPN-10")
        wholes = locks_of(self, file).wholes
        if kind == F_UNLCK:
            self.cite("LCK-03")
            wholes.unlock(file, WHOLE)
            return 0
        if wholes.refusing(file, kind, WHOLE):
            if not operation & LOCK_NB:
                raise Sleeps("LCK-03")
            held = any(file in segment.holders for segment in wholes.segments)
            raise Refused(EAGAIN, "LCK-04" if held else "LCK-03")
        self.cite("LCK-03")
        wholes.lock(file, kind, WHOLE)
        return 0


def locks_of(host: HostState, file: Description) -> FileLocks:
    """The locks of the import behind a description, of whatever kind it is, and whatever access it has."""
    if file.inode.type != S_IFREG or not (file.readable or file.writable):
        host.cite("LCK-01")
    return file.inode.locks


def _range(host: HostState, fd: int, file: Description, lock: Flock) -> Range:
    """The bytes that a struct flock describes. An end past all offsets is as good as any other. ESPIPE, EINVAL."""
    start = _base(host, fd, file, lock.whence) + lock.start
    end = start + lock.len if lock.len else END_OF_FILE
    # A start past the largest offset has turned negative.
    if not 0 <= start <= LLONG_MAX or end < 0:
        raise Refused(EINVAL, "LCK-09")
    if end > LLONG_MAX:
        host.cite("LCK-09")
    return Range(min(start, end), max(start, end))


def _base(host: HostState, fd: int, file: Description, whence: int) -> int:
    if whence == SEEK_SET:
        return 0
    if whence == SEEK_CUR:
        if not file.inode.seekable:
            raise Refused(ESPIPE, "LCK-08")
        return file.offset
    if whence == SEEK_END:
        size: int = host.kernel.fstat(fd).size
        return size
    raise Refused(EINVAL, "LCK-08")


def _set(host: HostState, fd: int, file: Description, owner: Owner, lock: Flock) -> int:
    """Take or give up a record lock for an owner. EINVAL, ESPIPE, EBADF, EAGAIN."""
    host.cite("LCK-02")
    wanted = _range(host, fd, file, lock)
    if (lock.type == F_RDLCK and not file.readable) or (lock.type == F_WRLCK and not file.writable):
        raise Refused(EBADF, "LCK-07")
    records = locks_of(host, file).records
    if wanted.start == wanted.end:
        host.cite("LCK-18")
    if lock.type == F_UNLCK:
        host.cite("LCK-10")
        records.unlock(owner, wanted)
        return 0
    if lock.type not in (F_RDLCK, F_WRLCK):
        raise Refused(EINVAL, "LCK-07")
    blocking = records.refusing(owner, lock.type, wanted)
    if blocking is not None:
        others = blocking.holders - {owner}
        raise Refused(EAGAIN, "LCK-10" if all(_alike(owner, other) for other in others) else "LCK-12")
    host.cite("LCK-10")
    records.lock(owner, lock.type, wanted)
    return 0


def _alike(one: Owner, other: Owner) -> bool:
    """Whether two owners are of one sort: processes, or descriptions."""
    return isinstance(one, int) == isinstance(other, int)


def _query(host: HostState, fd: int, file: Description, owner: Owner, lock: Flock) -> Flock:
    """What stands in the way of a lock for an owner. EINVAL, ESPIPE."""
    host.cite("LCK-02")
    if lock.type not in (F_RDLCK, F_WRLCK):
        raise Refused(EINVAL, "LCK-16")
    asked = _range(host, fd, file, lock)
    for segment in locks_of(host, file).records.segments:
        if segment.overlaps(asked) and segment.refuses(owner, lock.type):
            holders = _told(host, segment, owner)
            if holders:
                host.cite("LCK-14")
                length = segment.end - segment.start
                return Flock(segment.type, SEEK_SET, segment.start, length, _pid(owner, holders[0]))
    host.cite("LCK-13")
    return Flock(F_UNLCK, 0, 0, 0, 0)


def _told(host: HostState, segment: Segment, owner: Owner) -> list[Owner]:
    """The holders of a segment that a query of an owner tells: of readers, those of its own sort."""
    others = [holder for holder in segment.holders if holder != owner]
    if segment.type == F_WRLCK:
        return others
    alike = [holder for holder in others if _alike(owner, holder)]
    if alike != others:
        host.cite("LCK-15")
    return alike


def _pid(owner: Owner, holder: Owner) -> int:
    if isinstance(holder, int):
        return holder
    return NO_PID if isinstance(owner, int) else OFD_PID


@fcntl_command(F_SETLK)
def fcntl_setlk(host: DescriptorCalls, fd: int, file: Description, argument: Flock) -> int:
    """F_SETLK, for the calling process."""
    host.cite("LCK-06")
    return _set(host, fd, file, host.jobs.caller.number, argument)


@fcntl_command(F_OFD_SETLK)
def fcntl_ofd_setlk(host: DescriptorCalls, fd: int, file: Description, argument: Flock) -> int:
    """F_OFD_SETLK, for the description."""
    if argument.pid != 0:
        raise Refused(EINVAL, "LCK-06")
    host.cite("LCK-06")
    return _set(host, fd, file, file, argument)


@fcntl_command(F_GETLK)
def fcntl_getlk(host: DescriptorCalls, fd: int, file: Description, argument: Flock) -> Flock:
    """F_GETLK, for the calling process."""
    return _query(host, fd, file, host.jobs.caller.number, argument)


@fcntl_command(F_OFD_GETLK)
def fcntl_ofd_getlk(host: DescriptorCalls, fd: int, file: Description, argument: Flock) -> Flock:
    """F_OFD_GETLK, for the description. Unlike the setting of a lock, it may name a process."""
    if argument.pid:
        host.cite("LCK-06")
    return _query(host, fd, file, file, argument)
