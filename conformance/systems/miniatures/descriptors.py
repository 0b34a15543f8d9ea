# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in what descriptors share, and in the numbers they get."""

from __future__ import annotations

from copy import copy
from typing import Any

from conformance.systems.miniatures.base import PlantedBug
from reference.constants.descriptors import F_DUPFD, F_GETFL, F_SETFL
from reference.constants.errors import EINVAL
from reference.constants.limits import UINT_MAX
from reference.constants.open_flags import O_ACCMODE, O_APPEND
from reference.constants.requests import FIGETBSZ, FIONBIO
from reference.linux.description import OpenFileDescription
from reference.linux.fdtable import FdTable, drop
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.outcomes import Refused


class _DupOpensAnew(Linux):
    def dup(self, fd: int) -> int:
        new = super().dup(fd)
        shared = self.fds.entries[fd]
        if shared.object.seekable and not shared.path_only:
            self.fds.entries[new] = own = copy(shared)
            own.references = 1
            shared.references -= 1
        return new


class _SetflOwn(Linux):
    def __init__(self, profile: Profile) -> None:
        self._stale: dict[int, tuple[OpenFileDescription, int]] = {}
        super().__init__(profile)

    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        entries = self.fds.entries
        if command == F_SETFL and fd in entries:
            shared = entries[fd]
            for other, description in entries.items():
                if description is shared and other != fd:
                    self._stale.setdefault(other, (shared, shared.flags))
        result = super().fcntl(fd, command, argument)
        if command == F_GETFL and fd in self._stale and self._stale[fd][0] is entries[fd]:
            return self._stale[fd][1]
        return result


class _SetflMode(Linux):
    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        result = super().fcntl(fd, command, argument)
        if command == F_SETFL:
            self.fds.entries[fd].flags &= ~O_ACCMODE
        return result


class _SetflAppend(Linux):
    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        return super().fcntl(fd, command, argument & ~O_APPEND if command == F_SETFL else argument)


class _DupSameCloses(Linux):
    def dup2(self, fd: int, newfd: int) -> int:
        result = super().dup2(fd, newfd)
        if fd == newfd:
            self.fds.remove(fd)
        return result


class _DupCloexec(Linux):
    def dup(self, fd: int) -> int:
        new = super().dup(fd)
        if fd in self.fds.close_on_exec:
            self.fds.close_on_exec.add(new)
        return new


class _DupThreeCloexec(Linux):
    def dup3(self, fd: int, newfd: int, flags: int) -> int:
        new = super().dup3(fd, newfd, flags)
        self.fds.close_on_exec.discard(new)
        return new


class _RisingTable(FdTable):
    """Hands out a number once only."""

    def __init__(self, descriptors_max: int) -> None:
        super().__init__(descriptors_max)
        self._next = 0

    def install(self, fd: int, description: Any, cloexec: bool) -> int:
        self._next = max(self._next, fd + 1)
        return super().install(fd, description, cloexec)

    def lowest_free(self, minimum: int = 0) -> int:
        return super().lowest_free(max(minimum, self._next))


class _RisingNumbers(Linux):
    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        table = _RisingTable(profile.descriptors_max)
        for fd, description in self.fds.entries.items():
            table.install(fd, description, cloexec=False)
        self.fds = table


class _DupfdMinimum(Linux):
    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        return super().fcntl(fd, command, 0 if command == F_DUPFD and 0 <= argument < self.fds.limit else argument)


class _CloseRangeLast(Linux):
    def close_range(self, first: int, last: int, flags: int) -> int:
        if first == last:
            return super().close_range(UINT_MAX, UINT_MAX, flags)
        return super().close_range(first, last - 1 if 0 <= first < last else last, flags)


class _FionbioIgnored(Linux):
    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        if request == FIONBIO:
            self.description(fd)
            return 0
        return super().ioctl(fd, request, argument)


class _BlockSizeOfFiles(Linux):
    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        if request == FIGETBSZ and not self.description(fd).object.seekable:
            raise Refused(EINVAL, "IOCTL-FIGETBSZ")
        return super().ioctl(fd, request, argument)


class _CloseReleases(Linux):
    def close(self, fd: int) -> int:
        description = self.fds.lookup(fd)
        super().close(fd)
        if description.references > 0:
            description.references += 1
            references, description.references = description.references, 1
            drop(description)
            description.references = references - 1
        return 0


_DEVICE = 'r0 = open("/dev/null", O_RDONLY, 0o600)\n'
_FILE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\n'

BUGS = (
    PlantedBug(
        "dup-opens-anew",
        "descriptors",
        "A duplicate of a file has a position and status flags of its own.",
        "files",
        _FILE + 'r1 = dup(r0)\nwrite(r0, b"x")\nlseek(r1, 0, SEEK_CUR)\n',
        _DupOpensAnew,
    ),
    PlantedBug(
        "setfl-own-flags",
        "descriptors",
        "F_GETFL of a duplicate does not show what F_SETFL changed.",
        "pipes",
        _DEVICE + "r1 = dup(r0)\nfcntl(r0, F_SETFL, O_RDONLY | O_NONBLOCK)\nfcntl(r1, F_GETFL)\n",
        _SetflOwn,
    ),
    PlantedBug(
        "setfl-access-mode",
        "descriptors",
        "F_SETFL replaces the access mode.",
        "pipes",
        "r0, r1 = pipe2(0)\nfcntl(r1, F_SETFL, O_RDONLY)\nfcntl(r1, F_GETFL)\n",
        _SetflMode,
    ),
    PlantedBug(
        "setfl-append",
        "descriptors",
        "F_SETFL cannot set O_APPEND.",
        "files",
        _DEVICE + "fcntl(r0, F_SETFL, O_RDONLY | O_APPEND)\nfcntl(r0, F_GETFL)\n",
        _SetflAppend,
    ),
    PlantedBug(
        "dup2-same-closes",
        "descriptors",
        "dup2(2) of a descriptor onto itself closes it.",
        "pipes",
        _DEVICE + "dup2(r0, r0)\nclose(r0)\n",
        _DupSameCloses,
    ),
    PlantedBug(
        "dup-cloexec",
        "descriptors",
        "dup(2) copies the close-on-exec flag.",
        "pipes",
        'r0 = open("/dev/null", O_RDONLY | O_CLOEXEC, 0o600)\nr1 = dup(r0)\nfcntl(r1, F_GETFD)\n',
        _DupCloexec,
    ),
    PlantedBug(
        "dup3-cloexec",
        "descriptors",
        "dup3(2) ignores O_CLOEXEC.",
        "pipes",
        _DEVICE + "r1 = dup3(r0, 10, O_CLOEXEC)\nfcntl(r1, F_GETFD)\n",
        _DupThreeCloexec,
    ),
    PlantedBug(
        "numbers-only-rise",
        "descriptors",
        "The number of a closed descriptor is never handed out again.",
        "pipes",
        _DEVICE + 'close(r0)\nr1 = open("/dev/null", O_RDONLY, 0o600)\n',
        _RisingNumbers,
    ),
    PlantedBug(
        "dupfd-minimum",
        "descriptors",
        "F_DUPFD takes the lowest free number of all.",
        "pipes",
        _DEVICE + "r1 = fcntl(r0, F_DUPFD, 10)\n",
        _DupfdMinimum,
    ),
    PlantedBug(
        "close-range-last",
        "descriptors",
        "close_range(2) leaves the last number of the range open.",
        "pipes",
        'close_range(0, 0, 0)\nr0 = open("/dev/null", O_RDONLY, 0o600)\n',
        _CloseRangeLast,
    ),
    PlantedBug(
        "fionbio-ignored",
        "descriptors",
        "FIONBIO does nothing.",
        "pipes",
        _DEVICE + "ioctl(r0, FIONBIO, 1)\nfcntl(r0, F_GETFL)\n",
        _FionbioIgnored,
    ),
    PlantedBug(
        "figetbsz-of-files-only",
        "descriptors",
        "FIGETBSZ fails for what is no file.",
        "pipes",
        "r0, r1 = pipe2(0)\nioctl(r0, FIGETBSZ)\n",
        _BlockSizeOfFiles,
    ),
    PlantedBug(
        "dup-holds-nothing",
        "descriptors",
        "Closing one of two duplicates releases the object, as if it were the last.",
        "pipes",
        'r0, r1 = pipe2(O_NONBLOCK)\nr2 = dup(r0)\nclose(r0)\nwrite(r1, b"x")\n',
        _CloseReleases,
    ),
)
