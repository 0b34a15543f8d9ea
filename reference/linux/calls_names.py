# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that take a name: open(2), and what changes directories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.errors import EACCES, EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR, EPERM, EXDEV
from reference.constants.file_status import S_IFIFO, S_IFMT
from reference.constants.open_flags import O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_TRUNC, TMPFILE_BIT
from reference.linux.description import OpenFileDescription
from reference.linux.device import DEVICES, SharedDevice
from reference.linux.directory import Directory, Name, SymbolicLink
from reference.linux.fifo import Fifo
from reference.linux.open_flags import effective_flags
from reference.linux.paths import SELF, LastStep, Walk, check_path
from reference.linux.permissions import MAY_WRITE
from reference.linux.proc import DescriptorLink
from reference.linux.regular import RegularFile
from reference.linux.state import KernelState
from reference.outcomes import Anything, Refused

if TYPE_CHECKING:
    from reference.linux.inode import Inode
    from reference.linux.profile import Profile

PROGRAM_DIRECTORY_MODE = 0o700
DIRECTORY_MODE_BITS = 0o1777
"""What mkdir(2) takes of the mode it is given."""
REOPEN_MODE = 0o600
"""The mode of a file that reopen makes with O_TMPFILE: the call has no argument for it."""


class NameCalls(KernelState):
    """open(2) and its like, over the program's directory and the devices of the machine."""

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self.directory = Directory(self, PROGRAM_DIRECTORY_MODE, profile.uid, profile.gid)
        # The directory is older than the program, and what it went through before is not known.
        self.directory.atime = self.directory.mtime = self.directory.ctime = Anything()
        self.working_directory = self.directory
        self.root = Directory(self, 0o755, 0, 0)
        self.root.top = ""
        devices = Directory(self, 0o755, 0, 0)
        devices.entries = {name: make(self) for name, make in DEVICES.items()}
        self.root.entries["dev"] = devices
        devices.place = self.root.name("dev")
        self.descriptor_links: dict[int, DescriptorLink] = {}

    def _walk(self) -> Walk:
        return Walk(self, self.root, self.working_directory)

    # Opening ----------------------------------------------------------------------------------

    def open(self, path: str, flags: int, mode: int) -> int:
        """open(2)."""
        # CHECK
        flags = effective_flags(flags)
        check_path(path)
        self.fds.lowest_free()
        # RESOLVE, CHANGE
        follow = not flags & O_NOFOLLOW
        if flags & O_PATH:
            self.cite("OPEN-PATH")
            walk = self._walk()
            description = OpenFileDescription(walk.inode(path, follow, bool(flags & O_DIRECTORY)), flags)
            description.name = walk.name
        elif flags & TMPFILE_BIT:
            directory = self._walk().inode(path, follow, directory=True)
            description = self._temporary_file(directory, flags, mode)
        else:
            description = self._open_by_name(path, flags, mode)
        # RETURN
        return self.open_descriptor(description, flags)

    def _open_by_name(self, path: str, flags: int, mode: int) -> OpenFileDescription:
        """Find the inode, following links to their end, or create it; then open it."""
        walk = self._walk()
        follow = not flags & O_NOFOLLOW and flags & (O_CREAT | O_EXCL) != O_CREAT | O_EXCL
        start: Directory | None = None
        must_be_directory = bool(flags & O_DIRECTORY)
        while True:
            last = walk.last_step(path, start)
            if last.name == SELF:
                return self._open_found(last.directory, flags, must_be_directory)
            if last.slash:
                if flags & O_CREAT:
                    raise Refused(EISDIR, "OPEN-CREATE-SLASH")
                self.cite("PATH-SLASH")
                follow = must_be_directory = True
            inode = last.directory.lookup(last.name)
            if inode is None:
                if not flags & O_CREAT:
                    raise Refused(ENOENT, "PATH-MISSING")
                return self._create(last, flags, mode)
            if not (follow and isinstance(inode, SymbolicLink)):
                description = self._open_found(inode, flags, must_be_directory)
                description.name = last.directory.name(last.name)
                return description
            start, path = last.directory, walk.target(inode)

    def _open_found(self, inode: Inode, flags: int, must_be_directory: bool) -> OpenFileDescription:
        self.check_found(inode, flags, must_be_directory)
        return inode.open(flags)

    @staticmethod
    def check_found(inode: object, flags: int, must_be_directory: bool) -> None:
        """Refuse an inode that exists already, or is a directory, or is none, when the flags ask for another."""
        is_directory = isinstance(inode, Directory)
        if flags & O_CREAT:
            if flags & O_EXCL:
                raise Refused(EEXIST, "OPEN-EXCL")
            if is_directory:
                raise Refused(EISDIR, "OPEN-CREATE-ISDIR")
        if must_be_directory and not is_directory:
            raise Refused(ENOTDIR, "PATH-NOT-DIRECTORY")

    def _create(self, last: LastStep, flags: int, mode: int) -> OpenFileDescription:
        directory = last.directory
        directory.check_change()
        self.cite("OPEN-CREATE")
        file = RegularFile(self, directory.mode_of_new(mode), self.profile.uid, directory.group_of_new())
        directory.add(last.name, file)
        description = file.open(flags & ~O_TRUNC, created=True)
        description.name = directory.name(last.name)
        return description

    def _temporary_file(self, directory: Inode, flags: int, mode: int) -> OpenFileDescription:
        """O_TMPFILE: a file without a name."""
        assert isinstance(directory, Directory)
        directory.check_change()
        self.cite("OPEN-TMPFILE")
        file = RegularFile(self, directory.mode_of_new(mode), self.profile.uid, directory.group_of_new())
        file.nlink = 0
        description = file.open(flags & ~O_TRUNC, created=True)
        description.name = Name(directory, None, gone=True)
        return description

    def reopen(self, fd: int, flags: int) -> int:
        """open(2) of /proc/self/fd/N: a link that leads to the object itself, whatever became of its name."""
        # CHECK
        flags = effective_flags(flags)
        self.fds.lowest_free()
        # RESOLVE
        found, link = self._descriptor_link(fd)
        target = found.object
        must_be_directory = bool(flags & O_DIRECTORY)
        # CHANGE
        if flags & O_NOFOLLOW or flags & (O_CREAT | O_EXCL) == O_CREAT | O_EXCL:
            description = self._open_link(link, flags)
        elif flags & TMPFILE_BIT:
            self.check_found(target, 0, must_be_directory)
            assert isinstance(target, Directory)
            description = self._temporary_file(target, flags, REOPEN_MODE)
        else:
            self.check_found(target, flags, must_be_directory)
            if flags & O_PATH:
                self.cite("OPEN-PATH")
                description = OpenFileDescription(target, flags)
            else:
                description = target.reopen(flags)
            description.name = found.name
        # RETURN
        return self.open_descriptor(description, flags)

    def readlink_fd(self, fd: int) -> str:
        """readlink(2) of /proc/self/fd/N."""
        found, _ = self._descriptor_link(fd)
        return found.object.link_text(found)

    def readlinkat(self, fd: int, path: str) -> str:
        """readlinkat(2)."""
        # CHECK
        if path:
            check_path(path)
        # RESOLVE
        if path.startswith("/"):
            target: object = self._walk().inode(path, follow=False)
        else:
            target = self.fds.lookup(fd).object
            if path:
                if not isinstance(target, Directory):
                    raise Refused(ENOTDIR, "PATH-NOT-DIRECTORY")
                target = self._walk().inode(path, follow=False, start=target)
        # RETURN
        if isinstance(target, SymbolicLink):
            self.cite("READLINK-TEXT")
            return target.target
        if isinstance(target, DescriptorLink):
            self.cite("READLINK-HELD")
            return self.readlink_fd(target.number)
        raise Refused(EINVAL if path else ENOENT, "READLINK-OTHER")

    def _descriptor_link(self, fd: int) -> tuple[OpenFileDescription, DescriptorLink]:
        """What a number refers to, and the link that leads there. A link that leads nowhere any more is given up."""
        found = self.fds.entries.get(fd)
        if found is None:
            if fd in self.descriptor_links:
                self.descriptor_links.pop(fd).gone = True
            raise Refused(ENOENT, "REOPEN-MISSING")
        link = self.descriptor_links.setdefault(fd, DescriptorLink(self, fd))
        link.lead_to(found)
        return found, link

    def _open_link(self, link: DescriptorLink, flags: int) -> OpenFileDescription:
        """Open the link itself: only O_PATH can."""
        self.check_found(link, flags, bool(flags & O_DIRECTORY))
        if not flags & O_PATH:
            raise Refused(ELOOP, "OPEN-NOFOLLOW")
        self.cite("REOPEN-LINK")
        return OpenFileDescription(link, flags)

    # Changing directories ---------------------------------------------------------------------

    def _new_name(self, path: str, wants_directory: bool = False) -> LastStep:
        """Where a new name goes; EEXIST when it is taken, ENOENT when a slash follows and no directory is made."""
        check_path(path)
        last = self._walk().last_step(path)
        if last.name == SELF or last.directory.lookup(last.name) is not None:
            raise Refused(EEXIST, "NAME-TAKEN")
        if last.slash and not wants_directory:
            raise Refused(ENOENT, "NAME-SLASH")
        return last

    def link(self, path: str, new_path: str) -> int:
        """link(2)."""
        # RESOLVE
        check_path(path)
        inode = self._walk().inode(path, follow=False)
        last = self._new_name(new_path)
        # CHECK
        if isinstance(inode, SharedDevice):
            raise Refused(EXDEV, "LINK-OTHER-FILESYSTEM")
        last.directory.check_change()
        if isinstance(inode, Directory):
            raise Refused(EPERM, "LINK-DIRECTORY")
        # CHANGE
        inode.nlink += 1
        inode.status_changed()
        last.directory.add(last.name, inode)
        # RETURN
        return 0

    def truncate(self, path: str, length: int) -> int:
        """truncate(2)."""
        # CHECK
        if length < 0:
            raise Refused(EINVAL, "TRUNC-LENGTH")
        check_path(path)
        # RESOLVE
        return self._truncate(self._walk().inode(path), length)

    def truncate_fd(self, fd: int, length: int) -> int:
        """truncate(2) of /proc/self/fd/N. An O_PATH descriptor will do, and one that is open for reading only."""
        # CHECK
        if length < 0:
            raise Refused(EINVAL, "TRUNC-LENGTH")
        # RESOLVE
        found, _ = self._descriptor_link(fd)
        return self._truncate(found.object, length)

    @staticmethod
    def _truncate(target: object, length: int) -> int:
        # CHECK
        if isinstance(target, Directory):
            raise Refused(EISDIR, "TRUNC-DIRECTORY")
        if not isinstance(target, RegularFile):
            raise Refused(EINVAL, "TRUNC-OTHER")
        if not target.permits(MAY_WRITE):
            raise Refused(EACCES, "TRUNC-PERMISSION")
        # CHANGE
        return target.truncate_by_name(length)

    def unlink(self, path: str) -> int:
        """unlink(2). Descriptors of the inode stay what they are."""
        # RESOLVE
        check_path(path)
        last = self._walk().last_step(path)
        if last.name == SELF:
            raise Refused(EISDIR, "UNLINK-DIRECTORY")
        inode = last.directory.lookup(last.name)
        # CHECK
        if inode is None:
            raise Refused(ENOENT, "PATH-MISSING")
        if last.slash and not isinstance(inode, Directory):
            raise Refused(ENOTDIR, "PATH-NOT-DIRECTORY")
        if not last.slash:
            last.directory.check_change()
        if isinstance(inode, Directory):
            raise Refused(EISDIR, "UNLINK-DIRECTORY")
        # CHANGE
        last.directory.remove(last.name)
        # RETURN
        return 0

    def symlink(self, target: str, path: str) -> int:
        """symlink(2). Nobody looks whether the target is there."""
        # CHECK
        check_path(target)
        last = self._new_name(path)
        last.directory.check_change()
        # CHANGE
        last.directory.add(last.name, SymbolicLink(self, target, last.directory.group_of_new()))
        # RETURN
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        """mkdir(2)."""
        # CHECK
        last = self._new_name(path, wants_directory=True)
        parent = last.directory
        parent.check_change()
        # CHANGE
        mode = parent.mode_of_new(mode) & DIRECTORY_MODE_BITS
        parent.add(last.name, Directory.made_in(parent, mode))
        # RETURN
        return 0

    def mkfifo(self, path: str, mode: int) -> int:
        """mkfifo(3)."""
        # CHECK
        if mode & S_IFMT & ~S_IFIFO:
            raise Refused(EINVAL, "MKFIFO-TYPE")
        last = self._new_name(path)
        directory = last.directory
        directory.check_change()
        # CHANGE
        mode = S_IFIFO | directory.mode_of_new(mode)
        directory.add(last.name, Fifo(self, mode, self.profile.uid, directory.group_of_new()))
        # RETURN
        return 0
