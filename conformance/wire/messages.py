# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of the protocol, version 1: one JSON object a line.

The system opens with ``hello``. Then the harness sends ``run`` any number of times,
and the system answers each with an ``observed`` for every program of it, in order.
The harness ends with ``bye``; the system answers with a ``bye`` of its own and leaves.
"""

from __future__ import annotations

from typing import Any

import msgspec

from conformance.donation import Imports

PROTOCOL = 1


class Capabilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a system can do. ``ops`` are names as ``fdconform list ops`` prints them; null: all of them.

    A system that descriptors are donated to says in ``imports`` how it imports them;
    it is sent programs whose ops name either imports or the host's own descriptors, never both.
    """

    ops: tuple[str, ...] | None = None
    imports: Imports | None = None


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the model needs to know of the machine that the programs see; what is left out is as on this one.

    ``kernel`` is the release of Linux that the system is, or behaves like: its first two numbers.
    """

    kernel: tuple[int, int] | None = None
    filesystem: str | None = None
    uid: int | None = None
    gid: int | None = None
    capable: bool | None = None
    resource_capable: bool | None = None
    pipe_size_bytes_max: int | None = None
    datagram_queue_max: int | None = None
    listen_backlog_max: int | None = None
    file_size_bytes_max: int | None = None
    socket_buffer_bytes_default: int | None = None
    socket_buffer_bytes_max: int | None = None
    timer_ticks_per_second: int | None = None


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hello", tag_field="message"):
    """The first message of a system: the protocol it speaks, what it is, what it can do.

    ``issues`` is where its bugs are reported; ``environment`` is shown in reports.
    """

    protocol: int
    name: str
    version: str
    issues: str = ""
    capabilities: Capabilities = Capabilities()
    facts: Facts = Facts()
    environment: dict[str, str] = {}


class WireOp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One call: its name, its arguments by place, and the names that its results are known by from then on."""

    call: str
    arguments: tuple[Any, ...]
    out: tuple[str, ...] = ()


class WireProgram(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One program. Its id comes back with its observations."""

    id: str
    ops: tuple[WireOp, ...]


class Caller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What programs run under: RLIMIT_NOFILE, RLIMIT_FSIZE and the umask."""

    descriptors_max: int
    file_size_bytes_max: int
    umask: int


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="run", tag_field="message"):
    """Programs to run, each in a directory of its own. Each is to be answered within ``deadline_s`` seconds.

    With ``alone`` there is one program, and it should have nothing to do with those that ran before:
    a new process, or whatever the system has to offer.
    """

    programs: tuple[WireProgram, ...]
    deadline_s: float
    caller: Caller
    alone: bool = False


class WireObservation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one op gave: exactly one of the outcomes, and the signals that were raised in the caller meanwhile.

    ``value`` as the vocabulary has it; ``errno`` Linux's number; ``blocked``: the call slept with nobody to wake it;
    ``refused``: an import or save was refused; ``unsupported``: the system does not offer this, with the reason;
    ``broken``: what the system gave cannot be told, with the reason.
    """

    value: Any = msgspec.UNSET
    errno: int | msgspec.UnsetType = msgspec.UNSET
    blocked: bool | msgspec.UnsetType = msgspec.UNSET
    refused: bool | msgspec.UnsetType = msgspec.UNSET
    unsupported: str | msgspec.UnsetType = msgspec.UNSET
    broken: str | msgspec.UnsetType = msgspec.UNSET
    signals: tuple[int, ...] = ()


class Observed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="observed", tag_field="message"):
    """What the ops of one program gave, one observation each, in order."""

    program: str
    observations: tuple[WireObservation, ...]


class Bye(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="bye", tag_field="message"):
    """The last message, of either side. A system says how many programs it has answered."""

    programs: int = 0


FromSystem = Hello | Observed | Bye
FromHarness = Run | Bye
_FROM_SYSTEM: msgspec.json.Decoder[FromSystem] = msgspec.json.Decoder(FromSystem)
_FROM_HARNESS: msgspec.json.Decoder[FromHarness] = msgspec.json.Decoder(FromHarness)
_ENCODER = msgspec.json.Encoder()


def line_of(message: FromSystem | FromHarness) -> bytes:
    """A message as a line."""
    return _ENCODER.encode(message) + b"\n"


def read_from_system(line: bytes) -> FromSystem:
    """The message of a system in a line. msgspec.MsgspecError, or UnicodeDecodeError, for a line that is none."""
    return _FROM_SYSTEM.decode(line)


def read_from_harness(line: bytes) -> FromHarness:
    """The message of the harness in a line."""
    return _FROM_HARNESS.decode(line)


def fields_of(observation: WireObservation) -> dict[str, Any]:
    """What a system said in an observation, by name."""
    named = {name: getattr(observation, name) for name in observation.__struct_fields__}
    return {name: value for name, value in named.items() if value is not msgspec.UNSET}
