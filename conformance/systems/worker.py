# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The process in which native programs run: started by its parent, reused for many batches.

Its own descriptors lie above the descriptor limit that programs see,
so programs are handed the numbers from 3 on and cannot reach them.
A shared page tells the parent which op of which program runs, and in which process:
with it the parent sees a call that sleeps for ever, and interrupts it (:mod:`conformance.systems.native_worker`).
The page also says how much processor time the processes of programs have used,
and whether the program waits for another system, which is no sleep of its own.
"""

from __future__ import annotations

import mmap
import os
import resource
import signal
import stat
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from errno import EINTR
from functools import partial
from pkgutil import resolve_name
from types import FrameType
from typing import Any, NoReturn

from conformance.collector import look_seldom
from conformance.interpreter import Settle, System, execute
from conformance.lockstep import run_beside
from conformance.ops import Op
from conformance.oracle import Mismatch, first_mismatch, predict
from conformance.systems.apart import Stem
from conformance.systems.frames import Closed, receive, send
from conformance.systems.native import Native
from conformance.systems.native_calls.private import PRIVATE_FD_MAX, make_private
from conformance.systems.native_calls.processes import PROCESS_CALLS
from reference.constants.limits import UINT_MAX
from reference.outcomes import Sleeps

WAITING = 4
"""The place in the page that says whether another system is waited for."""
NUDGE = signal.SIGUSR1
GIVE_UP = signal.SIGUSR2
RECORDED_SIGNALS = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTSTP),
    *(signal.SIGURG, signal.SIGXFSZ, signal.SIGWINCH, signal.SIGIO, signal.SIGCONT),
)
_STOP_SIGNALS = (signal.SIGTTIN, signal.SIGTTOU)
_NUMBERING_CALLS = frozenset(("close_range", "dup2", "dup3"))
"""Calls with which a program can reach the numbers 0 to 2, which no slot of it has."""
_UNSETTLING_CALLS = frozenset(("posix_openpt",))
"""Calls that make objects whose data the kernel moves behind the program's back."""
_NAMING_CALLS = frozenset(("open", "mkfifo", "link", "symlink", "mkdir", "bind"))


class Worker:
    """Serves batches until the parent closes the request pipe."""

    def __init__(self, requests: int, replies: int, page: int, settings: dict[str, Any]) -> None:
        self._requests = make_private(requests)
        self._replies = make_private(replies)
        self._progress = memoryview(mmap.mmap(page, mmap.PAGESIZE)).cast("I")
        self._null = make_private(os.open("/dev/null", os.O_RDWR))
        # Both are imported now: an ordinary user may not be able to read the modules.
        self._native: Native = resolve_name(settings["system"])()
        performs = settings["performs"]
        self._performs: Callable[..., Any] | None = resolve_name(performs) if performs else None
        self._descriptors_max: int = settings["descriptors_max"]
        self._confine(settings)
        # Whoever runs programs may have become another user just now.
        self._native.reset()
        self._native.tell_waiting = self._tell_waiting
        self._cluttered = ""
        """Why the directory could not be emptied behind a program: this worker has run its last one then."""
        self._stem = Stem(self._native, self._watch, self._observe_here)

    def _confine(self, settings: dict[str, Any]) -> None:
        os.chdir(settings["directory"])
        self._native.settle_in()
        if settings["uid"] != os.getuid():
            os.setgroups([])
            os.setgid(settings["gid"])
            os.setuid(settings["uid"])
        os.umask(settings["umask"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (settings["file_size_bytes_max"],) * 2)
        resource.setrlimit(resource.RLIMIT_NOFILE, (settings["descriptors_max"], PRIVATE_FD_MAX + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self._restore_standard_descriptors()
        os.closerange(3, settings["descriptors_max"])
        for number in RECORDED_SIGNALS:
            signal.signal(number, self._record)
        for number in _STOP_SIGNALS:
            signal.signal(number, self._record_stop)
        signal.signal(NUDGE, _ignore)
        signal.signal(GIVE_UP, _interrupt)

    def _record(self, number: int, frame: FrameType | None) -> None:
        """A signal that comes twice during one op counts once, as it would while the first is pending (signal(7))."""
        if number not in self._native.signals:
            self._native.signals.append(number)

    def _record_stop(self, number: int, frame: FrameType | None) -> None:
        """The call that a terminal stopped ends here; begun again, it would be stopped again."""
        self._record(number, frame)
        raise InterruptedError(EINTR, os.strerror(EINTR))

    def serve(self) -> None:
        """Answer every request.

        ("batch", programs) gives their observations, ("alone", program) those of one program, in a fork of its own;
        ("perform", argument) calls the function of the settings with it and a function that examines programs.
        An answer is "done", or "last" where nothing more is to be asked of this worker.
        """
        self._watch(os.getpid())
        send(self._replies, ("ready", None))
        while True:
            try:
                kind, body = receive(self._requests)
            except Closed:
                return
            if kind == "alone":
                self._alone(body)
            elif kind == "perform" and self._performs is not None:
                self._answer(partial(self._performs, body, self._examine))
            else:
                self._answer(partial(self._run_all, body))

    def _run_all(self, programs: list[tuple[Op, ...]]) -> list[list[Any]]:
        return [self._run(number, ops) for number, ops in enumerate(programs)]

    def _answer(self, answer: Callable[[], Any]) -> None:
        try:
            value = answer()
        except Exception:
            # A mistake in our own code, not of the kernel's: without this it would be lost with standard error.
            send(self._replies, ("failed", traceback.format_exc()))
            raise
        send(self._replies, ("last" if self._cluttered else "done", value))

    def _run(self, number: int, ops: tuple[Op, ...]) -> list[Any]:
        calls = self._begin(number, ops)
        observations = self._observe(ops, calls)
        self._end(calls)
        return observations

    def _observe(self, ops: tuple[Op, ...], calls: set[str]) -> list[Any]:
        if calls.isdisjoint(PROCESS_CALLS):
            return self._observe_here(ops)
        observations: list[Any] = self._stem.run(tuple(map(tuple, ops)))
        self._progress[3] = self._stem.cpu_us & UINT_MAX
        return observations

    def _observe_here(self, ops: tuple[Op, ...]) -> list[Any]:
        settle = self._settle_for({call for call, _, _ in ops})
        return execute(ops, self._native, self._progress, settle=settle)

    def _examine(self, number: int, ops: tuple[Op, ...], model: System) -> tuple[list[Any], Mismatch | None]:
        calls = self._begin(number, ops)
        if calls.isdisjoint(PROCESS_CALLS):
            examined = run_beside(ops, self._native, model, self._progress, self._settle_for(calls))
        else:
            # The model follows behind: in the fork each page that it writes to would have to be copied first.
            observed = self._observe(ops, calls)
            examined = observed, first_mismatch(predict(ops, model, observed), observed)
        self._end(calls)
        return examined

    def _watch(self, pid: int) -> None:
        """Name the process that runs the program. It is 0 while that changes, and whoever waits sleeps unseen."""
        self._progress[2] = pid

    def _tell_waiting(self, waits: bool) -> None:
        self._progress[WAITING] = waits

    def _begin(self, number: int, ops: tuple[Op, ...]) -> set[str]:
        if self._cluttered:
            raise RuntimeError(self._cluttered)
        self._progress[1] = number
        return {call for call, _, _ in ops}

    def _settle_for(self, calls: set[str]) -> Settle | None:
        """Only programs whose objects move data behind their back pay for waiting."""
        if not calls.isdisjoint(_UNSETTLING_CALLS):
            return self._native.settle
        return self._native.break_up_rings if "sendmsg" in calls else None

    def _end(self, calls: set[str]) -> None:
        # Clearing up may sleep where a file system has to ask somebody, and is not to be interrupted.
        self._watch(0)
        os.closerange(3, self._descriptors_max)
        if "sendmsg" in calls:
            # Descriptors in a ring that is left behind would count among those that the next program has in flight.
            self._native.break_up_rings("close_range", ())
        self._native.reset()
        if not calls.isdisjoint(_NUMBERING_CALLS):
            self._restore_standard_descriptors()
        if not calls.isdisjoint(_NAMING_CALLS):
            try:
                empty_directory()
            except OSError as error:
                # A file system may refuse to let go of a name. No other program is to find it.
                self._cluttered = f"the directory of the program before could not be emptied: {error}"
        self._watch(os.getpid())

    def _restore_standard_descriptors(self) -> None:
        for fd in range(3):
            os.dup2(self._null, fd)

    def _alone(self, ops: tuple[Op, ...]) -> None:
        self._watch(0)
        child = os.fork()
        if child == 0:
            self._answer_and_exit(ops)
        _, status = os.waitpid(child, 0)
        self._watch(os.getpid())
        if status != 0:
            send(self._replies, ("died", status))

    def _answer_and_exit(self, ops: tuple[Op, ...]) -> NoReturn:
        self._watch(os.getpid())
        self._answer(partial(self._run_all, [ops]))
        os._exit(0)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Being woken is all: the call returns what it has moved, or is started again."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Sleeps("interrupted")


def empty_directory(path: str = "") -> None:
    """Remove what a program left. It may have locked its own directories: each is unlocked on the way down.

    A name may go by itself: a daemon takes back the one that it gave a file which was unlinked while it was open.
    """
    with os.scandir(path or ".") as entries:
        for entry in entries:
            inner = os.path.join(path, entry.name)
            with suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    os.chmod(inner, stat.S_IRWXU)
                    empty_directory(inner)
                    os.rmdir(inner)
                else:
                    os.unlink(inner)


def main() -> None:
    """Started as ``python -m conformance.systems.worker REQUESTS REPLIES PAGE``; says so, and is sent its settings."""
    look_seldom()
    requests, replies, page = (int(argument) for argument in sys.argv[1:4])
    send(replies, ("started", None))
    try:
        settings = receive(requests)
    except Closed:
        # Nobody had a program for it.
        return
    Worker(requests, replies, page, settings).serve()


if __name__ == "__main__":
    main()
