# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops on names, on directories and on devices, together with those on attributes.

A few short names are used again and again, so that programs meet what they made before:
``f``, ``g`` and ``h`` are mostly files, ``d`` and ``e`` directories, ``l`` and ``k`` symbolic links, ``p`` a FIFO.
Nothing is ever named below /dev but to be opened, linked or refused: the devices are the machine's.
"""

from __future__ import annotations

from conformance.ops import Op
from conformance.strategies.attributes import DIRECTORY_MODES, MODES, MODES_ODD, usual_or_odd
from conformance.strategies.attributes import RECIPES as ATTRIBUTE_RECIPES
from conformance.strategies.payloads import payload
from conformance.strategies.recipes import Make, Recipe, closing
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source
from reference.constants.limits import LLONG_MAX
from reference.constants.open_flags import (
    O_APPEND,
    O_ASYNC,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_DSYNC,
    O_EXCL,
    O_LARGEFILE,
    O_NOATIME,
    O_NOCTTY,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_SYNC,
    O_TMPFILE,
    O_TRUNC,
    O_WRONLY,
    SYNC_BIT,
    TMPFILE_BIT,
)
from reference.constants.readiness import POLLIN, POLLOUT
from reference.constants.requests import FIONREAD

_FILES = ("f", "f", "f", "g", "h", "d/f", "d/g", "l")
_DIRECTORIES = ("d", "d", "e", "d/e", ".")
_LINKS = ("l", "l", "k", "d/l")
_FIFOS = ("p", "d/p")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full")
_LONG_NAME, _LONGER_NAME = "x" * 255, "x" * 256
_LONG_PATH, _LONGER_PATH = "./" * 2047 + "f", "./" * 2047 + "ff"
_ODD_PATHS = (
    "",
    "f/",
    "d/",
    "d/.",
    "./f",
    "d//f",
    "f/g",
    "l/",
    "l/f",
    "k/f",
    "k",
    "d/./e/f",
    "missing",
    "missing/f",
    "d/missing/",
    "p/",
    "./",
    "é" * 127,
    "é" * 128,
    _LONG_NAME,
    _LONGER_NAME,
    f"d/{_LONG_NAME}",
    f"{_LONGER_NAME}/f",
    _LONG_PATH,
    _LONGER_PATH,
)
_ANY_NAME = _FILES + _DIRECTORIES + _LINKS + _FIFOS
_TARGETS = ("f", "g", "d", "l", "k", "d/f", "f", "missing", "./d/", "d/e", "p", "f/", "l/f", "k/", "/dev/null")
_TARGETS_ODD = ("", "x" * 59, "x" * 60, "x" * 127, "x" * 128, "x" * 4095, "x" * 4096)

_ACCESS = (O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_RDONLY, O_WRONLY, O_WRONLY | O_RDWR)
_CREATION = (
    O_CREAT,
    O_CREAT,
    O_CREAT,
    O_CREAT | O_TRUNC,
    O_CREAT | O_EXCL,
    O_CREAT | O_APPEND,
    O_CREAT | O_NOFOLLOW,
    0,
    0,
    O_TRUNC,
    O_TRUNC | O_APPEND,
)
_DECORATION = (
    0,
    0,
    0,
    0,
    O_CLOEXEC,
    O_NONBLOCK,
    O_NOATIME,
    O_SYNC,
    O_DSYNC,
    O_ASYNC,
    O_DIRECT,
    O_NOCTTY,
    O_LARGEFILE,
    O_NOFOLLOW,
    O_SYNC & ~O_DSYNC,
    O_EXCL,
)
_PATH_FLAGS = (O_PATH, O_PATH | O_NOFOLLOW, O_PATH | O_DIRECTORY, O_PATH | O_CLOEXEC | O_RDWR | O_TRUNC)
_DIRECTORY_FLAGS = (
    O_RDONLY,
    O_RDONLY | O_DIRECTORY,
    O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
    O_PATH | O_DIRECTORY,
    O_RDWR,
    O_WRONLY | O_DIRECTORY,
    O_CREAT,
    O_TRUNC,
    O_APPEND | O_NOATIME,
    O_CREAT | O_EXCL,
    O_DIRECT,
    O_WRONLY | O_RDWR,
    O_CREAT | O_DIRECTORY,
    O_CREAT | O_EXCL | O_DIRECTORY,
    SYNC_BIT | O_RDWR,
    TMPFILE_BIT | O_RDWR,
    TMPFILE_BIT | O_PATH,
    O_TMPFILE | O_RDWR,
    O_TMPFILE | O_RDONLY | O_PATH,
    O_TMPFILE | O_RDWR | O_CREAT,
)
_TMPFILE_FLAGS = (
    O_TMPFILE | O_RDWR,
    O_TMPFILE | O_WRONLY,
    O_TMPFILE | O_RDWR | O_EXCL | O_TRUNC,
    O_TMPFILE | O_RDWR | O_NOFOLLOW | O_APPEND,
    O_TMPFILE | O_WRONLY | O_RDWR,
    O_TMPFILE | O_RDONLY,
    O_TMPFILE | O_RDWR | O_CREAT,
    TMPFILE_BIT | O_RDWR,
)
_FLAG_ODDITIES = (
    O_CREAT | O_DIRECTORY,
    O_DIRECTORY | O_RDWR,
    1 << 30,
    1 << 3,
    -1,
    O_CREAT | O_EXCL | O_TRUNC | O_RDWR | O_NOFOLLOW,
    O_EXCL,
    O_PATH | O_CREAT | O_EXCL,
)
_REOPEN_FLAGS = (
    O_RDWR,
    O_RDONLY,
    O_WRONLY,
    O_RDONLY | O_NONBLOCK,
    O_RDWR | O_APPEND | O_CLOEXEC,
    O_RDWR | O_TRUNC,
    O_RDONLY | O_TRUNC,
    O_PATH,
    O_PATH | O_NOFOLLOW,
    O_PATH | O_DIRECTORY | O_CLOEXEC,
    O_PATH | O_DIRECTORY | O_NOFOLLOW,
    O_CREAT | O_RDWR,
    O_CREAT | O_EXCL,
    O_NOFOLLOW,
    O_DIRECTORY,
    O_TMPFILE | O_RDWR,
    O_TMPFILE | O_RDWR | O_NOFOLLOW,
    O_NOATIME,
    O_WRONLY | O_RDWR,
    O_RDWR | O_SYNC | O_ASYNC,
    O_RDWR | O_DIRECT,
    O_CREAT | O_DIRECTORY,
)

_TRUNCATE_LENGTHS = (0, 1, 5, 100, 4096, 4097, 2**21, 2**21 + 1, -1, LLONG_MAX)
_SEEKS = (0, 1, 5, 4096, -1, 2**31, 2**40, LLONG_MAX, -LLONG_MAX - 1)
_COUNTS = (1, 0, 10, 4096, 4097, 65536)
_ODD_PATH_ONE_IN = 12
_KNOWN_IN_ODD = 5


def known(slots: SlotTable) -> list[str]:
    """The names that the program has probably made, oldest first."""
    made = slots.notes.get("names")
    if made is None:
        slots.notes["names"] = made = []
    return made  # type: ignore[return-value]


def _path(source: Source, slots: SlotTable, names: tuple[str, ...]) -> str:
    """A name that was probably made, or one from a pool; seldom one of another kind, or an odd path."""
    choice = source.below(_ODD_PATH_ONE_IN)
    if choice < _KNOWN_IN_ODD:
        made = known(slots)
        if made:
            return made[-1 - source.below(len(made))]
    pool = _ODD_PATHS if choice == _ODD_PATH_ONE_IN - 1 else _ANY_NAME if choice == _ODD_PATH_ONE_IN - 2 else names
    return pool[source.below(len(pool))]


def _new_path(source: Source, slots: SlotTable, names: tuple[str, ...]) -> str:
    """A name to be made, remembered as known; seldom an odd path."""
    pool = _ODD_PATHS if source.below(_ODD_PATH_ONE_IN) == _ODD_PATH_ONE_IN - 1 else names
    path = pool[source.below(len(pool))]
    made = known(slots)
    if path not in made and "/" not in path:
        made.append(path)
        if pool is _DIRECTORIES and path != ".":
            made.extend([f"{path}/f", f"{path}/g"])
    return path


# Opening --------------------------------------------------------------------------------------


def _create(source: Source, slots: SlotTable) -> Op:
    flags = O_CREAT | _ACCESS[source.below(len(_ACCESS))] | _DECORATION[source.below(len(_DECORATION))]
    path = _new_path(source, slots, _FILES)
    return Op("open", (path, flags, usual_or_odd(source, MODES, MODES_ODD)), (slots.new("file"),))


def _open_file(source: Source, slots: SlotTable) -> Op:
    path = _path(source, slots, _FILES)
    choice = source.below(16)
    if choice == 15:
        flags = _FLAG_ODDITIES[source.below(len(_FLAG_ODDITIES))]
    elif choice == 14:
        flags = _PATH_FLAGS[source.below(len(_PATH_FLAGS))]
    else:
        flags = _ACCESS[source.below(len(_ACCESS))] | _CREATION[source.below(len(_CREATION))]
        flags |= _DECORATION[source.below(len(_DECORATION))]
    return Op("open", (path, flags, usual_or_odd(source, MODES, MODES_ODD)), (slots.new("file"),))


def _open_directory(source: Source, slots: SlotTable) -> Op:
    flags = _DIRECTORY_FLAGS[source.below(len(_DIRECTORY_FLAGS))]
    return Op("open", (_path(source, slots, _DIRECTORIES), flags, 0o644), (slots.new("directory"),))


def _open_temporary(source: Source, slots: SlotTable) -> Op:
    flags = _TMPFILE_FLAGS[source.below(len(_TMPFILE_FLAGS))]
    mode = usual_or_odd(source, MODES, MODES_ODD)
    return Op("open", (_path(source, slots, _DIRECTORIES), flags, mode), (slots.new("file"),))


def _open_link(source: Source, slots: SlotTable) -> Op:
    flags = _PATH_FLAGS[source.below(len(_PATH_FLAGS))] if source.below(2) else _ACCESS[source.below(len(_ACCESS))]
    return Op("open", (_path(source, slots, _LINKS), flags, 0), (slots.new("file"),))


def _open_fifo(source: Source, slots: SlotTable) -> Op:
    access = _ACCESS[source.below(len(_ACCESS))]
    extra = (O_NONBLOCK, O_NONBLOCK | O_TRUNC, O_NONBLOCK | O_CREAT, O_PATH, 0)[source.below(5)]
    return Op("open", (_path(source, slots, _FIFOS), access | extra, 0o600), (slots.new("pipe.both"),))


def _open_device(source: Source, slots: SlotTable) -> Op:
    path = _DEVICES[source.below(len(_DEVICES))]
    choice = source.below(12)
    if choice == 11:
        path += "/"
    flags = _ACCESS[source.below(len(_ACCESS))] | _DECORATION[source.below(len(_DECORATION))]
    if choice in (9, 10):
        flags |= (O_CREAT, O_CREAT | O_EXCL, O_TRUNC, O_DIRECTORY, O_TMPFILE, O_PATH)[source.below(6)]
    return Op("open", (path, flags, 0), (slots.new("device"),))


def _reopen(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source) if source.below(3) == 2 else slots.any_of(source, "file", "directory", "device")
    if slot is None:
        return None
    flags = _REOPEN_FLAGS[source.below(len(_REOPEN_FLAGS))]
    return Op("reopen", (slot, flags), (slots.new(slots.tags[slot]),))


# Names ----------------------------------------------------------------------------------------


def _link(source: Source, slots: SlotTable) -> Op:
    old = _DEVICES[source.below(3)] if source.below(32) == 31 else _path(source, slots, _FILES)
    return Op("link", (old, _new_path(source, slots, _FILES)))


def _unlink(source: Source, slots: SlotTable) -> Op:
    return Op("unlink", (_path(source, slots, _FILES + _LINKS + _FIFOS),))


def _symlink(source: Source, slots: SlotTable) -> Op:
    pool = _TARGETS_ODD if source.below(12) == 11 else _TARGETS
    return Op("symlink", (pool[source.below(len(pool))], _new_path(source, slots, _LINKS)))


def _mkdir(source: Source, slots: SlotTable) -> Op:
    return Op("mkdir", (_new_path(source, slots, _DIRECTORIES), usual_or_odd(source, DIRECTORY_MODES, MODES_ODD)))


def _mkfifo(source: Source, slots: SlotTable) -> Op:
    return Op("mkfifo", (_new_path(source, slots, _FIFOS), usual_or_odd(source, MODES, MODES_ODD)))


def _truncate(source: Source, slots: SlotTable) -> Op:
    return Op("truncate", (_path(source, slots, _FILES), _TRUNCATE_LENGTHS[source.below(len(_TRUNCATE_LENGTHS))]))


# Data, as far as it shows in attributes, and on what is no regular file -----------------------


def _asking(call: str, arguments: tuple[int, ...]) -> Make:
    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, "file", "directory", "device")
        return None if slot is None else Op(call, (slot, arguments[source.below(len(arguments))]))

    return make


def _write(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "file", "directory", "device")
    return None if slot is None else Op("write", (slot, payload(source, _COUNTS)))


def _pread(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "file", "directory", "device")
    if slot is None:
        return None
    return Op("pread", (slot, _COUNTS[source.below(len(_COUNTS))], (0, 1, 5, -1)[source.below(4)]))


def _pwrite(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "file", "directory", "device")
    if slot is None:
        return None
    return Op("pwrite", (slot, payload(source, _COUNTS), (0, 1, 5, -1)[source.below(4)]))


def _lseek(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "directory", "device", "file")
    return None if slot is None else Op("lseek", (slot, _SEEKS[source.below(len(_SEEKS))], source.below(6)))


def _fsync(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "directory", "device", "file")
    return None if slot is None else Op("fsync", (slot,))


def _poll(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, "directory", "device", "file")
    return None if slot is None else Op("poll", (((slot, POLLIN | POLLOUT),), 0))


RECIPES = (
    Recipe("open", 6, _create, opens=True),
    Recipe("open", 6, _open_file),
    Recipe("open", 3, _open_directory),
    Recipe("open", 2, _open_temporary),
    Recipe("open", 2, _open_link),
    Recipe("open", 2, _open_fifo),
    Recipe("open", 3, _open_device),
    Recipe("reopen", 4, _reopen),
    Recipe("close", 1, closing()),
    Recipe("link", 3, _link),
    Recipe("unlink", 4, _unlink),
    Recipe("symlink", 3, _symlink),
    Recipe("mkdir", 3, _mkdir, opens=True),
    Recipe("mkfifo", 2, _mkfifo),
    Recipe("truncate", 2, _truncate),
    Recipe("read", 3, _asking("read", _COUNTS)),
    Recipe("write", 4, _write),
    Recipe("pread", 1, _pread),
    Recipe("pwrite", 1, _pwrite),
    Recipe("ftruncate", 1, _asking("ftruncate", _TRUNCATE_LENGTHS)),
    Recipe("lseek", 2, _lseek),
    Recipe("fsync", 1, _fsync),
    Recipe("poll", 1, _poll),
    Recipe("ioctl(FIONREAD)", 1, _asking("ioctl", (FIONREAD,))),
    *ATTRIBUTE_RECIPES,
)
