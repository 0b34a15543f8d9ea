# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The one narrow interface: a method per system call, Linux names and argument order.

Descriptors go in as numbers, values come out, failure is an :class:`OSError` that carries the Linux error number.
Whoever implements :class:`Syscalls` can be asked anything this project knows how to ask:
the in-memory model, the kernel we run on, an emulator, a sandbox.

Where C fills a buffer, the method returns it:
``read`` returns bytes, ``fstat`` a :class:`~reference.structures.Stat`.
A call that would sleep for ever raises :class:`~reference.outcomes.Sleeps`.
Sizes and offsets are in bytes, timeouts in milliseconds (-1: for ever).
"""

from __future__ import annotations

from typing import Any, Protocol

from reference.structures import Message, Stat, Statfs, Statx, Termios

PollList = tuple[tuple[int, int], ...]
FdList = tuple[int, ...]
Address = str | None
"""The address of a Unix socket: a path, "" for an address without a name, NUL and a name in the abstract name space.

Where the caller passes an address, None is an address of no family (AF_UNSPEC), or no address where there may be none;
where the kernel fills one, None says that it filled nothing.
"""
AUTOMATIC_NAME = "\0auto"
"""How a name reads that the kernel chose (unix(7), autobind): which one it chose is nothing to compare."""


class Syscalls(Protocol):
    """The Linux descriptor layer, as far as this project asks about it."""

    # Descriptors ------------------------------------------------------------------------------

    def open(self, path: str, flags: int, mode: int) -> int:
        """open(2). ``path`` is relative to the program's own empty directory, or a device under /dev."""

    def reopen(self, fd: int, flags: int) -> int:
        """open(2) of ``/proc/self/fd/N``: a new description of the same inode (proc_pid_fd(5))."""

    def readlink_fd(self, fd: int) -> str:
        """readlink(2) of ``/proc/self/fd/N``: the text of the link.

        Names below the program's directory begin with ``./``, and that directory is ``.``.
        A number that names an inode or a pseudoterminal is its place among those that the program was shown,
        as in :class:`~reference.structures.Statx`.
        """

    def close(self, fd: int) -> int:
        """close(2): 0."""

    def close_range(self, first: int, last: int, flags: int) -> int:
        """close_range(2): 0."""

    def dup(self, fd: int) -> int:
        """dup(2): the lowest free number."""

    def dup2(self, fd: int, newfd: int) -> int:
        """dup2(2): ``newfd``."""

    def dup3(self, fd: int, newfd: int, flags: int) -> int:
        """dup3(2): ``newfd``."""

    def fcntl(self, fd: int, command: int, argument: Any = 0) -> Any:
        """fcntl(2): a number, or for the F_GETLK family a :class:`~reference.structures.Flock`."""

    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        """ioctl(2): 0, the number the kernel stored, or the structure it filled."""

    # Imports ----------------------------------------------------------------------------------

    def import_fd(
        self, fd: int, readonly: int, owner: tuple[int, int] | None, tty: int, flags: int | None, savable: int
    ) -> int:
        """Give the application a number for a host descriptor that exists already. Where there is no sandbox: dup(2).

        ``readonly`` blocks what could change the host's file; ``owner`` is the (uid, gid) of a virtual owner;
        ``tty`` says that the descriptor is a terminal; ``flags`` replace the host's status flags;
        ``savable`` says that the descriptor can be found again after a restore.
        """

    def save(self) -> int:
        """Make the sandbox ready to be saved: 0. Where there is none, nothing."""

    def restore(self) -> int:
        """Give the sandbox its host descriptors back: 0. Where there is none, nothing."""

    # Files ------------------------------------------------------------------------------------

    def read(self, fd: int, count: int) -> bytes:
        """read(2): the bytes read; empty at end of file."""

    def write(self, fd: int, data: bytes) -> int:
        """write(2): the number of bytes written."""

    def readv(self, fd: int, lengths: tuple[int, ...]) -> bytes:
        """readv(2) into buffers of these lengths: the bytes read, joined."""

    def writev(self, fd: int, buffers: tuple[bytes, ...]) -> int:
        """writev(2): the number of bytes written."""

    def pread(self, fd: int, count: int, offset: int) -> bytes:
        """pread(2)."""

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """pwrite(2)."""

    def preadv2(self, fd: int, lengths: tuple[int, ...], offset: int, flags: int) -> bytes:
        """preadv2(2); offset -1 means the file offset."""

    def pwritev2(self, fd: int, buffers: tuple[bytes, ...], offset: int, flags: int) -> int:
        """pwritev2(2); offset -1 means the file offset."""

    def splice(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        """splice(2): the number of bytes moved, then what became of the two offsets. Offset -1 means none is given."""

    def tee(self, fd_in: int, fd_out: int, length: int, flags: int) -> int:
        """tee(2): the number of bytes that both pipes hold now."""

    def vmsplice(self, fd: int, buffers: tuple[bytes, ...], flags: int) -> int:
        """vmsplice(2): the number of bytes moved. Each buffer begins at a page of its own.

        What a reading end gives goes into memory as long as the buffers, and is not looked at.
        """

    def sendfile(self, out_fd: int, in_fd: int, offset: int, count: int) -> tuple[int, int]:
        """sendfile(2): the number of bytes moved, then what became of the offset. Offset -1 means none is given."""

    def copy_file_range(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int
    ) -> tuple[int, int, int]:
        """copy_file_range(2): the bytes copied, then what became of the offsets. Offset -1 means none is given."""

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """lseek(2): the new offset from the start of the file."""

    def truncate(self, path: str, length: int) -> int:
        """truncate(2): 0."""

    def truncate_fd(self, fd: int, length: int) -> int:
        """truncate(2) of ``/proc/self/fd/N``: 0."""

    def ftruncate(self, fd: int, length: int) -> int:
        """ftruncate(2): 0."""

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> int:
        """fallocate(2): 0."""

    def fsync(self, fd: int) -> int:
        """fsync(2): 0."""

    def fdatasync(self, fd: int) -> int:
        """fdatasync(2): 0."""

    def sync_file_range(self, fd: int, offset: int, count: int, flags: int) -> int:
        """sync_file_range(2): 0."""

    def fstat(self, fd: int) -> Stat:
        """fstat(2)."""

    def statx(self, fd: int, flags: int, mask: int) -> Statx:
        """statx(2) of the descriptor itself: empty path, AT_EMPTY_PATH added to ``flags``."""

    def fstatfs(self, fd: int) -> Statfs:
        """fstatfs(2)."""

    def faccessat_fd(self, fd: int, mode: int, flags: int) -> int:
        """faccessat2(2) of the descriptor itself: 0. The path is empty, AT_EMPTY_PATH is added to ``flags``."""

    def fchmod(self, fd: int, mode: int) -> int:
        """fchmod(2): 0."""

    def fchown(self, fd: int, uid: int, gid: int) -> int:
        """fchown(2): 0; -1 leaves an id as it is."""

    def futimens(self, fd: int, atime: int, mtime: int) -> int:
        """futimens(3): 0. Nanoseconds since the epoch, or -UTIME_NOW or -UTIME_OMIT for the special values."""

    def unlink(self, path: str) -> int:
        """unlink(2): 0."""

    def link(self, path: str, new_path: str) -> int:
        """link(2): 0."""

    def getdents(self, fd: int, count: int) -> tuple[str, ...]:
        """getdents64(2) with room for ``count`` bytes: the names of the entries read, sorted; none at the end."""

    def fchdir(self, fd: int) -> int:
        """fchdir(2): 0. The next program starts in its own directory again."""

    def readlinkat(self, fd: int, path: str) -> str:
        """readlinkat(2): the text of the symbolic link at a path below ``fd``; of the one that ``fd`` holds for ``""``.

        Where that is a link of /proc/self/fd the text is given as :meth:`readlink_fd` gives it.
        """

    def symlink(self, target: str, path: str) -> int:
        """symlink(2): 0."""

    def mkdir(self, path: str, mode: int) -> int:
        """mkdir(2): 0."""

    def mkfifo(self, path: str, mode: int) -> int:
        """mkfifo(3): 0."""

    def posix_fadvise(self, fd: int, offset: int, length: int, advice: int) -> int:
        """posix_fadvise(2): 0. The error number that it returns in C is raised, as everywhere."""

    def readahead(self, fd: int, offset: int, count: int) -> int:
        """readahead(2): 0."""

    def syncfs(self, fd: int) -> int:
        """syncfs(2): 0."""

    def fsetxattr(self, fd: int, name: str, value: bytes, flags: int) -> int:
        """fsetxattr(2): 0."""

    def fgetxattr(self, fd: int, name: str, size: int) -> tuple[int, bytes]:
        """fgetxattr(2) with room for ``size`` bytes: the length of the value, and the value unless ``size`` is 0."""

    def flistxattr(self, fd: int, size: int) -> tuple[int, tuple[str, ...]]:
        """flistxattr(2) with room for ``size`` bytes: the bytes that the list takes, and the names, sorted.

        There are no names when ``size`` is 0.
        """

    def fremovexattr(self, fd: int, name: str) -> int:
        """fremovexattr(2): 0."""

    def setrlimit(self, resource: int, soft: int) -> int:
        """setrlimit(2): 0. ``resource`` is RLIMIT_FSIZE, ``soft`` the new soft limit; the hard limit stays.

        A program starts with both at the profile's limit, and the next program does so again.
        """

    def memfd_create(self, name: str, flags: int) -> int:
        """memfd_create(2): a descriptor."""

    # Memory mappings --------------------------------------------------------------------------

    def mmap(self, fd: int, length: int, protection: int, flags: int, offset: int) -> int:
        """mmap(2) at an address of the kernel's choice: a handle, counted from 0 in each program."""

    def load(self, mapping: int, offset: int, count: int) -> bytes:
        """Read memory of a mapping as process_vm_readv(2) does: EFAULT at a page that cannot be read, short before."""

    def store(self, mapping: int, offset: int, data: bytes) -> int:
        """Write memory of a mapping as process_vm_writev(2) does: EFAULT where a page cannot be written."""

    def msync(self, mapping: int, flags: int) -> int:
        """msync(2) of the whole mapping: 0."""

    def mapping_path(self, mapping: int) -> str:
        """The name of a mapping in /proc/self/maps (proc_pid_maps(5)). ENOENT for one that is not in it."""

    def munmap(self, mapping: int) -> int:
        """munmap(2) of the whole mapping: 0. A handle never made, or unmapped already, is EINVAL."""

    # Pipes ------------------------------------------------------------------------------------

    def pipe2(self, flags: int) -> tuple[int, int]:
        """pipe2(2): the read end, the write end."""

    # Sockets ----------------------------------------------------------------------------------

    def socketpair(self, domain: int, type: int, protocol: int) -> tuple[int, int]:
        """socketpair(2): two connected sockets."""

    def socket(self, domain: int, type: int, protocol: int) -> int:
        """socket(2): a descriptor. Every domain but AF_UNIX counts as one that does not exist."""

    def bind(self, fd: int, address: Address) -> int:
        """bind(2): 0. The address without a name asks for a name of the kernel's choice."""

    def listen(self, fd: int, backlog: int) -> int:
        """listen(2): 0."""

    def connect(self, fd: int, address: Address) -> int:
        """connect(2): 0."""

    def accept4(self, fd: int, flags: int) -> tuple[int, Address]:
        """accept4(2): a descriptor, and the address of the other end."""

    def getsockname(self, fd: int) -> Address:
        """getsockname(2)."""

    def getpeername(self, fd: int) -> Address:
        """getpeername(2)."""

    def sendto(self, fd: int, data: bytes, flags: int, address: Address) -> int:
        """sendto(2): the number of bytes sent. None is no address."""

    def recvfrom(self, fd: int, count: int, flags: int) -> tuple[bytes, Address]:
        """recvfrom(2): data as of recv, and the sender's address."""

    def send(self, fd: int, data: bytes, flags: int) -> int:
        """send(2): the number of bytes sent."""

    def recv(self, fd: int, count: int, flags: int) -> bytes:
        """recv(2). With MSG_TRUNC the real length shows only through recvmsg."""

    def sendmsg(self, fd: int, buffers: tuple[bytes, ...], rights: FdList, flags: int) -> int:
        """sendmsg(2) with one SCM_RIGHTS item when ``rights`` is not empty."""

    def recvmsg(self, fd: int, lengths: tuple[int, ...], rights_max: int, flags: int) -> Message:
        """recvmsg(2) with control room for exactly ``rights_max`` descriptors (0: no control buffer)."""

    def shutdown(self, fd: int, how: int) -> int:
        """shutdown(2): 0."""

    def getsockopt(self, fd: int, level: int, option: int, length: int) -> bytes:
        """getsockopt(2) with an option buffer of ``length`` bytes: the bytes the kernel filled."""

    def setsockopt(self, fd: int, level: int, option: int, value: bytes) -> int:
        """setsockopt(2): 0."""

    # Terminals --------------------------------------------------------------------------------

    def posix_openpt(self, flags: int) -> int:
        """posix_openpt(3): a new pseudoterminal's master."""

    def unlockpt(self, fd: int) -> int:
        """unlockpt(3): 0."""

    def open_slave(self, fd: int, flags: int) -> int:
        """open(2) of ptsname(3) of a master: the slave side."""

    def tcgetattr(self, fd: int) -> Termios:
        """tcgetattr(3)."""

    def tcsetattr(self, fd: int, action: int, attributes: Termios) -> int:
        """tcsetattr(3): 0."""

    def tcflush(self, fd: int, queue: int) -> int:
        """tcflush(3): 0."""

    def tcflow(self, fd: int, action: int) -> int:
        """tcflow(3): 0."""

    def tcsendbreak(self, fd: int, duration: int) -> int:
        """tcsendbreak(3): 0."""

    def tcdrain(self, fd: int) -> int:
        """tcdrain(3): 0."""

    # Processes --------------------------------------------------------------------------------

    # Processes are numbered from 1 in the order they were made; 0 as a result is one that the program did not make.
    # A group and a session bear the number of their leader. A number that no process has names a process that
    # does not exist; -1 and 0 are passed on as they are.

    def spawn(self) -> int:
        """fork(2): the number of the child, which closes its descriptors, blocks all signals, and waits."""

    def descend(self) -> int:
        """fork(2): the number of the child, which goes on with the program; the parent waits as in :meth:`spawn`."""

    def setsid(self) -> int:
        """setsid(2): the number of the new session."""

    def getsid(self, process: int) -> int:
        """getsid(2) of a process, 0 for the caller: the number of its session."""

    def getpgid(self, process: int) -> int:
        """getpgid(2) of a process, 0 for the caller: the number of its group."""

    def setpgid(self, process: int, group: int) -> int:
        """setpgid(2): 0."""

    def sigaction(self, signal: int, action: int) -> int:
        """sigaction(2), SIG_IGN or SIG_CATCH (a handler that records, without SA_RESTART): what was in force before."""

    def sigprocmask(self, how: int, signals: tuple[int, ...]) -> tuple[int, ...]:
        """sigprocmask(2): the signals that were blocked before, in rising order."""

    # Readiness --------------------------------------------------------------------------------

    def poll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        """poll(2): the returned events of each entry."""

    def ppoll(self, fds: PollList, timeout: int) -> tuple[int, ...]:
        """ppoll(2) without a signal mask: the returned events of each entry."""

    def select(self, read: FdList, write: FdList, urgent: FdList, timeout: int) -> tuple[FdList, FdList, FdList]:
        """select(2): the ready members of each set, in rising order."""

    def epoll_create1(self, flags: int) -> int:
        """epoll_create1(2): a descriptor."""

    def epoll_ctl(self, fd: int, operation: int, target: int, events: int, data: int) -> int:
        """epoll_ctl(2): 0."""

    def epoll_wait(self, fd: int, events_max: int, timeout: int) -> tuple[tuple[int, int], ...]:
        """epoll_wait(2): (events, data) of each ready entry, in the kernel's order."""

    # Locks ------------------------------------------------------------------------------------

    def flock(self, fd: int, operation: int) -> int:
        """flock(2): 0."""
