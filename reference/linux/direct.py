# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Transfers past the page cache (open(2), O_DIRECT), where the file system has a disk.

Such a transfer goes extent by extent. Only storage that is written (or, for a write, any storage) needs the disk,
and only there positions, lengths and buffers must be multiples of a sector; holes need nothing.
A write gives storage to holes before it finds out that it does not fit;
buffers that do not fit are found out about only when the disk is asked, when the next stretch has its storage already.

Buffers are taken to start at a page each: whoever asks places them so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reference.constants.errors import EFAULT, EINVAL
from reference.constants.limits import PAGE_SIZE
from reference.linux.content import HOLE, WRITTEN, Content, page_ceiling
from reference.outcomes import Refused

if TYPE_CHECKING:
    from reference.linux.regular import RegularFile


REQUEST_PIECES_MAX = 256


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


def on_sectors(start: int, end: int, sector: int) -> bool:
    """Whether a stretch starts and ends at sectors."""
    return not (start % sector or end % sector)


def buffers_error(start: int, end: int, position: int, lengths: tuple[int, ...], sector: int) -> int:
    """The error of moving a stretch of a transfer that began at ``position`` with buffers of these lengths, or 0.

    One piece of memory within a page may lie anywhere; several must start and end at sectors.
    More pieces than one request takes must make up a sector by then.
    """
    pieces: list[tuple[int, int]] = []
    here = position
    for length in lengths:
        low, high = max(here, start), min(here + length, end)
        if low < high:
            pieces.append(((low - here) % PAGE_SIZE, high - low))
        here += length
    if len(pieces) == 1 and sum(pieces[0]) <= PAGE_SIZE:
        return 0
    if len(pieces) > REQUEST_PIECES_MAX and sum([length for _, length in pieces[:REQUEST_PIECES_MAX]]) < sector:
        return EFAULT
    return EINVAL if any(offset % sector or length % sector for offset, length in pieces) else 0


def check_read_direct(file: RegularFile, position: int, count: int, lengths: tuple[int, ...]) -> None:
    """Refuse a read that the disk cannot serve."""
    sector = file.filesystem.direct_alignment_bytes
    for state, start, end in runs(file.content, position, position + count):
        if state == WRITTEN:
            if not on_sectors(start, end, sector):
                raise Refused(EINVAL, "FILE-DIRECT-ALIGNED")
            error = buffers_error(start, end, position, lengths, sector)
            if error:
                raise Refused(error, "FILE-DIRECT-BUFFERS")


def write_direct(file: RegularFile, position: int, data: bytes, lengths: tuple[int, ...]) -> None:
    """Refuse a write that the disk cannot take, with what it leaves: stretches that had data before are overwritten."""
    content = file.content
    end = position + len(data)
    sector = file.filesystem.direct_alignment_bytes
    extends = end > min(content.size, file.disk_size)
    in_doubt = end <= content.size and file.writeback_begun
    file.range_written_back(end)
    content.give_up(position // PAGE_SIZE, page_ceiling(end))
    file.forget_pages(position // PAGE_SIZE, page_ceiling(end))
    stretches = list(runs(content, position, end))
    for state, start, stop in stretches:
        if state == WRITTEN:
            file.cold.update(range(start // PAGE_SIZE, page_ceiling(stop)))
    had = len(content.pages)
    failed: Refused | None = None
    for state, start, stop in stretches:
        if state == HOLE:
            content.reserve(start // PAGE_SIZE, page_ceiling(stop))
        if failed:
            break
        if not on_sectors(start, stop, sector):
            failed = Refused(EINVAL, "FILE-DIRECT-ALIGNED")
            break
        error = buffers_error(start, stop, position, lengths, sector)
        if error:
            failed = Refused(error, "FILE-DIRECT-BUFFERS")
        elif state == WRITTEN:
            content.bytes[start:stop] = data[start - position : stop - position]
    if failed:
        if extends and in_doubt:
            file.doubtful_pages += sum(page >= page_ceiling(content.size) for page in content.pages)
        elif extends:
            content.drop_pages(page_ceiling(content.size))
        got = len(content.pages) - had
        if got > 1:
            file.doubtful_pages += got - 1
            file.read_ahead = True
        raise failed
    file.kernel.cite("FILE-DIRECT")
    file.disk_size = max(file.disk_size, end)
