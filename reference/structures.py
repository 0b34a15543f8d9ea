# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The structures that system calls take and return, as immutable values."""

from __future__ import annotations

from typing import Any, NamedTuple


class Stat(NamedTuple):
    """What fstat(2) returns, without the numbers that name a device or an inode.

    Times are nanoseconds since the epoch, or :data:`NOW` for a time the kernel took while the program ran.
    A field may hold an :data:`~reference.outcomes.Allowed` in a prediction.
    """

    mode: int
    nlink: int
    uid: int
    gid: int
    size: Any
    blksize: Any
    blocks: Any
    atime: Any
    mtime: Any
    ctime: Any


NOW = "now"
"""Stands for a time between the start and the end of the program."""


class Statx(NamedTuple):
    """What statx(2) returns: the mask it filled, then as in :class:`Stat`, then attributes, then what names the inode.

    ``ino`` is the place of the inode among those that the program was shown, from 1 on (statx, or readlink_fd where a
    link text names it); ``dev`` that of the file system which holds it, or 0 for a device node of the machine:
    where a machine keeps these is its own business. An import of a sandbox has -1.
    ``rdev`` is (major, minor) of a device, else (0, 0);
    the minor of a pseudoterminal's slave is its place among those that the program was shown, from 0 on.
    """

    mask: Any
    mode: int
    nlink: int
    uid: int
    gid: int
    size: Any
    blksize: Any
    blocks: Any
    atime: Any
    mtime: Any
    ctime: Any
    attributes: Any
    ino: Any
    dev: Any
    rdev: tuple[int, int]


class Statfs(NamedTuple):
    """What fstatfs(2) returns of the type of a file system; sizes in bytes. Counts of blocks and files are left out."""

    type: Any
    bsize: int
    frsize: int
    namelen: int


class Termios(NamedTuple):
    """termios(3): four flag words and the 19 control characters of the kernel's structure."""

    iflag: int
    oflag: int
    cflag: int
    lflag: int
    cc: bytes


class Speeds(NamedTuple):
    """The speeds of a terminal, of TCGETS2 (ioctl_tty(2)), in bits a second: input, then output."""

    input: int
    output: int


class Winsize(NamedTuple):
    """The window size of TIOCGWINSZ (ioctl_tty(2)): characters, then pixels."""

    rows: int
    cols: int
    xpixel: int
    ypixel: int


class Flock(NamedTuple):
    """A record lock of fcntl(2). ``pid`` is 0, -1 (an OFD lock) or the number of the process."""

    type: int
    whence: int
    start: int
    len: int
    pid: int


class Message(NamedTuple):
    """What recvmsg(2) returns: data, the descriptors passed, other control items, msg_flags.

    ``control`` holds (type, payload) pairs of SCM items that are not SCM_RIGHTS;
    for SCM_CREDENTIALS the payload is (the number of the process, uid, gid).
    """

    data: bytes
    rights: tuple[int, ...]
    control: tuple[tuple[int, Any], ...]
    flags: int
