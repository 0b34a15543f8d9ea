# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The two ends of a pseudoterminal (pty(7)), each with what it alone has, and what closing it does to the other."""

from __future__ import annotations

from collections.abc import Hashable

from reference.constants.errors import EBUSY, EIO, EPERM
from reference.constants.file_status import DEVPTS_SUPER_MAGIC, UTIME_NOW
from reference.constants.limits import UINT_MAX
from reference.constants.open_flags import O_ASYNC
from reference.constants.readiness import POLLIN, POLLOUT
from reference.linux.description import OpenFileDescription
from reference.linux.directory import DELETED
from reference.linux.job_control import lose_control
from reference.linux.profile import DEVTMPFS, Filesystem
from reference.linux.state import KernelState
from reference.linux.terminal import HUNG_UP, Terminal
from reference.linux.terminal_modes import MASTER_TERMIOS, SLAVE_TERMIOS
from reference.linux.terminal_speed import USUAL_SPEEDS
from reference.outcomes import Anything, Refused
from reference.structures import Winsize

_SLAVES = Filesystem("devpts", DEVPTS_SUPER_MAGIC, block_size_bytes=1024)
MULTIPLEXER = (5, 2)
"""Major and minor number of /dev/ptmx. All masters stand on its one inode."""
MULTIPLEXER_PATH = "/dev/ptmx"
SLAVE_MAJOR = 136


class Master(Terminal):
    """The end that posix_openpt(3) returns: it stands on the device /dev/ptmx, which is the machine's."""

    shared = True

    def __init__(self, kernel: KernelState) -> None:
        super().__init__(kernel, 0o666, 0, 0, DEVTMPFS, MASTER_TERMIOS)
        self.atime = self.mtime = self.ctime = Anything()
        self.locked = True
        self._slave = Slave(kernel, self)
        self.link = self._slave

    @property
    def slave(self) -> Slave:
        return self._slave

    @property
    def identity(self) -> Hashable:
        return MULTIPLEXER

    def device_number(self) -> int:
        return 0

    def device_numbers(self) -> tuple[int, int]:
        self.cite("DEV-NUMBER")
        return MULTIPLEXER

    def link_text(self, description: OpenFileDescription) -> str:
        self.cite("LINKFD-TERMINAL")
        return MULTIPLEXER_PATH

    def change_mode(self, mode: int) -> None:
        self.cite("DEV-SHARED")
        raise Refused(EPERM, "CHMOD-OWNER")

    def change_owner(self, uid: int, gid: int) -> None:
        self.cite("DEV-SHARED")
        if uid & UINT_MAX != UINT_MAX or gid & UINT_MAX != UINT_MAX:
            raise Refused(EPERM, "CHOWN-OWNER")

    def change_times(self, atime: int, mtime: int) -> None:
        self.cite("DEV-SHARED")
        if not atime == mtime == -UTIME_NOW:
            raise Refused(EPERM, "UTIMES-OWNER")

    def opened(self, description: OpenFileDescription) -> None:
        self.descriptions.append(description)

    def reopen(self, flags: int) -> OpenFileDescription:
        self.cite("TTY-MASTER-REOPEN")
        return Master(self.kernel).open(flags)

    def released(self, description: OpenFileDescription) -> None:
        if description not in self.descriptions:
            return
        self.cite("TTY-MASTER-CLOSE")
        self.descriptions.clear()
        self.packet = False
        self.slave.hang_up()


class Slave(Terminal):
    """The end that looks like a terminal, with modes and a window size.

    ``number`` is the one in its name, once somebody has asked: the kernel picks one that the whole machine has free.

    ``session`` is the session that it controls, ``foreground`` the group that may use it; None: it controls none.
    """

    def __init__(self, kernel: KernelState, master: Master) -> None:
        super().__init__(kernel, 0o600, kernel.profile.uid, kernel.profile.gid, _SLAVES, SLAVE_TERMIOS)
        self.link = self.master = master
        self.window = Winsize(0, 0, 0, 0)
        self.hung_up = False
        self.speeds = USUAL_SPEEDS
        self.number: int | None = None
        self.session: int | None = None
        self.foreground: int | None = None

    @property
    def slave(self) -> Slave:
        return self

    def terminal_number(self) -> int:
        """The place of the pseudoterminal among those that the program was shown."""
        return self.kernel.terminal_numbers.of(self)

    def device_numbers(self) -> tuple[int, int]:
        self.cite("DEV-NUMBER")
        return SLAVE_MAJOR, self.terminal_number()

    def link_text(self, description: OpenFileDescription) -> str:
        self.cite("LINKFD-TERMINAL")
        return f"/dev/pts/{self.terminal_number()}{DELETED if self.hung_up else ''}"

    def opened(self, description: OpenFileDescription) -> None:
        # CHECK
        if self.hung_up:
            raise Refused(EIO, "TTY-OPEN-NO-MASTER")
        if self.exclusive and not self.kernel.profile.capable:
            raise Refused(EBUSY, "TTY-EXCLUSIVE")
        if self.master.locked:
            self.broken = True
            raise Refused(EIO, "TTY-LOCKED")
        # CHANGE
        self.descriptions.append(description)
        self.broken = False
        self.master.other_closed = False

    def released(self, description: OpenFileDescription) -> None:
        if description not in self.descriptions:
            return
        self.descriptions.remove(description)
        if self.descriptions or self.broken:
            return
        self.cite("TTY-SLAVE-CLOSE")
        self.broken = True
        self.master.other_closed = True
        for queue in (self.read_wait, self.write_wait, self.master.read_wait, self.master.write_wait):
            queue.wake(0)

    def announces_to(self) -> tuple[bool, int]:
        if self.foreground is None:
            return super().announces_to()
        self.cite("CTTY-SIGIO-GROUP")
        return True, self.foreground

    def hang_up(self) -> None:
        """The master went: every description is of no more use."""
        self.hung_up = True
        self.nlink = 0
        for description in self.descriptions:
            description.private = HUNG_UP
            if description.announced:
                description.announced = False
                description.flags &= ~O_ASYNC
        self.descriptions.clear()
        lose_control(self)
        for queue in (self.read_wait, self.write_wait):
            queue.wake(0)
        self.write_wait.wake(POLLOUT)
        self.read_wait.wake(POLLIN)
