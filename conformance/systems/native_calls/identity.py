# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What names an inode natively, made into numbers that another run gives too.

A file system may give the inode number of a file that is gone to the next one, and /dev/pts does so with its numbers.
File handles hold a generation besides; for pseudoterminals, the masters that were opened are counted.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import stat
from collections import Counter
from collections.abc import Hashable

from conformance.systems.native_calls.libc import function
from conformance.systems.native_calls.state import NativeState
from reference.constants.file_status import AT_EMPTY_PATH
from reference.constants.requests import TIOCGPTN
from reference.linux.identity import FIRST_DEVICE, FIRST_INODE, FIRST_TERMINAL, Ordinals

PTY_SLAVE_MAJORS = range(136, 144)
"""The character devices that a program makes itself (UNIX98 pseudoterminals). All others belong to the machine."""
PTY_SLAVE_MAJOR = PTY_SLAVE_MAJORS[0]
_AT_HANDLE_FID = 0x200
_HANDLE_BYTES_MAX = 128
_SLAVE = re.compile(r"/dev/pts/\d+")
_MULTIPLEXER = re.compile(r"/dev/pts/ptmx\Z")
_OWN_LINK = re.compile(r"\A/proc/\d+/fd/")


class _FileHandle(ctypes.Structure):
    _fields_ = (("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("handle", ctypes.c_uint8 * _HANDLE_BYTES_MAX))


_name_to_handle_at = function(
    "name_to_handle_at",
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.POINTER(_FileHandle),
    ctypes.POINTER(ctypes.c_int),
    ctypes.c_int,
)


def _handle(fd: int) -> bytes:
    """The handle of a descriptor's inode: with a generation where numbers are given again (open_by_handle_at(2))."""
    found = _FileHandle(_HANDLE_BYTES_MAX)
    if _name_to_handle_at(fd, b"", found, ctypes.c_int(), AT_EMPTY_PATH | _AT_HANDLE_FID):
        return b""
    return bytes(found.handle[: found.bytes])


class NativeIdentity(NativeState):
    """Counts the inodes, file systems and pseudoterminals that the program was shown."""

    def __init__(self) -> None:
        super().__init__()
        self._inodes = Ordinals(FIRST_INODE)
        self._devices = Ordinals(FIRST_DEVICE)
        self._terminals = Ordinals(FIRST_TERMINAL)
        self._masters: Counter[int] = Counter()
        """How often the master of each number was opened."""

    def reset(self) -> None:
        super().reset()
        for known in (self._inodes, self._devices, self._terminals, self._masters):
            known.clear()

    def master_opened(self, fd: int) -> None:
        """Take note of a descriptor if it is the master of a new pseudoterminal."""
        try:
            number = fcntl.ioctl(fd, TIOCGPTN, bytes(4))
        except OSError:
            return
        self._masters[int.from_bytes(number, "little")] += 1

    def inode_number(self, fd: int, device: int, inode: int, mode: int, node: int) -> int:
        """The place of an inode, given as the kernel names it, among those that the program was shown."""
        return self._inodes.of(self.inode_key(fd, device, inode, mode, node))

    def inode_key(self, fd: int, device: int, inode: int, mode: int, node: int) -> Hashable:
        """What tells an inode from every other that the program meets."""
        generation: Hashable = _handle(fd)
        if stat.S_ISCHR(mode) and os.major(node) in PTY_SLAVE_MAJORS:
            generation = self._masters[os.minor(node)]
        return device, inode, generation

    def device_number(self, device: int, mode: int, node: int) -> int:
        """The place of a file system; 0 for one that holds a device node of the machine."""
        if stat.S_ISCHR(mode) and os.major(node) not in PTY_SLAVE_MAJORS:
            return 0
        return self._devices.of(device)

    def device_numbers(self, node: int) -> tuple[int, int]:
        """The numbers of a device, with that of a pseudoterminal counted anew."""
        if os.major(node) in PTY_SLAVE_MAJORS:
            return PTY_SLAVE_MAJOR, self.terminal_number(os.minor(node))
        return os.major(node), os.minor(node)

    def link_text(self, fd: int, text: str) -> str:
        """The text of a link that leads to a descriptor, with all that depends on the run made as in another."""
        found = os.stat(fd)
        if stat.S_ISCHR(found.st_mode) and os.major(found.st_rdev) in PTY_SLAVE_MAJORS:
            return _SLAVE.sub(f"/dev/pts/{self.terminal_number(os.minor(found.st_rdev))}", text)
        number = str(found.st_ino)
        if text in (f"pipe:[{number}]", f"socket:[{number}]") or text.endswith(f"/#{number} (deleted)"):
            before, _, after = text.rpartition(number)
            text = f"{before}{self._number_of(fd, found)}{after}"
        if (path := self.own_path(text)) is not None:
            return path
        return _OWN_LINK.sub("/proc/self/fd/", _MULTIPLEXER.sub("/dev/ptmx", text))

    def own_path(self, text: str) -> str | None:
        """A path below the program's directory, as it is from there; None for any other."""
        if text == self.home or text.startswith(f"{self.home}/"):
            return "." + text[len(self.home) :]
        return None

    def mapped_name(self, text: str, inode: int, key: Hashable) -> str:
        """The name of a mapping of a file, given by its number and its key, made as in another run."""
        number = str(inode)
        if text.endswith(f"/#{number} (deleted)"):
            before, _, after = text.rpartition(number)
            text = f"{before}{self._inodes.of(key)}{after}"
        path = self.own_path(text)
        return text if path is None else path

    def _number_of(self, fd: int, found: os.stat_result) -> int:
        return self.inode_number(fd, found.st_dev, found.st_ino, found.st_mode, found.st_rdev)

    def terminal_number(self, number: int) -> int:
        """The place of a pseudoterminal among those that the program was shown."""
        return self._terminals.of((number, self._masters[number]))
