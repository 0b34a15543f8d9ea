# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Memory mappings of files (mmap(2)), page by page.

A shared mapping is a window on the file's bytes. A private one is too, until a page is stored into:
from then on the mapping has a copy of that page, which goes away when the file is cut before it.
A page that starts at or past the end of the file cannot be reached.

The first touch of a page goes through the file system, which may give it storage and new times;
``touched`` holds the pages that are reached directly since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.errors import EFAULT
from reference.constants.limits import PAGE_SIZE
from reference.constants.memory import PROT_READ, PROT_WRITE
from reference.linux.content import WRITTEN, page_ceiling
from reference.outcomes import Refused
from reference.structures import NOW

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.regular import RegularFile

FAULT_AROUND_PAGES = 16
"""A fault on memory maps the neighbours that are there already, in a window aligned to so many pages."""


class Mapping:
    """``first`` is the file's page that the mapping starts with; ``may_write`` says that it can change the file."""

    __slots__ = (
        "copies",
        "description",
        "file",
        "first",
        "may_write",
        "pages",
        "readable",
        "shared",
        "touched",
        "writable",
    )

    def __init__(
        self,
        description: OpenFileDescription,
        file: RegularFile,
        offset: int,
        length: int,
        protection: int,
        shared: bool,
    ) -> None:
        self.description = description
        self.file = file
        self.first = offset // PAGE_SIZE
        self.pages = page_ceiling(length)
        self.readable = bool(protection & PROT_READ)
        self.writable = bool(protection & PROT_WRITE)
        self.shared = shared
        self.may_write = shared and description.writable
        self.copies: dict[int, bytearray] = {}
        self.touched: set[int] = set()

    def load(self, offset: int, count: int) -> bytes:
        """Bytes of the mapping, up to the first page that cannot be read; EFAULT when that is the first."""
        if not self.readable:
            raise Refused(EFAULT, "MEM-READ")
        count = self._reachable(offset, count)
        start = self.first * PAGE_SIZE + offset
        pages = range(start // PAGE_SIZE, page_ceiling(start + count))
        for page in pages:
            self._fault(page, writing=False)
        data = self.file.content.bytes[start : start + count]
        for page in self.copies:
            if page in pages:
                low = max(page * PAGE_SIZE, start)
                high = min((page + 1) * PAGE_SIZE, start + count)
                data[low - start : high - start] = self.copies[page][low - page * PAGE_SIZE : high - page * PAGE_SIZE]
        return bytes(data)

    def store(self, offset: int, data: bytes) -> int:
        """Put bytes into the mapping, up to the first page that cannot be written; EFAULT when that is the first."""
        if not self.writable:
            raise Refused(EFAULT, "MEM-WRITE")
        count = self._reachable(offset, len(data))
        start = self.first * PAGE_SIZE + offset
        for page in range(start // PAGE_SIZE, page_ceiling(start + count)):
            self._fault(page, writing=True)
            low = max(page * PAGE_SIZE, start)
            high = min((page + 1) * PAGE_SIZE, start + count)
            if self.shared:
                self.file.content.bytes[low:high] = data[low - start : high - start]
            else:
                self._copy(page)[low - page * PAGE_SIZE : high - page * PAGE_SIZE] = data[low - start : high - start]
        return count

    def _reachable(self, offset: int, count: int) -> int:
        """How many of some bytes lie in the mapping and in pages of the file."""
        end = min(self.pages, page_ceiling(self.file.content.size) - self.first) * PAGE_SIZE
        if not 0 <= offset < end:
            raise Refused(EFAULT, "MEM-BEYOND")
        if offset + count > end:
            self.file.kernel.cite("MEM-SHORT")
            return end - offset
        return count

    def _copy(self, page: int) -> bytearray:
        """The private copy of a page, made at its first use."""
        copy = self.copies.get(page)
        if copy is None:
            self.file.kernel.cite("MEM-COPY")
            copy = self.copies[page] = self.file.content.bytes[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
        return copy

    def _fault(self, page: int, writing: bool) -> None:
        """What touching a page does to the file: storage where the file system gives it, times at a first store."""
        file = self.file
        storage = file.content.pages
        if not file.filesystem.extents:
            if page in self.touched or page in self.copies:
                return
            storage[page] = WRITTEN
            if writing and self.shared:
                file.mtime = file.ctime = NOW
                self.touched.add(page)
            elif self.shared:
                group = (page - self.first) // FAULT_AROUND_PAGES * FAULT_AROUND_PAGES + self.first
                self.touched.update([near for near in range(group, group + FAULT_AROUND_PAGES) if near in storage])
            return
        if page not in self.copies:
            file.now_cached(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
        if writing and self.shared:
            storage[page] = WRITTEN
            file.spread = file.spread or any(
                storage.get(near) != WRITTEN for near in range(page_ceiling(file.content.size))
            )
            file.cached.discard(page)
            if page not in self.touched:
                self.touched.add(page)
                file.mtime = file.ctime = NOW

    def unmap_pages(self, first: int, end: int | None, copies: bool) -> None:
        """Pages of the file went away; the next touch asks the file again. With ``copies`` private copies go too."""
        if self.touched:
            self.touched.difference_update(
                [page for page in self.touched if page >= first and (end is None or page < end)]
            )
        if copies and self.copies:
            for page in [page for page in self.copies if page >= first and (end is None or page < end)]:
                del self.copies[page]
