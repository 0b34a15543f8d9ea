# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A sandbox that is saved and restored in the middle of a program, with a descriptor of ours that was donated to it.

As in :mod:`conformance.systems.donated`, but each program has a sandbox of its own, and donates one descriptor: only
what the first process of a sandbox is started with is given back to it when it is restored.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import stat
from contextlib import suppress
from pathlib import Path

from conformance.interpreter import Unreachable
from conformance.systems.donated import Donated
from conformance.systems.frames import receive
from conformance.systems.native_calls.private import make_private

DIRECTORY = "FDCONFORM_RESTORED"
"""The variable with the directory in which the sandbox keeps its state, its image, and the number of its process."""
RUN, SAVE, RESTORE = "run", "checkpoint", "restore"


class Restored(Donated):
    """The host's side of a program whose sandbox is saved and restored."""

    def __init__(self) -> None:
        super().__init__()
        self._place = Path(os.environ[DIRECTORY])
        self._streams: tuple[int, int, int] | None = None
        """What the sandbox was started with, for the one that goes on from its image."""
        self._sandbox: int | None = None
        """Tells when the process of the sandbox ends (pidfd_open(2))."""

    def _opened(self) -> None:
        """A sandbox is started for each program."""

    def reset(self) -> None:
        # The sandbox is gone with its state, and has nothing to be asked.
        self._begun = False
        super().reset()
        self._end()
        for fd in {*(self._streams or ()), *(self._room or ())} - {self._null}:
            os.close(fd)
        self._streams = self._room = None

    def import_fd(
        self, fd: int, readonly: int, owner: tuple[int, int] | None, tty: int, flags: int | None, savable: int
    ) -> int:
        if self._begun:
            raise Unreachable("one descriptor can be donated")
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            raise Unreachable("a sandbox that ends shuts down its sockets, whoever else has them")
        return super().import_fd(fd, readonly, owner, tty, flags, savable)

    def _begin(self, fd: int) -> None:
        requests, ours = map(make_private, os.pipe())
        answers, replies = map(make_private, os.pipe())
        self._streams = (make_private(os.dup(fd)), replies, requests)
        self._room = ours, answers
        self._client(RUN)
        self._await(answers)
        receive(answers)
        super()._begin(fd)

    def _donate(self, fd: int, kind: str) -> None:
        """The first process has it already."""

    def save(self) -> int:
        """Save the sandbox, end it, and let another go on from the image."""
        if not self._begun:
            return super().save()
        shutil.rmtree(self._place / "image", ignore_errors=True)
        self._client(SAVE)
        self._end()
        self._client(RESTORE)
        return 0

    def restore(self) -> int:
        """What was saved has been restored."""
        return 0 if self._begun else super().restore()

    def _inside(self, name: str, arguments: tuple[object, ...]) -> object:
        try:
            return super()._inside(name, arguments)
        finally:
            if self._streams is not None and not self._held and self._streams[0] != self._null:
                # The sandbox has let go of it, and nothing is to be seen of our own number for it.
                os.close(self._streams[0])
                self._streams = (self._null, self._streams[1], self._streams[2])

    def _client(self, name: str) -> None:
        """Run a client of the sandbox, and wait for its end."""
        assert self._streams is not None
        child = self._spawn(name, self._streams)
        with self.waiting():
            _, status = os.waitpid(child, 0)
        if status:
            raise Unreachable(f"the sandbox refused to {name}: {self._complaint()}")
        if name != SAVE:
            self._sandbox = make_private(os.pidfd_open(int((self._place / "pid").read_text())))

    def _await(self, fd: int) -> None:
        """Wait for an answer. The end of the sandbox is no end of its answers: what it had is ours as well."""
        ready = select.poll()
        ready.register(fd, select.POLLIN)
        if self._sandbox is not None:
            ready.register(self._sandbox, select.POLLIN)
        with self.waiting():
            found = dict(ready.poll())
        if fd not in found:
            raise RuntimeError(f"the sandbox has ended: {self._complaint()}")

    def _complaint(self) -> str:
        with suppress(OSError):
            return (self._place / "log").read_text(errors="replace")[-300:]
        return ""

    def _end(self) -> None:
        """Kill the sandbox, wait for its end, and forget what was kept of it but for the image."""
        if self._sandbox is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._sandbox, signal.SIGKILL)
            super()._await(self._sandbox)
            os.close(self._sandbox)
            self._sandbox = None
        shutil.rmtree(self._place / "state", ignore_errors=True)
