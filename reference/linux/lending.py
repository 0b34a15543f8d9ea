# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Pages of regular files on their way into pipes and out of them (splice(2)).

A file lends the very pages of its cache: what is written to the file afterwards, the holder of the page sees too.
A hole of a memory file system has no page to lend; the kernel lends a page of zeros instead.
Data that comes from a pipe is copied, forwards, byte behind byte:
where a file is given its own page a little further on, the same bytes come again and again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.limits import PAGE_SIZE
from reference.linux.content import WRITTEN, FilePage
from reference.linux.ring import Slot, in_pages

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.regular import RegularFile

_ZEROS = bytes(PAGE_SIZE)


def lend_pages(
    file: RegularFile, description: OpenFileDescription, position: int, count: int, room: int
) -> tuple[list[Slot], int]:
    """One slot for each page, or part of a page, of the file: at most ``room`` of them."""
    kernel, content = file.kernel, file.content
    if position >= file.filesystem.file_size_bytes_max:
        kernel.cite("FILE-READ-END")
        return [], position
    file.accessed(description)
    start = position
    end = min(position + min(count, room * PAGE_SIZE), content.size)
    slots: list[Slot] = []
    while position < end and len(slots) < room:
        page, offset = divmod(position, PAGE_SIZE)
        stop = min(PAGE_SIZE, end - page * PAGE_SIZE)
        slots.append(Slot(_page(file, page), start=offset, end=stop))
        position += stop - offset
    if not slots:
        kernel.cite("FILE-READ-END")
        return [], position
    kernel.cite("SPLICE-LENDS")
    if file.filesystem.extents:
        file.now_cached(start, position)
    return slots, position


def _page(file: RegularFile, page: int) -> bytes | FilePage:
    if file.filesystem.zero_pages and file.content.pages.get(page) != WRITTEN:
        file.kernel.cite("SPLICE-ZERO-PAGE")
        return _ZEROS
    return file.content.lend(page)


def read_pages(
    file: RegularFile, description: OpenFileDescription, position: int, count: int
) -> tuple[list[Slot], int]:
    """What is read past the page cache: it is copied, a page to a slot."""
    lengths = tuple([min(PAGE_SIZE, count - start) for start in range(0, count, PAGE_SIZE)])
    data = file.read_vector_at(description, lengths, position, 0)
    return in_pages(data), position + len(data)


def copied_into(file: RegularFile, pieces: list[Slot], position: int) -> bytes:
    """The bytes that a file gets at a position from pieces of memory, copied one behind the other."""
    own = [_place(piece) for piece in pieces if _belongs(piece, file)]
    end = position + sum([piece.left for piece in pieces])
    if all(place >= end or place + PAGE_SIZE <= position for place in own):
        return b"".join([piece.bytes() for piece in pieces])
    file.kernel.cite("SPLICE-COPIES-FORWARDS")
    base = min(position, *own)
    image = bytearray(file.content.bytes[base : max(end, *own) + PAGE_SIZE])
    image.extend(bytes(max(end - base - len(image), 0)))
    here = position - base
    for piece in pieces:
        if _belongs(piece, file):
            copied = _copied_forwards(image, _place(piece) - base, here, piece.left)
        else:
            copied = piece.bytes()
        image[here : here + len(copied)] = copied
        here += len(copied)
    return bytes(image[position - base : here])


def _belongs(piece: Slot, file: RegularFile) -> bool:
    return isinstance(piece.data, FilePage) and piece.data.content is file.content


def _place(piece: Slot) -> int:
    """Where in its file a piece of a page begins."""
    page = piece.data
    return page.number * PAGE_SIZE + piece.taken if isinstance(page, FilePage) else 0


def _copied_forwards(image: bytearray, source: int, target: int, count: int) -> bytes:
    """What a copy within some memory puts at the target, when it goes byte by byte from the front."""
    distance = target - source
    if not 0 < distance < count:
        return bytes(image[source : source + count])
    repeated = bytes(image[source:target])
    return (repeated * (count // distance + 1))[:count]
