# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The import of a host descriptor (section 1 of the specification), in the order in which it asks the host."""

from __future__ import annotations

from dataclasses import dataclass

from reference.constants.descriptors import F_GETFL
from reference.constants.errors import ENOTTY, EPERM, ESPIPE
from reference.constants.file_status import S_IFCHR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK
from reference.constants.open_flags import O_ACCMODE, O_APPEND, O_RDONLY
from reference.constants.readiness import EPOLL_CTL_ADD, EPOLLIN
from reference.constants.requests import FIONBIO
from reference.constants.transfers import SEEK_CUR
from reference.host.description import Description, PlainDescription
from reference.host.inode import Facts, Inode, VirtualOwner
from reference.host.socket import SocketDescription
from reference.host.state import HostState
from reference.host.terminal import TerminalDescription
from reference.outcomes import Declined, Refused

PLAIN_TYPES = (S_IFREG, S_IFIFO, S_IFCHR)


@dataclass(frozen=True, slots=True)
class Options:
    """How to import.

    ``owner`` is the virtual owner (uid, gid), or None; ``flags`` replace the host's status flags unless None.
    """

    readonly: bool = False
    owner: tuple[int, int] | None = None
    tty: bool = False
    flags: int | None = None
    savable: bool = False


class ImportingCalls(HostState):
    """import_fd."""

    def import_fd(
        self, fd: int, readonly: int, owner: tuple[int, int] | None, tty: int, flags: int | None, savable: int
    ) -> int:
        """Donate a duplicate of the host's descriptor ``fd`` to the sandbox: the application's new number.

        EBADF for a number that is not open; otherwise as :meth:`imported_description` refuses.
        A duplicate that was not taken over is closed again, as its donor would do.
        """
        donated = self.kernel.dup(fd)
        options = Options(bool(readonly), owner, bool(tty), flags, bool(savable))
        try:
            file = self.imported_description(donated, options)
        except (OSError, Declined):
            self.kernel.close(donated)
            raise
        return self.install(donated, file)

    def install(self, fd: int, file: Description) -> int:
        """Make a number that the kernel below has handed out refer to a sandbox description."""
        self.files[fd] = file
        file.references += 1
        file.inode.descriptions.add(file)
        return fd

    def imported_description(self, host_fd: int, options: Options) -> Description:
        """A new description over a new inode. EPERM, EINVAL, ENOTTY, ESPIPE, or refused without an error number."""
        if options.readonly:
            self._check_readonly(host_fd, options)
        self.cite("IMP-04")
        status = self.kernel.fstat(host_fd)
        self.cite("IMP-05")
        flags = options.flags
        if flags is None:
            flags = self.kernel.fcntl(host_fd, F_GETFL)
        else:
            self.cite("LAY-04")
        owner = None
        if options.owner is not None:
            self.cite("IMP-14")
            owner = VirtualOwner(*options.owner, status.mode)
        file_type = status.mode & S_IFMT
        inode = Inode(self, self._facts(host_fd, file_type, options), owner)
        inode.host_appends = options.flags is None and bool(flags & O_APPEND)
        try:
            file = self.opened(inode, host_fd, file_type, flags)
        except Refused:
            # The number is used up, and the host's descriptor goes with its inode.
            self.cite("IMP-11")
            self.cite("IMP-16")
            raise
        if any(other.inode.type == file_type for other in self.files.values()):
            # If that is an import of a duplicate, the two know nothing of each other.
            self.cite("IMP-23")
        return file

    def _check_readonly(self, host_fd: int, options: Options) -> None:
        if options.tty:
            self.cite("TTY-13")
            raise Declined("IMP-02")
        if self.kernel.fcntl(host_fd, F_GETFL) & O_ACCMODE != O_RDONLY:
            raise Declined("IMP-03")

    def _facts(self, host_fd: int, file_type: int, options: Options) -> Facts:
        """What the import asks once. An epollable descriptor is made non-blocking on the host, for good."""
        self.cite("IMP-07")
        seekable = self._seekable(host_fd)
        if file_type == S_IFREG and not seekable:
            raise Refused(ESPIPE, "IMP-08")
        ino = self.filesystem.next_ino()
        epollable = self._epollable(host_fd)
        if epollable:
            self.cite("IMP-12")
            self.kernel.ioctl(host_fd, FIONBIO, 1)
        if seekable:
            self.cite("IMP-21")
        return Facts(ino, file_type, seekable, epollable, options.tty, options.savable, options.readonly)

    def _seekable(self, host_fd: int) -> bool:
        """Whether the host's descriptor has a position: any failure but ESPIPE counts as one."""
        try:
            self.kernel.lseek(host_fd, 0, SEEK_CUR)
        except OSError as error:
            if error.errno != ESPIPE:
                self.cite("SEEK-22")
            return error.errno != ESPIPE
        return True

    def _epollable(self, host_fd: int) -> bool:
        """Whether an epoll instance, made for the purpose, takes the host's descriptor."""
        self.cite("IMP-10")
        try:
            instance = self.kernel.epoll_create1(0)
        except OSError:
            return False
        try:
            self.kernel.epoll_ctl(instance, EPOLL_CTL_ADD, host_fd, EPOLLIN, 0)
        except OSError:
            return False
        finally:
            self.kernel.close(instance)
        return True

    def opened(self, inode: Inode, host_fd: int, file_type: int, flags: int) -> Description:
        """A description of an inode, of the class that its type asks for: at the import, and at each re-open."""
        self.cite("OPN-01")
        if file_type == S_IFSOCK:
            if inode.tty:
                raise Refused(ENOTTY, "IMP-18")
            return self.opened_socket(inode, host_fd, flags)
        if file_type not in PLAIN_TYPES:
            raise Refused(EPERM, "IMP-17")
        if inode.tty:
            return self.opened_terminal(inode, flags)
        return PlainDescription(self, inode, flags)

    def opened_socket(self, inode: Inode, host_fd: int, flags: int) -> Description:
        """A description of an imported socket."""
        return SocketDescription(self, inode, host_fd, flags)

    def opened_terminal(self, inode: Inode, flags: int) -> Description:
        """A description of an import that was said to be a terminal, whether it is one or not (IMP-20)."""
        self.cite("IMP-20")
        self.cite("TTY-12")
        return TerminalDescription(self, inode, flags)
