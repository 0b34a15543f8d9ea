# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops that ask what a descriptor stands on and what surrounds it, whatever kind of object it leads to."""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.payload import Pattern
from conformance.strategies.attributes import statx
from conformance.strategies.files import FILES
from conformance.strategies.recipes import Recipe
from conformance.strategies.scalars import offset
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, chance
from reference.constants.file_status import AT_EACCESS, AT_SYMLINK_NOFOLLOW, XATTR_CREATE, XATTR_REPLACE
from reference.constants.limits import LLONG_MAX, RLIMIT_FSIZE
from reference.constants.transfers import (
    POSIX_FADV_DONTNEED,
    POSIX_FADV_NOREUSE,
    POSIX_FADV_NORMAL,
    POSIX_FADV_RANDOM,
    POSIX_FADV_SEQUENTIAL,
    POSIX_FADV_WILLNEED,
)

_ADVICE = (
    POSIX_FADV_DONTNEED,
    POSIX_FADV_DONTNEED,
    POSIX_FADV_WILLNEED,
    POSIX_FADV_NORMAL,
    POSIX_FADV_RANDOM,
    POSIX_FADV_SEQUENTIAL,
    POSIX_FADV_NOREUSE,
    6,
    -1,
)
_SPANS = (0, 1, 4096, 4097, 65536, 2**20, LLONG_MAX, -1, -LLONG_MAX - 1)
_ON_DISK = ("file", "file.direct", "directory", "mapping")
_ENTRY_ROOM = (2**15, 2**15, 2**15, 2**15, 0, 1, 23, 2**20, 24, 48, 100)
_ATTRIBUTED = ("file", "directory", "file.memory")
_NAMES = ("user.a", "user.b", "user.longer_name")
_NAMES_ODD = (
    "user." + "n" * 250,
    "user." + "n" * 251,
    "user.",
    "user",
    "",
    "other.a",
    "system.sockprotoname",
    "system.sockprotoname",
    "trusted.",
)
_VALUE_BYTES = (1, 0, 3, 8, 16, 17, 48, 56, 64, 1000, 2000, 4000, 4036, 4040, 4041, 4096, 65536, 65537)
_VALUE_ROOM = (100, 0, 0, 1, 3, 7, 8, 12, 64, 65536, 2**20, -1)
_LIST_ROOM = (1000, 0, 1, 6, 7, 13, 14, 20, 21, 22, 2**20, -1)
_SET_FLAGS = (0, 0, 0, 0, XATTR_CREATE, XATTR_REPLACE, XATTR_CREATE | XATTR_REPLACE, 4, -1)

_ACCESS_FLAGS = (0, 0, 0, AT_EACCESS, AT_EACCESS, AT_SYMLINK_NOFOLLOW, 1, -1)
_ACCESS_ODD = (8, -1)
_BELOW = ("", "x", "l", "f", ".", "l/", "d/l", "", "/dev/null")
_SIZES = (0, 5, 4096, 100, 0, 70000, 2**21, 2**21 + 1, -1, LLONG_MAX)
_LIMITS = (2**21, 0, 1, 100, 4095, 4096, 4097, 8192, 65536, 2**20, 2**21 - 1, 2**21, 2**21 + 1, -1, 2**63)


def _readlink(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    return None if slot is None else Op("readlink_fd", (slot,))


def _faccessat(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    if slot is None:
        return None
    mode = _ACCESS_ODD[source.below(2)] if chance(source, 24) else source.below(8)
    return Op("faccessat_fd", (slot, mode, _ACCESS_FLAGS[source.below(len(_ACCESS_FLAGS))]))


def _readlinkat(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source) if source.below(2) else slots.any_of(source, "directory")
    return None if slot is None else Op("readlinkat", (slot, _BELOW[source.below(len(_BELOW))]))


def _truncate_fd(source: Source, slots: SlotTable) -> Op | None:
    """Mostly of regular files, and seldom of what a number alone is known of."""
    slot = slots.any_of(source) if chance(source, 3) else slots.any_of(source, *FILES)
    return None if slot is None else Op("truncate_fd", (slot, _SIZES[source.below(len(_SIZES))]))


def _fstatfs(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source)
    return None if slot is None else Op("fstatfs", (slot,))


def _with_attributes(source: Source, slots: SlotTable) -> Slot | None:
    """Mostly a slot of what may have attributes."""
    return slots.any_of(source) if chance(source, 4) else slots.any_of(source, *_ATTRIBUTED)


def _name(source: Source) -> str:
    pool = _NAMES_ODD if chance(source, 8) else _NAMES
    return pool[source.below(len(pool))]


def _fsetxattr(source: Source, slots: SlotTable) -> Op | None:
    slot = _with_attributes(source, slots)
    if slot is None:
        return None
    value = Pattern(_VALUE_BYTES[source.below(len(_VALUE_BYTES))], source.below(3))
    return Op("fsetxattr", (slot, _name(source), value, _SET_FLAGS[source.below(len(_SET_FLAGS))]))


def _fgetxattr(source: Source, slots: SlotTable) -> Op | None:
    slot = _with_attributes(source, slots)
    if slot is None:
        return None
    return Op("fgetxattr", (slot, _name(source), _VALUE_ROOM[source.below(len(_VALUE_ROOM))]))


def _flistxattr(source: Source, slots: SlotTable) -> Op | None:
    slot = _with_attributes(source, slots)
    return None if slot is None else Op("flistxattr", (slot, _LIST_ROOM[source.below(len(_LIST_ROOM))]))


def _fremovexattr(source: Source, slots: SlotTable) -> Op | None:
    slot = _with_attributes(source, slots)
    return None if slot is None else Op("fremovexattr", (slot, _name(source)))


def _posix_fadvise(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source) if chance(source, 3) else slots.any_of(source, *FILES)
    if slot is None:
        return None
    length = _SPANS[source.below(len(_SPANS))]
    return Op("posix_fadvise", (slot, offset(source), length, _ADVICE[source.below(len(_ADVICE))]))


def _readahead(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source) if chance(source, 3) else slots.any_of(source, *FILES)
    return None if slot is None else Op("readahead", (slot, offset(source), _SPANS[source.below(len(_SPANS))]))


def _syncfs(source: Source, slots: SlotTable) -> Op | None:
    """Mostly of what has no disk behind it: all that the machine has to write takes long, and is not ours."""
    slot = slots.any_of(source)
    if slot is None or (slots.tags[slot] in _ON_DISK and not chance(source, 16)):
        return None
    return Op("syncfs", (slot,))


def _getdents(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source) if chance(source, 6) else slots.any_of(source, "directory")
    return None if slot is None else Op("getdents", (slot, _ENTRY_ROOM[source.below(len(_ENTRY_ROOM))]))


def _fchdir(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source) if chance(source, 4) else slots.any_of(source, "directory")
    return None if slot is None else Op("fchdir", (slot,))


def _setrlimit(source: Source, slots: SlotTable) -> Op:
    return Op("setrlimit", (RLIMIT_FSIZE, _LIMITS[source.below(len(_LIMITS))]))


RECIPES = (
    Recipe("statx", 1, statx),
    Recipe("readlink_fd", 1, _readlink),
    Recipe("faccessat_fd", 1, _faccessat),
    Recipe("readlinkat", 1, _readlinkat),
    Recipe("truncate_fd", 1, _truncate_fd),
    Recipe("fstatfs", 1, _fstatfs),
    Recipe("posix_fadvise", 1, _posix_fadvise),
    Recipe("readahead", 1, _readahead),
    Recipe("getdents", 2, _getdents),
    Recipe("fchdir", 1, _fchdir),
    Recipe("syncfs", 1, _syncfs),
    Recipe("fsetxattr", 2, _fsetxattr),
    Recipe("fgetxattr", 1, _fgetxattr),
    Recipe("flistxattr", 1, _flistxattr),
    Recipe("fremovexattr", 1, _fremovexattr),
)
LIMIT_RECIPES = (Recipe("setrlimit", 1, _setrlimit),)
"""For programs with files: nothing else asks for the limit."""
