# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""fallocate(2) of regular files: what the two sorts of file systems make of its modes.

A disk file system takes new times as soon as it knows the mode, even when it then refuses the range;
a memory file system only when it succeeds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reference.constants.errors import EFBIG, EINVAL, EOPNOTSUPP, EPERM
from reference.constants.limits import PAGE_SIZE
from reference.constants.memory import F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_WRITE
from reference.constants.transfers import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
)
from reference.linux.content import RESERVED, WRITTEN, check_storage_modelled, page_ceiling
from reference.outcomes import Refused

if TYPE_CHECKING:
    from reference.linux.regular import RegularFile


def allocate_on_disk(file: RegularFile, mode: int, offset: int, length: int) -> None:
    """fallocate(2) on a file system with extents."""
    # CHECK
    operation = mode & ~FALLOC_FL_KEEP_SIZE
    if operation not in file.filesystem.allocate_modes:
        raise Refused(EOPNOTSUPP, "ALLOC-MODE")
    # CHANGE
    file.content_changed()
    _ON_DISK[operation](file, offset, offset + length, bool(mode & FALLOC_FL_KEEP_SIZE))


def _reserve(file: RegularFile, start: int, end: int, keep_size: bool) -> None:
    content = file.content
    grows = not keep_size and end > content.size
    if grows:
        file.check_new_size(end)
    file.kernel.cite("ALLOC-KEEP-SIZE" if keep_size else "ALLOC-RESERVE")
    content.reserve(start // PAGE_SIZE, page_ceiling(end))
    if not keep_size:
        file.disk_size = max(file.disk_size, end)
    if grows:
        content.clear(content.size, end)
        content.grow(end)


def _zero(file: RegularFile, start: int, end: int, keep_size: bool) -> None:
    file.kernel.cite("ALLOC-ZERO")
    _reserve(file, start, end, keep_size)
    content = file.content
    file.split_at(start, end)
    first, last = page_ceiling(start), end // PAGE_SIZE
    content.give_up(first, last)
    content.clear(start, end)
    for page in range(first, last):
        content.pages[page] = RESERVED
    _drop_cache(file, first, last)


def _punch(file: RegularFile, start: int, end: int, keep_size: bool) -> None:
    file.kernel.cite("ALLOC-PUNCH")
    content = file.content
    if start >= content.size:
        return
    if end > content.size:
        end = page_ceiling(content.size) * PAGE_SIZE
    file.split_at(start, end)
    first, last = page_ceiling(start), end // PAGE_SIZE
    content.give_up(first, last)
    content.clear(start, end)
    content.drop_pages(first, last)
    _drop_cache(file, first, last)


def _collapse(file: RegularFile, start: int, end: int, keep_size: bool) -> None:
    if start % PAGE_SIZE or end % PAGE_SIZE:
        raise Refused(EINVAL, "ALLOC-SHIFT-ALIGNED")
    if end >= file.content.size:
        raise Refused(EINVAL, "ALLOC-COLLAPSE-END")
    file.kernel.cite("ALLOC-COLLAPSE")
    file.written_back()
    file.content.cut(start, end)
    _shifted(file, start // PAGE_SIZE)


def _insert(file: RegularFile, start: int, end: int, keep_size: bool) -> None:
    if start % PAGE_SIZE or end % PAGE_SIZE:
        raise Refused(EINVAL, "ALLOC-SHIFT-ALIGNED")
    if start >= file.content.size:
        raise Refused(EINVAL, "ALLOC-INSERT-END")
    if end - start > file.filesystem.file_size_bytes_max - file.content.size:
        raise Refused(EFBIG, "ALLOC-RANGE")
    file.kernel.cite("ALLOC-INSERT")
    file.written_back()
    file.content.insert(start, end - start)
    _shifted(file, start // PAGE_SIZE)


def _shifted(file: RegularFile, first: int) -> None:
    """Pages moved: all of them from here on left the page cache, and private copies of them are gone."""
    file.forget_pages(first)
    file.cold.update([page for page, state in file.content.pages.items() if page >= first and state == WRITTEN])
    for mapping in file.mappings:
        mapping.unmap_pages(first, None, copies=True)


def _drop_cache(file: RegularFile, first: int, end: int) -> None:
    """Pages lost their data: they left the page cache; private copies of them stay."""
    file.forget_pages(first, end)
    for mapping in file.mappings:
        mapping.unmap_pages(first, end, copies=False)


_ON_DISK: dict[int, Callable[[RegularFile, int, int, bool], None]] = {
    0: _reserve,
    FALLOC_FL_PUNCH_HOLE: _punch,
    FALLOC_FL_ZERO_RANGE: _zero,
    FALLOC_FL_COLLAPSE_RANGE: _collapse,
    FALLOC_FL_INSERT_RANGE: _insert,
}


def allocate_in_memory(file: RegularFile, mode: int, offset: int, length: int) -> None:
    """fallocate(2) on a file system that is all page cache. KEEP_SIZE does not lift the limit on sizes."""
    # CHECK
    operation = mode & ~FALLOC_FL_KEEP_SIZE
    if operation not in file.filesystem.allocate_modes:
        raise Refused(EOPNOTSUPP, "ALLOC-MODE")
    content, end, seals = file.content, offset + length, file.seals or 0
    if operation:
        if seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
            raise Refused(EPERM, "SEAL-WRITE")
        # CHANGE
        file.kernel.cite("ALLOC-PUNCH")
        first, last = page_ceiling(offset), end // PAGE_SIZE
        content.give_up(first, last)
        content.clear(offset, end)
        content.drop_pages(first, last)
        _drop_cache(file, first, last)
    else:
        if end > content.size:
            file.check_new_size(end)
            if seals & F_SEAL_GROW:
                raise Refused(EPERM, "SEAL-GROW")
        # CHANGE
        check_storage_modelled(length)
        file.kernel.cite("ALLOC-MEMORY")
        pages = content.pages
        for page in range(offset // PAGE_SIZE, page_ceiling(end)):
            pages[page] = WRITTEN if page in pages else RESERVED
        if not mode & FALLOC_FL_KEEP_SIZE and end > content.size:
            content.grow(end)
    file.content_changed()


ALLOCATIONS: dict[bool, Callable[[RegularFile, int, int, int], None]] = {
    True: allocate_on_disk,
    False: allocate_in_memory,
}
"""By whether the file system has extents."""
