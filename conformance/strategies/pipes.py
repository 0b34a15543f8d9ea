# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops on pipes and FIFOs.

Most descriptions are non-blocking: a call that sleeps costs a native run some milliseconds.
Pipes are often made small, so that few writes fill them.
"""

from __future__ import annotations

from conformance.ops import Op
from conformance.strategies.payloads import buffer_lengths, buffers, payload
from conformance.strategies.recipes import Make, Recipe, closing, duplicating
from conformance.strategies.scalars import HUGE_COUNTS, ODD_FLAGS
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source
from reference.constants.descriptors import F_GETFL, F_GETPIPE_SZ, F_SETFL, F_SETPIPE_SZ
from reference.constants.limits import INT_MAX, PAGE_SIZE, UINT_MAX
from reference.constants.open_flags import (
    O_APPEND,
    O_ASYNC,
    O_CLOEXEC,
    O_DIRECT,
    O_NOATIME,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_SYNC,
    O_TRUNC,
    O_WRONLY,
)
from reference.constants.requests import FIONREAD
from reference.constants.transfers import (
    RWF_APPEND,
    RWF_DSYNC,
    RWF_HIPRI,
    RWF_NOSIGNAL,
    RWF_NOWAIT,
    SEEK_CUR,
    SEEK_END,
    SEEK_SET,
)

_PIPE_FLAGS = (
    *(O_NONBLOCK,) * 8,
    O_NONBLOCK | O_CLOEXEC,
    O_NONBLOCK | O_DIRECT,
    O_NONBLOCK | O_DIRECT,
    0,
    0,
    O_CLOEXEC,
    O_DIRECT,
    O_NONBLOCK | O_CLOEXEC | O_DIRECT,
)
_PIPE_FLAGS_ODD = (O_APPEND, O_SYNC, O_NONBLOCK | O_APPEND, O_WRONLY, O_RDWR | O_NONBLOCK, *ODD_FLAGS)
_READERS = ("pipe.read", "pipe.read", "pipe.both")
_WRITERS = ("pipe.write", "pipe.write", "pipe.both")
_ENDS = ("pipe.read", "pipe.write", "pipe.both")

_SMALL = (1, 2, 3, 5, 10, 100, 1000, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 0)
_PAGES = tuple(PAGE_SIZE * pages + odd for pages in (1, 2, 3, 4, 8, 15, 16) for odd in (0, -1, 1, 100))
_WRITE_LENGTHS = _SMALL * 5 + _PAGES + (2**17, 2**20, 2**20 + 1)
_READ_COUNTS = _SMALL * 4 + _PAGES + (2**17, 2**20, 2**21)
_SIZES = (
    PAGE_SIZE,
    2 * PAGE_SIZE,
    3 * PAGE_SIZE,
    4 * PAGE_SIZE,
    5 * PAGE_SIZE,
    8 * PAGE_SIZE,
    16 * PAGE_SIZE,
    1,
    PAGE_SIZE + 1,
    PAGE_SIZE,
    2 * PAGE_SIZE,
    2**17,
    2**20,
)
_SIZES_ODD = (0, 2**20 + 1, 2**21, INT_MAX, 2**31, 2**31 + 1, -1, UINT_MAX, 2**32 + 8192, 2**30)
_RWF = (0, 0, RWF_NOWAIT, RWF_NOWAIT, RWF_HIPRI, RWF_DSYNC, RWF_APPEND, RWF_NOWAIT | RWF_DSYNC, RWF_NOSIGNAL, 1 << 20)
_STATUS = (O_NONBLOCK, O_NONBLOCK, O_NONBLOCK | O_DIRECT, O_DIRECT, 0, O_NONBLOCK | O_ASYNC, O_NONBLOCK | O_APPEND)
_REOPEN_FLAGS = (
    O_RDONLY | O_NONBLOCK,
    O_WRONLY | O_NONBLOCK,
    O_RDWR | O_NONBLOCK,
    O_RDWR | O_NONBLOCK,
    O_RDONLY,
    O_WRONLY,
    O_RDWR | O_CLOEXEC | O_NONBLOCK,
    O_RDWR | O_ASYNC | O_NONBLOCK | O_APPEND,
    O_RDONLY | O_NONBLOCK | O_NOATIME,
    O_RDWR | O_DIRECT | O_NONBLOCK,
    O_WRONLY | O_RDWR | O_NONBLOCK,
    O_RDWR | O_TRUNC | O_NONBLOCK,
    O_PATH,
)
_OPEN_EXTRA = (O_NOFOLLOW, O_TRUNC, O_APPEND)
_TAGS = {O_RDONLY: "pipe.read", O_WRONLY: "pipe.write", O_RDWR: "pipe.both", 3: "pipe.both"}
_NAMES = ("p", "p", "p", "q")
_MODES = (0o644, 0o644, 0o600, 0o666, 0o444, 0o200, 0, 0o7777)


def _pipe2(source: Source, slots: SlotTable) -> Op:
    pool = _PIPE_FLAGS_ODD if source.below(20) == 19 else _PIPE_FLAGS
    flags = pool[source.below(len(pool))]
    return Op("pipe2", (flags,), (slots.new("pipe.read"), slots.new("pipe.write")))


def _read(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_READERS)
    if slot is None:
        return None
    counts = HUGE_COUNTS if source.below(40) == 39 else _READ_COUNTS
    return Op("read", (slot, counts[source.below(len(counts))]))


def _write(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_WRITERS)
    return None if slot is None else Op("write", (slot, payload(source, _WRITE_LENGTHS)))


def _readv(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_READERS)
    return None if slot is None else Op("readv", (slot, buffer_lengths(source)))


def _writev(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_WRITERS)
    return None if slot is None else Op("writev", (slot, buffers(source, _WRITE_LENGTHS)))


def _preadv2(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_READERS)
    if slot is None:
        return None
    offset = 0 if source.below(8) == 7 else -1
    return Op("preadv2", (slot, buffer_lengths(source), offset, _RWF[source.below(len(_RWF))]))


def _pwritev2(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_WRITERS)
    if slot is None:
        return None
    offset = 0 if source.below(8) == 7 else -1
    return Op("pwritev2", (slot, buffers(source, _WRITE_LENGTHS), offset, _RWF[source.below(len(_RWF))]))


def _status(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_ENDS)
    return None if slot is None else Op("fcntl", (slot, F_SETFL, _STATUS[source.below(len(_STATUS))]))


def _set_size(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_ENDS)
    if slot is None:
        return None
    sizes = _SIZES_ODD if source.below(8) == 7 else _SIZES
    return Op("fcntl", (slot, F_SETPIPE_SZ, sizes[source.below(len(sizes))]))


def _reopen(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_ENDS)
    if slot is None:
        return None
    flags = _REOPEN_FLAGS[source.below(len(_REOPEN_FLAGS))]
    return Op("reopen", (slot, flags), (slots.new(_TAGS[flags & 3]),))


def _mkfifo(source: Source, slots: SlotTable) -> Op:
    slots.notes["fifo"] = True
    return Op("mkfifo", (_NAMES[source.below(len(_NAMES))], _MODES[source.below(len(_MODES))]))


def _open_fifo(source: Source, slots: SlotTable) -> Op:
    if "fifo" not in slots.notes and source.below(8) < 7:
        return _mkfifo(source, slots)
    name = _NAMES[source.below(len(_NAMES))]
    flags = _REOPEN_FLAGS[source.below(len(_REOPEN_FLAGS))]
    if source.below(12) == 11:
        flags |= _OPEN_EXTRA[source.below(len(_OPEN_EXTRA))]
    return Op("open", (name, flags, 0o644), (slots.new(_TAGS[flags & 3]),))


def _unlink_fifo(source: Source, slots: SlotTable) -> Op:
    return Op("unlink", (_NAMES[source.below(len(_NAMES))],))


def _asking(call: str, *arguments: object, tags: tuple[str, ...] = _ENDS) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, *tags)
        return None if slot is None else Op(call, (slot, *arguments))

    return make


def _choosing(call: str, *choices: tuple[object, ...]) -> Make:
    """A call on an end with one of some lists of arguments."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, *_ENDS)
        return None if slot is None else Op(call, (slot, *choices[source.below(len(choices))]))

    return make


RECIPES = (
    Recipe("pipe2", 36, _pipe2, opens=True),
    Recipe("write", 66, _write),
    Recipe("read", 54, _read),
    Recipe("writev", 12, _writev),
    Recipe("readv", 12, _readv),
    Recipe("preadv2", 9, _preadv2),
    Recipe("pwritev2", 9, _pwritev2),
    Recipe("close", 18, closing(*_ENDS)),
    Recipe("dup", 6, duplicating(*_ENDS)),
    Recipe("fcntl(F_SETFL)", 12, _status),
    Recipe("fcntl(F_GETFL)", 3, _asking("fcntl", F_GETFL)),
    Recipe("fcntl(F_SETPIPE_SZ)", 21, _set_size),
    Recipe("fcntl(F_GETPIPE_SZ)", 6, _asking("fcntl", F_GETPIPE_SZ)),
    Recipe("ioctl(FIONREAD)", 9, _asking("ioctl", FIONREAD)),
    Recipe("reopen", 12, _reopen),
    Recipe("mkfifo", 12, _mkfifo, opens=True),
    Recipe("open", 21, _open_fifo, opens=True),
    Recipe("unlink", 3, _unlink_fifo),
    Recipe("fstat", 6, _asking("fstat")),
    Recipe("fchmod", 1, _choosing("fchmod", *((mode,) for mode in _MODES))),
    Recipe("fchown", 1, _choosing("fchown", (-1, -1), (-1, 65534), (65534, -1), (0, 0), (65534, 65534))),
    Recipe("futimens", 1, _choosing("futimens", (5 * 10**9, 7 * 10**9), (7 * 10**9, 5 * 10**9))),
    Recipe("lseek", 1, _choosing("lseek", (0, SEEK_CUR), (5, SEEK_SET), (0, SEEK_END), (0, 7), (-1, SEEK_SET))),
    Recipe("pread", 1, _choosing("pread", (10, 0), (0, 0), (10, -1))),
    Recipe("pwrite", 1, _choosing("pwrite", (b"x", 0), (b"", 0), (b"x", -1))),
    Recipe("ftruncate", 1, _choosing("ftruncate", (0,), (10,), (-1,))),
    Recipe("fallocate", 1, _choosing("fallocate", (0, 0, 10), (0, 0, 0), (1, 0, 10), (0, -1, 10), (1 << 20, 0, 10))),
    Recipe("fsync", 1, _asking("fsync")),
    Recipe("fdatasync", 1, _asking("fdatasync")),
    Recipe("sync_file_range", 1, _choosing("sync_file_range", (0, 0, 0), (0, 0, 7), (-1, 0, 0), (0, 0, 8))),
)
