# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs in saving and restoring."""

from __future__ import annotations

from typing import Any

from conformance.systems.miniatures.wrong_host import WrongHost, host_bug, with_plain
from reference.constants.descriptors import F_GETFL, F_SETFL
from reference.constants.requests import FIONREAD
from reference.host.description import PlainDescription
from reference.host.inode import Inode
from reference.host.kernel import Host


class _DrainsAway(Host):
    def _drain(self, inode: Inode, host_fd: int) -> None:
        kept = inode.saved
        super()._drain(inode, host_fd)
        inode.saved = kept


class _DrainsOneStep(Host):
    def _drain(self, inode: Inode, host_fd: int) -> None:
        if self._holds_data(host_fd):
            inode.saved += self.kernel.read(host_fd, 1)


class _LeavesPipes(Host):
    def _drain(self, inode: Inode, host_fd: int) -> None:
        self.cite("SR-05")


class _SavesAnything(Host):
    def save(self) -> int:
        inodes = self._inodes()
        before = [inode.savable for inode in inodes]
        for inode in inodes:
            inode.savable = True
        try:
            return super().save()
        finally:
            for inode, savable in zip(inodes, before, strict=True):
                inode.savable = savable


class _RestoresWaiting(Host):
    def restore(self) -> int:
        flags = {host_fd: self.kernel.fcntl(host_fd, F_GETFL) for host_fd in self._inodes().values()}
        result = super().restore()
        for host_fd, before in flags.items():
            self.kernel.fcntl(host_fd, F_SETFL, before)
        return result


class _RestoresToTheStart(PlainDescription):
    def restored(self, host_fd: int) -> None:
        self.offset = 0


class _RestoresWithoutFlags(PlainDescription):
    def restored(self, host_fd: int) -> None:
        self.flags = 0


class _SavedBytesCounted(PlainDescription):
    def ioctl(self, host_fd: int, request: int, argument: Any) -> Any:
        found = super().ioctl(host_fd, request, argument)
        return found + len(self.inode.saved) if request == FIONREAD else found


class _SavedBytesLast(PlainDescription):
    def read(self, host_fd: int, lengths: tuple[int, ...], flags: int) -> bytes:
        kept, self.inode.saved = self.inode.saved, b""
        try:
            data = super().read(host_fd, lengths, flags)
        except Exception:
            self.inode.saved = kept
            return super().read(host_fd, lengths, flags)
        self.inode.saved = kept
        return data


class _OwnerLost(WrongHost):
    def restore(self) -> int:
        result = super().restore()
        for inode in self._inodes():
            inode.owner = None
        return result


_FILE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\n'
_PIPE = "r0, r1 = pipe2(0)\nr2 = import_fd(r0, savable=1)\n"
_KIND = "host-saving"

BUGS = (
    host_bug(
        "save-loses-pipe",
        _KIND,
        "What a save reads out of a pipe is lost.",
        "host-pipes",
        _PIPE + 'write(r1, b"x")\nsave()\nread(r2, 1)\n',
        _DrainsAway,
    ),
    host_bug(
        "save-drains-in-part",
        _KIND,
        "A save takes one byte out of a pipe, and leaves the rest.",
        "host-pipes",
        _PIPE + 'write(r1, b"xy")\nsave()\nioctl(r2, FIONREAD)\n',
        _DrainsOneStep,
    ),
    host_bug(
        "save-leaves-pipe",
        _KIND,
        "A save leaves in the pipe what is there.",
        "host-pipes",
        _PIPE + 'write(r1, b"x")\nsave()\nioctl(r2, FIONREAD)\n',
        _LeavesPipes,
    ),
    host_bug(
        "save-of-anything",
        _KIND,
        "Imports that are not savable are saved.",
        "host-files",
        _FILE + "r1 = import_fd(r0)\nsave()\n",
        _SavesAnything,
    ),
    host_bug(
        "restore-leaves-host-waiting",
        _KIND,
        "A restore does not make the host's descriptors non-blocking again.",
        "host-pipes",
        "r0, r1 = pipe2(0)\nr2 = import_fd(r0)\nfcntl(r0, F_SETFL, O_RDONLY)\nrestore()\nfcntl(r0, F_GETFL)\n",
        _RestoresWaiting,
    ),
    host_bug(
        "restore-resets-offset",
        _KIND,
        "A restore moves to the start.",
        "host-files",
        _FILE + "r1 = import_fd(r0)\nlseek(r1, 1, SEEK_SET)\nrestore()\nlseek(r1, 0, SEEK_CUR)\n",
        with_plain(_RestoresToTheStart),
    ),
    host_bug(
        "restore-loses-flags",
        _KIND,
        "A restore forgets the status flags.",
        "host-files",
        _FILE + "r1 = import_fd(r0)\nrestore()\nfcntl(r1, F_GETFL)\n",
        with_plain(_RestoresWithoutFlags),
    ),
    host_bug(
        "restore-loses-owner",
        _KIND,
        "A restore forgets the virtual owner.",
        "host-files",
        _FILE + "r1 = import_fd(r0, owner=(5, 5))\nrestore()\nfstat(r1)\n",
        _OwnerLost,
    ),
    host_bug(
        "saved-bytes-counted",
        _KIND,
        "FIONREAD counts what a save keeps.",
        "host-pipes",
        _PIPE + 'write(r1, b"x")\nsave()\nioctl(r2, FIONREAD)\n',
        with_plain(_SavedBytesCounted),
    ),
    host_bug(
        "saved-bytes-last",
        _KIND,
        "What is in the pipe is read before what a save keeps.",
        "host-pipes",
        _PIPE + 'write(r1, b"x")\nsave()\nwrite(r1, b"y")\nread(r2, 1)\n',
        with_plain(_SavedBytesLast),
    ),
)
