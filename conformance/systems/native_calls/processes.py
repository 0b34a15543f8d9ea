# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on processes, groups, sessions and signals.

What they change lasts as long as the process, so a program that has any of them runs in a process of its own
(:mod:`conformance.systems.apart`). All processes of a program note themselves on a page that they share,
so that whoever cleans up behind them finds them.

Process ids are given to programs as the numbers in which they were made, and taken from them so.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
from collections.abc import Callable
from typing import Any, NoReturn

from conformance.systems.native_calls.descriptors import NativeDescriptors
from conformance.systems.native_calls.libc import checked, function, request_with
from conformance.systems.native_calls.private import PRIVATE_FD_MAX
from conformance.systems.native_calls.state import NativeState
from reference.constants.requests import TIOCGPGRP, TIOCGSID, TIOCNOTTY, TIOCSCTTY, TIOCSPGRP
from reference.constants.signals import SIG_CATCH, SIG_IGN

PROCESS_CALLS = frozenset("spawn descend setsid getsid getpgid setpgid sigaction sigprocmask".split())
PID_MAX = 2**22
"""No process id of Linux is as large (proc_sys_kernel(5), pid_max)."""
_PR_SET_PDEATHSIG = 1

_int = ctypes.c_int
_prctl = function("prctl", _int, *(ctypes.c_ulong,) * 4)
_ioctl = function("ioctl", _int, ctypes.c_ulong, ctypes.c_long)
_setsid = function("setsid")
_getsid = function("getsid", _int)
_getpgid = function("getpgid", _int)
_setpgid = function("setpgid", _int, _int)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, which may have happened already."""
    checked(_prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    if os.getppid() != parent:
        os._exit(1)


class NativeProcesses(NativeState):
    """spawn, descend, setsid, setpgid, sigaction, sigprocmask."""

    def __init__(self) -> None:
        super().__init__()
        self._page = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("i")
        """How many processes wait, then the id of each process of the program by its number."""
        self._caught: dict[int, Any] = {}
        self._watch: Callable[[int], None] = lambda pid: None

    # Around a program -------------------------------------------------------------------------

    def forget_processes(self) -> None:
        """Make ready for a program that will run in a process of its own."""
        self._page[:] = memoryview(bytes(mmap.PAGESIZE)).cast("i")

    def enter(self, watch: Callable[[int], None]) -> None:
        """This process is the first of a program.

        ``watch`` is told which process goes on with the program, and 0 while that changes.
        """
        self._watch = watch
        self._note(os.getpid())
        watch(os.getpid())

    def end_processes(self) -> None:
        """Kill and reap every process of the program. The caller is its reaper, and has no other children."""
        for pid in self._page[1:]:
            if pid:
                os.kill(pid, signal.SIGKILL)
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return

    def _note(self, pid: int) -> int:
        self.pids.append(pid)
        self._page[len(self.pids)] = pid
        return len(self.pids)

    # Calls ------------------------------------------------------------------------------------

    def spawn(self) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._wait_for_the_end(parent)
        return self._note_beside_waiting(pid)

    def descend(self) -> int:
        grandparent, parent = os.getppid(), os.getpid()
        self._watch(0)
        if os.fork():
            self._wait_for_the_end(grandparent)
        die_with(parent)
        number = self._note_beside_waiting(os.getpid())
        self._watch(os.getpid())
        return number

    def _wait_for_the_end(self, parent: int) -> NoReturn:
        """Hold nothing, hear nothing, and wait to be killed."""
        try:
            die_with(parent)
            signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
            self.let_go()
            os.closerange(0, PRIVATE_FD_MAX + 1)
            self._page[0] += 1
            while True:
                signal.pause()
        finally:
            os._exit(1)

    def _note_beside_waiting(self, pid: int) -> int:
        """Note a process, and return when all but the caller wait.

        The wait gives up the processor and never sleeps: a sleeping process is what the worker's parent looks for.
        """
        number = self._note(pid)
        while self._page[0] < number - 1:
            os.sched_yield()
        return number

    def setsid(self) -> int:
        return self.number_of(checked(_setsid()))

    def getsid(self, process: int) -> int:
        return self.number_of(checked(_getsid(self.pid_of(process))))

    def getpgid(self, process: int) -> int:
        return self.number_of(checked(_getpgid(self.pid_of(process))))

    def setpgid(self, process: int, group: int) -> int:
        return checked(_setpgid(self.pid_of(process), self.pid_of(group)))

    def sigaction(self, signal: int, action: int) -> int:
        return self._react(signal, action)

    def _react(self, number: int, action: int) -> int:
        before = signal.getsignal(number)
        ignored = before is signal.SIG_IGN
        if not ignored:
            self._caught[number] = before
        signal.signal(number, signal.SIG_IGN if action == SIG_IGN else self._caught[number])
        return SIG_IGN if ignored else SIG_CATCH

    def sigprocmask(self, how: int, signals: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(map(int, signal.pthread_sigmask(how, signals))))

    # Numbers ----------------------------------------------------------------------------------

    def pid_of(self, number: int) -> int:
        """The process id of a number; one that no process has for a positive number that no process of ours has."""
        number = _int(number).value
        if 0 < number <= len(self.pids):
            return self.pids[number - 1]
        return number + PID_MAX if 0 < number <= PID_MAX else number


def _take_control(native: NativeProcesses, fd: int, argument: int) -> int:
    return checked(_ioctl(fd, TIOCSCTTY, argument))


def _give_up_control(native: NativeProcesses, fd: int, argument: Any) -> int:
    return checked(_ioctl(fd, TIOCNOTTY, 0))


def _set_foreground(native: NativeProcesses, fd: int, group: int) -> int:
    request_with(fd, TIOCSPGRP, _int(native.pid_of(group)))
    return 0


def _asks_for_process(request: int) -> Callable[[Any, int, Any], int]:
    def call(native: NativeProcesses, fd: int, argument: Any) -> int:
        pid = _int()
        request_with(fd, request, pid)
        return native.number_of(pid.value)

    return call


NativeDescriptors.ioctl_requests.update(
    {
        TIOCSCTTY: _take_control,
        TIOCNOTTY: _give_up_control,
        TIOCSPGRP: _set_foreground,
        TIOCGPGRP: _asks_for_process(TIOCGPGRP),
        TIOCGSID: _asks_for_process(TIOCGSID),
    }
)
