# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Speaks the wire protocol for Emscripten's libc: files and pipes in memory, as Pyodide's Python has them.

This runs in Pyodide. All is in one process, where nothing can be interrupted, and nothing sleeps either.
What Emscripten has no more than a stub of (descriptor flags, locks, advice, owners, FIONBIO) is not offered.

Addresses and sizes have 32 bits there, and are not looked at: what would reach past the buffers here is not asked.
Error numbers are those of WASI, and are told as Linux's of the same name.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import time
from collections.abc import Callable
from typing import Any, cast

from conformance.interpreter import Unreachable, execute
from conformance.wire.codec import decode_op, encode_observation
from reference.constants.by_name import NUMBERS
from reference.constants.descriptors import F_SETFL
from reference.constants.file_status import UTIME_NOW, UTIME_OMIT
from reference.constants.limits import INT_MAX, UINT_MAX
from reference.constants.open_flags import (
    O_ACCMODE,
    O_APPEND,
    O_ASYNC,
    O_DIRECT,
    O_DIRECTORY,
    O_NOATIME,
    O_NONBLOCK,
    O_PATH,
    O_TMPFILE,
)
from reference.constants.requests import FIONREAD
from reference.constants.transfers import SEEK_CUR, SEEK_DATA, SEEK_HOLE
from reference.outcomes import Choices
from reference.structures import NOW, Stat

PROTOCOL = 1
OFFERED = (
    *("open", "close", "dup", "dup2", "dup3", "fcntl(F_DUPFD)", "fcntl(F_GETFL)", "fcntl(F_SETFL)"),
    *("read", "write", "readv", "writev", "pread", "pwrite", "lseek", "truncate", "ftruncate", "fsync", "fdatasync"),
    *("fstat", "fchmod", "futimens", "unlink", "symlink", "mkdir", "readlinkat", "getdents", "fchdir"),
    *("pipe2", "poll", "select", "ioctl(FIONREAD)"),
)
MISSING_DEVICES = ("/dev/zero", "/dev/full")
FLAGS_OF_STATUS = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME
FLAGS_UNKNOWN = O_PATH | O_TMPFILE & ~O_DIRECTORY
BUFFER_BYTES = 2**22
FILE_BYTES_MAX = 2**26
"""Files are arrays: one of terabytes would be the end of the process."""
PATH_BYTES_MAX = 4096
SET_BYTES = 128
SET_MEMBERS_MAX = 8 * SET_BYTES
NS_PER_MS = 10**6
NS_PER_S = 10**9
SPECIAL_TIMES = {-UTIME_NOW: UTIME_NOW, -UTIME_OMIT: UTIME_OMIT}
NAME_OFFSET = 19
"""Where the name begins in an entry of a directory (getdents(2))."""
ENTRY_LENGTH = slice(16, 18)

_LIBC = ctypes.CDLL(None, use_errno=True)


class _Buffer(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_longlong), ("fraction", ctypes.c_long))


class _PollEntry(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("returned", ctypes.c_ushort))


def _function(name: str, *argument_types: Any) -> Callable[..., int]:
    """A function of libc. Those that take more arguments than they declare are called with more."""
    found = getattr(_LIBC, name)
    found.argtypes = argument_types

    def called(*arguments: Any) -> int:
        result: int = found(*arguments)
        if result == -1:
            raise OSError(ctypes.get_errno(), name)
        return result

    return called


_int, _size, _offset = ctypes.c_int, ctypes.c_size_t, ctypes.c_longlong
_path, _memory = ctypes.c_char_p, ctypes.c_void_p
_vector = ctypes.POINTER(_Buffer)
_open = _function("open", _path, _int)
_dup = _function("dup", _int)
_dup2 = _function("dup2", _int, _int)
_dup3 = _function("dup3", _int, _int, _int)
_close = _function("close", _int)
_fcntl = _function("fcntl", _int, _int)
_ioctl = _function("ioctl", _int, _int)
_read = _function("read", _int, _memory, _size)
_write = _function("write", _int, _path, _size)
_readv = _function("readv", _int, _vector, _int)
_writev = _function("writev", _int, _vector, _int)
_pread = _function("pread", _int, _memory, _size, _offset)
_pwrite = _function("pwrite", _int, _path, _size, _offset)
_truncate = _function("truncate", _path, _offset)
_ftruncate = _function("ftruncate", _int, _offset)
_fsync = _function("fsync", _int)
_fdatasync = _function("fdatasync", _int)
_fchmod = _function("fchmod", _int, ctypes.c_uint)
_futimens = _function("futimens", _int, ctypes.POINTER(_Time))
_unlink = _function("unlink", _path)
_symlink = _function("symlink", _path, _path)
_mkdir = _function("mkdir", _path, ctypes.c_uint)
_readlinkat = _function("readlinkat", _int, _path, _memory, _size)
_getdents = _function("getdents", _int, _memory, _size)
_fchdir = _function("fchdir", _int)
_pipe2 = _function("pipe2", ctypes.POINTER(_int), _int)
_poll = _function("poll", _memory, ctypes.c_ulong, _int)
_select = _function("select", _int, _memory, _memory, _memory, ctypes.POINTER(_Time))


def _told(number: int) -> int:
    """A number that the calls take: they have 32 bits for most."""
    if not -INT_MAX - 1 <= number <= UINT_MAX:
        raise Unreachable("such a number has 32 bits here")
    return number


def _room(count: int) -> int:
    """How much is read: no more than there is room for, as no address is looked at."""
    if not 0 <= count <= BUFFER_BYTES:
        raise Unreachable("there are no buffers of that size here")
    return count


def _timeout(milliseconds: int, fractions_per_ms: int) -> _Time | None:
    if milliseconds == -1:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    return _Time(seconds, rest * fractions_per_ms)


def _moment(nanoseconds: int) -> _Time:
    special = SPECIAL_TIMES.get(nanoseconds)
    return _Time(*(divmod(nanoseconds, NS_PER_S) if special is None else (0, special)))


def _now_ns() -> int:
    """The time as files have it: in whole milliseconds.

    The clock there gives nanoseconds in a double, which holds none but multiples of 256 of so many: what it says may
    be a little before the millisecond that a file has just been given.
    """
    return round(time.time_ns() / NS_PER_MS) * NS_PER_MS


def _set_of(members: tuple[int, ...]) -> ctypes.Array[ctypes.c_char]:
    bits = 0
    for fd in members:
        bits |= 1 << min(fd, SET_MEMBERS_MAX - 1)
    return ctypes.create_string_buffer(bits.to_bytes(SET_BYTES, "little"), SET_BYTES)


def _members(filled: ctypes.Array[ctypes.c_char], asked: tuple[int, ...]) -> tuple[int, ...]:
    bits = int.from_bytes(filled.raw, "little")
    return tuple(sorted({fd for fd in asked if bits >> fd & 1}))


class Calls:
    """The calls as libc has them, with its numbers for errors."""

    def __init__(self, started_ns: int, buffer: ctypes.Array[ctypes.c_char]) -> None:
        self._started_ns = started_ns
        self._buffer = buffer

    def open(self, path: str, flags: int, mode: int) -> int:
        if flags & O_ACCMODE == O_ACCMODE:
            raise Unreachable("that access mode ends the process: a TypeError in FS.flagsToPermissionString")
        if path in MISSING_DEVICES:
            raise Unreachable("there is no such device")
        if flags & FLAGS_UNKNOWN:
            raise Unreachable("O_PATH and O_TMPFILE are not known there: the file is opened without them")
        return _open(os.fsencode(path), _told(flags), ctypes.c_uint(mode))

    def close(self, fd: int) -> int:
        return _close(fd)

    def dup(self, fd: int) -> int:
        return _dup(fd)

    def dup2(self, fd: int, newfd: int) -> int:
        return _dup2(fd, _told(newfd))

    def dup3(self, fd: int, newfd: int, flags: int) -> int:
        return _dup3(fd, _told(newfd), _told(flags))

    def fcntl(self, fd: int, command: int, argument: int = 0) -> int:
        if command == F_SETFL and argument & ~FLAGS_OF_STATUS:
            raise Unreachable(
                "all of the argument is added to the flags, the access mode as well: no call is as it was"
            )
        return _fcntl(fd, command, _told(argument))

    def ioctl(self, fd: int, request: int, argument: int = 0) -> int:
        number = _int(argument)
        result = _ioctl(fd, request, ctypes.byref(number))
        return number.value if request == FIONREAD and result == 0 else result

    def read(self, fd: int, count: int) -> bytes:
        return self._filled(_read(fd, self._buffer, _room(count)))

    def write(self, fd: int, data: bytes) -> int:
        self._bound(fd, len(data))
        return _write(fd, data, len(data))

    def readv(self, fd: int, lengths: tuple[int, ...]) -> bytes:
        _room(sum(map(_room, lengths)))
        buffers = [ctypes.create_string_buffer(length) for length in lengths]
        count = _readv(fd, _vector_of(buffers, lengths), len(lengths))
        return b"".join([buffer.raw for buffer in buffers])[:count]

    def writev(self, fd: int, buffers: tuple[bytes, ...]) -> int:
        lengths = tuple(map(len, buffers))
        self._bound(fd, sum(lengths))
        held = [ctypes.create_string_buffer(data, len(data)) for data in buffers]
        return _writev(fd, _vector_of(held, lengths), len(buffers))

    def pread(self, fd: int, count: int, offset: int) -> bytes:
        return self._filled(_pread(fd, self._buffer, _room(count), offset))

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        _bounded(offset + len(data))
        return _pwrite(fd, data, len(data), offset)

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        if whence in (SEEK_DATA, SEEK_HOLE):
            raise Unreachable("files are without holes there")
        return os.lseek(fd, offset, whence)

    def truncate(self, path: str, length: int) -> int:
        if path in MISSING_DEVICES:
            raise Unreachable("there is no such device")
        _bounded(length)
        return _truncate(os.fsencode(path), length)

    def ftruncate(self, fd: int, length: int) -> int:
        _bounded(length)
        return _ftruncate(fd, length)

    def fsync(self, fd: int) -> int:
        return _fsync(fd)

    def fdatasync(self, fd: int) -> int:
        return _fdatasync(fd)

    def fstat(self, fd: int) -> Stat:
        told = os.fstat(fd)
        times = [told.st_atime_ns, told.st_mtime_ns, told.st_ctime_ns]
        now = _now_ns()
        return Stat(
            *(told.st_mode, told.st_nlink, told.st_uid, told.st_gid, told.st_size, told.st_blksize, told.st_blocks),
            *[NOW if self._started_ns <= at <= now else at for at in times],
        )

    def fchmod(self, fd: int, mode: int) -> int:
        return _fchmod(fd, mode)

    def futimens(self, fd: int, atime: int, mtime: int) -> int:
        return _futimens(fd, (_Time * 2)(_moment(atime), _moment(mtime)))

    def unlink(self, path: str) -> int:
        return _unlink(os.fsencode(path))

    def symlink(self, target: str, path: str) -> int:
        return _symlink(os.fsencode(target), os.fsencode(path))

    def mkdir(self, path: str, mode: int) -> int:
        return _mkdir(os.fsencode(path), mode & UINT_MAX)

    def readlinkat(self, fd: int, path: str) -> str:
        return os.fsdecode(self._filled(_readlinkat(fd, os.fsencode(path), self._buffer, PATH_BYTES_MAX)))

    def getdents(self, fd: int, count: int) -> tuple[str, ...]:
        entries = self._filled(_getdents(fd, self._buffer, min(_told(count), BUFFER_BYTES)))
        names = []
        while entries:
            end = int.from_bytes(entries[ENTRY_LENGTH], "little")
            names.append(os.fsdecode(entries[NAME_OFFSET:end].partition(b"\0")[0]))
            entries = entries[end:]
        return tuple(sorted(names))

    def fchdir(self, fd: int) -> int:
        return _fchdir(fd)

    def pipe2(self, flags: int) -> tuple[int, int]:
        if flags & O_DIRECT:
            raise Unreachable("there are no pipes of packets")
        ends = (_int * 2)()
        _pipe2(ends, _told(flags))
        return ends[0], ends[1]

    def poll(self, fds: tuple[tuple[int, int], ...], timeout: int) -> tuple[int, ...]:
        entries = _poll_entries(fds)
        _poll(entries, len(fds), _told(timeout))
        return tuple([entry.returned for entry in entries])

    def select(
        self, read: tuple[int, ...], write: tuple[int, ...], urgent: tuple[int, ...], timeout: int
    ) -> tuple[tuple[int, ...], ...]:
        asked = (read, write, urgent)
        sets = [_set_of(members) for members in asked]
        limit = max((*read, *write, *urgent), default=-1) + 1
        _select(limit, *sets, _timeout(timeout, 10**3))
        return tuple([_members(filled, members) for filled, members in zip(sets, asked, strict=True)])

    def _filled(self, length: int) -> bytes:
        return ctypes.string_at(self._buffer, length)

    def _bound(self, fd: int, count: int) -> None:
        """A file must not grow beyond what there is memory for; what has no position does not grow."""
        try:
            position = os.lseek(fd, 0, SEEK_CUR)
        except OSError:
            return
        _bounded(position + count)


def _bounded(size: int) -> None:
    if size > FILE_BYTES_MAX:
        raise Unreachable("there is no memory for a file of that size")


def _vector_of(buffers: list[ctypes.Array[ctypes.c_char]], lengths: tuple[int, ...]) -> ctypes.Array[_Buffer]:
    return (_Buffer * len(buffers))(
        *[_Buffer(ctypes.addressof(held), length) for held, length in zip(buffers, lengths, strict=True)]
    )


def _poll_entries(fds: tuple[tuple[int, int], ...]) -> ctypes.Array[_PollEntry]:
    return (_PollEntry * len(fds))(*[_PollEntry(fd, events, 0) for fd, events in fds])


class EmscriptenCalls:
    """The calls of one program, with Linux's numbers for errors."""

    def __init__(self, buffer: ctypes.Array[ctypes.c_char]) -> None:
        self.signals: list[int] = []
        self.choices = Choices()
        self.cited: list[str] = []
        self._calls = Calls(_now_ns(), buffer)

    def __getattr__(self, call: str) -> Any:
        """The call of a name: libc's, but for the numbers."""
        function = getattr(self._calls, call)

        def called(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except OSError as error:
                name = errno.errorcode[error.errno or 0]
                raise OSError(NUMBERS[name], name) from None

        return called


def _hello(environment: dict[str, str], pyodide: str) -> dict[str, Any]:
    return {
        "message": "hello",
        "protocol": PROTOCOL,
        "name": "pyodide",
        "version": pyodide,
        "capabilities": {"ops": list(OFFERED)},
        "facts": {"filesystem": "tmpfs", "uid": 0, "gid": 0, "capable": True, "file_size_bytes_max": 2**63 - 1},
        "environment": environment,
    }


def _observed(program: dict[str, Any], buffer: ctypes.Array[ctypes.c_char]) -> dict[str, Any]:
    ops = tuple(map(decode_op, program["ops"]))
    seen = execute(ops, cast(Any, EmscriptenCalls(buffer)))
    observations = [encode_observation(op, each) for op, each in zip(ops, seen, strict=True)]
    return {"message": "observed", "program": program["id"], "observations": observations}


def _open_nothing() -> None:
    """Give the first three numbers to nothing, as they are when a program begins: no other is open."""
    for number in range(3):
        assert os.open(os.devnull, os.O_RDWR) == number


def serve(
    next_line: Callable[[], str | None],
    say: Callable[[str], None],
    renew: Callable[[int], None],
    node: str,
    pyodide: str,
) -> None:
    """Speak until the harness says bye, or goes away.

    ``renew`` gives the next program a directory of its own, no descriptors, and the number of them that it may have.
    """
    buffer = ctypes.create_string_buffer(BUFFER_BYTES)
    environment = {"node": node, "kernel": platform.platform(), "python": platform.python_version()}
    say(json.dumps(_hello(environment, pyodide)))
    answered = 0
    while (line := next_line()) is not None:
        message = json.loads(line)
        if message["message"] == "bye":
            say(json.dumps({"message": "bye", "programs": answered}))
            return
        os.umask(message["caller"]["umask"])
        for program in message["programs"]:
            renew(message["caller"]["descriptors_max"])
            _open_nothing()
            say(json.dumps(_observed(program, buffer)))
            answered += 1
