# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""From a path to an inode, component by component (path_resolution(7)).

Every component but the last must lead to a directory, and the caller must be allowed to search each one.
Symbolic links are followed wherever they stand before the last component;
there, the call decides, unless a slash follows: then the link is followed and must lead to a directory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reference.constants.errors import ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from reference.linux.directory import Directory, Name, SymbolicLink
from reference.outcomes import Refused

if TYPE_CHECKING:
    from reference.linux.inode import Inode
    from reference.linux.state import KernelState

PATH_BYTES_MAX = 4095
"""PATH_MAX without the final NUL."""
LINKS_FOLLOWED_MAX = 40
SELF = "."


class LastStep(NamedTuple):
    """The last step of a path: the directory it starts from, the name (SELF: the directory itself), a slash behind."""

    directory: Directory
    name: str
    slash: bool


def check_path(path: str) -> None:
    """Refuse a path that no call looks up: an empty one, or one that is too long."""
    if not path:
        raise Refused(ENOENT, "PATH-EMPTY")
    if len(path) > PATH_BYTES_MAX or len(path.encode()) > PATH_BYTES_MAX:
        raise Refused(ENAMETOOLONG, "PATH-LENGTH")


class Walk:
    """One resolution: it counts the symbolic links that it follows."""

    def __init__(self, kernel: KernelState, root: Directory, start: Directory) -> None:
        self._kernel = kernel
        self._root = root
        self.start = start
        self.name: Name | None = None
        """The name that the last inode was found by; None for the directory that the walk started from."""
        self._links = 0

    def last_step(self, path: str, start: Directory | None = None) -> LastStep:
        """Walk to the directory that holds the last component."""
        directory = self._root if path.startswith("/") else start or self.start
        steps = [step for step in path.split("/") if step]
        if not steps:
            return LastStep(directory, SELF, True)
        for step in steps[:-1]:
            if step != SELF:
                directory.check_search()
                directory = self._enter(directory, step)
        directory.check_search()
        return LastStep(directory, steps[-1], path.endswith("/"))

    def inode(self, path: str, follow: bool = True, directory: bool = False, start: Directory | None = None) -> Inode:
        """The inode that a path leads to. ``follow``: a last symbolic link too; ``directory``: it must lead to one."""
        last = self.last_step(path, start)
        if last.name == SELF:
            return last.directory
        found = last.directory.lookup(last.name)
        if found is None:
            raise Refused(ENOENT, "PATH-MISSING")
        if last.slash:
            self._kernel.cite("PATH-SLASH")
            follow = directory = True
        if follow and isinstance(found, SymbolicLink):
            return self.inode(self.target(found), True, directory, last.directory)
        if directory and not isinstance(found, Directory):
            raise Refused(ENOTDIR, "PATH-NOT-DIRECTORY")
        self.name = last.directory.name(last.name)
        return found

    def target(self, link: SymbolicLink) -> str:
        """Where a link leads; ELOOP when this walk has followed too many."""
        self._links += 1
        if self._links > LINKS_FOLLOWED_MAX:
            raise Refused(ELOOP, "PATH-LOOP")
        return link.target

    def _enter(self, directory: Directory, name: str) -> Directory:
        found = directory.lookup(name)
        if found is None:
            raise Refused(ENOENT, "PATH-MISSING")
        if isinstance(found, SymbolicLink):
            found = self.inode(self.target(found), start=directory)
        if not isinstance(found, Directory):
            raise Refused(ENOTDIR, "PATH-NOT-DIRECTORY")
        return found
