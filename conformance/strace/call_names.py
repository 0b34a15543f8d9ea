# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls on names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from conformance.ops import Op
from conformance.strace.files import Untold
from conformance.strace.telling import HERE, Handler, Telling, number, shown, succeeded
from conformance.strace.values import Data
from reference.constants.open_flags import O_CLOEXEC, O_CREAT, O_DIRECTORY, O_TRUNC, O_WRONLY

OWNER_ONLY = 0o600


def _open_at(t: Telling, where: Any, path: Any, flags: Any, mode: Any) -> Iterator[Op]:
    bits, text = number(flags), shown(path)
    if text == "/dev/ptmx":
        yield Op("posix_openpt", (bits,), (t.keep(t.call.result, closes=bool(bits & O_CLOEXEC)),))
        return
    if text.startswith("/dev/pts/") and text[9:].isdigit():
        master = t.terminal(int(text[9:]))
        yield Op("open_slave", (master, bits), (t.keep(t.call.result, closes=bool(bits & O_CLOEXEC)),))
        return
    place = t.path(path, where)
    if succeeded(t):
        if bits & O_CREAT:
            t.around(place)
        else:
            t.there(place, directory=bool(bits & O_DIRECTORY))
        t.made(place)
    slot = t.keep(t.call.result, closes=bool(bits & O_CLOEXEC))
    t.opened(slot, place)
    yield Op("open", (place, bits, number(mode) if bits & O_CREAT else OWNER_ONLY), (slot,))


def _open(t: Telling, a: list[Any]) -> Iterator[Op]:
    return _open_at(t, HERE, a[0], a[1], a[2] if len(a) > 2 else 0)


def _openat(t: Telling, a: list[Any]) -> Iterator[Op]:
    return _open_at(t, a[0], a[1], a[2], a[3] if len(a) > 3 else 0)


def _creat(t: Telling, a: list[Any]) -> Iterator[Op]:
    return _open_at(t, HERE, a[0], O_WRONLY | O_CREAT | O_TRUNC, a[1])


def _named(call: str, *, makes: bool) -> Callable[[Telling, Any, Any, tuple[Any, ...]], Iterator[Op]]:
    def tell(t: Telling, where: Any, path: Any, more: tuple[Any, ...]) -> Iterator[Op]:
        place = t.path(path, where)
        if succeeded(t):
            (t.around if makes else t.there)(place)
            t.made(place, gone=not makes)
        yield Op(call, (place, *more))

    return tell


_mkdir, _mkfifo = _named("mkdir", makes=True), _named("mkfifo", makes=True)
_unlink = _named("unlink", makes=False)


def _unlinkat(t: Telling, a: list[Any]) -> Iterator[Op]:
    if number(a[2]):
        raise Untold("no op removes a directory")
    return _unlink(t, a[0], a[1], ())


def _mknod(t: Telling, a: list[Any]) -> Iterator[Op]:
    if number(a[2]) & 0o170000 != 0o010000:
        raise Untold("of special files, programs make FIFOs only")
    return _mkfifo(t, a[0], a[1], (number(a[2]) & 0o7777,))


def _symlink(t: Telling, target: Any, where: Any, path: Any) -> Iterator[Op]:
    place = t.path(path, where)
    if succeeded(t):
        t.around(place)
        t.made(place)
    yield Op("symlink", (shown(target), place))


def _link(t: Telling, old: tuple[Any, Any], new: tuple[Any, Any]) -> Iterator[Op]:
    first, second = t.path(old[1], old[0]), t.path(new[1], new[0])
    if succeeded(t):
        t.there(first)
        t.around(second)
        t.made(second)
    yield Op("link", (first, second))


def _truncate(t: Telling, a: list[Any]) -> Iterator[Op]:
    place = t.path(a[0])
    if succeeded(t):
        t.there(place)
    yield Op("truncate", (place, number(a[1])))


def _readlinkat(t: Telling, a: list[Any]) -> Iterator[Op]:
    where = t.slot(a[0])
    if succeeded(t) and isinstance(a[2], Data):
        t.link_there(t.path(a[1], a[0]), a[2].text)
    yield Op("readlinkat", (where, shown(a[1])))


def _chdir(t: Telling, a: list[Any]) -> Iterator[Op]:
    place = t.path(a[0])
    if succeeded(t):
        t.moved_to(place)
    raise Untold("no op; names are told from the new directory on" if succeeded(t) else "no op")
    yield


def _fchdir(t: Telling, a: list[Any]) -> Iterator[Op]:
    t.slot(a[0])
    if succeeded(t):
        t.moved_to(t.place_of(a[0]))
    raise Untold("names are told from the new directory on, and the program stays where it is")
    yield


CALLS_ON_NAMES: dict[str, Handler] = {
    "open": _open,
    "openat": _openat,
    "creat": _creat,
    "mkdir": lambda t, a: _mkdir(t, HERE, a[0], (number(a[1]),)),
    "mkdirat": lambda t, a: _mkdir(t, a[0], a[1], (number(a[2]),)),
    "mknod": lambda t, a: _mknod(t, [HERE, *a]),
    "mknodat": _mknod,
    "unlink": lambda t, a: _unlink(t, HERE, a[0], ()),
    "unlinkat": _unlinkat,
    "symlink": lambda t, a: _symlink(t, a[0], HERE, a[1]),
    "symlinkat": lambda t, a: _symlink(t, a[0], a[1], a[2]),
    "link": lambda t, a: _link(t, (HERE, a[0]), (HERE, a[1])),
    "linkat": lambda t, a: _link(t, (a[0], a[1]), (a[2], a[3])),
    "truncate": _truncate,
    "readlinkat": _readlinkat,
    "chdir": _chdir,
    "fchdir": _fchdir,
}
