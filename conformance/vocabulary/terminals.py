# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops on pseudoterminals."""

from __future__ import annotations

from conformance.domains import INTEGER, SLOT
from conformance.vocabulary.spec import one_handle, op
from conformance.vocabulary.structures import OPEN_FLAGS, TERMIOS, WINSIZE, choice, ioctl

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
    # Of sockets this asks what is in flight: SIOCOUTQ (unix(7)) is the same number.
    ioctl("TIOCOUTQ", kinds="terminals sockets"),
)
