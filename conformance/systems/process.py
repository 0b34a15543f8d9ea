# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A system under test that is a command of the user's: it speaks the protocol of :mod:`conformance.wire`.

Whatever it does wrong ends in one of two errors. :class:`ProgramFailed` is the fate of a program:
the system died of it, or did not answer in time; it is started again, and the others are not lost.
:class:`AdapterFailed` is a breach of the protocol: nothing that such a system says can be trusted.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conformance.errors import SystemFailed
from conformance.observation import Observation
from conformance.ops import Op
from conformance.wire.channel import LINE_BYTES_MAX, Channel, Ended, Interrupted, Late
from conformance.wire.codec import NotOffered, decode_observation, encode_op
from conformance.wire.messages import (
    PROTOCOL,
    Bye,
    Caller,
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
from reference.linux.profile import Profile

HELLO_DEADLINE_S = 60.0
PROGRAM_DEADLINE_S = 10.0
BYE_DEADLINE_S = 10.0
DEATHS_IN_A_ROW_MAX = 5
"""A system that survives none of so many programs fails for a reason of its own."""
GUIDE = "docs/how-to/validate-an-implementation.md says what is expected"


class AdapterFailed(SystemFailed):
    """The system broke the protocol, or cannot be started."""


class ProgramFailed(SystemFailed):
    """The system did not survive a program, or did not answer for it in time."""

    def __init__(self, message: str, where: str, program: int) -> None:
        super().__init__(message, where=where, hint="replay the program")
        self.program = program


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the system may take, in seconds: to say hello, for one program, to say bye."""

    hello_s: float = HELLO_DEADLINE_S
    program_s: float = PROGRAM_DEADLINE_S
    bye_s: float = BYE_DEADLINE_S


class ProcessSystem:
    """Runs programs on a command. Use as a context manager: the command and its directory go with it.

    ``name`` is what messages call the system. The command is started when it is first needed,
    and started again after a program that it did not survive.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        profile: Profile,
        base: Path | None = None,
        deadlines: Deadlines | None = None,
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:
        self._name = name
        self._command = tuple(command)
        self._caller = Caller(profile.descriptors_max, profile.file_size_bytes_max, profile.umask)
        self._base = base
        self._deadlines = deadlines or Deadlines()
        self._line_bytes_max = line_bytes_max
        self._channel: Channel | None = None
        self._directory: Path | None = None
        self._hello: Hello | None = None
        self._answered = 0
        self._asked = 0
        self._deaths_in_a_row = 0

    def __enter__(self) -> ProcessSystem:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        if kind is None:
            self.close()
        else:
            self._stop()

    @property
    def hello(self) -> Hello:
        """How the system introduces itself; it is started for that."""
        self._started()
        assert self._hello is not None
        return self._hello

    def run(self, programs: Sequence[tuple[Op, ...]]) -> list[list[Observation]]:
        """The observations of each program of a batch, up to the first op of it that the system does not offer."""
        channel = self._started()
        first = self._asked
        ids = [str(number) for number in range(first, first + len(programs))]
        self._asked += len(programs)
        wire = [WireProgram(name, tuple([_wire_op(op) for op in ops])) for name, ops in zip(ids, programs, strict=True)]
        observations: list[list[Observation]] = []
        try:
            self._send(channel, Run(tuple(wire), self._deadlines.program_s, self._caller))
            for name, ops in zip(ids, programs, strict=True):
                observations.append(self._observations(channel, name, ops))
        except (Ended, Late) as failure:
            raise self._program_failed(str(failure), len(observations), len(programs)) from None
        except Interrupted as failure:
            raise self._failed(str(failure), "end each message with a line feed") from None
        self._deaths_in_a_row = 0
        return observations

    def run_one(self, program: tuple[Op, ...]) -> list[Observation]:
        """The observations of one program, as a batch of its own."""
        return self.run([program])[0]

    def run_alone(self, program: tuple[Op, ...]) -> list[Observation]:
        """The observations of one program, as a batch of its own."""
        return self.run_one(program)

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

    def _started(self) -> Channel:
        if self._channel is None:
            self._start()
        assert self._channel is not None
        return self._channel

    def _start(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="fdconform-system-", dir=self._base))
        self._answered = 0
        try:
            self._channel = Channel(self._command, self._directory, self._line_bytes_max)
        except OSError as error:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise AdapterFailed(
                f"cannot be started: {error.strerror}", where=self._name, hint=f"try: {' '.join(self._command)}"
            ) from None
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
        if self._hello not in (None, hello):
            raise self._failed("says hello differently when started again", "keep name, version and capabilities")
        self._hello = hello

    def _stop(self, grace_s: float = 0.0) -> None:
        if self._channel is not None:
            self._channel.stop(grace_s)
            self._channel = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    # Messages ---------------------------------------------------------------------------------

    def _send(self, channel: Channel, message: FromHarness) -> None:
        channel.send(line_of(message), self._deadlines.program_s)

    def _receive(self, channel: Channel, deadline_s: float) -> FromSystem:
        line = channel.receive(deadline_s)
        try:
            return read_from_system(line)
        except (ValueError, RecursionError) as error:
            problem = breach_of(error)
        raise self._failed(
            f"{problem}: {_excerpt(line)}", "write messages to standard output, and all else to standard error"
        )

    def _observations(self, channel: Channel, name: str, ops: tuple[Op, ...]) -> list[Observation]:
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
        errors = self._channel.errors if self._channel is not None else ""
        self._stop()
        said = f"; it wrote to standard error: {errors}" if errors else ""
        return AdapterFailed(f"{message}{said}", where=self._name, hint=hint)

    def _program_failed(self, why: str, place: int, count: int) -> SystemFailed:
        self._deaths_in_a_row += 1
        if self._deaths_in_a_row > DEATHS_IN_A_ROW_MAX:
            return self._failed(
                f"{why}; it survived none of {self._deaths_in_a_row} runs in a row", "try it with a program by hand"
            )
        errors = self._channel.errors if self._channel is not None else ""
        self._stop()
        said = f"; it wrote to standard error: {errors}" if errors else ""
        return ProgramFailed(f"{why}{said}", f"{self._name}, program {place + 1} of a batch of {count}", place)


def breach_of(error: Exception) -> str:
    """What is wrong with a line that is no message, from the error of reading it."""
    if isinstance(error, UnicodeDecodeError):
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
    return f"a {type(message).__name__.lower()} message"


def _excerpt(line: bytes) -> str:
    text = line[:60].decode(errors="backslashreplace")
    return f"{text!r}{'…' if len(line) > 60 else ''}"
