# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A system under test that is a command of the user's: it speaks the protocol of :mod:`conformance.wire`.

Whatever it does wrong ends in one of two errors. :class:`~conformance.errors.ProgramFailed` is the fate of a program:
the system died of it, or did not answer in time; it is started again, and the others are not lost.
:class:`AdapterFailed` is a breach of the protocol: nothing that such a system says can be trusted.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conformance.errors import ProgramFailed, SystemFailed
from conformance.observation import NotOffered, Observation
from conformance.ops import SPECS, Op
from conformance.systems.directories import make_directory
from conformance.systems.stage import HIDDEN, staged
from conformance.wire.attached import Attached
from conformance.wire.channel import LINE_BYTES_MAX, Channel, Ended, Interrupted, Late, Lines
from conformance.wire.codec import decode_observation, encode_op
from conformance.wire.messages import (
    PROTOCOL,
    Bye,
    Caller,
    Capabilities,
    FromHarness,
    FromSystem,
    Hello,
    Observed,
    Run,
    WireOp,
    WireProgram,
    fields_of,
    line_of,
    read_from_system,
)
from conformance.worker_bundle import worker_text
from reference.linux.profile import Profile

WORKER = "{worker}"
"""Stands in a command for the path of the Python worker."""
DIRECTORY = "{directory}"
"""Stands in a command for the path of the system's own directory."""
PYTHON = "{python}"
"""Stands in a command for the Python that this project runs on."""
GUIDE = "docs/how-to/validate-an-implementation.md says what is expected"


class AdapterFailed(SystemFailed):
    """The system broke the protocol, or cannot be started."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the system may take, in seconds: to say hello, for one program, to say bye."""

    hello_s: float = 60.0
    program_s: float = 10.0
    bye_s: float = 10.0


class ProcessSystem:
    """Runs programs on a command. Use as a context manager: the command and its directory go with it.

    ``name`` is what messages call the system. The command is started when it is first needed,
    and started again after a program that it did not survive. ``setup`` holds commands that have to succeed before it,
    in namespaces that end with it. With ``socket`` the system listens there already: it is not started, nor ended.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        profile: Profile,
        base: Path | None = None,
        deadlines: Deadlines | None = None,
        setup: Sequence[Sequence[str]] = (),
        socket: Path | None = None,
    ) -> None:
        self.name = name
        self._command = tuple(staged(command, setup))
        self._hidden = HIDDEN if setup else ()
        self._caller = Caller(profile.descriptors_max, profile.file_size_bytes_max, profile.umask)
        self._base = base
        self._deadlines = deadlines or Deadlines()
        self._socket = socket
        self._channel: Lines | None = None
        self._directory: Path | None = None
        self._hello: Hello | None = None
        self._answered = 0
        self._asked = 0

    def __enter__(self) -> ProcessSystem:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        if kind is None:
            self.close()
        else:
            self.kill()

    @property
    def hello(self) -> Hello:
        """How the system introduces itself; it is started for that."""
        self._started()
        assert self._hello is not None
        return self._hello

    def run(self, programs: Sequence[tuple[Op, ...]]) -> list[list[Observation]]:
        """The observations of each program of a batch, up to the first op of it that the system does not offer."""
        return list(self.answers(programs))

    def answers(self, programs: Sequence[tuple[Op, ...]], *, alone: bool = False) -> Iterator[list[Observation]]:
        """As :meth:`run`, each as it comes: what was answered before a failure is not lost."""
        channel = self._started()
        ids = [str(number) for number in range(self._asked, self._asked + len(programs))]
        self._asked += len(programs)
        wire = [WireProgram(name, tuple([_wire_op(op) for op in ops])) for name, ops in zip(ids, programs, strict=True)]
        try:
            self._send(channel, Run(tuple(wire), self._deadlines.program_s, self._caller, alone))
            for name, ops in zip(ids, programs, strict=True):
                yield self._observations(channel, name, ops)
        except (Ended, Late) as failure:
            raise self._program_failed(str(failure)) from None
        except Interrupted as failure:
            raise self._failed(str(failure), "end each message with a line feed") from None

    def kill(self) -> None:
        """End the command without a word."""
        self._stop()

    def run_alone(self, program: tuple[Op, ...]) -> list[Observation]:
        """The observations of one program that has nothing to do with any other."""
        (observations,) = self.answers([program], alone=True)
        return observations

    def close(self) -> None:
        """Say bye and end the command. AdapterFailed when it does not say bye, or lies about what it did."""
        if self._channel is None:
            return
        channel = self._channel
        try:
            self._send(channel, Bye())
            bye = self._receive(channel, self._deadlines.bye_s)
        except Interrupted as failure:
            raise self._failed(f"was sent a bye and {failure}", 'answer {"message":"bye"} and leave') from None
        if not isinstance(bye, Bye):
            raise self._failed(f"was sent a bye and answered with {_kind(bye)}", "answer with a bye, and nothing else")
        if bye.programs != self._answered:
            raise self._failed(
                f"says that it answered {bye.programs} programs, and answered {self._answered}",
                "count the observed messages that you send",
            )
        self._stop(self._deadlines.bye_s)

    # Start and end ----------------------------------------------------------------------------

    def _started(self) -> Lines:
        if self._channel is None:
            self._start()
        assert self._channel is not None
        return self._channel

    def _start(self) -> None:
        self._directory = make_directory("system", self._base)
        self._answered = 0
        self._channel = self._opened(self._directory)
        try:
            hello = self._receive(self._channel, self._deadlines.hello_s)
        except Interrupted as failure:
            raise self._failed(f"{failure} instead of saying hello", "write a hello message first, and flush") from None
        if not isinstance(hello, Hello):
            raise self._failed(f"opened with {_kind(hello)} instead of a hello", "write a hello message first")
        if hello.protocol != PROTOCOL:
            raise self._failed(
                f"speaks protocol {hello.protocol}, and this fdconform speaks {PROTOCOL}",
                f"have the adapter speak protocol {PROTOCOL}, or use another release of fdconform",
            )
        hello = _without(hello, self._hidden)
        if self._hello not in (None, hello):
            raise self._failed("says hello differently when started again", "keep name, version and capabilities")
        self._hello = hello

    def _opened(self, directory: Path) -> Lines:
        command = [put_in(argument, directory) for argument in self._command]
        try:
            return (
                Attached(self._socket, LINE_BYTES_MAX) if self._socket else Channel(command, directory, LINE_BYTES_MAX)
            )
        except OSError as error:
            self._stop()
            if self._socket:
                message, hint = "cannot be reached", f"start it, and have it listen on {self._socket}"
            else:
                message, hint = "cannot be started", f"try: {' '.join(command)}"
            raise AdapterFailed(f"{message}: {error.strerror}", where=self.name, hint=hint) from None

    def _stop(self, grace_s: float = 0.0) -> None:
        if self._channel is not None:
            self._channel.stop(grace_s)
            self._channel = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    # Messages ---------------------------------------------------------------------------------

    def _send(self, channel: Lines, message: FromHarness) -> None:
        channel.send(line_of(message), self._deadlines.program_s)

    def _receive(self, channel: Lines, deadline_s: float) -> FromSystem:
        line = channel.receive(deadline_s)
        try:
            return read_from_system(line)
        except (ValueError, RecursionError) as error:
            problem = breach_of(error)
        raise self._failed(
            f"{problem}: {_excerpt(line)}", "write messages to standard output, and all else to standard error"
        )

    def _observations(self, channel: Lines, name: str, ops: tuple[Op, ...]) -> list[Observation]:
        message = self._receive(channel, self._deadlines.program_s)
        if not isinstance(message, Observed):
            raise self._failed(
                f"was asked for program {name} and answered with {_kind(message)}", "answer each program, in order"
            )
        if message.program != name:
            raise self._failed(
                f"was asked for program {name} and answered for {message.program!r}",
                "answer the programs of a run in their order, each with its own id",
            )
        if len(message.observations) != len(ops):
            raise self._failed(
                f"gave {len(message.observations)} observations for the {len(ops)} ops of program {name}",
                "give one observation for each op, also for those that failed",
            )
        self._answered += 1
        observations: list[Observation] = []
        for place, (op, wire) in enumerate(zip(ops, message.observations, strict=True), 1):
            try:
                seen = decode_observation(op, fields_of(wire))
            except ValueError as error:
                raise self._failed(f"program {name}, op {place}, {op.call}: {error}", GUIDE) from None
            if isinstance(seen, NotOffered):
                break
            observations.append(seen)
        return observations

    # Failures ---------------------------------------------------------------------------------

    def _failed(self, message: str, hint: str) -> AdapterFailed:
        said = self._last_words()
        self._stop()
        return AdapterFailed(f"{message}{said}", where=self.name, hint=hint)

    def _program_failed(self, why: str) -> ProgramFailed:
        said = self._last_words()
        self._stop()
        return ProgramFailed(f"{why}{said}", where=self.name, hint="replay the program")

    def _last_words(self) -> str:
        errors = self._channel.errors if self._channel is not None else ""
        return f"; it wrote to standard error: {errors}" if errors else ""


def put_in(argument: str, directory: Path) -> str:
    """An argument of a command with the names of the system's directory, of a worker in it, and of Python put in."""
    if WORKER in argument:
        worker = directory / "worker.py"
        worker.write_text(worker_text())
        argument = argument.replace(WORKER, str(worker))
    return argument.replace(PYTHON, sys.executable).replace(DIRECTORY, str(directory))


def _without(hello: Hello, hidden: Collection[str]) -> Hello:
    """What a system says of itself, but for some of the ops that it offers."""
    if not hidden:
        return hello
    offered = hello.capabilities.ops
    names = [spec.name for spec in SPECS] if offered is None else offered
    return msgspec.structs.replace(hello, capabilities=Capabilities(tuple([n for n in names if n not in hidden])))


def breach_of(error: Exception) -> str:
    """What is wrong with a line that is no message, from the error of reading it."""
    # msgspec 0.23 says so in an error of its own, where earlier ones handed on that of Python.
    if isinstance(error, UnicodeDecodeError) or str(error).startswith("Invalid UTF-8"):
        return "wrote a line that is not UTF-8"
    if isinstance(error, RecursionError):
        return "wrote a message that is nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return f"wrote a message of the wrong shape: {error}"
    return f"wrote a line that is not JSON: {error}"


def _wire_op(op: Op) -> WireOp:
    encoded = encode_op(op)
    return WireOp(encoded["call"], tuple(encoded["arguments"]), tuple(encoded["out"]))


def _kind(message: FromSystem) -> str:
    name = type(message).__name__.lower()
    return f"{'an' if name[0] == 'o' else 'a'} {name} message"


def _excerpt(line: bytes) -> str:
    text = line[:60].decode(errors="backslashreplace")
    return f"{text!r}{'…' if len(line) > 60 else ''}"
