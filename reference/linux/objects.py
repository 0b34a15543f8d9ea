# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What an open file description refers to: the operations that every kind of object answers.

The defaults are the answers of an object that lacks the operation.
A kind overrides what it has, one operation a function.
Access mode and O_PATH are checked by the calls before they come here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from reference.constants.errors import EINVAL, ENODEV, ENOTTY, ENXIO, EOPNOTSUPP, EPERM, ESPIPE
from reference.constants.file_status import STATX_BASIC_STATS, STATX_MNT_ID, STATX_MNT_ID_UNIQUE, UTIME_NOW
from reference.constants.limits import MAX_RW_COUNT, PAGE_SIZE, UINT_MAX
from reference.constants.readiness import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from reference.linux.extended_attributes import ExtendedAttributes
from reference.linux.permissions import mode_permits
from reference.linux.profile import ANONYMOUS
from reference.linux.releases import ANONYMOUS_ATTRIBUTES_SINCE
from reference.linux.ring import Slot, in_pages
from reference.outcomes import Anything, Refused
from reference.structures import Stat

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from reference.linux.description import OpenFileDescription
    from reference.linux.locks import FileLocks
    from reference.linux.profile import Filesystem
    from reference.linux.regular import RegularFile
    from reference.linux.state import KernelState
    from reference.linux.waiting import WaitQueue


_SHARED_STAT = Stat(0o600, 1, 0, 0, 0, PAGE_SIZE, 0, Anything(), Anything(), Anything())


class FileObject:
    """Base of all kinds.

    ``seekable`` objects have positional reads and writes. ``seeks`` is True where lseek(2) works.
    ``transfers`` is False for those that neither read nor write.
    ``asynchronous`` ones announce input and output with SIGIO (O_ASYNC, fcntl(2)).
    ``uid`` is the owner; what has none of its own is root's.
    ``vectors`` is False for those that read into a vector buffer by buffer, ``vector_writes`` for those that write so;
    ``uncached`` is True for those that know RWF_DONTCACHE.
    ``lends`` is True for those that splice(2) takes pages from, on kernels from ``lends_since`` on,
    ``takes_pages`` and ``takes_pages_since`` for those that it gives pages to.
    ``executable`` is False for those that live on a mount without programs,
    ``syncs_ranges`` is True where sync_file_range(2) works.
    ``shared`` ones stand on an inode that other programs of the machine use too.
    ``locks`` holds the locks, once there was one. ``filesystem`` says where the inode lives,
    ``anonymous_name`` what an object without a path or an inode of its own is called,
    ``builtin_attributes`` are the extended attributes that every object of the kind has.
    """

    asynchronous = False
    seekable = False
    seeks = False
    transfers = True
    vectors = True
    vector_writes = True
    uncached = False
    lends = False
    lends_since = (2, 6)
    takes_pages = False
    takes_pages_since = (2, 6)
    executable = True
    syncs_ranges = False
    shared = False
    locks: FileLocks | None = None
    uid = 0
    anonymous_name = ""
    filesystem: Filesystem = ANONYMOUS
    builtin_attributes: Mapping[str, bytes] = MappingProxyType({})
    _extended_attributes: ExtendedAttributes | None = None

    def __init__(self, kernel: KernelState) -> None:
        self.kernel = kernel

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        """read(2) of up to ``count`` bytes at the description's own position."""
        raise Refused(EINVAL, "OBJ-READ")

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        """write(2) at the description's own position: the number of bytes taken."""
        raise Refused(EINVAL, "OBJ-WRITE")

    def read_at(self, description: OpenFileDescription, count: int, offset: int) -> bytes:
        """pread(2)."""
        raise Refused(ESPIPE, "OBJ-POSITION")

    def write_at(self, description: OpenFileDescription, data: bytes, offset: int) -> int:
        """pwrite(2)."""
        raise Refused(ESPIPE, "OBJ-POSITION")

    def read_vector(self, description: OpenFileDescription, lengths: tuple[int, ...], flags: int) -> bytes:
        """readv(2), or preadv2(2) at the description's own position, of at least one byte.

        The default is one read of all bytes; objects that know what a RWF flag means extend it.
        """
        return self.read(description, min(sum(lengths), MAX_RW_COUNT))

    def write_vector(self, description: OpenFileDescription, buffers: tuple[bytes, ...], flags: int) -> int:
        """writev(2), or pwritev2(2) at the description's own position: by default one write of the buffers joined."""
        return self.write(description, b"".join(buffers))

    def read_vector_at(
        self, description: OpenFileDescription, lengths: tuple[int, ...], offset: int, flags: int
    ) -> bytes:
        """preadv2(2) at an offset, of at least one byte."""
        return self.read_at(description, min(sum(lengths), MAX_RW_COUNT), offset)

    def write_vector_at(
        self, description: OpenFileDescription, buffers: tuple[bytes, ...], offset: int, flags: int
    ) -> int:
        """pwritev2(2) at an offset, of at least one byte."""
        return self.write_at(description, b"".join(buffers), offset)

    def lend(
        self, description: OpenFileDescription, position: int, count: int, room: int, nonblocking: bool
    ) -> tuple[list[Slot], int]:
        """What splice(2) puts into a pipe with ``room`` free slots: slots, and the position behind them.

        The default reads into pages of the kernel's own, and leaves the position alone.
        """
        return in_pages(self.read(description, min(count, room * PAGE_SIZE))), position

    def take_pages(self, description: OpenFileDescription, pieces: list[Slot], position: int) -> tuple[int, int]:
        """Take data of a pipe that splice(2) brings: the number of bytes taken, and the position behind them.

        The default is one write.
        """
        return self.write(description, b"".join([piece.bytes() for piece in pieces])), position

    def takes_one_page(self) -> bool:
        """Whether what splice(2) gives is taken one buffer at a time."""
        return False

    def offers_nowait(self, description: OpenFileDescription) -> bool:
        """Whether RWF_NOWAIT is known here."""
        return False

    def offers_atomic_write(self, description: OpenFileDescription) -> bool:
        """Whether RWF_ATOMIC is known here."""
        return False

    def seek(self, description: OpenFileDescription, offset: int, whence: int) -> int:
        """lseek(2)."""
        raise Refused(ESPIPE, "OBJ-SEEK")

    def starts_at(self, description: OpenFileDescription) -> int:
        """Where a transfer at the file offset would begin."""
        return description.offset

    def accessed(self, description: OpenFileDescription) -> None:
        """Data was read through a description. What has no inode of its own keeps no time of that."""

    def stat(self) -> Stat:
        """fstat(2). What has no inode of its own shares one that the kernel made when it started."""
        return _SHARED_STAT

    @property
    def identity(self) -> Hashable:
        """What stands for the inode: objects share one exactly when this is equal."""
        return self.filesystem

    def inode_number(self) -> int:
        """The place of the inode among those that the program was shown."""
        return self.kernel.inode_numbers.of(self.identity)

    def device_number(self) -> int:
        """The place of the file system among those that the program was shown; 0 for a device node of the machine."""
        return self.kernel.device_numbers.of(self.filesystem)

    def device_numbers(self) -> tuple[int, int]:
        """Major and minor number of the device that the inode stands for."""
        return 0, 0

    def statx_mask(self, asked: int) -> int:
        """The fields that statx(2) says it filled when it was asked for some."""
        unique = asked & STATX_MNT_ID_UNIQUE
        return STATX_BASIC_STATS | (unique or STATX_MNT_ID)

    @property
    def extended_attributes(self) -> ExtendedAttributes:
        """The attributes that were given to the inode (xattr(7))."""
        if self._extended_attributes is None:
            self._extended_attributes = ExtendedAttributes(self.filesystem)
        return self._extended_attributes

    def owned(self) -> bool:
        """Whether the caller owns the inode, or may act as its owner."""
        profile = self.kernel.profile
        return profile.capable or profile.uid == self.uid

    def permits(self, wanted: int) -> bool:
        """Whether the mode grants the caller what is wanted (a union of MAY_*)."""
        shared = _SHARED_STAT
        return mode_permits(self.kernel.profile, shared.mode, shared.uid, shared.gid, wanted)

    def change_mode(self, mode: int) -> None:
        """fchmod(2)."""
        self._refuse_change()

    def change_owner(self, uid: int, gid: int) -> None:
        """fchown(2). -1 leaves an id as it is."""
        if uid & gid & UINT_MAX != UINT_MAX or not self._attributes_change():
            self._refuse_change()

    def change_times(self, atime: int, mtime: int) -> None:
        """futimens(3). Nanoseconds, or -UTIME_NOW or -UTIME_OMIT, but not OMIT for both."""
        if not atime == mtime == -UTIME_NOW or not self._attributes_change():
            self._refuse_change()

    def _attributes_change(self) -> bool:
        """Whether an older kernel, asked to change nothing or what nobody can tell apart, does so."""
        self.kernel.cite("OBJ-ATTRIBUTES")
        return self.kernel.profile.kernel < ANONYMOUS_ATTRIBUTES_SINCE

    def _refuse_change(self) -> NoReturn:
        """Older kernels let root change what all these objects share: harness and model refuse that in their stead."""
        if self.kernel.profile.kernel < ANONYMOUS_ATTRIBUTES_SINCE:
            raise Refused(EPERM, "OBJ-ATTRIBUTES")
        raise Refused(EOPNOTSUPP, "OBJ-ATTRIBUTES")

    def truncate(self, length: int) -> int:
        """ftruncate(2)."""
        raise Refused(EINVAL, "OBJ-TRUNCATE")

    def allocate(self, description: OpenFileDescription, mode: int, offset: int, length: int) -> int:
        """fallocate(2)."""
        raise Refused(ENODEV, "OBJ-ALLOCATE")

    def sync(self, description: OpenFileDescription) -> int:
        """fsync(2) and fdatasync(2)."""
        raise Refused(EINVAL, "OBJ-SYNC")

    def backing(
        self, description: OpenFileDescription, offset: int, length: int, shared: bool
    ) -> tuple[RegularFile, int]:
        """The file whose pages a mapping of ``length`` bytes at ``offset`` shows, and from where on (mmap(2))."""
        raise Refused(ENODEV, "MMAP-OBJECT")

    def ioctl(self, description: OpenFileDescription, request: int, argument: Any) -> Any:
        """ioctl(2), after the requests that every object answers."""
        raise Refused(ENOTTY, "OBJ-IOCTL")

    def poll(self, description: OpenFileDescription) -> int:
        """The events that are true now. An object without readiness is always ready for both directions."""
        self.kernel.cite("POLL-DEFAULT")
        return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM

    def wait_queues(self, description: OpenFileDescription) -> tuple[WaitQueue, ...] | None:
        """The queues that a poll of this description would wait on; None: it has no readiness (epoll: EPERM)."""
        return None

    def awaits(self, events: int) -> None:
        """poll(2), select(2) or an epoll instance has asked for events: an object that must know of it takes a note."""

    def reopen(self, flags: int) -> OpenFileDescription:
        """open(2) of the object through /proc/self/fd: a new description of it."""
        raise Refused(ENXIO, "OBJ-REOPEN")

    def link_text(self, description: OpenFileDescription) -> str:
        """readlink(2) of the link in /proc/self/fd that leads to a description."""
        self.kernel.cite("LINKFD-ANONYMOUS")
        return f"anon_inode:[{self.anonymous_name}]"

    def check_announcing(self, description: OpenFileDescription) -> None:
        """Refuse to start or stop announcing with SIGIO, on an object that does so in general."""

    def announcing(self, description: OpenFileDescription) -> None:
        """A description begins to announce with SIGIO: a kind may settle who hears of it."""

    def reference_lost(self, description: OpenFileDescription) -> None:
        """One of several references to a description of this object went away."""

    def released(self, description: OpenFileDescription) -> None:
        """The last reference to a description of this object went away."""
