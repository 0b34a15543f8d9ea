# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls on descriptors, on what they read and write, and on mappings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.ops import Op
from conformance.strace.files import Foreign, Untold
from conformance.strace.telling import Handler, Telling, data, number, pieces, plain, shown, succeeded
from conformance.strace.values import Data
from reference.constants.descriptors import (
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GET_SEALS,
    F_GETFD,
    F_GETFL,
    F_GETPIPE_SZ,
    F_SETFD,
    FD_CLOEXEC,
)
from reference.constants.file_status import AT_EMPTY_PATH
from reference.constants.memory import MAP_PRIVATE, MAP_SHARED, MFD_CLOEXEC
from reference.constants.open_flags import O_CLOEXEC
from reference.structures import Flock


def _close(t: Telling, a: list[Any]) -> Iterator[Op]:
    if (last := t.held(a[0])) is not None:
        yield Op("close", (last,))


def _dup_to(t: Telling, a: list[Any], *, closes: bool) -> Iterator[Op]:
    """dup2 and dup3: the number is the log's own, so that what it stood for is closed, and the slot is a new one."""
    if a[0] == a[1]:
        return
    source = t.slot(a[0])
    if succeeded(t) and (last := t.held(a[1])) is not None:
        yield Op("close", (last,))
    yield Op("dup", (source,), (t.keep(t.call.result, closes=closes),))


def _dup(t: Telling, a: list[Any]) -> Iterator[Op]:
    yield Op("dup", (t.slot(a[0]),), (t.keep(t.call.result),))


def _fcntl(t: Telling, a: list[Any]) -> Iterator[Op]:
    slot, command = t.slot(a[0]), number(a[1])
    if command in (F_DUPFD, F_DUPFD_CLOEXEC):
        closes = command == F_DUPFD_CLOEXEC
        yield Op("fcntl", (slot, command, number(a[2])), (t.keep(t.call.result, closes=closes),))
        return
    arguments = tuple(_lock(value) if isinstance(value, dict) else number(value) for value in a[2:])
    if command == F_SETFD:
        t.closes_on_exec(a[0], bool(number(a[2]) & FD_CLOEXEC))
    if command in (F_GETFD, F_GETFL, F_GETPIPE_SZ, F_GET_SEALS):
        arguments = ()
    yield Op("fcntl", (slot, command, *arguments))


def _lock(value: dict[str, Any]) -> Flock:
    kind, whence, start, length = (number(value.get(f"l_{name}", 0)) for name in ("type", "whence", "start", "len"))
    return Flock(kind, whence, start, length, 0)


def _pipe(t: Telling, a: list[Any]) -> Iterator[Op]:
    flags = number(a[1]) if len(a) > 1 else 0
    ends = a[0] if succeeded(t) else [None, None]
    out = tuple(t.keep(end, closes=bool(flags & O_CLOEXEC)) for end in ends)
    yield Op("pipe2", (flags,), out)


def _memfd(t: Telling, a: list[Any]) -> Iterator[Op]:
    flags = number(a[1])
    yield Op("memfd_create", (shown(a[0]), flags), (t.keep(t.call.result, closes=bool(flags & MFD_CLOEXEC)),))


def _write(t: Telling, a: list[Any]) -> Iterator[Op]:
    yield Op("write", (t.slot(a[0]), data(a[1], number(a[2]))))


def _pwrite(t: Telling, a: list[Any]) -> Iterator[Op]:
    yield Op("pwrite", (t.slot(a[0]), data(a[1], number(a[2])), number(a[3])))


def _writev(t: Telling, a: list[Any]) -> Iterator[Op]:
    yield Op("writev", (t.slot(a[0]), tuple(data(base, length) for base, length in pieces(a[1]))))


def _readv(t: Telling, a: list[Any]) -> Iterator[Op]:
    yield Op("readv", (t.slot(a[0]), tuple(length for _, length in pieces(a[1]))))


def _sendfile(t: Telling, a: list[Any]) -> Iterator[Op]:
    yield Op("sendfile", (t.slot(a[0]), t.slot(a[1]), _offset(a[2]), number(a[3])))


def _offset(value: Any) -> int:
    """A position behind a pointer, as ``[5]``; -1 where there is no pointer."""
    return -1 if value is None else number(value[0] if isinstance(value, list) and value else value)


def _between(call: str) -> Handler:
    def tell(t: Telling, a: list[Any]) -> Iterator[Op]:
        ends = (t.slot(a[0]), _offset(a[1]), t.slot(a[2]), _offset(a[3]))
        yield Op(call, (*ends, number(a[4]), number(a[5])))

    return tell


def _mmap(t: Telling, a: list[Any]) -> Iterator[Op]:
    if a[4] == -1:
        raise Foreign
    flags = number(a[3])
    if flags & ~(MAP_SHARED | MAP_PRIVATE):
        raise Untold("a mapping at a place, or of a program's text, is the loader's")
    yield Op("mmap", (t.slot(a[4]), number(a[1]), number(a[2]), flags, number(a[5])), (t.mapped(),))


def _munmap(t: Telling, a: list[Any]) -> Iterator[Op]:
    yield Op("munmap", (t.mapping(a[0]),))


def _fstatat(t: Telling, a: list[Any]) -> Iterator[Op]:
    if not isinstance(a[1], Data) or a[1].data or not number(a[3]) & AT_EMPTY_PATH:
        raise Untold("no op asks by name")
    yield Op("fstat", (t.slot(a[0]),))


CALLS_ON_DESCRIPTORS: dict[str, Handler] = {
    "close": _close,
    "dup": _dup,
    "dup2": lambda t, a: _dup_to(t, a, closes=False),
    "dup3": lambda t, a: _dup_to(t, a, closes=bool(number(a[2]) & O_CLOEXEC)),
    "fcntl": _fcntl,
    "pipe": _pipe,
    "pipe2": _pipe,
    "memfd_create": _memfd,
    "read": plain("read", 2),
    "pread64": plain("pread", 2, 3),
    "readv": _readv,
    "write": _write,
    "pwrite64": _pwrite,
    "writev": _writev,
    "lseek": plain("lseek", 1, 2),
    "ftruncate": plain("ftruncate", 1),
    "fallocate": plain("fallocate", 1, 2, 3),
    "fsync": plain("fsync"),
    "fdatasync": plain("fdatasync"),
    "fadvise64": plain("posix_fadvise", 1, 2, 3),
    "readahead": plain("readahead", 1, 2),
    "fstat": plain("fstat"),
    "newfstatat": _fstatat,
    "fstatfs": plain("fstatfs"),
    "fchmod": plain("fchmod", 1),
    "fchown": plain("fchown", 1, 2),
    "getdents64": plain("getdents", 2),
    "flock": plain("flock", 1),
    "sendfile": _sendfile,
    "splice": _between("splice"),
    "copy_file_range": _between("copy_file_range"),
    "tee": lambda t, a: iter([Op("tee", (t.slot(a[0]), t.slot(a[1]), number(a[2]), number(a[3])))]),
    "mmap": _mmap,
    "munmap": _munmap,
}
