# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs over the kernel we run on: a native call lies inside the worker, and the whole path must notice.

The classes are public because the worker finds them by name.
"""

from __future__ import annotations

from conformance.systems.miniatures.base import PlantedBug
from conformance.systems.native import Native
from reference.constants.descriptors import F_SETFD, FD_CLOEXEC
from reference.constants.open_flags import O_APPEND
from reference.constants.signals import SIGPIPE
from reference.constants.transfers import SEEK_END


class _DeafRecord(list[int]):
    """A record of signals that SIGPIPE does not reach."""

    def append(self, number: int) -> None:
        """Record a signal."""
        if number != SIGPIPE:
            super().append(number)


class SilentNative(Native):
    """Hears no SIGPIPE."""

    def __init__(self) -> None:
        super().__init__()
        self.signals = _DeafRecord()


class ShortNative(Native):
    """Reads one byte less than it is asked for."""

    def read(self, fd: int, count: int) -> bytes:
        """Ask for less."""
        return super().read(fd, count - 1 if count > 1 else count)


class MarkingNative(Native):
    """Marks what dup(2) makes."""

    def dup(self, fd: int) -> int:
        """Set FD_CLOEXEC on the duplicate."""
        new = super().dup(fd)
        super().fcntl(new, F_SETFD, FD_CLOEXEC)
        return new


class ForgetfulNative(Native):
    """Knows no O_APPEND."""

    def open(self, path: str, flags: int, mode: int) -> int:
        """Leave the flag out."""
        return super().open(path, flags & ~O_APPEND, mode)


class ShyNative(Native):
    """Stops before the end of a file."""

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """Go one byte less far from the end."""
        return super().lseek(fd, offset - 1 if whence == SEEK_END and offset > 0 else offset, whence)


_MODULE = f"{__name__}:"

BUGS = (
    PlantedBug(
        "native-sigpipe-missing",
        "native",
        "The worker loses SIGPIPE.",
        "pipes",
        'r0, r1 = pipe2(0)\nclose(r0)\nwrite(r1, b"x")\n',
        native=_MODULE + SilentNative.__name__,
    ),
    PlantedBug(
        "native-short-read",
        "native",
        "The kernel gives one byte less than a read could have.",
        "pipes",
        'r0, r1 = pipe2(0)\nwrite(r1, b"xx")\nread(r0, 2)\n',
        native=_MODULE + ShortNative.__name__,
    ),
    PlantedBug(
        "native-dup-cloexec",
        "native",
        "The kernel marks duplicates close-on-exec.",
        "pipes",
        'r0 = open("/dev/null", O_RDONLY, 0o600)\nr1 = dup(r0)\nfcntl(r1, F_GETFD)\n',
        native=_MODULE + MarkingNative.__name__,
    ),
    PlantedBug(
        "native-append-forgotten",
        "native",
        "The kernel ignores O_APPEND on open(2).",
        "files",
        'r0 = open("f", O_RDWR | O_CREAT | O_APPEND, 0o600)\nfcntl(r0, F_GETFL)\n',
        native=_MODULE + ForgetfulNative.__name__,
    ),
    PlantedBug(
        "native-seek-end",
        "native",
        "The kernel seeks one byte short of a place behind the end of a file.",
        "files",
        'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nlseek(r0, 1, SEEK_END)\n',
        native=_MODULE + ShyNative.__name__,
    ),
)
