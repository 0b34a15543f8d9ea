# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Lines to and from a command, of which nothing is taken on trust.

Every wait has a deadline, every line a bound. Whatever the command starts belongs to its process group,
which is killed as a whole, and so is what has left it (:mod:`conformance.wire.leftovers`);
nobody ever waits for the end of its output, which a child of it may hold open.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from conformance.wire.leftovers import kill_leftovers

LINE_BYTES_MAX = 2**26
"""More than any batch of programs can give."""
DIRECTORY_VARIABLE = "FDCONFORM_DIRECTORY"
"""Tells a command of a directory that is its own, and that is removed when it has ended."""
READ_BYTES = 2**20
ERROR_TAIL_BYTES = 2**11
"""How much of what a command wrote to standard error last is kept for the message about it."""


class Interrupted(Exception):
    """The conversation cannot go on: the message says why, in words about the system."""


class Ended(Interrupted):
    """The command ended, or closed its end."""


class Late(Interrupted):
    """A deadline passed."""


class TooLong(Interrupted):
    """A line has no end within the bound."""


class Lines:
    """Lines to and from a system, over streams by name: stdin, stdout, and stderr if it has one."""

    def __init__(self, streams: Mapping[str, IO[bytes]], line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._line_bytes_max = line_bytes_max
        self._received = bytearray()
        self._searched = 0
        self._errors = bytearray()
        self._streams = dict(streams)
        for stream in self._streams.values():
            os.set_blocking(stream.fileno(), False)

    @property
    def errors(self) -> str:
        """The end of what the command wrote to standard error."""
        return self._errors.decode(errors="replace").strip()

    def send(self, line: bytes, deadline_s: float) -> None:
        """Write a line. Late when the command does not take it in, Ended when it cannot."""
        until = time.monotonic() + deadline_s
        rest = memoryview(line)
        while rest:
            if time.monotonic() > until:
                raise Late(f"did not read what it was sent within {deadline_s:g} s")
            if "stdin" in self._turn(until, writing=True):
                try:
                    rest = rest[os.write(self._streams["stdin"].fileno(), rest) :]
                except BlockingIOError:
                    continue
                except (BrokenPipeError, ConnectionResetError):
                    raise Ended(self._end()) from None

    def receive(self, deadline_s: float) -> bytes:
        """The next line, without its end."""
        until = time.monotonic() + deadline_s
        while True:
            end = self._received.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._received[:end])
                del self._received[: end + 1]
                self._searched = 0
                return line
            self._searched = len(self._received)
            if "stdout" not in self._streams:
                raise Ended(self._end())
            if time.monotonic() > until:
                raise Late(f"did not answer within {deadline_s:g} s{self._half()}")
            self._turn(until)

    def close_input(self) -> None:
        """Let the command see the end of its standard input."""
        self._drop("stdin")

    def stop(self, grace_s: float = 0.0) -> int | None:
        """End the conversation. The status of a command that left by itself, within ``grace_s``."""
        raise NotImplementedError

    def _turn(self, until: float, *, writing: bool = False) -> set[str]:
        """Wait for something to do, and take in what was written. The streams that are ready."""
        poller = select.poll()
        names = {stream.fileno(): name for name, stream in self._streams.items() if writing or name != "stdin"}
        for fd, name in names.items():
            poller.register(fd, select.POLLOUT if name == "stdin" else select.POLLIN)
        ready = {names[fd] for fd, _ in poller.poll(max(until - time.monotonic(), 0) * 1000)}
        for name in ready - {"stdin"}:
            self._take_in(name)
        return ready

    def _take_in(self, name: str) -> None:
        try:
            part = os.read(self._streams[name].fileno(), READ_BYTES)
        except ConnectionResetError:
            part = b""
        if not part:
            self._drop(name)
        elif name == "stderr":
            self._errors = (self._errors + part)[-ERROR_TAIL_BYTES:]
        else:
            self._received += part
            if len(self._received) > self._line_bytes_max:
                raise TooLong(f"wrote more than {self._line_bytes_max} bytes without the end of a line")

    def _drop(self, name: str) -> None:
        if name in self._streams:
            self._streams.pop(name).close()

    def _half(self) -> str:
        return f", but wrote half a line: {bytes(self._received[:40])!r}" if self._received else ""

    def _drop_all(self) -> None:
        for name in tuple(self._streams):
            self._drop(name)

    def _end(self) -> str:
        """How the system ended, for a message."""
        raise NotImplementedError


class Channel(Lines):
    """Standard input and output of a command, as lines. It may use ``directory``, which it is told of."""

    def __init__(self, command: Sequence[str], directory: Path, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._directory = directory
        self._process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, DIRECTORY_VARIABLE: str(directory)},
            start_new_session=True,
        )
        super().__init__({name: getattr(self._process, name) for name in ("stdin", "stdout", "stderr")}, line_bytes_max)

    def stop(self, grace_s: float = 0.0) -> int | None:
        """Give the command some time to leave, then kill all that it started. Its status if it left by itself."""
        status: int | None = None
        self._drop("stdin")
        if grace_s:
            with suppress(subprocess.TimeoutExpired):
                status = self._process.wait(timeout=grace_s)
        with suppress(ProcessLookupError):
            # Also when it has left: a child of it may have stayed.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        kill_leftovers(DIRECTORY_VARIABLE, str(self._directory))
        self._drop_all()
        return status

    def _end(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            status = self._process.wait(timeout=1)
            if status < 0:
                return f"was killed by signal {-status}{self._half()}"
            return f"ended with exit status {status}{self._half()}"
        return f"closed its output{self._half()}"
