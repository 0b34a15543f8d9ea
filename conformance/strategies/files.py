# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops on the data, the size and the storage of files.

Sizes stay below what a program may move: RLIMIT_FSIZE bounds writes and sizes,
and lengths of storage that is reserved or inserted beyond it are drawn from a pool of their own.
"""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.payload import Pattern
from conformance.strategies.payloads import buffer_lengths, buffers, payload
from conformance.strategies.recipes import Recipe
from conformance.strategies.scalars import EXTREME_OFFSETS, HUGE_COUNTS, LENGTHS, ODD_FLAGS, length, offset
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, chance
from reference.constants.limits import LLONG_MAX, PAGE_SIZE
from reference.constants.open_flags import (
    O_APPEND,
    O_CREAT,
    O_DIRECT,
    O_DSYNC,
    O_RDONLY,
    O_RDWR,
    O_SYNC,
    O_TRUNC,
    O_WRONLY,
)
from reference.constants.transfers import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_NO_HIDE_STALE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_UNSHARE_RANGE,
    FALLOC_FL_WRITE_ZEROES,
    FALLOC_FL_ZERO_RANGE,
    RWF_APPEND,
    RWF_ATOMIC,
    RWF_DONTCACHE,
    RWF_DSYNC,
    RWF_HIPRI,
    RWF_NOAPPEND,
    RWF_NOSIGNAL,
    RWF_NOWAIT,
    RWF_SYNC,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_HOLE,
    SEEK_SET,
    SYNC_FILE_RANGE_WAIT_AFTER,
    SYNC_FILE_RANGE_WAIT_BEFORE,
    SYNC_FILE_RANGE_WRITE,
)

FILES = ("file", "file.direct", "file.memory")
NAMES = ("f", "g", "h")
_OPEN_FLAGS = (
    (O_RDWR | O_CREAT,) * 8
    + (O_RDWR | O_CREAT | O_APPEND,) * 2
    + (O_RDWR | O_CREAT | O_TRUNC, O_RDONLY | O_CREAT, O_WRONLY | O_CREAT, O_WRONLY | O_CREAT | O_APPEND)
    + (O_RDWR | O_CREAT | O_DIRECT, O_RDWR | O_CREAT | O_SYNC, O_RDWR | O_CREAT | O_DSYNC)
)
_KEEP = FALLOC_FL_KEEP_SIZE
_ALLOCATE_MODES = (
    (0, _KEEP, FALLOC_FL_PUNCH_HOLE | _KEEP) * 4
    + (FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | _KEEP, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE) * 3
    + (
        FALLOC_FL_PUNCH_HOLE,
        FALLOC_FL_UNSHARE_RANGE,
        FALLOC_FL_UNSHARE_RANGE | _KEEP,
        FALLOC_FL_WRITE_ZEROES,
        FALLOC_FL_WRITE_ZEROES | _KEEP,
        FALLOC_FL_NO_HIDE_STALE,
        FALLOC_FL_COLLAPSE_RANGE | _KEEP,
        FALLOC_FL_INSERT_RANGE | FALLOC_FL_COLLAPSE_RANGE,
        FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | _KEEP,
        1 << 8,
        -1,
    )
)
_SHIFTS = (FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE)
_ALLOCATE_OFFSETS = (0, 1, 100, 4095, 4096, 4097, 8192, 12288, 16384, 20480, 65536, 2**20, 2**21 - 1, 2**21) * 4 + (
    2**40,
    2**44,
    2**44 - PAGE_SIZE,
    LLONG_MAX,
    LLONG_MAX - PAGE_SIZE + 1,
    -1,
    -PAGE_SIZE,
    -LLONG_MAX - 1,
)
_ALLOCATE_LENGTHS = (4096, 1, 100, 4095, 4097, 8192, 10000, 12288, 65536) * 4 + (2**20, 2**21, 2**21 + 1, 0, -1, -4096)
_LENGTHS_HUGE = (LLONG_MAX, 2**62)
_SHIFT_OFFSETS = (0, 4096, 8192, 12288, 16384, 65536, 1, 2**20, 4095)
_SHIFT_LENGTHS = (4096, 8192, 12288, 65536, 1, 0, 2**20)
_SIZES = LENGTHS + (2**21 - 1, 2**21, 2**21 + 1, 4097, 8191) * 2 + EXTREME_OFFSETS
_RWF = (RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_APPEND, RWF_NOAPPEND, RWF_NOSIGNAL, RWF_DONTCACHE, RWF_NOWAIT)
_RWF_ODD = (RWF_ATOMIC, RWF_APPEND | RWF_NOAPPEND, RWF_NOWAIT | RWF_APPEND, *ODD_FLAGS)
_WHENCES = (SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE) * 3 + (5, -1)
_STEPS = (0, 1, -1, 5, -5, 4096, -4096, 100000, LLONG_MAX, -LLONG_MAX - 1, 2**44)
_SYNC_FLAGS = (
    SYNC_FILE_RANGE_WRITE,
    0,
    SYNC_FILE_RANGE_WAIT_BEFORE,
    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER,
    8,
    1 << 31,
)
_SYNC_COUNTS = (0, 1, 4096, 65536, -1, LLONG_MAX)
_DIRECT_PIECES_MAX = 9
_DIRECT_LENGTHS = (512, 4096, 1024, 8192, 511, 513, 100, 65536)
"""Lengths for files opened with O_DIRECT, which wants multiples of a sector."""


def _open(source: Source, slots: SlotTable) -> Op:
    flags = _OPEN_FLAGS[source.below(len(_OPEN_FLAGS))]
    tag = "file.direct" if flags & O_DIRECT else "file"
    return Op("open", (NAMES[source.below(len(NAMES))], flags, 0o600), (slots.new(tag),))


def _count(source: Source, slots: SlotTable, slot: Slot) -> int:
    """A count for a read: huge only where little can be read, and where memory is not looked at before it is used."""
    if chance(source, 24) and slots.tags[slot] == "file":
        return HUGE_COUNTS[source.below(len(HUGE_COUNTS))]
    return length(source)


def _read(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("read", (slot, _count(source, slots, slot)))


def _write(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("write", (slot, _data(source)))


def _data(source: Source) -> bytes | Pattern:
    return payload(source, _DIRECT_LENGTHS if chance(source, 8) else LENGTHS)


def _pieces(source: Source, slots: SlotTable, slot: Slot) -> tuple[bytes | Pattern, ...]:
    """Buffers of a write. A direct write gets few: what becomes of more than one request takes is not known exactly."""
    pieces = buffers(source)
    return pieces[:_DIRECT_PIECES_MAX] if slots.tags[slot] == "file.direct" else pieces


def _readv(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("readv", (slot, buffer_lengths(source)))


def _writev(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("writev", (slot, _pieces(source, slots, slot)))


def _pread(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("pread", (slot, _count(source, slots, slot), offset(source)))


def _pwrite(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("pwrite", (slot, _data(source), offset(source)))


def _flags(source: Source) -> int:
    choice = source.below(12)
    if choice < 4:
        return 0
    if choice == 11:
        return _RWF_ODD[source.below(len(_RWF_ODD))]
    return _RWF[source.below(len(_RWF))]


def _at(source: Source) -> int:
    return offset(source) if source.below(3) else -1


def _preadv2(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("preadv2", (slot, buffer_lengths(source), _at(source), _flags(source)))


def _pwritev2(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("pwritev2", (slot, _pieces(source, slots, slot), _at(source), _flags(source)))


def _lseek(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    if slot is None:
        return None
    whence = _WHENCES[source.below(len(_WHENCES))]
    step = _STEPS[source.below(len(_STEPS))] if whence in (SEEK_CUR, SEEK_END) and chance(source, 2) else offset(source)
    return Op("lseek", (slot, step, whence))


def _ftruncate(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("ftruncate", (slot, _SIZES[source.below(len(_SIZES))]))


def _truncate(source: Source, slots: SlotTable) -> Op:
    return Op("truncate", (NAMES[source.below(len(NAMES))], _SIZES[source.below(len(_SIZES))]))


def _fallocate(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    if slot is None:
        return None
    mode = _ALLOCATE_MODES[source.below(len(_ALLOCATE_MODES))]
    if mode in _SHIFTS and not chance(source, 8):
        start = _SHIFT_OFFSETS[source.below(len(_SHIFT_OFFSETS))]
        return Op("fallocate", (slot, mode, start, _SHIFT_LENGTHS[source.below(len(_SHIFT_LENGTHS))]))
    start = _ALLOCATE_OFFSETS[source.below(len(_ALLOCATE_OFFSETS))]
    span = _ALLOCATE_LENGTHS[source.below(len(_ALLOCATE_LENGTHS))]
    if mode & _KEEP == 0 and chance(source, 24):
        span = _LENGTHS_HUGE[source.below(len(_LENGTHS_HUGE))]
    return Op("fallocate", (slot, mode, start, span))


def _fsync(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("fsync", (slot,))


def _fdatasync(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    return None if slot is None else Op("fdatasync", (slot,))


def _sync_file_range(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *FILES)
    if slot is None:
        return None
    count = _SYNC_COUNTS[source.below(len(_SYNC_COUNTS))]
    return Op("sync_file_range", (slot, offset(source), count, _SYNC_FLAGS[source.below(len(_SYNC_FLAGS))]))


RECIPES = (
    Recipe("open", 10, _open, opens=True),
    Recipe("write", 10, _write),
    Recipe("read", 10, _read),
    Recipe("pwrite", 10, _pwrite),
    Recipe("pread", 8, _pread),
    Recipe("writev", 4, _writev),
    Recipe("readv", 4, _readv),
    Recipe("pwritev2", 6, _pwritev2),
    Recipe("preadv2", 6, _preadv2),
    Recipe("lseek", 16, _lseek),
    Recipe("ftruncate", 8, _ftruncate),
    Recipe("truncate", 3, _truncate),
    Recipe("fallocate", 12, _fallocate),
    Recipe("fsync", 1, _fsync),
    Recipe("fdatasync", 1, _fdatasync),
    Recipe("sync_file_range", 1, _sync_file_range),
)
