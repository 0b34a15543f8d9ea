# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Open file descriptions (open(2), "Open file descriptions"): what descriptors made by dup(2) share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.open_flags import (
    O_ACCMODE,
    O_CLOEXEC,
    O_CREAT,
    O_EXCL,
    O_NOCTTY,
    O_NONBLOCK,
    O_PATH,
    O_RDWR,
    O_TRUNC,
    O_WRONLY,
)

if TYPE_CHECKING:
    from reference.linux.directory import Name
    from reference.linux.epoll import Registration
    from reference.linux.objects import FileObject

_OPEN_ONLY = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC
"""Flags that act on open(2) itself and are not kept (fcntl(2), F_GETFL)."""


class OpenFileDescription:
    """A position and status flags over an object, counted by the descriptors that refer to it.

    ``announced``: F_SETFL or FIOASYNC asked for SIGIO; O_ASYNC given to open(2) only shows in the flags.
    ``owner`` is who gets the signals then: a group, or else a process, and its number (F_SETOWN in fcntl(2)).
    ``direct``: O_DIRECT can be switched on. ``nowait``: RWF_NOWAIT is known here.
    ``path_only``: opened with O_PATH (open(2)). ``name`` is the name in a directory that it was opened by, if any.
    ``private`` is room for what the object keeps per description. ``registrations`` are those of epoll instances.
    """

    __slots__ = (
        "announced",
        "direct",
        "flags",
        "name",
        "nowait",
        "object",
        "offset",
        "owner",
        "path_only",
        "private",
        "readable",
        "references",
        "registrations",
        "writable",
    )

    def __init__(self, target: FileObject, flags: int) -> None:
        self.object = target
        self.flags = flags & ~_OPEN_ONLY
        self.offset = 0
        self.name: Name | None = None
        self.private: Any = None
        self.references = 0
        self.registrations: list[Registration] = []
        self.announced = False
        self.owner: tuple[bool, int] | None = None
        self.direct = False
        self.nowait = False
        mode = flags & O_ACCMODE
        self.readable = mode in (0, O_RDWR) and not flags & O_PATH
        self.writable = mode in (O_WRONLY, O_RDWR) and not flags & O_PATH
        self.path_only = bool(flags & O_PATH)

    @property
    def nonblocking(self) -> bool:
        """Whether O_NONBLOCK is among the status flags."""
        return bool(self.flags & O_NONBLOCK)
