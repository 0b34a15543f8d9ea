# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a regular file holds: its bytes, its size, and which of its pages have storage behind them.

Storage is kept by page, which is also the block of the file systems here.
A page without storage is a hole. ``RESERVED`` storage was allocated ahead and reads as zeros;
it may lie past the end of the file. ``WRITTEN`` pages hold data, were it zeros.

The bytes reach to the end of the last page, past the size:
a mapping shows that tail, and may store into it (mmap(2)).
"""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakValueDictionary

from reference.constants.limits import PAGE_SIZE
from reference.outcomes import NotModelled

HOLE, RESERVED, WRITTEN = 0, 1, 2
"""States of a page's storage."""
CONTENT_BYTES_MAX = 2**30
"""How far a file of the model reaches, in bytes: it lies in memory as it is, holes and all."""
_ZEROS = memoryview(bytes(2**21))
"""Files grow by copying from here, because fresh zeros have to be fetched from the kernel, page by page."""


def zeros(count: int) -> bytes | memoryview:
    """So many zero bytes."""
    return _ZEROS[:count] if count <= len(_ZEROS) else bytes(count)


def check_modelled(end: int) -> None:
    """Refuse to hold a file up to byte ``end`` when that is past CONTENT_BYTES_MAX. NotModelled."""
    if end > CONTENT_BYTES_MAX:
        raise NotModelled(f"a file up to byte {end}: the model keeps files in memory, up to {CONTENT_BYTES_MAX} bytes")


def check_storage_modelled(length: int) -> None:
    """Refuse to keep the states of so many bytes of storage, wherever in or behind a file they lie. NotModelled."""
    if length > CONTENT_BYTES_MAX:
        raise NotModelled(f"{length} bytes of storage at once: the model keeps up to {CONTENT_BYTES_MAX}, page by page")


def page_ceiling(position: int) -> int:
    """The first page that starts at or after a position."""
    return -(-position // PAGE_SIZE)


class FilePage:
    """A page of the page cache that a pipe or a socket holds beside its file (splice(2)).

    What is written to the file shows in it, until the file gives the page up: from then on it stays as it was.
    """

    __slots__ = ("__weakref__", "content", "kept", "number")

    def __init__(self, content: Content, number: int) -> None:
        self.content: Content | None = content
        self.number = number
        self.kept = b""

    def __len__(self) -> int:
        return PAGE_SIZE

    def __getitem__(self, part: slice) -> bytes:
        if self.content is None:
            return self.kept[part]
        start = self.number * PAGE_SIZE
        return bytes(self.content.bytes[start + part.start : start + part.stop])

    def give_up(self) -> None:
        """The file has this page no longer."""
        self.kept = self[0:PAGE_SIZE]
        self.content = None


class Content:
    """The bytes of a file, in memory: sizes are bounded by RLIMIT_FSIZE, so a flat buffer does.

    What would take it past CONTENT_BYTES_MAX is NotModelled.

    ``lent`` are the pages that pipes and sockets hold too: a page is in it for as long as one of them refers to it.
    """

    __slots__ = ("bytes", "lent", "pages", "size")

    def __init__(self) -> None:
        self.size = 0
        self.bytes = bytearray()
        self.pages: dict[int, int] = {}
        self.lent: WeakValueDictionary[int, FilePage] = WeakValueDictionary()

    # Bytes ------------------------------------------------------------------------------------

    def read(self, position: int, count: int) -> bytes:
        """Up to ``count`` bytes from a position, none past the end."""
        return bytes(self.bytes[position : min(position + count, self.size)])

    def write(self, position: int, data: bytes) -> None:
        """Put bytes at a position; the file grows to hold them."""
        end = position + len(data)
        if end > self.size:
            self.grow(end)
        self.bytes[position:end] = data
        pages = self.pages
        first, last = position // PAGE_SIZE, (end - 1) // PAGE_SIZE
        if first == last:
            pages[first] = WRITTEN
        else:
            pages.update(dict.fromkeys(range(first, last + 1), WRITTEN))

    def grow(self, size: int) -> None:
        """Move the end of the file up; pages that are new read as zeros."""
        check_modelled(size)
        self.size = size
        missing = page_ceiling(size) * PAGE_SIZE - len(self.bytes)
        if missing > 0:
            self.bytes += zeros(missing)

    def shrink(self, size: int) -> None:
        """Move the end of the file down, or leave it, and give back all storage past it."""
        keep = page_ceiling(size)
        self.give_up(keep)
        del self.bytes[keep * PAGE_SIZE :]
        self.size = size
        self.clear(size, len(self.bytes))
        self.drop_pages(keep)

    def clear(self, start: int, end: int) -> None:
        """Zero bytes, as far as there are any; storage stays as it is."""
        end = min(end, len(self.bytes))
        if start < end:
            self.bytes[start:end] = zeros(end - start)

    def cut(self, start: int, end: int) -> None:
        """Take whole pages out; what follows moves down."""
        self.give_up(start // PAGE_SIZE)
        del self.bytes[start:end]
        self.size -= end - start
        first, last, shift = start // PAGE_SIZE, end // PAGE_SIZE, (end - start) // PAGE_SIZE
        self.pages = {
            (page if page < first else page - shift): state
            for page, state in self.pages.items()
            if not first <= page < last
        }

    def insert(self, start: int, length: int) -> None:
        """Put a hole of whole pages in; what follows moves up."""
        check_modelled(self.size + length)
        self.give_up(start // PAGE_SIZE)
        self.bytes[start:start] = bytes(length)
        self.size += length
        first, shift = start // PAGE_SIZE, length // PAGE_SIZE
        self.pages = {(page if page < first else page + shift): state for page, state in self.pages.items()}

    # Pages that others hold ---------------------------------------------------------------------

    def lend(self, page: int) -> FilePage:
        """A page that somebody holds beside the file."""
        lent = self.lent.get(page)
        if lent is None:
            lent = self.lent[page] = FilePage(self, page)
        return lent

    def give_up(self, first: int, end: int | None = None) -> None:
        """Pages from ``first`` on, up to but not including ``end``, leave the page cache: who holds one keeps it."""
        lent = self.lent
        for page in [page for page in lent if page >= first and (end is None or page < end)]:
            lent.pop(page).give_up()

    # Storage ----------------------------------------------------------------------------------

    def drop_pages(self, first: int, end: int | None = None) -> None:
        """Give back the storage of pages from ``first`` on, up to but not including ``end``."""
        pages = self.pages
        for page in [page for page in pages if page >= first and (end is None or page < end)]:
            del pages[page]

    def reserve(self, first: int, end: int) -> None:
        """Allocate storage for the holes among these pages."""
        check_storage_modelled((end - first) * PAGE_SIZE)
        pages = self.pages
        for page in range(first, end):
            pages.setdefault(page, RESERVED)

    def states_from(self, position: int) -> Iterator[tuple[int, int, int]]:
        """From a position to the end: where each page, or the rest of the first, starts; its number and state."""
        pages = self.pages
        page = position // PAGE_SIZE
        while position < self.size:
            yield position, page, pages.get(page, HOLE)
            page += 1
            position = page * PAGE_SIZE
