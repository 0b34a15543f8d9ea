# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops on pseudoterminals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.domains.compound import TupleOf
from conformance.domains.numbers import INTEGER, Integer
from conformance.domains.slots import SLOT
from conformance.vocabulary.spec import one_handle, op
from conformance.vocabulary.structures import OPEN_FLAGS, SPEEDS, TERMIOS, WINSIZE, choice, ioctl

DISCIPLINES_MAX = 30


class _Discipline(Integer):
    """The number of a line discipline: that of terminals, or one that there is none of."""

    def check(self, value: Any) -> Any:
        if 0 < INTEGER.check(value) <= DISCIPLINES_MAX:
            raise ValueError(f"the kernel would load a module for line discipline {value}")
        return value

    def simpler(self, value: Any) -> Iterator[Any]:
        return (number for number in INTEGER.simpler(value) if not 0 < number <= DISCIPLINES_MAX)


OPS = (
    op("posix_openpt", ("flags", OPEN_FLAGS), kinds="terminals", handles=one_handle),
    op("unlockpt", ("fd", SLOT), kinds="terminals"),
    op("open_slave", ("fd", SLOT), ("flags", OPEN_FLAGS), kinds="terminals", handles=one_handle),
    ioctl("TIOCGPTPEER", OPEN_FLAGS, kinds="terminals", handles=one_handle),
    ioctl("TIOCSPTLCK", INTEGER, kinds="terminals"),
    ioctl("TIOCGPTLCK", kinds="terminals"),
    op("tcgetattr", ("fd", SLOT), result=TERMIOS, kinds="terminals"),
    op(
        "tcsetattr",
        ("fd", SLOT),
        ("action", choice("TCSANOW TCSADRAIN TCSAFLUSH")),
        ("attributes", TERMIOS),
        kinds="terminals",
    ),
    op("tcflush", ("fd", SLOT), ("queue", choice("TCIFLUSH TCOFLUSH TCIOFLUSH")), kinds="terminals"),
    op("tcflow", ("fd", SLOT), ("action", choice("TCOOFF TCOON TCIOFF TCION")), kinds="terminals"),
    op("tcsendbreak", ("fd", SLOT), ("duration", INTEGER), kinds="terminals"),
    op("tcdrain", ("fd", SLOT), kinds="terminals"),
    ioctl("TIOCGWINSZ", result=WINSIZE, kinds="terminals"),
    ioctl("TIOCSWINSZ", WINSIZE, kinds="terminals"),
    ioctl("TIOCPKT", INTEGER, kinds="terminals"),
    ioctl("TIOCGPKT", kinds="terminals"),
    ioctl("TIOCEXCL", kinds="terminals"),
    ioctl("TIOCNXCL", kinds="terminals"),
    ioctl("TIOCGEXCL", kinds="terminals"),
    ioctl("TCGETS2", result=TupleOf((TERMIOS, SPEEDS)), kinds="terminals"),
    ioctl("TCSBRK", INTEGER, kinds="terminals"),
    ioctl("TCSBRKP", INTEGER, kinds="terminals"),
    ioctl("TIOCSBRK", kinds="terminals"),
    ioctl("TIOCCBRK", kinds="terminals"),
    ioctl("TIOCGETD", kinds="terminals"),
    ioctl("TIOCSETD", _Discipline(), kinds="terminals"),
    ioctl("TIOCGPTN", kinds="terminals"),
    ioctl("TIOCGDEV", kinds="terminals"),
    ioctl("TIOCMGET", kinds="terminals"),
    ioctl("TIOCMSET", INTEGER, kinds="terminals"),
    ioctl("TIOCMBIS", INTEGER, kinds="terminals"),
    ioctl("TIOCMBIC", INTEGER, kinds="terminals"),
    ioctl("TIOCGICOUNT", kinds="terminals"),
    ioctl("TIOCVHANGUP", kinds="terminals"),
    ioctl("TIOCCONS", kinds="terminals"),
    ioctl("TIOCSTI", INTEGER, kinds="terminals"),
    # Of sockets this asks what is in flight: SIOCOUTQ (unix(7)) is the same number.
    ioctl("TIOCOUTQ", kinds="terminals sockets"),
)
