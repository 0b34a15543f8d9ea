# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Transfers past the page cache (open(2), O_DIRECT), where the file system has a disk.

Such a transfer goes extent by extent. Only storage that is written (or, for a write, any storage) needs the disk,
and only there positions, lengths and buffers must be multiples of a sector; holes need nothing.
A write gives storage to holes before it finds out that it does not fit.

Buffers are taken to start at a page each: whoever asks places them so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reference.constants import EINVAL, PAGE_SIZE
from reference.linux.content import HOLE, WRITTEN, Content, page_ceiling
from reference.outcomes import Refused

if TYPE_CHECKING:
    from reference.linux.regular import RegularFile


def runs(content: Content, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The stretches of a range that have storage of one state: state, start, end."""
    pages = content.pages
    while position < end:
        state = pages.get(position // PAGE_SIZE, HOLE)
        page = position // PAGE_SIZE + 1
        while page * PAGE_SIZE < end and pages.get(page, HOLE) == state:
            page += 1
        stop = min(page * PAGE_SIZE, end)
        yield state, position, stop
        position = stop


def fits_device(start: int, end: int, position: int, lengths: tuple[int, ...], sector: int) -> bool:
    """Whether the disk can move a stretch of a transfer that began at ``position`` with buffers of these lengths.

    One piece of memory within a page may lie anywhere; several must start and end at sectors.
    """
    if start % sector or end % sector:
        return False
    pieces: list[tuple[int, int]] = []
    here = position
    for length in lengths:
        low, high = max(here, start), min(here + length, end)
        if low < high:
            pieces.append(((low - here) % PAGE_SIZE, high - low))
        here += length
    if len(pieces) == 1 and sum(pieces[0]) <= PAGE_SIZE:
        return True
    return all([offset % sector == 0 and length % sector == 0 for offset, length in pieces])


def write_direct(file: RegularFile, position: int, data: bytes, lengths: tuple[int, ...]) -> None:
    """Refuse a write that the disk cannot take, with what it leaves: stretches that had data before are overwritten."""
    content = file.content
    end = position + len(data)
    sector = file.filesystem.direct_alignment_bytes
    file.written_back()
    file.forget_pages(position // PAGE_SIZE, page_ceiling(end))
    stretches = list(runs(content, position, end))
    for state, start, stop in stretches:
        if state == WRITTEN:
            file.cold.update(range(start // PAGE_SIZE, page_ceiling(stop)))
    if all([fits_device(start, stop, position, lengths, sector) for _, start, stop in stretches]):
        file.kernel.cite("FILE-DIRECT")
        return
    for state, start, stop in stretches:
        if state == HOLE:
            content.reserve(start // PAGE_SIZE, page_ceiling(stop))
        if not fits_device(start, stop, position, lengths, sector):
            break
        if state == WRITTEN:
            content.bytes[start:stop] = data[start - position : stop - position]
    if end > content.size:
        content.drop_pages(page_ceiling(content.size))
    raise Refused(EINVAL, "FILE-DIRECT-ALIGNED")
