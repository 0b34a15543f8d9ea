# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in file locks."""

from __future__ import annotations

from typing import Any

from conformance.systems.miniatures.base import PlantedBug
from reference.constants.descriptors import F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_SETLK
from reference.constants.errors import EAGAIN
from reference.constants.locks import F_RDLCK, F_UNLCK, F_WRLCK
from reference.constants.transfers import SEEK_SET
from reference.linux.kernel import Linux
from reference.linux.locks import PROCESS
from reference.outcomes import Refused

_QUERIES = {F_SETLK: F_GETLK, F_OFD_SETLK: F_OFD_GETLK}


class _ConversionKeeps(Linux):
    def flock(self, fd: int, operation: int) -> int:
        description = self.fds.entries.get(fd)
        locks = description.object.locks if description else None
        held = locks.wholes.get(description) if locks and description else None
        try:
            return super().flock(fd, operation)
        except Refused as refusal:
            if refusal.errno == EAGAIN and held is not None and locks and description:
                locks.wholes[description] = held
            raise


class _CloseDropsAll(Linux):
    def close(self, fd: int) -> int:
        target = self.fds.lookup(fd).object
        result = super().close(fd)
        if target.locks:
            target.locks.records.clear()
        return result


class _CloseKeeps(Linux):
    def close(self, fd: int) -> int:
        locks = self.fds.lookup(fd).object.locks
        held = locks.records.get(PROCESS) if locks else None
        result = super().close(fd)
        if locks and held:
            locks.records[PROCESS] = held
        return result


class _QueryFindsNothing(Linux):
    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        result = super().fcntl(fd, command, argument)
        return argument._replace(type=F_UNLCK) if command == F_GETLK else result


class _ReadersConflict(Linux):
    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        result = super().fcntl(fd, command, argument)
        if command in _QUERIES and argument.type == F_RDLCK:
            found = super().fcntl(fd, _QUERIES[command], argument._replace(type=F_WRLCK))
            if found.type == F_RDLCK:
                super().fcntl(fd, command, argument._replace(type=F_UNLCK))
                raise Refused(EAGAIN, "RLOCK-CONFLICT")
        return result


class _UnlockWhole(Linux):
    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        result = super().fcntl(fd, command, argument)
        if command == F_SETLK and argument.type == F_UNLCK:
            super().fcntl(fd, command, argument._replace(whence=SEEK_SET, start=0, len=0))
        return result


def _lock(kind: str, length: int = 0) -> str:
    return f"flock(type={kind}, whence=SEEK_SET, start=0, len={length}, pid=0)"


_FILE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\n'

BUGS = (
    PlantedBug(
        "flock-conversion-keeps",
        "locks",
        "A conversion of a whole-file lock that fails leaves the old lock in place.",
        "locks",
        _FILE
        + 'r1 = open("f", O_RDONLY, 0o600)\nflock(r0, LOCK_SH)\nflock(r1, LOCK_SH)\nflock(r0, LOCK_EX | LOCK_NB)\n'
        + "flock(r1, LOCK_EX | LOCK_NB)\n",
        _ConversionKeeps,
    ),
    PlantedBug(
        "close-drops-description-locks",
        "locks",
        "Closing any descriptor of a file drops the record locks of its descriptions too.",
        "locks",
        _FILE
        + f"r1 = dup(r0)\nfcntl(r0, F_OFD_SETLK, {_lock('F_RDLCK')})\nclose(r1)\n"
        + f"fcntl(r0, F_SETLK, {_lock('F_WRLCK')})\n",
        _CloseDropsAll,
    ),
    PlantedBug(
        "close-keeps-process-locks",
        "locks",
        "The record locks of a process outlive the closing of a descriptor of the file.",
        "locks",
        _FILE
        + f"r1 = dup(r0)\nfcntl(r0, F_SETLK, {_lock('F_RDLCK')})\nclose(r1)\n"
        + f"fcntl(r0, F_OFD_SETLK, {_lock('F_WRLCK')})\n",
        _CloseKeeps,
    ),
    PlantedBug(
        "getlk-finds-nothing",
        "locks",
        "F_GETLK never finds a lock.",
        "locks",
        _FILE + f"fcntl(r0, F_OFD_SETLK, {_lock('F_RDLCK')})\nfcntl(r0, F_GETLK, {_lock('F_WRLCK')})\n",
        _QueryFindsNothing,
    ),
    PlantedBug(
        "read-locks-conflict",
        "locks",
        "Two read locks of different owners conflict.",
        "locks",
        _FILE + f"fcntl(r0, F_OFD_SETLK, {_lock('F_RDLCK')})\nfcntl(r0, F_SETLK, {_lock('F_RDLCK')})\n",
        _ReadersConflict,
    ),
    PlantedBug(
        "unlock-whole",
        "locks",
        "Unlocking a part of a record lock gives all of it up.",
        "locks",
        _FILE
        + f"fcntl(r0, F_SETLK, {_lock('F_RDLCK')})\nfcntl(r0, F_SETLK, {_lock('F_UNLCK', 1)})\n"
        + f"fcntl(r0, F_OFD_SETLK, {_lock('F_WRLCK')})\n",
        _UnlockWhole,
    ),
)
