# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The parent's side of a native worker: starts it, feeds it, watches it, restarts it.

**Blocking.** A program of one actor has nobody who could wake a sleeping call.
The parent looks at the worker's state in /proc: when the same op sleeps through two looks without a context switch,
it is nudged with a signal, so that a call that has moved something returns what it moved;
when it sleeps again it is interrupted, and counts as blocked.
No time enters into the decision, only whether the kernel says that the thread sleeps.
A call that waits for the daemon of a file system in user space is not asleep for that: the daemon will answer.

**Isolation.** The worker has a process group of its own, so that Ctrl-C at the terminal is no signal to a program.

**Deadline.** A program that makes no progress for ``deadline_s`` seconds is killed with its worker,
and reported as hung.
"""

from __future__ import annotations

import mmap
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from conformance.errors import ProgramFailed
from conformance.observation import Observation
from conformance.ops import Op
from conformance.systems.directories import make_directory
from conformance.systems.frames import Closed, receive, send
from conformance.systems.sleeping import LOOK_INTERVAL_MS, Look, SleepWatch, sleep_state
from conformance.systems.worker import WAITING
from reference.linux.profile import Profile

PROGRAM_DEADLINE_S = 10.0
WORKER_EXIT_S = 5.0
PAGE_BYTES = 2 * mmap.PAGESIZE
"""The page that is shared with a worker: where it is, and for a worker in C the processes of its program."""
WORKER = (sys.executable, "-m", "conformance.systems.worker")
"""How a worker is started."""
NATIVE_CALLS = "conformance.systems.native:Native"
JUDGE = "conformance.judging:judge"


class WorkerDied(ProgramFailed):
    """The worker ended in the middle of a batch. ``program`` and ``op`` say where it was."""

    def __init__(self, why: str, program: int, op: int) -> None:
        super().__init__(
            f"the native worker {why}", where=f"program {program + 1} of the batch, op {op + 1}", hint="replay it"
        )
        self.program = program
        self.op = op


class NativeWorker:
    """Runs programs on the kernel, in a directory below ``base``. Use as a context manager: the directory goes with it.

    ``system`` names the class of native calls, as :func:`pkgutil.resolve_name` understands it;
    another than the usual one is a planted bug. ``performs`` names the function of :meth:`perform`, if any.
    """

    def __init__(
        self,
        profile: Profile,
        base: Path | None = None,
        system: str = NATIVE_CALLS,
        performs: str = JUDGE,
        deadline_s: float = PROGRAM_DEADLINE_S,
    ) -> None:
        self._profile = profile
        self._performs = performs
        self._system = system
        self._deadline_s = deadline_s
        self._command = [*WORKER]
        self._base = base
        self._directory: Path | None = None
        """Each process has one of its own: what a killed one left behind would be there for the next program."""

        self._process: subprocess.Popen[bytes] | None = None
        self._introduced = False
        self._spent = False
        """Whether the process has said that it answers nothing more."""

    def __enter__(self) -> NativeWorker:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and remove its directory."""
        self._stop(kill=False)

    def start(self) -> None:
        """Start the process: afterwards it has all that it needs, and waits to be told under what it runs."""
        requests_read, self._requests = os.pipe2(os.O_CLOEXEC)
        self._replies, replies_write = os.pipe2(os.O_CLOEXEC)
        page = os.memfd_create("fdconform-progress", os.MFD_CLOEXEC)
        os.ftruncate(page, PAGE_BYTES)
        self._progress = memoryview(mmap.mmap(page, PAGE_BYTES)).cast("I")
        inherited = (requests_read, replies_write, page)
        self._process = subprocess.Popen(
            [*self._command, *map(str, inherited)],
            pass_fds=inherited,
            # Python 3.8 has no process_group, and the worker that is sent into other systems runs there.
            preexec_fn=os.setpgrp,
        )
        for fd in inherited:
            os.close(fd)
        self._introduced = False
        self._await_start()

    def serve_under(self, profile: Profile, deadline_s: float) -> None:
        """Run programs under the limits of a profile from now on; nothing must have been asked before."""
        self._profile = profile
        self._deadline_s = deadline_s

    def run(self, programs: Sequence[tuple[Op, ...]]) -> list[list[Observation]]:
        """The observations of each program, run in one batch. WorkerDied when the worker does not survive it."""
        # Plain tuples cross the pipe at a fraction of the cost of named ones.
        observations: list[list[Observation]] = self._ask(("batch", [tuple(map(tuple, ops)) for ops in programs]))
        return observations

    def run_one(self, program: tuple[Op, ...]) -> list[Observation]:
        """The observations of one program, as a batch of its own."""
        return self.run([program])[0]

    def run_alone(self, program: tuple[Op, ...]) -> list[Observation]:
        """The observations of one program in a fork of its own."""
        observations: list[list[Observation]] = self._ask(("alone", tuple(map(tuple, program))))
        return observations[0]

    def perform(self, argument: Any) -> Any:
        """What the function that the worker was made with gives inside it.

        It is given ``argument`` and a function that examines a program beside a model.
        """
        return self._ask(("perform", argument))

    @property
    def apart_cpu_us(self) -> int:
        """The processor time of programs that ran in processes of their own, in microseconds, up to 2**32."""
        return 0 if self._process is None else self._progress[3]

    def _ask(self, request: Any) -> Any:
        self._begin()
        try:
            send(self._requests, request)
            self._wait()
            kind, body = receive(self._replies)
        except (Closed, BrokenPipeError):
            raise self._died("was killed or crashed") from None
        self._spent = kind == "last"
        if kind == "failed":
            raise self._died(f"failed inside:\n{body}")
        if kind == "died":
            raise self._died(f"ended with wait status {body}")
        return body

    def _begin(self) -> None:
        if self._spent:
            # Another one, in another directory, goes on.
            self._stop(kill=False)
            self._spent = False
        if self._process is None:
            self.start()
        if not self._introduced:
            self._directory = make_directory("worker", self._base)
            os.chown(self._directory, self._profile.uid, self._profile.gid)
            self._introduce(self._settings())
            self._introduced = True

    def _await_start(self) -> None:
        receive(self._replies)

    def _settings(self) -> dict[str, Any]:
        profile = self._profile
        return {
            "directory": str(self._directory),
            "uid": profile.uid,
            "gid": profile.gid,
            "umask": profile.umask,
            "file_size_bytes_max": profile.file_size_bytes_max,
            "descriptors_max": profile.descriptors_max,
            "system": self._system,
            "performs": self._performs,
        }

    def _introduce(self, settings: dict[str, Any]) -> None:
        """Tell the worker under what it runs, and wait until it is ready."""
        send(self._requests, settings)
        receive(self._replies)

    def _stop(self, *, kill: bool = True) -> None:
        """End the worker: with a signal, or by closing its requests, which it takes for the end of its work."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        os.close(self._requests)
        os.close(self._replies)
        try:
            self._process.wait(timeout=WORKER_EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    @property
    def _pid(self) -> int:
        """The process that runs the program; 0 when none does at the moment."""
        return self._progress[2]

    def _died(self, why: str) -> WorkerDied:
        error = WorkerDied(why, self._progress[1], self._progress[0])
        self._stop()
        return error

    def _wait(self) -> None:
        """Until a reply comes; meanwhile look whether the worker sleeps or hangs."""
        poller = select.poll()
        poller.register(self._replies, select.POLLIN)
        watch = SleepWatch()
        program_since = (-1, 0.0)
        while not poller.poll(LOOK_INTERVAL_MS):
            program, op, pid = self._progress[1], self._progress[0], self._pid
            if program_since[0] != program:
                program_since = (program, time.monotonic())
            elif time.monotonic() - program_since[1] > self._deadline_s:
                _signal(pid, signal.SIGKILL)
                raise self._died(f"made no progress for {self._deadline_s:g} s and was killed")
            if self._progress[WAITING] or not watch.is_due(program, op, pid):
                # Nearly always the worker has moved on, and its state need not be asked for.
                continue
            number = watch.signal_for(Look(program, op, pid, *sleep_state(pid)))
            if number is not None:
                _signal(pid, number)


def _signal(pid: int, number: int) -> None:
    """Send a signal to the process that runs a program, if there is one, and it has not ended meanwhile."""
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
