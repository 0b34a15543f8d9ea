# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the files of a log lie in the directory of a program, and what has to be there before the program begins.

A name stays where it is relative to where the log began. A name of elsewhere is put below the program's directory,
with its folders: ``/etc/passwd`` becomes ``etc/passwd``. What a log opens without making it was there before.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath

from conformance.domains.base import Slot
from conformance.domains.names import DEVICES
from conformance.domains.numbers import OWNER_ONLY_MODE
from conformance.ops import Op
from conformance.payload import Pattern
from reference.constants.open_flags import O_CREAT, O_WRONLY

WRITTEN_BYTES_MAX = 2**16
SIZE_BYTES_MAX = 2**20
"""Larger files are made this large: the limit of a program on file sizes is near."""
DIRECTORY_MODE = 0o755
_FOREIGN = ("/proc/", "/sys/", "/dev/")


class Untold(ValueError):
    """Why a call cannot be told in a program."""


class Foreign(Exception):
    """The call is not about descriptors: a mapping of memory alone."""


class Files:
    """The names of one log. ``sizes`` says how large the files are that were there before, by their names here.

    ``directories`` names those that are directories; whatever another name lies in is added.
    """

    def __init__(self, start: str, sizes: dict[str, int], directories: set[str]) -> None:
        self._start = posixpath.normpath(start) if start else ""
        self._sizes = sizes
        self._directories = directories
        self._cwd: dict[int, str] = {}
        self._known: set[str] = {"", "."}

    def place(self, process: int, path: str, below: str | None = None) -> str:
        """The name of a path here; ``below`` is the directory that it is relative to, if not the current one."""
        if path.rstrip("/") in DEVICES:
            return path
        if path.startswith(_FOREIGN):
            raise Untold(f"{path} is not of a file system that programs have")
        slash = "/" if path.endswith("/") and path.strip("/") else ""
        if path.startswith("/"):
            relative = posixpath.relpath(path, self._start) if self._is_own(path) else path.lstrip("/")
        else:
            relative = posixpath.join(self._cwd.get(process, "") if below is None else below, path)
        # What lies above the start is put below it: a program has nothing above its directory.
        parts = [part for part in PurePosixPath(posixpath.normpath(relative)).parts if part not in ("..", "/")]
        self._directories.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
        return ("/".join(parts) or ".") + slash

    def change(self, process: int, place: str) -> None:
        """A process changed its directory."""
        self._cwd[process] = "" if place == "." else place

    def inherit(self, parent: int, child: int) -> None:
        """A new process is where its parent is."""
        self._cwd.setdefault(child, self._cwd.get(parent, ""))

    def made(self, place: str) -> None:
        """The program makes a name."""
        self._known.add(place.rstrip("/"))

    def gone(self, place: str) -> None:
        """The program removes a name."""
        self._known.discard(place.rstrip("/"))

    def folders(self, place: str) -> Iterator[Op]:
        """What makes the directories that a name lies in."""
        for folder in reversed(PurePosixPath(place).parents):
            yield from self.directory(str(folder))

    def directory(self, place: str) -> Iterator[Op]:
        """What makes a directory that was there before, unless it is there."""
        if place.startswith("/") or place.rstrip("/") in self._known:
            return
        yield from self.folders(place)
        self.made(place)
        yield Op("mkdir", (place.rstrip("/"), DIRECTORY_MODE))

    def link(self, place: str, target: str) -> Iterator[Op]:
        """What makes a symbolic link that was there before, unless it is there."""
        if place in self._known:
            return
        yield from self.folders(place)
        self.made(place)
        yield Op("symlink", (target, place))

    def file(self, place: str, slot: Slot) -> Iterator[Op]:
        """What makes a file that was there before, unless it is there, by way of a slot."""
        if place.startswith("/") or place in self._known:
            return
        if place in self._directories:
            yield from self.directory(place)
            return
        yield from self.folders(place)
        self.made(place)
        size = min(self._sizes.get(place, 0), SIZE_BYTES_MAX)
        yield Op("open", (place, O_WRONLY | O_CREAT, OWNER_ONLY_MODE), (slot,))
        if size > WRITTEN_BYTES_MAX:
            yield Op("ftruncate", (slot, size))
        elif size:
            yield Op("write", (slot, Pattern(size, 0)))
        yield Op("close", (slot,))

    def _is_own(self, path: str) -> bool:
        normal = posixpath.normpath(path)
        return bool(self._start) and (normal == self._start or normal.startswith(f"{self._start}/"))
