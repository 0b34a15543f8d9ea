# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on pseudoterminals.

Modes go through ioctl(2) rather than tcgetattr(3) and tcsetattr(3):
the C library keeps speeds of its own in its structure, and changes what the caller did not mean to change.
No process of the harness leads a session: only a program that has made itself a leader gets a controlling terminal.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from collections.abc import Callable
from errno import EINVAL, EPERM
from typing import Any

from conformance.systems.native_calls.descriptors import NativeDescriptors, gives_int, takes_int
from conformance.systems.native_calls.identity import NativeIdentity
from conformance.systems.native_calls.kernel_workers import KernelWorkers
from conformance.systems.native_calls.libc import checked, function, request_with
from reference.constants.limits import UINT_MAX
from reference.constants.requests import (
    TCGETS,
    TCGETS2,
    TCSBRK,
    TCSBRKP,
    TCSETS,
    TCSETSF,
    TCSETSW,
    TIOCCBRK,
    TIOCCONS,
    TIOCEXCL,
    TIOCGDEV,
    TIOCGETD,
    TIOCGEXCL,
    TIOCGICOUNT,
    TIOCGPKT,
    TIOCGPTLCK,
    TIOCGPTN,
    TIOCGPTPEER,
    TIOCGWINSZ,
    TIOCMBIC,
    TIOCMBIS,
    TIOCMGET,
    TIOCMSET,
    TIOCNXCL,
    TIOCOUTQ,
    TIOCPKT,
    TIOCSBRK,
    TIOCSETD,
    TIOCSPTLCK,
    TIOCSTI,
    TIOCSWINSZ,
    TIOCVHANGUP,
)
from reference.constants.terminals import NCCS, TCSADRAIN, TCSAFLUSH, TCSANOW
from reference.structures import Speeds, Termios, Winsize

_WINDOW_MASK = 0xFFFF

_TERMIOS = struct.Struct(f"4IB{NCCS}s")
_NO_TERMIOS = bytes(_TERMIOS.size)
_TERMIOS2 = struct.Struct(f"4IB{NCCS}s2I")
_NO_TERMIOS2 = bytes(_TERMIOS2.size)
_COUNTERS_BYTES = 128
_WINDOW = struct.Struct("4H")
_NO_WINDOW = bytes(_WINDOW.size)
_INT = struct.Struct("i")
_NO_INT = bytes(_INT.size)
_SET_REQUESTS = {TCSANOW: TCSETS, TCSADRAIN: TCSETSW, TCSAFLUSH: TCSETSF}

_int = ctypes.c_int
_open = function("open", ctypes.c_char_p, _int)
_ioctl = function("ioctl", _int, ctypes.c_ulong, ctypes.c_long)
_posix_openpt = function("posix_openpt", _int)
_unlockpt = function("unlockpt", _int)
_tcflush = function("tcflush", _int, _int)
_tcflow = function("tcflow", _int, _int)
_tcsendbreak = function("tcsendbreak", _int, _int)
_tcdrain = function("tcdrain", _int)


_STILL_CALLS = frozenset(
    "open pipe2 socketpair mkfifo memfd_create epoll_create1 epoll_ctl epoll_wait poll ppoll select posix_openpt"
    " unlockpt fcntl ioctl dup lseek fstat statx fstatfs readlink_fd readlinkat faccessat_fd getdents fchdir"
    " posix_fadvise readahead syncfs fsetxattr fgetxattr flistxattr fremovexattr setrlimit fchmod fchown futimens fsync"
    " fdatasync sync_file_range truncate truncate_fd ftruncate fallocate unlink link symlink mkdir mmap load store"
    " msync mapping_path munmap getsockopt setsockopt shutdown send recv sendmsg flock tcgetattr tcdrain spawn descend"
    " setsid getsid getpgid setpgid sigaction sigprocmask".split()
)
"""Calls that neither move terminal data nor let any move."""
_TRANSFERS = frozenset("read write readv writev pread pwrite preadv2 pwritev2".split())
"""Calls that move terminal data only when their descriptor is a terminal."""


class NativeTerminals(NativeIdentity):
    """posix_openpt, unlockpt, open_slave, termios; and the wait for terminal data that is under way."""

    def __init__(self) -> None:
        super().__init__()
        self._workers = KernelWorkers()

    def settle(self, call: str, arguments: tuple[Any, ...]) -> None:
        """Terminal data crosses the line discipline on a kernel worker: wait until all of these are idle.

        Calls that move no terminal data leave nothing to wait for.
        """
        if call in _STILL_CALLS or (call in _TRANSFERS and not self.may_be_terminal(arguments[0])):
            return
        self._workers.wait_until_idle()

    def may_be_terminal(self, fd: int) -> bool:
        """Whether terminal data may move when a call moves data through a descriptor."""
        return os.isatty(fd)

    def posix_openpt(self, flags: int) -> int:
        fd = checked(_posix_openpt(flags))
        self.master_opened(fd)
        return fd

    def unlockpt(self, fd: int) -> int:
        return checked(_unlockpt(fd))

    def open_slave(self, fd: int, flags: int) -> int:
        number = _INT.unpack(fcntl.ioctl(fd, TIOCGPTN, _NO_INT))[0]
        return checked(_open(b"/dev/pts/%d" % number, flags))

    def tcgetattr(self, fd: int) -> Termios:
        iflag, oflag, cflag, lflag, _, cc = _TERMIOS.unpack(fcntl.ioctl(fd, TCGETS, _NO_TERMIOS))
        return Termios(iflag, oflag, cflag, lflag, cc)

    def tcsetattr(self, fd: int, action: int, attributes: Termios) -> int:
        request = _SET_REQUESTS.get(action)
        if request is None:
            raise OSError(EINVAL, os.strerror(EINVAL))
        iflag, oflag, cflag, lflag, cc = attributes
        masked = (iflag & UINT_MAX, oflag & UINT_MAX, cflag & UINT_MAX, lflag & UINT_MAX)
        request_with(fd, request, ctypes.create_string_buffer(_TERMIOS.pack(*masked, 0, cc)))
        return 0

    def tcflush(self, fd: int, queue: int) -> int:
        return checked(_tcflush(fd, queue))

    def tcflow(self, fd: int, action: int) -> int:
        return checked(_tcflow(fd, action))

    def tcsendbreak(self, fd: int, duration: int) -> int:
        return checked(_tcsendbreak(fd, duration))

    def tcdrain(self, fd: int) -> int:
        return checked(_tcdrain(fd))


def _peer(native: NativeTerminals, fd: int, flags: int) -> int:
    return checked(_ioctl(fd, TIOCGPTPEER, flags))


def _get_window(native: NativeTerminals, fd: int, argument: Any) -> Winsize:
    return Winsize(*_WINDOW.unpack(fcntl.ioctl(fd, TIOCGWINSZ, _NO_WINDOW)))


def _set_window(native: NativeTerminals, fd: int, window: Winsize) -> int:
    fcntl.ioctl(fd, TIOCSWINSZ, _WINDOW.pack(*(number & _WINDOW_MASK for number in window)))
    return 0


def _get_modes_and_speeds(native: NativeTerminals, fd: int, argument: Any) -> tuple[Termios, Speeds]:
    iflag, oflag, cflag, lflag, _, cc, *both = _TERMIOS2.unpack(fcntl.ioctl(fd, TCGETS2, _NO_TERMIOS2))
    return Termios(iflag, oflag, cflag, lflag, cc), Speeds(*both)


def _by_value(request: int) -> Callable[[Any, int, Any], int]:
    return lambda native, fd, argument: checked(_ioctl(fd, request, argument))


def _set_discipline(native: NativeTerminals, fd: int, number: int) -> int:
    request_with(fd, TIOCSETD, _int(number))
    return 0


def _count_interrupts(native: NativeTerminals, fd: int, argument: Any) -> int:
    request_with(fd, TIOCGICOUNT, ctypes.create_string_buffer(_COUNTERS_BYTES))
    return 0


def _refused_on_terminals(request: int) -> Callable[[Any, int, Any], int]:
    """A request of root that reaches further than the program: a terminal is not asked."""

    def call(native: NativeTerminals, fd: int, argument: Any) -> int:
        if os.isatty(fd):
            raise OSError(EPERM, os.strerror(EPERM))
        fcntl.ioctl(fd, request, _NO_INT)
        return 0

    return call


NativeDescriptors.ioctl_requests.update(
    {
        TCGETS2: _get_modes_and_speeds,
        TIOCSETD: _set_discipline,
        TIOCGICOUNT: _count_interrupts,
        **{request: _by_value(request) for request in (TCSBRK, TCSBRKP, TIOCSBRK, TIOCCBRK)},
        **{request: _refused_on_terminals(request) for request in (TIOCVHANGUP, TIOCCONS, TIOCSTI)},
        **{request: takes_int(request) for request in (TIOCMSET, TIOCMBIS, TIOCMBIC)},
        **{request: gives_int(request) for request in (TIOCGETD, TIOCGPTN, TIOCGDEV, TIOCMGET)},
        TIOCGPTPEER: _peer,
        TIOCGWINSZ: _get_window,
        TIOCSWINSZ: _set_window,
        **{request: takes_int(request) for request in (TIOCSPTLCK, TIOCPKT, TIOCEXCL, TIOCNXCL)},
        **{request: gives_int(request) for request in (TIOCGPTLCK, TIOCGPKT, TIOCGEXCL, TIOCOUTQ)},
    }
)
