# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Domains of Linux flags and structures that several vocabularies share."""

from __future__ import annotations

from conformance.domains.base import Domain
from conformance.domains.compound import ListOf, Record, TupleOf
from conformance.domains.data import BYTES
from conformance.domains.numbers import INTEGER, OCTAL, TIME, Enumeration, Flags, constant
from conformance.domains.slots import SLOT
from conformance.vocabulary.spec import Handles, OpSpec, Parameter
from reference.constants.terminals import (
    B38400,
    CREAD,
    CS8,
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHOKE,
    ICANON,
    ICRNL,
    IEXTEN,
    ISIG,
    IXON,
    ONLCR,
    OPOST,
)
from reference.structures import Flock, Message, Speeds, Stat, Statfs, Statx, Termios, Winsize


def flags(names: str, zero: str = "") -> Flags:
    """Flags from names in one string, in the order they are written."""
    return Flags(tuple(names.split()), zero)


def choice(names: str) -> Enumeration:
    """An enumeration from names in one string."""
    return Enumeration(tuple(names.split()))


OPEN_FLAGS = flags(
    "O_WRONLY O_RDWR O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC O_DSYNC O_ASYNC O_DIRECT"
    " O_LARGEFILE O_TMPFILE O_DIRECTORY O_NOFOLLOW O_NOATIME O_CLOEXEC O_PATH",
    zero="O_RDONLY",
)
CREATION_FLAGS = flags("O_NONBLOCK O_CLOEXEC O_DIRECT O_APPEND O_SYNC O_DSYNC")
"""The flags of calls that take no access mode: pipe2(2), dup3(2)."""
POLL_EVENTS = flags(
    "POLLIN POLLPRI POLLOUT POLLERR POLLHUP POLLNVAL POLLRDNORM POLLRDBAND POLLWRNORM POLLWRBAND POLLMSG"
    " POLLREMOVE POLLRDHUP"
)
EPOLL_EVENTS = flags(
    "EPOLLIN EPOLLPRI EPOLLOUT EPOLLERR EPOLLHUP EPOLLRDNORM EPOLLRDBAND EPOLLWRNORM EPOLLWRBAND EPOLLMSG EPOLLRDHUP"
    " EPOLLEXCLUSIVE EPOLLWAKEUP EPOLLONESHOT EPOLLET"
)
MESSAGE_FLAGS = flags(
    "MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_CTRUNC MSG_TRUNC MSG_DONTWAIT MSG_EOR MSG_WAITALL MSG_NOSIGNAL MSG_MORE"
    " MSG_CMSG_CLOEXEC MSG_ERRQUEUE"
)

STAT_FIELDS: tuple[tuple[str, Domain], ...] = (
    ("mode", OCTAL),
    ("nlink", INTEGER),
    ("uid", INTEGER),
    ("gid", INTEGER),
    ("size", INTEGER),
    ("blksize", INTEGER),
    ("blocks", INTEGER),
    ("atime", TIME),
    ("mtime", TIME),
    ("ctime", TIME),
)
STAT = Record("stat", Stat, STAT_FIELDS)
STATX_MASK = flags(
    "STATX_BASIC_STATS STATX_TYPE STATX_MODE STATX_NLINK STATX_UID STATX_GID STATX_ATIME STATX_MTIME STATX_CTIME"
    " STATX_INO STATX_SIZE STATX_BLOCKS STATX_BTIME STATX_MNT_ID STATX_DIOALIGN"
)
STATX = Record(
    "statx_result",
    Statx,
    (
        ("mask", STATX_MASK),
        *STAT_FIELDS,
        ("attributes", flags("")),
        ("ino", INTEGER),
        ("dev", INTEGER),
        ("rdev", TupleOf((INTEGER, INTEGER))),
    ),
)
STATFS = Record(
    "statfs",
    Statfs,
    (
        (
            "type",
            choice(
                "ANON_INODE_FS_MAGIC DEVPTS_SUPER_MAGIC EXT4_SUPER_MAGIC PIPEFS_MAGIC PROC_SUPER_MAGIC SOCKFS_MAGIC"
                " TMPFS_MAGIC"
            ),
        ),
        ("bsize", INTEGER),
        ("frsize", INTEGER),
        ("namelen", INTEGER),
    ),
)
USUAL_TERMIOS = Termios(
    ICRNL | IXON,
    OPOST | ONLCR,
    B38400 | CS8 | CREAD,
    ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    bytes((3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0)),
)
"""The modes of a terminal that nobody has changed."""

TERMIOS = Record(
    "termios",
    Termios,
    (
        (
            "iflag",
            flags("IGNBRK BRKINT IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8"),
        ),
        ("oflag", flags("OPOST OLCUC ONLCR OCRNL ONOCR ONLRET OFILL OFDEL TAB3")),
        ("cflag", flags("CS8 CS6 CS7 CSTOPB CREAD PARENB PARODD HUPCL CLOCAL B38400 B9600")),
        (
            "lflag",
            flags(
                "ISIG ICANON XCASE ECHO ECHOE ECHOK ECHONL NOFLSH TOSTOP ECHOCTL ECHOPRT ECHOKE FLUSHO PENDIN IEXTEN"
                " EXTPROC"
            ),
        ),
        ("cc", BYTES),
    ),
    usual=USUAL_TERMIOS,
)
SPEEDS = Record("speeds", Speeds, tuple((name, INTEGER) for name in Speeds._fields))
WINSIZE = Record("winsize", Winsize, tuple((name, INTEGER) for name in Winsize._fields))
FLOCK = Record(
    "flock",
    Flock,
    (
        ("type", choice("F_RDLCK F_WRLCK F_UNLCK")),
        ("whence", choice("SEEK_SET SEEK_CUR SEEK_END")),
        ("start", INTEGER),
        ("len", INTEGER),
        ("pid", INTEGER),
    ),
)
MESSAGE = Record(
    "message",
    Message,
    (
        ("data", BYTES),
        ("rights", ListOf(INTEGER)),
        ("control", ListOf(TupleOf((choice("SCM_CREDENTIALS"), ListOf(INTEGER))))),
        ("flags", MESSAGE_FLAGS),
    ),
)
RECORDS = (STAT, STATX, STATFS, TERMIOS, SPEEDS, WINSIZE, FLOCK, MESSAGE)
"""Every structure that the canonical text can spell as a call."""


def _selected(
    call: str,
    command: str,
    domain: Enumeration,
    argument: Domain | None,
    result: Domain,
    kinds: str,
    handles: Handles | None,
) -> OpSpec:
    parameters = [Parameter("fd", SLOT), Parameter("command", domain)]
    if argument is not None:
        parameters.append(Parameter("argument", argument))
    return OpSpec(
        f"{call}({command})", call, tuple(parameters), result, tuple(kinds.split()), (1, constant(command)), handles
    )


def fcntl(
    command: str,
    argument: Domain | None = None,
    *,
    result: Domain = INTEGER,
    kinds: str,
    handles: Handles | None = None,
) -> OpSpec:
    """One command of fcntl(2) as an op."""
    return _selected("fcntl", command, choice(command), argument, result, kinds, handles)


def ioctl(
    command: str,
    argument: Domain | None = None,
    *,
    result: Domain = INTEGER,
    kinds: str,
    handles: Handles | None = None,
) -> OpSpec:
    """One request of ioctl(2) as an op."""
    return _selected("ioctl", command, choice(command), argument, result, kinds, handles)
