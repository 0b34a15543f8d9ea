# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Regular files: reads, writes, holes, sizes and storage.

**Two ways to keep a file.** A disk file system with extents gives storage out in blocks, may hold it *reserved*
(it reads as zeros) and keeps pages in a cache besides; a memory file system has nothing but the cache.
:class:`~reference.linux.profile.Filesystem` says which it is, and nothing else here depends on a name.

**What counts as data.** lseek(2) finds written pages, and on a disk also reserved ones that are in the page cache.
What a read brings into the cache ahead of need is the kernel's choice,
so after a read the reserved pages around it may be either.

**Limits.** A write is cut at RLIMIT_FSIZE, and fails with EFBIG and SIGXFSZ when nothing is left of it;
then the same with the largest size that the file system holds, without the signal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.errors import EAGAIN, EFBIG, EINVAL, ENXIO, EOPNOTSUPP, EPERM
from reference.constants.file_status import S_IFREG
from reference.constants.limits import PAGE_SIZE
from reference.constants.memory import F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE
from reference.constants.open_flags import O_APPEND, O_DIRECT
from reference.constants.signals import SIGXFSZ
from reference.constants.transfers import (
    RWF_APPEND,
    RWF_DONTCACHE,
    RWF_NOAPPEND,
    RWF_NOWAIT,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_SET,
)
from reference.linux.allocation import ALLOCATIONS
from reference.linux.content import HOLE, RESERVED, WRITTEN, Content, page_ceiling
from reference.linux.direct import check_read_direct, write_direct
from reference.linux.inode import Inode
from reference.linux.lending import copied_into, lend_pages, read_pages
from reference.outcomes import Between, OneOf, Refused

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.mapping import Mapping
    from reference.linux.profile import Filesystem
    from reference.linux.ring import Slot
    from reference.linux.state import KernelState

SECTORS_PER_PAGE = PAGE_SIZE // 512
EXTENTS_IN_INODE = 4
"""An extent tree of so many leaves needs no block of its own."""

WRITE_SEALS = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE


class RegularFile(Inode):
    """A regular file. ``seals`` is None where the file system knows none (fcntl(2), "File Sealing")."""

    seekable = True
    seeks = True
    syncs_ranges = True
    lends = True
    takes_pages = True

    def __init__(
        self, kernel: KernelState, mode: int, uid: int, gid: int, filesystem: Filesystem | None = None
    ) -> None:
        super().__init__(kernel, S_IFREG | mode, uid, gid, filesystem)
        self.content = Content()
        self.uncached = self.filesystem.uncached
        self.seals = F_SEAL_SEAL if self.filesystem.seals else None
        self.mappings: list[Mapping] = []
        self.cached: set[int] = set()
        """Pages that are in the page cache though no data was written there."""
        self.cold: set[int] = set()
        """Written pages that are not in the page cache."""
        self.read_ahead = False
        """Whether the kernel may have read pages that nobody asked for."""
        self.disk_size = 0
        """The size as far as it reached the disk: writes that are not written back yet lie past it."""
        self.writeback_begun = False
        """Whether the kernel was asked to write back and was not waited for: how far it came is its own business."""
        self.doubtful_pages = 0
        """Reserved pages that a failed direct write may not have got: the kernel chooses how long an extent is."""
        self.spread = False
        """Whether a store through a mapping may have given storage to holes that share memory with its page."""
        self._pages_peak = 0
        if self.filesystem.extents:
            kernel.files.append(self)

    # Attributes -------------------------------------------------------------------------------

    def size(self) -> int:
        return self.content.size

    def blocks(self) -> Between | int:
        extra = SECTORS_PER_PAGE if self.extended_attributes.in_block else 0
        blocks = self._data_blocks()
        if isinstance(blocks, Between):
            return Between(blocks.low + extra, blocks.high + extra, blocks.default + extra)
        return blocks + extra

    def _data_blocks(self) -> Between | int:
        """The blocks that hold data, or say where it is."""
        pages = len(self.content.pages)
        sectors = pages * SECTORS_PER_PAGE
        if not self.filesystem.extents:
            return sectors
        self.note_pages()
        sure = max(0, pages - self.doubtful_pages) * SECTORS_PER_PAGE
        if self.spread:
            most = (page_ceiling(self.content.size) + pages) * SECTORS_PER_PAGE
            return Between(sure, most + SECTORS_PER_PAGE * (1 + self._pages_peak // 100), sectors)
        if self._pages_peak <= EXTENTS_IN_INODE:
            return Between(sure, sectors, sectors) if self.doubtful_pages else sectors
        return Between(sure, sectors + SECTORS_PER_PAGE * (1 + self._pages_peak // 100), sectors)

    def note_pages(self) -> None:
        """Remember how many pages had storage: an extent tree that grew a block keeps it until the file is empty."""
        pages = len(self.content.pages)
        self._pages_peak = max(self._pages_peak, pages) if pages else 0

    def takes_direct(self) -> bool:
        return self.kernel.profile.kernel >= self.filesystem.direct_since

    def offers_nowait(self, description: OpenFileDescription) -> bool:
        return self.filesystem.nowait

    # Reading ----------------------------------------------------------------------------------

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        data = self._read(description, count, description.offset, 0)
        description.offset += len(data)
        return data

    def read_at(self, description: OpenFileDescription, count: int, offset: int) -> bytes:
        return self._read(description, count, offset, 0)

    def read_vector(self, description: OpenFileDescription, lengths: tuple[int, ...], flags: int) -> bytes:
        data = self._read(description, sum(lengths), description.offset, flags, lengths)
        description.offset += len(data)
        return data

    def read_vector_at(
        self, description: OpenFileDescription, lengths: tuple[int, ...], offset: int, flags: int
    ) -> bytes:
        return self._read(description, sum(lengths), offset, flags, lengths)

    def _read(
        self, description: OpenFileDescription, count: int, position: int, flags: int, lengths: tuple[int, ...] = ()
    ) -> bytes:
        content, filesystem = self.content, self.filesystem
        if not count and filesystem.extents:
            self.kernel.cite("FILE-READ-NOTHING")
            return b""
        if description.flags & O_DIRECT and filesystem.direct_alignment_bytes > 1:
            return self._read_direct(description, count, position, flags, lengths)
        if filesystem.extents and position >= filesystem.file_size_bytes_max:
            # No file reaches so far: the file is not even looked at, and its access time stays. One in memory is.
            self.kernel.cite("FILE-READ-END")
            return b""
        # A read that is refused because it would wait has taken its time of access all the same.
        self.accessed(description)
        if position >= content.size:
            self.kernel.cite("FILE-READ-END")
            data = b""
        elif flags & RWF_NOWAIT:
            data = self._read_cached(position, count)
        else:
            data = content.read(position, count)
        if data and filesystem.extents:
            self.now_cached(position, position + len(data))
            if flags & RWF_DONTCACHE:
                self.may_leave_cache(position, position + len(data))
        return data

    def _read_direct(
        self, description: OpenFileDescription, count: int, position: int, flags: int, lengths: tuple[int, ...]
    ) -> bytes:
        """A read past the page cache (open(2), O_DIRECT). Holes need no alignment."""
        self.accessed(description)
        self._may_not_wait(flags)
        content = self.content
        if position >= content.size:
            self.kernel.cite("FILE-READ-END")
            return b""
        self.range_written_back(position + count)
        check_read_direct(self, position, count, lengths or (count,))
        return content.read(position, count)

    def _may_not_wait(self, flags: int) -> None:
        """A direct transfer with RWF_NOWAIT fails when it would have to wait for a lock, a block or the page cache."""
        if not flags & RWF_NOWAIT:
            return
        self.kernel.race("FILE-NOWAIT")
        if self.kernel.choices.refused(EAGAIN):
            raise Refused(EAGAIN, "FILE-NOWAIT")

    def _read_cached(self, position: int, count: int) -> bytes:
        """A read that does not wait: it may end before any page that was not in the page cache when we knew last."""
        data = self.content.read(position, count)
        first, end = position // PAGE_SIZE, page_ceiling(position + len(data))
        known, cached, cold = self.content.pages, self.cached, self.cold
        ends = [
            page * PAGE_SIZE - position
            for page in range(first, end)
            if page in cold or (page not in cached and known.get(page, HOLE) != WRITTEN)
        ]
        if not ends:
            return data
        self.kernel.race("FILE-NOWAIT")
        prefixes = [data[:end] for end in ends if end > 0]
        seen = self.kernel.choose(OneOf((None, data, *prefixes)))
        if seen is None:
            raise Refused(EAGAIN, "FILE-NOWAIT")
        result: bytes = seen
        return result

    def now_cached(self, start: int, end: int) -> None:
        """Pages were read, or faulted in: they are in the page cache, and perhaps others."""
        pages = range(start // PAGE_SIZE, page_ceiling(end))
        self.cold.difference_update(pages)
        known = self.content.pages
        self.cached.update([page for page in pages if known.get(page, HOLE) != WRITTEN])
        self.read_ahead = True

    def may_leave_cache(self, start: int, end: int) -> None:
        """Pages were read with RWF_DONTCACHE: the kernel drops those that it read for this."""
        self.kernel.cite("FILE-DONTCACHE")
        pages = range(start // PAGE_SIZE, page_ceiling(end))
        self.cached.difference_update(pages)
        self.cold.update([page for page in pages if self.content.pages.get(page) == WRITTEN])

    def _lose_cache(self) -> None:
        """Before a direct write, even one that is refused, its pages leave the cache with all that share their memory.

        How many pages lie in one piece of memory is the kernel's business.
        """
        self.kernel.cite("FILE-DIRECT-CACHE")
        self.cold.update(self.content.pages, self.cached)

    # Writing ----------------------------------------------------------------------------------

    def write(self, description: OpenFileDescription, data: bytes) -> int:
        return self.write_vector(description, (data,), 0)

    def write_at(self, description: OpenFileDescription, data: bytes, offset: int) -> int:
        return self._write(description, data, offset, 0, ())[0]

    def write_vector(self, description: OpenFileDescription, buffers: tuple[bytes, ...], flags: int) -> int:
        lengths = tuple([len(buffer) for buffer in buffers])
        count, position = self._write(description, b"".join(buffers), description.offset, flags, lengths)
        description.offset = position
        return count

    def write_vector_at(
        self, description: OpenFileDescription, buffers: tuple[bytes, ...], offset: int, flags: int
    ) -> int:
        lengths = tuple([len(buffer) for buffer in buffers])
        return self._write(description, b"".join(buffers), offset, flags, lengths)[0]

    def _write(
        self, description: OpenFileDescription, data: bytes, position: int, flags: int, lengths: tuple[int, ...]
    ) -> tuple[int, int]:
        """The bytes written, and the position behind them."""
        # CHECK
        direct = description.flags & O_DIRECT and self.filesystem.direct_alignment_bytes > 1
        if flags & RWF_NOWAIT and not direct:
            raise Refused(EOPNOTSUPP, "FILE-NOWAIT-WRITE")
        if not data:
            self.kernel.cite("FILE-WRITE-NOTHING")
            return 0, position
        lifted = flags & RWF_NOAPPEND and not self.filesystem.appends_always
        if (description.flags & O_APPEND and not lifted) or flags & RWF_APPEND:
            self.kernel.cite("FILE-APPEND")
            position = self.content.size
        data = self._within_limits(data, position)
        self.content_changed()
        if direct:
            self._may_not_wait(flags)
            self._lose_cache()
            write_direct(self, position, data, lengths or (len(data),))
        if self.seals:
            data = self._within_seals(data, position)
        # CHANGE
        self.writeback_begun = self.writeback_begun or bool(flags & RWF_DONTCACHE)
        end = position + len(data)
        self._extend_to(position)
        self.content.write(position, data)
        if self.filesystem.extents:
            pages = range(position // PAGE_SIZE, page_ceiling(end))
            self.cached.difference_update(pages)
            (self.cold.update if direct or flags & RWF_DONTCACHE else self.cold.difference_update)(pages)
        # RETURN
        return len(data), end

    def _within_limits(self, data: bytes, position: int) -> bytes:
        """What of a write lies below RLIMIT_FSIZE and below the largest size of the file system."""
        limit = self.kernel.file_size_bytes_max
        if position >= limit:
            self.kernel.signals.append(SIGXFSZ)
            raise Refused(EFBIG, "FILE-LIMIT")
        if position + len(data) > limit:
            self.kernel.cite("FILE-LIMIT-SHORT")
            data = data[: limit - position]
        return data

    def _within_seals(self, data: bytes, position: int) -> bytes:
        """What of a write the seals let through: it goes page by page, up to the first that it may not touch."""
        if self.seals & WRITE_SEALS:  # type: ignore[operator]
            raise Refused(EPERM, "SEAL-WRITE")
        end = position + len(data)
        if not self.seals & F_SEAL_GROW or end <= self.content.size:  # type: ignore[operator]
            return data
        allowed = self.content.size // PAGE_SIZE * PAGE_SIZE - position
        if allowed <= 0:
            raise Refused(EPERM, "SEAL-GROW")
        self.kernel.cite("SEAL-GROW-SHORT")
        return data[:allowed]

    def _extend_to(self, position: int) -> None:
        """Zero what a mapping may have stored between the end of the file and a position that the file grows to."""
        content = self.content
        if position > content.size and self.filesystem.extents:
            self.kernel.cite("FILE-TAIL")
            content.clear(content.size, min(position, len(content.bytes)))

    # Pages ------------------------------------------------------------------------------------

    def lend(
        self, description: OpenFileDescription, position: int, count: int, room: int, nonblocking: bool
    ) -> tuple[list[Slot], int]:
        if description.flags & O_DIRECT:
            return read_pages(self, description, position, min(count, room * PAGE_SIZE))
        return lend_pages(self, description, position, count, room)

    def take_pages(self, description: OpenFileDescription, pieces: list[Slot], position: int) -> tuple[int, int]:
        lengths = tuple([piece.left for piece in pieces])
        return self._write(description, copied_into(self, pieces, position), position, 0, lengths)

    # Position ---------------------------------------------------------------------------------

    def seek(self, description: OpenFileDescription, offset: int, whence: int) -> int:
        if whence == SEEK_SET:
            position = offset
        elif whence == SEEK_CUR:
            position = description.offset + offset
            if not offset:
                return position
        elif whence == SEEK_END:
            position = self.content.size + offset
        else:
            position = self._seek_storage(offset, whence == SEEK_DATA)
        if not 0 <= position <= self.filesystem.file_size_bytes_max:
            raise Refused(EINVAL, "SEEK-RANGE")
        description.offset = position
        return position

    def _seek_storage(self, offset: int, data_wanted: bool) -> int:
        """The next data (or hole) from an offset on; the end of the file is a hole."""
        if not 0 <= offset < self.content.size:
            raise Refused(ENXIO, "SEEK-BEYOND")
        possible: list[int | None] = []
        certain: int | None = None if data_wanted else self.content.size
        for position, page, state in self.content.states_from(offset):
            in_doubt = state != WRITTEN and (self.spread or (state == RESERVED and self.read_ahead))
            if in_doubt and not (state == RESERVED and page in self.cached):
                possible.append(position)
            elif (state == WRITTEN or (state == RESERVED and page in self.cached)) == data_wanted:
                certain = position
                break
        self.kernel.cite("SEEK-DATA" if data_wanted else "SEEK-HOLE")
        found = certain
        if possible:
            self.kernel.cite("SEEK-READ-AHEAD")
            found = self.kernel.choose(OneOf((certain, *possible)))
        if found is None:
            raise Refused(ENXIO, "SEEK-NO-DATA")
        return found

    # Size and storage -------------------------------------------------------------------------

    def truncate(self, length: int) -> int:
        self.resize(length)
        self.content_changed()
        return 0

    def truncate_by_name(self, length: int) -> int:
        """truncate(2): unlike ftruncate(2), it takes no new times where the file system sees that nothing changes."""
        if self.resize(length):
            self.content_changed()
        else:
            self.kernel.cite("TRUNC-SAME")
            self.remove_privileges()
        return 0

    def resize(self, length: int) -> bool:
        """A new size; whether that changed anything that the change times count."""
        # CHECK
        content = self.content
        size = content.size
        if length > size:
            self.check_new_size(length)
        if self.seals:
            if length < size and self.seals & F_SEAL_SHRINK:
                raise Refused(EPERM, "SEAL-SHRINK")
            if length > size and self.seals & F_SEAL_GROW:
                raise Refused(EPERM, "SEAL-GROW")
        # CHANGE
        had_storage = bool(content.pages)
        self.note_pages()
        self.disk_size = length
        if length > size:
            if self.filesystem.extents:
                content.clear(size, len(content.bytes))
            content.grow(length)
            return True
        self.split_at(length)
        content.shrink(length)
        self.forget_pages(page_ceiling(length))
        for mapping in self.mappings:
            mapping.unmap_pages(page_ceiling(length), None, copies=True)
        filesystem = self.filesystem
        return length != size or filesystem.same_size_changes or (had_storage and not filesystem.extents)

    def check_new_size(self, size: int) -> None:
        """Refuse a size above RLIMIT_FSIZE, or above what the file system holds."""
        if size > self.kernel.file_size_bytes_max:
            self.kernel.signals.append(SIGXFSZ)
            raise Refused(EFBIG, "FILE-LIMIT")

    def split_at(self, start: int, end: int | None = None) -> None:
        """Pages are to leave the page cache: a neighbour that stays may share its memory with them, and keep them."""
        neighbours = {page_ceiling(start) - 1} if end is None else {page_ceiling(start) - 1, end // PAGE_SIZE}
        if any(page in self.content.pages or page in self.cached for page in neighbours):
            self.read_ahead = True

    def forget_pages(self, first: int, end: int | None = None) -> None:
        """Pages are no longer in the page cache."""
        for pages in (self.cached, self.cold):
            if pages:
                pages.difference_update([page for page in pages if page >= first and (end is None or page < end)])
        if not self.content.size:
            self.read_ahead = False
            self.doubtful_pages = 0
            self.spread = False

    def allocate(self, description: OpenFileDescription, mode: int, offset: int, length: int) -> int:
        self.note_pages()
        ALLOCATIONS[self.filesystem.extents](self, mode, offset, length)
        self.note_pages()
        return 0

    def sync(self, description: OpenFileDescription) -> int:
        self.written_back()
        return 0

    def written_back(self) -> None:
        """Data went to the disk: what a mapping stored past the end is zeroed, and stores count as changes again."""
        if not self.filesystem.extents:
            return
        self.range_written_back(self.content.size)
        self.disk_size = self.content.size

    def not_needed(self, start: int, end: int) -> None:
        """Pages were said not to be needed: the kernel begins to write them back, and drops those that it can."""
        self.kernel.cite("FADVISE-DONTNEED")
        content = self.content
        end = min(end, content.size)
        if start >= end:
            return
        pages = range(start // PAGE_SIZE, page_ceiling(end))
        if page_ceiling(content.size) == pages.stop:
            content.clear(content.size, len(content.bytes))
        for mapping in self.mappings:
            mapping.touched.difference_update(pages)
        self.writeback_begun = True
        self.may_leave_cache(start, end)

    def range_written_back(self, end: int) -> None:
        """As :meth:`written_back`, for the part of the file before ``end``."""
        content = self.content
        if end > content.size // PAGE_SIZE * PAGE_SIZE:
            content.clear(content.size, len(content.bytes))
        for mapping in self.mappings:
            mapping.touched.clear()

    # Memory -----------------------------------------------------------------------------------

    def backing(
        self, description: OpenFileDescription, offset: int, length: int, shared: bool
    ) -> tuple[RegularFile, int]:
        return self, offset
