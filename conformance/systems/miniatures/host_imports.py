# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in the import of host descriptors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.systems.miniatures.wrong_host import WrongHost, host_bug, with_inode
from reference.constants.descriptors import F_GETFL, F_SETFL
from reference.constants.errors import ENOTTY
from reference.constants.file_status import S_IFCHR, S_IFDIR
from reference.constants.open_flags import O_ACCMODE, O_PATH, O_RDONLY, O_WRONLY
from reference.constants.transfers import SEEK_CUR
from reference.host.description import KEPT_FLAGS, Description, PlainDescription
from reference.host.importing import Options
from reference.host.inode import Facts, Inode
from reference.host.kernel import Host
from reference.outcomes import Declined, Refused
from reference.structures import Stat


class _OffsetKept(Host):
    def imported_description(self, host_fd: int, options: Options) -> Description:
        file = super().imported_description(host_fd, options)
        if file.inode.seekable and not file.path_only:
            file.offset = self.kernel.lseek(host_fd, 0, SEEK_CUR)
        return file


class _SharedOffset(PlainDescription):
    @property
    def offset(self) -> int:
        return self.host.shared_offset  # type: ignore[no-any-return]

    @offset.setter
    def offset(self, value: int) -> None:
        self.host.shared_offset = value  # type: ignore[attr-defined]


class _OneOffset(WrongHost):
    plain = _SharedOffset
    shared_offset = 0


class _HostStillWaits(Host):
    def _facts(self, host_fd: int, file_type: int, options: Options) -> Facts:
        before = self.kernel.fcntl(host_fd, F_GETFL)
        facts = super()._facts(host_fd, file_type, options)
        if facts.epollable:
            self.kernel.fcntl(host_fd, F_SETFL, before)
        return facts


class _FlagsTooLate(Host):
    def imported_description(self, host_fd: int, options: Options) -> Description:
        file = super().imported_description(host_fd, options)
        if options.flags is None and not file.path_only:
            file.flags = self.kernel.fcntl(host_fd, F_GETFL) & KEPT_FLAGS
        return file


class _FlagsUnmasked(Host):
    def imported_description(self, host_fd: int, options: Options) -> Description:
        file = super().imported_description(host_fd, options)
        if not file.path_only:
            file.flags = self.kernel.fcntl(host_fd, F_GETFL) if options.flags is None else options.flags
        return file


class _GivenFlagsIgnored(Host):
    def imported_description(self, host_fd: int, options: Options) -> Description:
        return super().imported_description(host_fd, replace(options, flags=None))


class _HostDecidesDirections(Host):
    def imported_description(self, host_fd: int, options: Options) -> Description:
        file = super().imported_description(host_fd, options)
        mode = self.kernel.fcntl(host_fd, F_GETFL) & O_ACCMODE
        file.readable, file.writable = mode != O_WRONLY, mode != O_RDONLY
        return file


class _BothForThree(WrongHost):
    def opened(self, inode: Inode, host_fd: int, file_type: int, flags: int) -> Description:
        file = super().opened(inode, host_fd, file_type, flags)
        if flags & O_ACCMODE == O_ACCMODE and not flags & O_PATH:
            file.readable = file.writable = True
        return file


class _ReadonlyUnchecked(Host):
    def _check_readonly(self, host_fd: int, options: Options) -> None:
        if options.tty:
            raise Declined("IMP-02")


class _ReadonlyLooksForWriteOnly(Host):
    def _check_readonly(self, host_fd: int, options: Options) -> None:
        if options.tty:
            raise Declined("IMP-02")
        if self.kernel.fcntl(host_fd, F_GETFL) & O_ACCMODE == O_WRONLY:
            raise Declined("IMP-03")


class _ReadonlyTerminals(Host):
    def _check_readonly(self, host_fd: int, options: Options) -> None:
        super()._check_readonly(host_fd, replace(options, tty=False))


class _NumberLeaked(Host):
    def import_fd(self, fd: int, *options: Any, **named: Any) -> int:
        try:
            return super().import_fd(fd, *options, **named)
        except (OSError, Declined):
            self.kernel.dup(fd)
            raise


class _DirectoriesTaken(WrongHost):
    def opened(self, inode: Inode, host_fd: int, file_type: int, flags: int) -> Description:
        return super().opened(inode, host_fd, S_IFCHR if file_type == S_IFDIR else file_type, flags)


class _AnythingTaken(WrongHost):
    def opened(self, inode: Inode, host_fd: int, file_type: int, flags: int) -> Description:
        return super().opened(inode, host_fd, file_type or S_IFCHR if not inode.type else file_type, flags)


class _TerminalsVerified(WrongHost):
    def opened_terminal(self, inode: Inode, flags: int) -> Description:
        if inode.type != S_IFCHR or inode.seekable:
            raise Refused(ENOTTY, "IMP-20")
        return super().opened_terminal(inode, flags)


class _ModeWithoutType(Host):
    def imported_description(self, host_fd: int, options: Options) -> Description:
        file = super().imported_description(host_fd, options)
        if file.inode.owner is not None:
            file.inode.owner.mode &= 0o7777
        return file


class _HostModeShown(Inode):
    def stat(self, host_fd: int) -> Stat:
        return super().stat(host_fd)._replace(mode=self.host.kernel.fstat(host_fd).mode)


class _OwnerOfTheHost(Host):
    def imported_description(self, host_fd: int, options: Options) -> Description:
        file = super().imported_description(host_fd, options)
        if file.inode.owner is not None:
            status = self.kernel.fstat(host_fd)
            file.inode.owner.uid, file.inode.owner.gid = status.uid, status.gid
        return file


_FILE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\n'
_IMPORT = "r1 = import_fd(r0)\n"
_OWNED = "r1 = import_fd(r0, owner=(5, 5))\n"
_PIPE = "r0, r1 = pipe2(0)\n"
_KIND = "host-imports"

BUGS = (
    host_bug(
        "import-keeps-offset",
        _KIND,
        "An import starts at the host's offset.",
        "host-files",
        _FILE + "lseek(r0, 1, SEEK_SET)\n" + _IMPORT + "lseek(r1, 0, SEEK_CUR)\n",
        _OffsetKept,
    ),
    host_bug(
        "imports-share-offset",
        _KIND,
        "Two imports of one descriptor share an offset.",
        "host-files",
        _FILE + _IMPORT + "r2 = import_fd(r0)\nlseek(r1, 1, SEEK_SET)\nlseek(r2, 0, SEEK_CUR)\n",
        _OneOffset,
    ),
    host_bug(
        "import-leaves-host-waiting",
        _KIND,
        "An import does not make the host's descriptor non-blocking.",
        "host-pipes",
        _PIPE + "r2 = import_fd(r0)\nfcntl(r0, F_GETFL)\n",
        _HostStillWaits,
    ),
    host_bug(
        "import-flags-too-late",
        _KIND,
        "The status flags of an import are read after the host's descriptor was made non-blocking.",
        "host-pipes",
        _PIPE + "r2 = import_fd(r0)\nfcntl(r2, F_GETFL)\n",
        _FlagsTooLate,
    ),
    host_bug(
        "import-flags-unmasked",
        _KIND,
        "An import keeps all of the host's status flags.",
        "host-files",
        _FILE + _IMPORT + "fcntl(r1, F_GETFL)\n",
        _FlagsUnmasked,
    ),
    host_bug(
        "import-flags-ignored",
        _KIND,
        "The status flags that an import is given are ignored.",
        "host-files",
        _FILE + "r1 = import_fd(r0, flags=O_RDONLY)\nfcntl(r1, F_GETFL)\n",
        _GivenFlagsIgnored,
    ),
    host_bug(
        "import-directions-of-the-host",
        _KIND,
        "What an import may read and write is what the host's descriptor may.",
        "host-files",
        _FILE + 'r1 = import_fd(r0, flags=O_RDONLY)\nwrite(r1, b"x")\n',
        _HostDecidesDirections,
    ),
    host_bug(
        "import-mode-three-reads",
        _KIND,
        "Access mode 3 reads and writes.",
        "host-files",
        _FILE + 'r1 = import_fd(r0, flags=O_WRONLY | O_RDWR)\nwrite(r1, b"x")\n',
        _BothForThree,
    ),
    host_bug(
        "readonly-not-checked",
        _KIND,
        "Anything can be imported as readonly.",
        "host-pipes",
        _PIPE + "r2 = import_fd(r1, readonly=1)\n",
        _ReadonlyUnchecked,
    ),
    host_bug(
        "readonly-takes-read-write",
        _KIND,
        "A descriptor that reads and writes can be imported as readonly.",
        "host-files",
        _FILE + "r1 = import_fd(r0, readonly=1)\n",
        _ReadonlyLooksForWriteOnly,
    ),
    host_bug(
        "readonly-terminal",
        _KIND,
        "A terminal can be imported as readonly.",
        "host-files",
        'r0 = open(".", O_RDONLY, 0o600)\nr1 = import_fd(r0, readonly=1, tty=1)\n',
        _ReadonlyTerminals,
    ),
    host_bug(
        "import-leaks-number",
        _KIND,
        "An import that fails leaves a number behind.",
        "host-files",
        _FILE + "r1 = import_fd(r0, readonly=1)\nr2 = dup(r0)\n",
        _NumberLeaked,
    ),
    host_bug(
        "import-of-directories",
        _KIND,
        "Directories can be imported.",
        "host-files",
        'r0 = open(".", O_RDONLY, 0o600)\nr1 = import_fd(r0)\n',
        _DirectoriesTaken,
    ),
    host_bug(
        "import-of-epoll",
        _KIND,
        "An epoll instance can be imported.",
        "host-pipes",
        "r0 = epoll_create1(0)\nr1 = import_fd(r0)\n",
        _AnythingTaken,
    ),
    host_bug(
        "import-verifies-terminals",
        _KIND,
        "Only a terminal can be imported as one.",
        "host-files",
        _FILE + "r1 = import_fd(r0, tty=1)\n",
        _TerminalsVerified,
    ),
    host_bug(
        "owner-mode-without-type",
        _KIND,
        "The mode of a virtual owner has no file type.",
        "host-files",
        _FILE + _OWNED + "fstat(r1)\n",
        _ModeWithoutType,
    ),
    host_bug(
        "owner-mode-of-the-host",
        _KIND,
        "Under a virtual owner the host's mode is shown.",
        "host-files",
        _FILE + _OWNED + "fchmod(r0, 0o0)\nfstat(r1)\n",
        with_inode(_HostModeShown),
    ),
    host_bug(
        "owner-of-the-host",
        _KIND,
        "A virtual owner begins as the host's owner, whoever was named.",
        "host-files",
        _FILE + _OWNED + "fstat(r1)\n",
        _OwnerOfTheHost,
    ),
)
