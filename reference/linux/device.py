# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Character devices: /dev/null, /dev/zero, /dev/full (null(4), full(4)) and /dev/urandom (random(4)).

The nodes belong to the machine, not to the program: other processes use them meanwhile,
so their times are nobody's to predict, and their attributes are not the program's to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.errors import EINVAL, ENOMEM, ENOSPC, EPERM
from reference.constants.file_status import S_IFCHR, UTIME_NOW
from reference.constants.limits import UINT_MAX
from reference.linux.description import OpenFileDescription
from reference.linux.inode import Inode
from reference.linux.profile import DEVTMPFS, TMPFS
from reference.linux.regular import RegularFile
from reference.linux.releases import DEVICES_LEND_SINCE, RANDOM_LENDS_SINCE
from reference.outcomes import AnyBytes, Anything, Refused

if TYPE_CHECKING:
    from reference.linux.state import KernelState

MAPPED_BYTES_MAX = 2**26
"""No longer mapping of zeros is modelled."""

READ_BYTES_MAX = 2**22
"""The room for data that the callers of this model have. A read of endless zeros stops where memory stops."""


class SharedDevice(Inode):
    """A device node of the machine: everybody may read and write it, nobody may change its attributes."""

    seekable = True
    seeks = True
    shared = True
    number = (0, 0)
    """Major and minor number."""

    def __init__(self, kernel: KernelState) -> None:
        super().__init__(kernel, S_IFCHR | 0o666, 0, 0, DEVTMPFS)
        self.atime = self.mtime = self.ctime = Anything()

    def device_number(self) -> int:
        return 0

    def device_numbers(self) -> tuple[int, int]:
        self.kernel.cite("DEV-NUMBER")
        return self.number

    def change_mode(self, mode: int) -> None:
        self.kernel.cite("DEV-SHARED")
        raise Refused(EPERM, "CHMOD-OWNER")

    def change_owner(self, uid: int, gid: int) -> None:
        self.kernel.cite("DEV-SHARED")
        if uid & UINT_MAX != UINT_MAX or gid & UINT_MAX != UINT_MAX:
            raise Refused(EPERM, "CHOWN-OWNER")

    def change_times(self, atime: int, mtime: int) -> None:
        self.kernel.cite("DEV-SHARED")
        if not atime == mtime == -UTIME_NOW:
            raise Refused(EPERM, "UTIMES-OWNER")

    def seek(self, description: OpenFileDescription, offset: int, whence: int) -> int:
        self.kernel.cite("DEV-SEEK")
        return 0

    def read_at(self, description: OpenFileDescription, count: int, offset: int) -> bytes:
        return self.read(description, count)

    def write_at(self, description: OpenFileDescription, data: bytes, offset: int) -> int:
        return self.write(description, data)


class NullDevice(SharedDevice):
    """/dev/null: reads end at once, writes vanish."""

    takes_pages = True
    number = (1, 3)

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        self.kernel.cite("DEV-NULL")
        return b""

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        return len(data)

    def offers_nowait(self, description: OpenFileDescription) -> bool:
        return True


class ZeroDevice(SharedDevice):
    """/dev/zero: endless zeros; writes vanish."""

    lends = True
    lends_since = DEVICES_LEND_SINCE
    takes_pages = True
    takes_pages_since = DEVICES_LEND_SINCE
    number = (1, 5)

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        self.kernel.cite("DEV-ZERO")
        return bytes(min(count, READ_BYTES_MAX))

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        return len(data)

    def offers_nowait(self, description: OpenFileDescription) -> bool:
        return True

    def backing(
        self, description: OpenFileDescription, offset: int, length: int, shared: bool
    ) -> tuple[RegularFile, int]:
        """Every mapping has zeros of its own, as many as it is long; an offset leads past those of a shared one.

        ``shared`` says that others could see what is stored: the description is open for writing, too.
        """
        if length > MAPPED_BYTES_MAX:
            raise Refused(ENOMEM, "MMAP-ROOM")
        self.kernel.cite("DEV-ZERO-MMAP")
        profile = self.kernel.profile
        zeros = RegularFile(self.kernel, 0o777, profile.uid, profile.gid, TMPFS)
        zeros.content.grow(length)
        return zeros, offset if shared else 0


class FullDevice(SharedDevice):
    """/dev/full: endless zeros; every write finds it full."""

    vector_writes = False
    lends = True
    lends_since = DEVICES_LEND_SINCE
    number = (1, 7)

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        self.kernel.cite("DEV-ZERO")
        return bytes(min(count, READ_BYTES_MAX))

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        raise Refused(ENOSPC, "DEV-FULL")


class RandomDevice(SharedDevice):
    """/dev/urandom: bytes that nobody can predict; writes are stirred in, and never refused."""

    asynchronous = True
    lends = True
    lends_since = RANDOM_LENDS_SINCE
    takes_pages = True
    number = (1, 9)

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        self.kernel.cite("DEV-RANDOM")
        data: bytes = self.kernel.choose(AnyBytes(min(count, READ_BYTES_MAX)))
        return data

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        return len(data)

    def offers_nowait(self, description: OpenFileDescription) -> bool:
        return True

    def ioctl(self, description: OpenFileDescription, request: int, argument: Any) -> Any:
        raise Refused(EINVAL, "DEV-RANDOM-IOCTL")


DEVICES: dict[str, type[SharedDevice]] = {
    "null": NullDevice,
    "zero": ZeroDevice,
    "full": FullDevice,
    "urandom": RandomDevice,
}
