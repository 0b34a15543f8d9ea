# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on pseudoterminals.

Modes go through ioctl(2) rather than tcgetattr(3) and tcsetattr(3):
the C library keeps speeds of its own in its structure, and changes what the caller did not mean to change.
No opening here makes the terminal the controlling one.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from errno import EINVAL
from typing import Any

from conformance.systems.native_calls.descriptors import NativeDescriptors, gives_int, takes_int
from conformance.systems.native_calls.identity import NativeIdentity
from conformance.systems.native_calls.kernel_workers import KernelWorkers
from conformance.systems.native_calls.libc import checked, function
from reference.constants import (
    NCCS,
    O_NOCTTY,
    O_PATH,
    TCGETS,
    TCSADRAIN,
    TCSAFLUSH,
    TCSANOW,
    TCSETS,
    TCSETSF,
    TCSETSW,
    TIOCEXCL,
    TIOCGEXCL,
    TIOCGPKT,
    TIOCGPTLCK,
    TIOCGPTN,
    TIOCGPTPEER,
    TIOCGWINSZ,
    TIOCNXCL,
    TIOCOUTQ,
    TIOCPKT,
    TIOCSPTLCK,
    TIOCSWINSZ,
    UINT_MAX,
)
from reference.structures import Termios, Winsize

_WINDOW_MASK = 0xFFFF

_TERMIOS = struct.Struct(f"4IB{NCCS}s")
_NO_TERMIOS = bytes(_TERMIOS.size)
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
    " unlockpt fcntl ioctl dup lseek fstat statx fstatfs readlink_fd faccessat_fd getdents fchdir posix_fadvise"
    " readahead syncfs fsetxattr fgetxattr flistxattr fremovexattr setrlimit fchmod fchown futimens fsync"
    " fdatasync sync_file_range truncate ftruncate fallocate unlink link symlink mkdir mmap load store msync"
    " munmap getsockopt setsockopt shutdown send recv sendmsg flock tcgetattr tcdrain".split()
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
        if call in _STILL_CALLS or (call in _TRANSFERS and not os.isatty(arguments[0])):
            return
        self._workers.wait_until_idle()

    def posix_openpt(self, flags: int) -> int:
        fd = checked(_posix_openpt(flags | O_NOCTTY))
        self.master_opened(fd)
        return fd

    def unlockpt(self, fd: int) -> int:
        return checked(_unlockpt(fd))

    def open_slave(self, fd: int, flags: int) -> int:
        number = _INT.unpack(fcntl.ioctl(fd, TIOCGPTN, _NO_INT))[0]
        return checked(_open(b"/dev/pts/%d" % number, flags | O_NOCTTY))

    def tcgetattr(self, fd: int) -> Termios:
        iflag, oflag, cflag, lflag, _, cc = _TERMIOS.unpack(fcntl.ioctl(fd, TCGETS, _NO_TERMIOS))
        return Termios(iflag, oflag, cflag, lflag, cc)

    def tcsetattr(self, fd: int, action: int, attributes: Termios) -> int:
        request = _SET_REQUESTS.get(action)
        if request is None:
            raise OSError(EINVAL, os.strerror(EINVAL))
        iflag, oflag, cflag, lflag, cc = attributes
        masked = (iflag & UINT_MAX, oflag & UINT_MAX, cflag & UINT_MAX, lflag & UINT_MAX)
        fcntl.ioctl(fd, request, _TERMIOS.pack(*masked, 0, cc))
        return 0

    def tcflush(self, fd: int, queue: int) -> int:
        return checked(_tcflush(fd, queue))

    def tcflow(self, fd: int, action: int) -> int:
        return checked(_tcflow(fd, action))

    def tcsendbreak(self, fd: int, duration: int) -> int:
        return checked(_tcsendbreak(fd, duration))

    def tcdrain(self, fd: int) -> int:
        return checked(_tcdrain(fd))


def _peer(native: Any, fd: int, flags: int) -> int:
    return checked(_ioctl(fd, TIOCGPTPEER, flags if flags & O_PATH else flags | O_NOCTTY))


def _get_window(native: Any, fd: int, argument: Any) -> Winsize:
    return Winsize(*_WINDOW.unpack(fcntl.ioctl(fd, TIOCGWINSZ, _NO_WINDOW)))


def _set_window(native: Any, fd: int, window: Winsize) -> int:
    fcntl.ioctl(fd, TIOCSWINSZ, _WINDOW.pack(*(number & _WINDOW_MASK for number in window)))
    return 0


NativeDescriptors.ioctl_requests.update(
    {
        TIOCGPTPEER: _peer,
        TIOCGWINSZ: _get_window,
        TIOCSWINSZ: _set_window,
        **{request: takes_int(request) for request in (TIOCSPTLCK, TIOCPKT, TIOCEXCL, TIOCNXCL)},
        **{request: gives_int(request) for request in (TIOCGPTLCK, TIOCGPKT, TIOCGEXCL, TIOCOUTQ)},
    }
)
