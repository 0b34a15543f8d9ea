# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Directories and symbolic links: the inodes that path names lead through (path_resolution(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.constants.errors import EACCES, EINVAL, EISDIR, ENAMETOOLONG, ENXIO
from reference.constants.file_status import S_IFDIR, S_IFLNK, S_ISGID
from reference.constants.limits import LLONG_MAX
from reference.constants.transfers import SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_SET
from reference.linux.inode import GROUP_EXECUTE, PERMISSION_BITS, Inode
from reference.linux.permissions import MAY_EXECUTE, MAY_WRITE
from reference.linux.releases import ENTRIES_END_SINCE, ENTRIES_OFFSETS_SINCE
from reference.outcomes import Anything, Between, Refused, SomeOf
from reference.structures import NOW

if TYPE_CHECKING:
    from reference.linux.description import OpenFileDescription
    from reference.linux.objects import FileObject
    from reference.linux.state import KernelState

DELETED = " (deleted)"
"""What the path of a name that is gone ends with."""
LOST = "somewhere among the names"
"""The position of a reader that has read a part of a directory: only the file system knows where that is."""
ENTRY_BYTES_MIN = 24
"""What the shortest names take in getdents64(2)."""
ENTRIES_BYTES_ENOUGH = 2**15
"""Room for more names than any program makes."""
LINK_BLOCKS = 8
"""What the target of a symbolic link takes (in units of 512 bytes) when the inode has no room for it."""


class Name:
    """A name in a directory, as descriptions remember it: ``gone`` says that it was taken away.

    ``text`` is None for a file that never had a name (O_TMPFILE, open(2)).
    """

    __slots__ = ("_directory", "gone", "text")

    def __init__(self, directory: Directory, text: str | None, gone: bool = False) -> None:
        self._directory = directory
        self.text = text
        self.gone = gone

    def path(self, inode: FileObject) -> str:
        """The path to an inode that was opened by this name, as /proc shows it (proc_pid_fd(5))."""
        text = f"#{inode.inode_number()}" if self.text is None else self.text
        return f"{self._directory.path()}/{text}{DELETED if self.gone else ''}"


class Directory(Inode):
    """Names and the inodes they stand for. Its size is the file system's own business.

    ``top`` is how paths begin that lead through a directory without a ``place`` in another.
    """

    seekable = True
    seeks = True
    syncs_ranges = True
    vectors = False

    def __init__(self, kernel: KernelState, mode: int, uid: int, gid: int) -> None:
        super().__init__(kernel, S_IFDIR | mode, uid, gid)
        self.nlink = 2 if self.filesystem.directory_links else 1
        self.entries: dict[str, Inode] = {}
        self.top = "."
        self.place: Name | None = None
        self._names: dict[str, Name] = {}

    @classmethod
    def made_in(cls, parent: Directory, mode: int) -> Directory:
        """A directory for mkdir(2): it inherits group and set-group-ID of a set-group-ID directory."""
        profile = parent.kernel.profile
        return cls(parent.kernel, mode | parent.mode & S_ISGID, profile.uid, parent.group_of_new())

    def size(self) -> Any:
        return Anything()

    def blocks(self) -> Any:
        return Anything()

    # Names ------------------------------------------------------------------------------------

    def check_search(self) -> None:
        """EACCES when the caller may not look names up here."""
        if not self.permits(MAY_EXECUTE):
            raise Refused(EACCES, "PATH-SEARCH")

    def lookup(self, name: str) -> Inode | None:
        """The inode of a name, or None; ENAMETOOLONG."""
        most = self.filesystem.name_bytes_max
        if len(name) > most or len(name.encode()) > most:
            raise Refused(ENAMETOOLONG, "PATH-NAME-LENGTH")
        return self.entries.get(name)

    def check_change(self) -> None:
        """EACCES when the caller may not add names here or take them away."""
        if not self.permits(MAY_WRITE | MAY_EXECUTE):
            raise Refused(EACCES, "DIR-WRITE")

    def name(self, text: str) -> Name:
        """A name that is in use here, as descriptions remember it."""
        return self._names.setdefault(text, Name(self, text))

    def path(self) -> str:
        """The path to this directory, as /proc shows it."""
        return self.top if self.place is None else self.place.path(self)

    def add(self, name: str, inode: Inode) -> None:
        """Give an inode a name."""
        self.entries[name] = inode
        if isinstance(inode, Directory):
            self.kernel.cite("DIR-LINKS")
            self.nlink += self.filesystem.directory_links
            inode.place = self.name(name)
        self.mtime = self.ctime = NOW

    def remove(self, name: str) -> None:
        """Take a name away from what it stands for."""
        inode = self.entries.pop(name)
        if name in self._names:
            self._names.pop(name).gone = True
        inode.nlink -= 1
        inode.status_changed()
        self.mtime = self.ctime = NOW

    def mode_of_new(self, mode: int) -> int:
        """The permission bits of an inode made here with this mode: the umask (umask(2)) takes some away.

        In a set-group-ID directory of a group that the caller is not in,
        an executable file is not made set-group-ID (inode(7)).
        """
        mode &= PERMISSION_BITS & ~self.kernel.profile.umask
        executable = S_ISGID | GROUP_EXECUTE
        if self.mode & S_ISGID and mode & executable == executable and not self.in_group():
            self.kernel.cite("DIR-SETGID-STRIPS")
            mode &= ~S_ISGID
        return mode

    def group_of_new(self) -> int:
        """The group of an inode made here: the caller's, or that of a set-group-ID directory."""
        if self.mode & S_ISGID:
            self.kernel.cite("DIR-SETGID")
            return self.gid
        return self.kernel.profile.gid

    # As an open file --------------------------------------------------------------------------

    def link_text(self, description: OpenFileDescription) -> str:
        self.kernel.cite("LINKFD-PATH")
        return self.path()

    def check_type(self, wanted: int) -> None:
        if wanted & MAY_WRITE:
            raise Refused(EISDIR, "OPEN-DIRECTORY-WRITE")

    def starts_at(self, description: OpenFileDescription) -> int:
        # Behind the last name the position may be the largest there is, from which nothing can be asked for.
        at_end = description.private is LOST and self.kernel.choices.refused(EINVAL)
        return LLONG_MAX if at_end else super().starts_at(description)

    def read(self, description: OpenFileDescription, count: int) -> bytes:
        raise Refused(EISDIR, "DIR-READ")

    def read_at(self, description: OpenFileDescription, count: int, offset: int) -> bytes:
        raise Refused(EISDIR, "DIR-READ")

    def list_names(self, description: OpenFileDescription, count: int) -> tuple[str, ...]:
        """getdents64(2) with room for ``count`` bytes: the names from the description's position on, sorted.

        Which names come first is the file system's choice.
        So what a reader gets is known only when it begins at the start, with room for all, or stands at the end.
        """
        filesystem, choices = self.filesystem, self.kernel.choices
        # CHANGE
        self.accessed(description)
        lost = description.private is LOST
        if not lost and description.offset and description.offset == self._behind(len(self.entries) + 2):
            self.kernel.cite("DIRENT-END")
            return ()
        names = tuple(sorted((".", "..", *self.entries)))
        known = not lost and description.offset == 0
        if count < ENTRY_BYTES_MIN if known else choices.refused(EINVAL):
            if filesystem.hashed_directories:
                description.private = LOST
            raise Refused(EINVAL, "DIRENT-ROOM")
        if count < sum(map(_entry_bytes, names)) or not known:
            self.kernel.cite("DIRENT-PART")
            names = choices.choose(SomeOf(names))
        whole = count >= ENTRIES_BYTES_ENOUGH
        description.private = None if whole else LOST
        if whole:
            self.kernel.cite("DIRENT-ALL")
            description.offset = self._behind(len(names))
        return names

    def _behind(self, names: int) -> int:
        """Where a reader of so many names, which are all, comes to stand."""
        kernel = self.kernel.profile.kernel
        if self.filesystem.directory_end is not None or kernel >= ENTRIES_END_SINCE:
            return self.filesystem.directory_read_end
        if kernel < ENTRIES_OFFSETS_SINCE:
            return names
        # The place of the last name, which the order of their making decides.
        place: int = self.kernel.choose(Between(names, LLONG_MAX, names))
        return place

    def sync(self, description: OpenFileDescription) -> int:
        return 0

    def seek(self, description: OpenFileDescription, offset: int, whence: int) -> int:
        end = self.filesystem.directory_end
        if whence == SEEK_CUR:
            if description.private is LOST:
                return self._find_position(description, offset)
            offset += description.offset
        elif whence != SEEK_SET:
            if end is None:
                raise Refused(EINVAL, "DIR-SEEK-END")
            named = self.filesystem.directory_name_end * sum(len(name.encode()) for name in self.entries)
            offset = self._from_end(offset, whence, end + named)
        if not 0 <= offset <= LLONG_MAX:
            raise Refused(EINVAL, "DIR-SEEK")
        description.offset = offset
        description.private = None
        return offset

    def _find_position(self, description: OpenFileDescription, step: int) -> int:
        """SEEK_CUR of a reader that has read a part of the names."""
        if self.kernel.choices.refused(EINVAL):
            raise Refused(EINVAL, "DIR-SEEK")
        description.offset = self.kernel.choose(Between(0, LLONG_MAX, max(0, step)))
        description.private = None
        return description.offset

    def _from_end(self, offset: int, whence: int, end: int) -> int:
        self.kernel.cite("DIR-SEEK-END")
        if whence == SEEK_END:
            return end + offset
        if not 0 <= offset < end:
            raise Refused(ENXIO, "DIR-SEEK-END")
        return offset if whence == SEEK_DATA else end


def _entry_bytes(name: str) -> int:
    """What a name takes in getdents64(2): 19 bytes before it, a NUL behind, in steps of 8."""
    return -(-(19 + len(name.encode()) + 1) // 8) * 8


class SymbolicLink(Inode):
    """A name that stands for another path (symlink(7))."""

    def __init__(self, kernel: KernelState, target: str, gid: int) -> None:
        super().__init__(kernel, S_IFLNK | 0o777, kernel.profile.uid, gid)
        self.target = target

    def size(self) -> Any:
        return len(self.target.encode())

    def blocks(self) -> Any:
        return 0 if self.size() <= self.filesystem.link_target_bytes_inline else LINK_BLOCKS
