# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes of imports of files, devices, pipes and terminals: states in which a rule of the host model shows."""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.payload import Pattern
from conformance.strategies import jobs
from conformance.strategies.imports import savable_of, step_back
from conformance.strategies.recipes import Make
from conformance.strategies.scenes import Scene, act, cast, leave
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, pick
from reference.constants.descriptors import F_OFD_SETLK, F_SETLK
from reference.constants.limits import LLONG_MAX, PAGE_SIZE
from reference.constants.locks import F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB, LOCK_SH
from reference.constants.memory import MAP_PRIVATE, MAP_SHARED, MS_ASYNC, MS_SYNC, PROT_READ, PROT_WRITE
from reference.constants.open_flags import O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY
from reference.constants.readiness import POLLHUP, POLLIN, POLLOUT, POLLPRI
from reference.constants.requests import FIGETBSZ, FIONBIO, FIONREAD, TIOCGWINSZ, TIOCOUTQ
from reference.constants.signals import SIG_IGN, SIGTTIN, SIGTTOU
from reference.constants.terminals import TCSANOW, TOSTOP
from reference.constants.transfers import SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET
from reference.structures import Flock

IMPORT = "import"
"""The part of the sandbox's descriptor in a scene."""
HOST = "host"
"""The part of the host's descriptor that is imported."""
OTHER = "other"
"""The part of what is on the other side, or of another description of the import."""
_MAPPING = "mapping"
_NOTHING: Scene = ()
_READ_WRITE = PROT_READ | PROT_WRITE
_FAR = (-1, -5, 0, 5, 100, 4096, LLONG_MAX, LLONG_MAX - 4, -LLONG_MAX - 1)
_WHENCES = (SEEK_SET, SEEK_CUR, SEEK_END)
_LIMIT_BYTES = 2**21
"""RLIMIT_FSIZE of programs that have not changed it."""
_DATA = (b"abcdefgh", Pattern(100, 0), Pattern(5000, 1))


def imported(
    *flags: int | None,
    readonly: tuple[int, ...] = (0,),
    owner: tuple[tuple[int, int] | None, ...] = (None,),
    tty: tuple[int, ...] = (0,),
) -> Make:
    """The import of a scene's host descriptor, which steps back for it."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        parts = cast(slots)
        host = parts.get(HOST)
        if host is None:
            return None
        tag = step_back(host, slots)
        chosen = pick(source, flags or (None,))
        parts[IMPORT] = slots.new(tag)
        options = (pick(source, readonly), pick(source, owner), pick(source, tty), chosen, savable_of(source, slots))
        return Op("import_fd", (host, *options), (parts[IMPORT],))

    return make


def polled(*events: int, part: str = IMPORT, timeout: tuple[int, ...] = (0,)) -> Make:
    """A poll(2) of one part of a scene."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = cast(slots).get(part)
        return None if slot is None else Op("poll", (((slot, pick(source, events)),), pick(source, timeout)))

    return make


def _opened(path: tuple[str, ...], *flags: int, tag: str = "file") -> Make:
    return act("open", path, flags, (0o600,), out=((HOST, tag),))


def _seek(*offsets: int, whence: tuple[int, ...] = _WHENCES) -> Make:
    return act("lseek", IMPORT, offsets or _FAR, whence)


def _mapped(*lengths: int, protection: tuple[int, ...], flags: tuple[int, ...] = (MAP_SHARED,)) -> Make:
    place = (0, 0, 0, PAGE_SIZE)
    return act("mmap", IMPORT, lengths, protection, flags, place, out=((_MAPPING, "mapping"),))


_REGULAR = _opened(("f", "g"), O_RDWR | O_CREAT)
_UNWRITABLE = _opened(("f", "g"), O_RDONLY | O_CREAT)
_FILLED = act("write", IMPORT, _DATA)
_TOUCH = (
    act("mapping_path", _MAPPING),
    act("load", _MAPPING, (0, 4000, 4096), (1, 5, 5000)),
    act("store", _MAPPING, (0, 4000, 4096), (b"stored", Pattern(200, 3))),
)

_SOUGHT: Scene = (_REGULAR, imported(None, None, O_RDWR), _FILLED, _seek(5, 100, whence=(SEEK_SET,)), _seek(), _seek())
_READ_THROUGH: Scene = (
    _REGULAR,
    imported(),
    _FILLED,
    _seek(0, whence=(SEEK_SET,)),
    act("read", IMPORT, (1, 3, 50)),
    act("ioctl", IMPORT, (FIONREAD,)),
    act("ftruncate", IMPORT, (70000, 20000)),
    _seek(0, 1, 10000, whence=(SEEK_DATA, SEEK_HOLE)),
    act("ioctl", IMPORT, (FIONREAD,)),
)
_DEVICES = ("/dev/zero", "/dev/null", "/dev/full")
_DEVICE: Scene = (
    _opened(_DEVICES, O_RDWR, O_RDWR, O_RDONLY, tag="device"),
    imported(None, None, O_RDWR),
    _seek(),
    _seek(),
    _seek(-1, -7, whence=(SEEK_END, SEEK_CUR)),
    act("ioctl", IMPORT, (FIONREAD, FIGETBSZ, TIOCGWINSZ, TIOCOUTQ)),
    polled(POLLIN, POLLOUT, POLLPRI),
)
_DEVICE_MAPPED: Scene = (
    _opened(_DEVICES, O_RDWR, tag="device"),
    imported(),
    _mapped(PAGE_SIZE, 0, -1, protection=(_READ_WRITE, PROT_READ), flags=(MAP_SHARED, MAP_PRIVATE)),
)
_MAPPED: Scene = (
    _UNWRITABLE,
    imported(O_RDWR, O_RDWR, None, readonly=(1, 1, 0)),
    _mapped(PAGE_SIZE, PAGE_SIZE, 8192, protection=(_READ_WRITE, PROT_READ, PROT_READ)),
    act("msync", _MAPPING, (MS_SYNC, MS_SYNC, MS_ASYNC, MS_SYNC | MS_ASYNC)),
    *_TOUCH,
    _mapped(0, -1, LLONG_MAX, LLONG_MAX - 4095, protection=(PROT_READ,)),
)
_WAITED_FOR: Scene = (
    _REGULAR,
    imported(),
    act("reopen", IMPORT, (O_RDWR,), out=((OTHER, "file"),)),
    _seek(10, whence=(SEEK_SET,)),
    act("lseek", OTHER, (0,), (SEEK_CUR, SEEK_END)),
    polled(POLLPRI, 0, POLLIN),
)
_LIMITED: Scene = (
    _opened(("f", "g"), O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_APPEND, O_WRONLY | O_CREAT),
    imported(None, O_RDWR),
    act("pwrite", IMPORT, _DATA, (_LIMIT_BYTES, _LIMIT_BYTES - 1, 2 * _LIMIT_BYTES)),
    act("lseek", IMPORT, (0, _LIMIT_BYTES), (SEEK_SET,)),
    act("write", IMPORT, (b"", *_DATA)),
    act("lseek", IMPORT, (0,), (SEEK_CUR,)),
    act("read", IMPORT, (0,)),
)
_FULL: Scene = (
    _opened(("/dev/full",), O_RDWR, O_WRONLY, tag="device"),
    imported(),
    act("write", IMPORT, (b"", b"", b"x")),
    act("pwrite", IMPORT, (b"", b"x"), (0, 5)),
)
_CUT_BY_OPENING: Scene = (
    _REGULAR,
    imported(),
    _FILLED,
    act("reopen", IMPORT, (O_RDWR | O_TRUNC, O_RDONLY | O_TRUNC, O_WRONLY | O_TRUNC), out=((OTHER, "file"),)),
    act("fstat", IMPORT),
)
_GIVEN_AWAY: Scene = (
    _REGULAR,
    act("fchmod", HOST, (0o6777, 0o4755, 0o2755)),
    imported(owner=((0, 0), (5, 5))),
    act("fchown", IMPORT, (5, 0, -1), (5, 0, -1)),
    act("fstat", IMPORT),
)
_FILES = (
    _FULL,
    _CUT_BY_OPENING,
    _GIVEN_AWAY,
    _LIMITED,
    _SOUGHT,
    _READ_THROUGH,
    _DEVICE,
    _DEVICE_MAPPED,
    _MAPPED,
    _WAITED_FOR,
)

_TWICE = (_REGULAR, imported(), act("reopen", IMPORT, (O_RDWR,), out=((OTHER, "file"),)))
_NO_BYTES = (
    Flock(F_WRLCK, SEEK_SET, LLONG_MAX, 0, 0),
    Flock(F_RDLCK, SEEK_SET, LLONG_MAX, 0, 0),
    Flock(F_UNLCK, SEEK_SET, LLONG_MAX, 0, 0),
)
_LOCKS: tuple[Scene, ...] = (
    (
        *_TWICE,
        act("flock", IMPORT, (LOCK_SH | LOCK_NB, LOCK_SH)),
        act("flock", OTHER, (LOCK_SH | LOCK_NB,)),
        act("flock", IMPORT, (LOCK_EX | LOCK_NB,)),
        act("flock", OTHER, (LOCK_EX | LOCK_NB, LOCK_EX | LOCK_NB, LOCK_EX)),
    ),
    (
        *_TWICE,
        act("fcntl", IMPORT, (F_SETLK, F_OFD_SETLK), _NO_BYTES),
        act("fcntl", OTHER, (F_OFD_SETLK,), _NO_BYTES),
    ),
)

_NO_BUFFER = 2**47
"""More bytes than any buffer has."""
_ENDS = act("pipe2", (0, O_NONBLOCK), out=((HOST, "pipe.read"), (OTHER, "pipe.write")))


def _writer_is_imported(source: Source, slots: SlotTable) -> Op | None:
    """The two ends of a scene's pipe change their parts."""
    parts = cast(slots)
    if HOST in parts and OTHER in parts:
        parts[HOST], parts[OTHER] = parts[OTHER], parts[HOST]
    return None


_PIPES: tuple[Scene, ...] = (
    (
        _ENDS,
        act("write", OTHER, _DATA),
        imported(),
        act("ioctl", HOST, (FIONBIO,), (1, 1, 0)),
        act("save"),
        act("reopen", IMPORT, (O_RDONLY, O_RDWR), out=(("again", "pipe.read"),)),
        polled(POLLIN, POLLHUP),
        act("ioctl", IMPORT, (FIONREAD,)),
        act("read", "again", (3, 100)),
        act("restore"),
        act("read", IMPORT, (5, 10000)),
    ),
    (
        _ENDS,
        _writer_is_imported,
        imported(None, O_WRONLY, O_RDWR),
        act("mmap", IMPORT, (0, 1), (PROT_READ,), (MAP_SHARED, 0), (0, 1), out=((_MAPPING, "mapping"),)),
        leave(IMPORT),
        act("fcntl", HOST, (3,)),
        act("write", HOST, (Pattern(70000, 0),)),
    ),
    (
        _ENDS,
        imported(),
        act("pread", IMPORT, (_NO_BUFFER, 1), (0, 5)),
        act("preadv2", IMPORT, ((_NO_BUFFER,), (1, _NO_BUFFER)), (0,), (0,)),
        polled(POLLIN, timeout=(0, 0, -1)),
    ),
    (
        _REGULAR,
        imported(O_WRONLY, O_WRONLY, None),
        act("pipe2", (O_NONBLOCK,), out=(("read", "pipe.read"), (OTHER, "pipe.write"))),
        act("splice", IMPORT, (-1, 0), OTHER, (0, 5, -1), (10,), (0,)),
    ),
    (
        act("open", ("f", "g"), (O_RDONLY | O_CREAT,), (0o600,), out=(("source", "file"),)),
        act("pipe2", (O_NONBLOCK,), out=((OTHER, "pipe.read"), (HOST, "pipe.write"))),
        imported(),
        act("write", IMPORT, (Pattern(70000, 0),)),
        act("sendfile", IMPORT, "source", (-1, 2**20), (10,)),
        leave(OTHER),
        act("sendfile", IMPORT, "source", (-1, 2**20), (10,)),
    ),
)


# Terminals ------------------------------------------------------------------------------------


def _slave_plays(source: Source, slots: SlotTable) -> Op | None:
    """The newest slave is the host's descriptor of the scene."""
    slaves: list[Slot] = slots.live.get("pty.slave", [])
    if slaves:
        cast(slots)[HOST] = slaves[-1]
    return None


_TERMINAL = (*jobs.TERMINAL, _slave_plays, imported(tty=(1,)))
_QUIET = jobs.STOPPING._replace(lflag=jobs.STOPPING.lflag & ~TOSTOP)
_BEHIND = (jobs.descend, jobs.lead_group)
_AT_AN_OFFSET = (
    act("pread", IMPORT, (1, 10), (0, 5)),
    act("pwrite", IMPORT, (b"x", b"ab"), (0, 5)),
)
_JOBS: tuple[Scene, ...] = (
    (*_TERMINAL, act("tcsetattr", IMPORT, (TCSANOW,), (jobs.STOPPING,)), *_BEHIND, *_AT_AN_OFFSET),
    (
        *_TERMINAL,
        act("tcsetattr", IMPORT, (TCSANOW,), (jobs.STOPPING, _QUIET)),
        *_BEHIND,
        act("sigaction", (SIGTTIN, SIGTTOU), (SIG_IGN,)),
        *_AT_AN_OFFSET,
    ),
)

SCENES: dict[str, tuple[Scene, ...]] = {
    "files": (*_FILES, *(_NOTHING,) * 8),
    "locks": (*_LOCKS, *(_NOTHING,) * 8),
    "pipes": (*_PIPES, *(_NOTHING,) * 4),
    "terminals": (*(_NOTHING,) * 2,),
    "jobs": (*_JOBS, *_JOBS, *jobs.SCENES),
    "mixed": (*_FILES, *_LOCKS, *_PIPES, *(_NOTHING,) * 16),
}
"""The scenes of programs that import, by the kind of the programs."""
