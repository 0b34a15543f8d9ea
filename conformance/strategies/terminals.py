# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for ops on pseudoterminals.

What a line discipline does depends on single characters,
so data is put together from the characters that mean something,
and modes from those that change what such a character means. Most descriptions are non-blocking.
"""

from __future__ import annotations

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strategies.recipes import Make, Recipe, closing, duplicating
from conformance.strategies.scalars import ODD_FLAGS
from conformance.strategies.slots import ANNOUNCED, FILLED, SlotTable
from conformance.strategies.source import Source, bits, pick
from reference.constants.descriptors import F_SETFL
from reference.constants.open_flags import (
    O_ACCMODE,
    O_APPEND,
    O_ASYNC,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_EXCL,
    O_NOATIME,
    O_NOCTTY,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_SYNC,
    O_TRUNC,
    O_WRONLY,
)
from reference.constants.readiness import POLLIN, POLLOUT, POLLPRI, POLLRDHUP
from reference.constants.requests import (
    FIONBIO,
    FIONREAD,
    TCGETS2,
    TCSBRK,
    TCSBRKP,
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
from reference.constants.terminals import (
    B9600,
    B38400,
    B57600,
    B4000000,
    BOTHER,
    BRKINT,
    CLOCAL,
    CREAD,
    CS7,
    CS8,
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHOKE,
    ECHONL,
    ECHOPRT,
    EXTPROC,
    HUPCL,
    IBSHIFT,
    ICANON,
    ICRNL,
    IEXTEN,
    IGNBRK,
    IGNCR,
    IGNPAR,
    IMAXBEL,
    INLCR,
    INPCK,
    ISIG,
    ISTRIP,
    IUCLC,
    IUTF8,
    IXANY,
    IXOFF,
    IXON,
    NOFLSH,
    OCRNL,
    OFDEL,
    OFILL,
    OLCUC,
    ONLCR,
    ONLRET,
    ONOCR,
    OPOST,
    PARENB,
    PARMRK,
    PENDIN,
    TAB3,
    TCIFLUSH,
    TCIOFF,
    TCIOFLUSH,
    TCION,
    TCOFLUSH,
    TCOOFF,
    TCOON,
    TCSADRAIN,
    TCSAFLUSH,
    TCSANOW,
    TOSTOP,
    VEOF,
    VEOL,
    VEOL2,
    VERASE,
    VINTR,
    VKILL,
    VLNEXT,
    VMIN,
    VREPRINT,
    VSTART,
    VSTOP,
    VTIME,
    VWERASE,
)
from reference.constants.transfers import SEEK_CUR
from reference.structures import Termios, Winsize

_MASTER, _SLAVE = "pty.master", "pty.slave"
_ENDS = (_MASTER, _SLAVE)
_OPEN_FLAGS = (
    *(O_RDWR | O_NONBLOCK,) * 12,
    O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
    O_RDWR,
    O_RDONLY | O_NONBLOCK,
    O_WRONLY | O_NONBLOCK,
)
_OPEN_FLAGS_ODD = (
    O_RDWR | O_NONBLOCK | O_APPEND,
    O_RDWR | O_NONBLOCK | O_SYNC,
    O_RDWR | O_NONBLOCK | O_DIRECT,
    O_RDWR | O_NONBLOCK | O_TRUNC,
    O_RDWR | O_NONBLOCK | O_CREAT,
    O_RDWR | O_CREAT | O_EXCL,
    O_RDWR | O_DIRECTORY,
    O_RDWR | O_NONBLOCK | O_NOFOLLOW,
    O_RDWR | O_NONBLOCK | O_NOATIME,
    O_RDWR | O_NONBLOCK | O_ASYNC,
    O_ACCMODE | O_NONBLOCK,
    O_PATH,
    O_PATH | O_CLOEXEC,
)

_PIECES = (
    *(b"a", b"bc", b"word", b"two words ", b"x_1 ", b"\n", b"line\n", b"A\r", b"\r\n", b"\t", b"a\tb\t", b" "),
    *(b"\x7f", b"\x7f\x7f\x7f", b"\x15", b"\x17", b"\x16", b"\x12", b"\x04", b"\x13", b"\x11"),
    *(
        b"\x0f",
        b"\b",
        b"\0",
        b"\xff",
        b"\x01",
        b"\x1b[A",
        b"/",
        b"\\",
        b"#",
        b"@",
        b"Z",
        b"\xc3\xa9",
        b"\xe2\x82\xac",
        b"\xa9",
    ),
    *(b"\xc9", b"\xd7\xdf", b"\x8d", b"\x1f", b"_", b"0123456789", b"the quick brown fox jumps over "),
)
_SIGNALS = (b"\x03", b"\x1c", b"\x1a")
_BESIDE_SIGNALS = (b"", b"a", b"x\ny", b"some words", b"\x13", b"\x16", b"\xff")
"""A signal throws away echo that the kernel has or has not moved on yet.
So little echo stands before it that it surely has not."""
_PLAIN_LENGTHS = (100, 200, 255, 256, 257, 1000, 2047, 2048, 2049, 4000, 4094, 4095, 4096, 4097)
_PLAIN = tuple((b"abcdefghijklmno\t" * 600)[:length] for length in _PLAIN_LENGTHS)
_LINES = tuple((b"abcdefghijklmnopqrstuvwxyz 01234\n" * 300)[:length] for length in _PLAIN_LENGTHS)
_LONG = (*_PLAIN, *_LINES, *(plain[:-1] + b"\n" for plain in _PLAIN))
_PIECES_MAX = 6
_COUNTS = (100, 1, 0, 2, 3, 4, 5, 6, 8, 10, 20, 40, 63, 64, 65, 128, 1000, 4094, 4095, 4096, 5000, 20000)

_DEFAULT_CHARACTERS = bytes((3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0))
_CHARACTERS = (
    (VINTR, 0),
    *(
        (index, character)
        for index in (VERASE, VKILL, VEOF, VEOL, VEOL2, VSTART, VSTOP)
        for character in b"\0a#@\r\n\t"
    ),
    *((index, character) for index in (VWERASE, VLNEXT) for character in b"\0aZ\x15"),
    *((VREPRINT, character) for character in b"\0Z\x15"),
    *((VMIN, count) for count in (0, 0, 0, 1, 2, 5, 10, 63, 64, 65, 100, 255)),
    *((VTIME, tenths) for tenths in (0, 255)),
    *((VEOL, 255), (VEOF, 26), (VERASE, 4), (VSTOP, 17), (VKILL, 23), (VEOF, 65), (VEOL, 32)),
)
_IFLAGS_COMMON = (ICRNL, IXON, IXANY, INLCR, IGNCR, IUTF8)
_IFLAGS_RARE = (ISTRIP, IUCLC, PARMRK, IMAXBEL, INPCK, IGNBRK, BRKINT, IGNPAR, IXOFF)
_OFLAGS = (OPOST, OPOST, ONLCR, OCRNL, ONOCR, ONLRET, OLCUC, TAB3)
_OFLAGS_RARE = (OFILL, OFDEL)
_LFLAGS_COMMON = (ICANON, ICANON, ECHO, ECHO, ISIG, IEXTEN)
_LFLAGS_ECHO = (ECHOE, ECHOK, ECHOKE, ECHONL, ECHOCTL)
_LFLAGS_RARE = (ECHOPRT, NOFLSH, TOSTOP, PENDIN, EXTPROC)
_CFLAGS = (
    B38400 | CS8 | CREAD,
    B38400 | CS8 | CREAD | HUPCL,
    B9600 | CS7 | PARENB,
    B57600 | CS8 | CREAD,
    BOTHER | CS8 | CREAD,
    B4000000 | CLOCAL,
    B4000000 << IBSHIFT | B9600,
    BOTHER << IBSHIFT | B57600,
    0,
)
_USUAL = (
    Termios(
        ICRNL | IXON,
        OPOST | ONLCR,
        B38400 | CS8 | CREAD,
        ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
        _DEFAULT_CHARACTERS,
    ),
    Termios(0, 0, B38400 | CS8 | CREAD, 0, _DEFAULT_CHARACTERS),
    Termios(0, 0, B38400 | CS8 | CREAD, ICANON, _DEFAULT_CHARACTERS),
    Termios(ICRNL | IXON | ISTRIP, OPOST | ONLCR, B38400 | CS8 | CREAD, ISIG | ICANON | ECHO, _DEFAULT_CHARACTERS),
    Termios(ICRNL, OPOST | ONLCR, B38400 | CS8 | CREAD, ECHO, _DEFAULT_CHARACTERS),
    Termios(IXON, 0, B38400 | CS8 | CREAD, ICANON | ECHO | ECHOE | IEXTEN, _DEFAULT_CHARACTERS),
)
_EVERYTHING = POLLIN | POLLPRI | POLLOUT | POLLRDHUP
_ODD_NUMBERS = (4, -1, 7, 100, 2**31 - 1)


def _open_flags(source: Source) -> int:
    return pick(source, _OPEN_FLAGS_ODD) if source.below(16) == 15 else pick(source, _OPEN_FLAGS)


def _openpt(source: Source, slots: SlotTable) -> Op:
    flags = _open_flags(source)
    return Op("posix_openpt", (flags,), (slots.new("path" if flags & O_PATH else _MASTER),))


def _unlock(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, _MASTER)
    if slot is None:
        return None
    slots.notes[slot] = "unlocked"
    return Op("unlockpt", (slot,))


def _opening(*arguments: int, call: str) -> Make:
    """A recipe for a call that opens the slave of a master; a master that is still locked is unlocked first."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, _MASTER)
        if slot is None:
            return None
        if slots.notes.get(slot) is None and source.below(12) < 11:
            slots.notes[slot] = "unlocked"
            return Op("unlockpt", (slot,))
        flags = _open_flags(source)
        return Op(call, (slot, *arguments, flags), (slots.new("path" if flags & O_PATH else _SLAVE),))

    return make


def _reopen(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, _SLAVE, _SLAVE, _MASTER)
    return None if slot is None else Op("reopen", (slot, _open_flags(source)), (slots.new(slots.tags[slot]),))


def _on(call: str, *values: tuple[object, ...], tags: tuple[str, ...] = _ENDS) -> Make:
    """A recipe for a call whose further arguments are drawn from pools."""

    def make(source: Source, slots: SlotTable) -> Op | None:
        slot = slots.any_of(source, *tags)
        if slot is None:
            return None
        return Op(call, (slot, *[pool[source.below(len(pool))] for pool in values]))

    return make


def _data(source: Source, slots: SlotTable) -> bytes:
    kind = source.below(24)
    if kind >= 22 and ANNOUNCED not in slots.notes:
        slots.notes[FILLED] = True
        return pick(source, _LONG)
    if kind >= 19 and FILLED not in slots.notes:
        return pick(source, _BESIDE_SIGNALS) + pick(source, _SIGNALS) + pick(source, _BESIDE_SIGNALS)
    return b"".join([_PIECES[source.below(len(_PIECES))] for _ in range(source.below(_PIECES_MAX))])


def _write(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, _MASTER, _MASTER, _SLAVE)
    return None if slot is None else Op("write", (slot, _data(source, slots)))


def _writev(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_ENDS)
    return None if slot is None else Op("writev", (slot, (pick(source, _PIECES), _data(source, slots))))


def _attributes(source: Source) -> Termios:
    if source.below(3) == 0:
        termios = pick(source, _USUAL)
    else:
        iflag = bits(source, _IFLAGS_COMMON, 2) | bits(source, _IFLAGS_RARE, 8)
        oflag = bits(source, _OFLAGS, 2) | bits(source, _OFLAGS_RARE, 24)
        lflag = bits(source, _LFLAGS_COMMON, 2) | bits(source, _LFLAGS_ECHO, 2) | bits(source, _LFLAGS_RARE, 8)
        termios = Termios(iflag, oflag, pick(source, _CFLAGS), lflag, _DEFAULT_CHARACTERS)
    cc = bytearray(termios.cc)
    for _ in range(source.below(4)):
        index, character = pick(source, _CHARACTERS)
        cc[index] = character
    if source.below(40) == 39:
        odd = pick(source, ODD_FLAGS)
        termios = termios._replace(iflag=termios.iflag | odd, lflag=termios.lflag | odd, cflag=termios.cflag | odd)
    return termios._replace(cc=bytes(cc))


def _set_attributes(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, _SLAVE, _MASTER)
    if slot is None:
        return None
    action = pick(source, (TCSANOW, TCSANOW, TCSADRAIN, TCSAFLUSH)) if source.below(40) < 39 else 3
    if action == TCSAFLUSH and FILLED in slots.notes:
        action = TCSANOW
    return Op("tcsetattr", (slot, action, _attributes(source)))


def _request(request: int, *arguments: object, tags: tuple[str, ...] = _ENDS) -> Make:
    """A recipe for a request of ioctl(2), with an argument from a pool when it takes one."""
    return _on("ioctl", (request,), *((arguments,) if arguments else ()), tags=tags)


def _poll(source: Source, slots: SlotTable) -> Op | None:
    ends: list[tuple[Slot, int]] = []
    for _ in range(1 + source.below(3)):
        slot = slots.any_of(source, *_ENDS)
        if slot is not None:
            ends.append((slot, _EVERYTHING))
    return Op("poll", (tuple(ends), 0)) if ends else None


def _set_status_flags(source: Source, slots: SlotTable) -> Op | None:
    slot = slots.any_of(source, *_ENDS)
    if slot is None:
        return None
    flags = pick(source, (O_NONBLOCK, O_NONBLOCK, O_NONBLOCK | O_APPEND, O_NONBLOCK | O_ASYNC))
    if flags & O_ASYNC:
        if FILLED in slots.notes:
            flags = O_NONBLOCK
        else:
            slots.notes[ANNOUNCED] = True
    return Op("fcntl", (slot, F_SETFL, flags))


_WINDOWS = (Winsize(24, 80, 0, 0), Winsize(0, 0, 0, 0), Winsize(50, 132, 1000, 800), Winsize(65535, 65536, -1, 1))

RECIPES = (
    Recipe("posix_openpt", 2, _openpt, opens=True),
    Recipe("unlockpt", 2, _unlock),
    Recipe("open_slave", 12, _opening(call="open_slave")),
    Recipe("ioctl(TIOCGPTPEER)", 2, _opening(TIOCGPTPEER, call="ioctl")),
    Recipe("reopen", 1, _reopen),
    Recipe("write", 36, _write),
    Recipe("writev", 2, _writev),
    Recipe("read", 24, _on("read", _COUNTS)),
    Recipe("readv", 2, _on("readv", ((1,), (3, 5), (64, 64), (0, 10), (0,), ()))),
    Recipe("tcsetattr", 10, _set_attributes),
    Recipe("tcgetattr", 1, _on("tcgetattr")),
    Recipe("tcflush", 3, _on("tcflush", (TCIFLUSH, TCOFLUSH, TCIOFLUSH, TCIFLUSH, TCOFLUSH, TCIOFLUSH, *_ODD_NUMBERS))),
    Recipe("tcflow", 4, _on("tcflow", (TCOOFF, TCOON, TCIOFF, TCION) * 4 + _ODD_NUMBERS)),
    Recipe("tcsendbreak", 1, _on("tcsendbreak", (0, 1, -1, 250))),
    Recipe("tcdrain", 1, _on("tcdrain")),
    Recipe("ioctl(TIOCSPTLCK)", 1, _request(TIOCSPTLCK, 1, 0, 2, tags=(_MASTER,))),
    Recipe("ioctl(TIOCGPTLCK)", 1, _request(TIOCGPTLCK)),
    Recipe("ioctl(TIOCPKT)", 3, _request(TIOCPKT, 1, 1, 1, 0, 2, tags=(_MASTER, _MASTER, _MASTER, _SLAVE))),
    Recipe("ioctl(TIOCGPKT)", 1, _request(TIOCGPKT)),
    Recipe("ioctl(TIOCGWINSZ)", 1, _request(TIOCGWINSZ)),
    Recipe("ioctl(TIOCSWINSZ)", 1, _request(TIOCSWINSZ, *_WINDOWS)),
    Recipe("ioctl(TIOCEXCL)", 1, _request(TIOCEXCL)),
    Recipe("ioctl(TIOCNXCL)", 1, _request(TIOCNXCL)),
    Recipe("ioctl(TIOCGEXCL)", 1, _request(TIOCGEXCL)),
    Recipe("ioctl(TIOCOUTQ)", 1, _request(TIOCOUTQ)),
    Recipe("ioctl(TCGETS2)", 1, _request(TCGETS2)),
    Recipe("ioctl(TCSBRK)", 1, _request(TCSBRK, 0, 1, -1)),
    Recipe("ioctl(TCSBRKP)", 1, _request(TCSBRKP, 0, 1, -1)),
    Recipe("ioctl(TIOCSBRK)", 1, _request(TIOCSBRK)),
    Recipe("ioctl(TIOCCBRK)", 1, _request(TIOCCBRK)),
    Recipe("ioctl(TIOCGETD)", 1, _request(TIOCGETD)),
    Recipe("ioctl(TIOCSETD)", 1, _request(TIOCSETD, 0, 0, 0, -1, 31, 2**31 - 1)),
    Recipe("ioctl(TIOCGPTN)", 1, _request(TIOCGPTN)),
    Recipe("ioctl(TIOCGDEV)", 1, _request(TIOCGDEV)),
    Recipe("ioctl(TIOCMGET)", 1, _request(TIOCMGET)),
    Recipe("ioctl(TIOCMSET)", 1, _request(TIOCMSET, 0, 6)),
    Recipe("ioctl(TIOCMBIS)", 1, _request(TIOCMBIS, 0, 6)),
    Recipe("ioctl(TIOCMBIC)", 1, _request(TIOCMBIC, 0, 6)),
    Recipe("ioctl(TIOCGICOUNT)", 1, _request(TIOCGICOUNT)),
    Recipe("ioctl(TIOCVHANGUP)", 1, _request(TIOCVHANGUP)),
    Recipe("ioctl(TIOCCONS)", 1, _request(TIOCCONS)),
    Recipe("ioctl(TIOCSTI)", 1, _request(TIOCSTI, 120, 10)),
    Recipe("ioctl(FIONREAD)", 4, _request(FIONREAD)),
    Recipe("ioctl(FIONBIO)", 1, _request(FIONBIO, 1, 1, 0)),
    Recipe("fcntl(F_SETFL)", 1, _set_status_flags),
    Recipe("fstat", 1, _on("fstat")),
    Recipe("lseek", 1, _on("lseek", (0,), (SEEK_CUR,))),
    Recipe("poll", 5, _poll),
    Recipe("close", 4, closing(_SLAVE, _SLAVE, _MASTER)),
    Recipe("dup", 2, duplicating(*_ENDS)),
)
