# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in the locks, the positions and the attributes of imports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.systems.miniatures.wrong_host import host_bug, with_inode, with_plain
from reference.constants.descriptors import F_OFD_SETLK
from reference.constants.errors import EINVAL, EOVERFLOW
from reference.constants.transfers import SEEK_CUR, SEEK_SET
from reference.host.description import Description, PlainDescription
from reference.host.inode import Facts, Inode
from reference.host.kernel import Host
from reference.host.locks import FileLocks
from reference.host.state import HostState
from reference.outcomes import Refused


class _LocksOutliveDescriptions(FileLocks):
    def description_closed(self, file: Description) -> None:
        pass


class _LocksOutliveDescriptors(FileLocks):
    def descriptor_closed(self, process: int) -> None:
        pass


def _with_locks(locks: Callable[[], FileLocks]) -> type[Host]:
    class Locked(Inode):
        def __init__(self, host: HostState, facts: Facts, owner: Any) -> None:
            super().__init__(host, facts, owner)
            self.locks = locks()

    return with_inode(Locked)


class _ProcessOfDescriptionLocks(Host):
    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        if command == F_OFD_SETLK and fd in self.files:
            argument = argument._replace(pid=0)
        return super().fcntl(fd, command, argument)


class _LocksReachTheHost(Host):
    def flock(self, fd: int, operation: int) -> int:
        return self.kernel.flock(fd, operation)


class _OverflowIsInvalid(PlainDescription):
    def _moved(self, base: int, offset: int, overflow: str, negative: str, moved: str) -> int:
        try:
            return super()._moved(base, offset, overflow, negative, moved)
        except Refused as refusal:
            raise Refused(EINVAL if refusal.errno == EOVERFLOW else refusal.errno, refusal.clause) from None


class _DataSoughtInPlace(PlainDescription):
    def _sought_on_the_host(self, host_fd: int, offset: int, whence: int) -> int:
        before = self.host.kernel.lseek(host_fd, 0, SEEK_CUR)
        found = super()._sought_on_the_host(host_fd, offset, whence)
        self.host.kernel.lseek(host_fd, before, SEEK_SET)
        return found


class _ReadonlySyncs(PlainDescription):
    def sync(self, host_fd: int) -> int:
        return self.host.kernel.fsync(host_fd)


class _ModePushed(Inode):
    def _set_mode(self, mode: int, before: Any) -> None:
        super()._set_mode(mode, before)
        for fd, file in self.host.files.items():
            if file.inode is self:
                self.host.kernel.fchmod(fd, mode & 0o7777)


class _ModeWithoutOwner(Inode):
    def _set_mode(self, mode: int, before: Any) -> None:
        if self.owner is not None:
            super()._set_mode(mode, before)


_FILE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\n'
_IMPORT = "r1 = import_fd(r0)\n"
_LOCK = "flock(type=F_WRLCK, whence=SEEK_SET, start=0, len=0, pid={})"
_KIND = "host-locks"

BUGS = (
    host_bug(
        "host-locks-outlive-descriptions",
        _KIND,
        "The last close of a description leaves its locks.",
        _KIND,
        _FILE
        + _IMPORT
        + "r2 = reopen(r1, O_RDWR)\nflock(r2, LOCK_EX | LOCK_NB)\nclose(r2)\nflock(r1, LOCK_EX | LOCK_NB)\n",
        _with_locks(_LocksOutliveDescriptions),
    ),
    host_bug(
        "host-locks-outlive-descriptors",
        _KIND,
        "A close does not end the record locks of the process.",
        _KIND,
        _FILE
        + _IMPORT
        + f"fcntl(r1, F_SETLK, {_LOCK.format(0)})\nr2 = dup(r1)\nclose(r2)\n"
        + f"fcntl(r1, F_OFD_GETLK, {_LOCK.format(0)})\n",
        _with_locks(_LocksOutliveDescriptors),
    ),
    host_bug(
        "host-lock-of-a-process-of-a-description",
        _KIND,
        "F_OFD_SETLK may name a process.",
        _KIND,
        _FILE + _IMPORT + f"fcntl(r1, F_OFD_SETLK, {_LOCK.format(1)})\n",
        _ProcessOfDescriptionLocks,
    ),
    host_bug(
        "host-locks-reach-the-host",
        _KIND,
        "flock locks on the host.",
        _KIND,
        _FILE + _IMPORT + "flock(r1, LOCK_EX | LOCK_NB)\nr2 = reopen(r1, O_RDWR)\nflock(r2, LOCK_EX | LOCK_NB)\n",
        _LocksReachTheHost,
    ),
    host_bug(
        "host-seek-overflow-invalid",
        "host-files",
        "A position past the largest is EINVAL.",
        "host-files",
        _FILE + _IMPORT + "lseek(r1, 1, SEEK_SET)\nlseek(r1, 2**63 - 1, SEEK_CUR)\n",
        with_plain(_OverflowIsInvalid),
    ),
    host_bug(
        "host-seek-data-in-place",
        "host-files",
        "SEEK_DATA and SEEK_HOLE leave the host's own position alone.",
        "host-files",
        _FILE + _IMPORT + 'pwrite(r0, b"x", 0)\nlseek(r1, 0, SEEK_HOLE)\nlseek(r0, 0, SEEK_CUR)\n',
        with_plain(_DataSoughtInPlace),
    ),
    host_bug(
        "readonly-syncs",
        "host-files",
        "A readonly import can be synchronised.",
        "host-files",
        'r0 = open("f", O_RDONLY | O_CREAT, 0o600)\nr1 = import_fd(r0, readonly=1)\nfsync(r1)\n',
        with_plain(_ReadonlySyncs),
    ),
    host_bug(
        "virtual-mode-pushed",
        "host-files",
        "A new mode under a virtual owner reaches the host's file.",
        "host-files",
        _FILE + "r1 = import_fd(r0, owner=(5, 5))\nfchmod(r1, 0o777)\nfstat(r0)\n",
        with_inode(_ModePushed),
    ),
    host_bug(
        "mode-set-without-owner",
        "host-files",
        "fchmod succeeds without a virtual owner, and does nothing.",
        "host-files",
        _FILE + _IMPORT + "fchmod(r1, 0o600)\n",
        with_inode(_ModeWithoutOwner),
    ),
)
