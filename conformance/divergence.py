# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Divergences: where a system and the model part, and what makes two of them the same bug.

A :class:`Signature` holds what stays the same when a bug is met again in another program:
the op, the classes of the two outcomes, the place inside the result where they differ,
the clauses that the model cited, and the kind of descriptor.
Numbers, data and slot names do not enter it. Its digest names the bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from conformance.domains.base import Domain, Slot, text_of
from conformance.domains.compound import ListOf, Record, TupleOf
from conformance.domains.data import Bytes
from conformance.domains.numbers import Flags
from conformance.grammar import observation_text
from conformance.interpreter import System
from conformance.observation import Observation, Signalled, outcome_name
from conformance.ops import Op, slots_read, spec_of
from conformance.oracle import Mismatch, allows, clauses_at, first_mismatch, predict
from reference.constants.open_flags import O_DIRECTORY, O_TMPFILE
from reference.constants.sockets import SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

BUCKET_DIGITS = 8
TITLE_VALUE_CHARACTERS_MAX = 40

MakeModel = Callable[[], System]


@dataclass(frozen=True, slots=True)
class Signature:
    """What two divergences of one bug have in common.

    ``predicted`` and ``observed`` are classes of outcomes as :func:`~conformance.observation.outcome_name` gives them.
    ``field`` is the place where two values differ, such as ``stat.size`` or ``length``; empty when the classes differ.
    ``tag`` is the kind of the descriptor, such as ``pipe.read``; empty when the program does not tell.
    """

    op: str
    predicted: str
    observed: str
    field: str
    clauses: tuple[str, ...]
    tag: str

    @property
    def bucket(self) -> str:
        """The stable id of the bucket: ``B-`` and the first hexadecimal digits of a digest."""
        parts = (self.op, self.predicted, self.observed, self.field, self.tag, *sorted(self.clauses))
        return f"B-{sha256(chr(0).join(parts).encode()).hexdigest()[:BUCKET_DIGITS]}"


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first op of a program whose observation the model does not allow.

    ``index`` is its place in the program. ``title`` is one line for lists,
    such as ``write on pipe.write: model EPIPE & SIGPIPE, native 1``.
    ``seen`` is all that was observed, up to this op, where one system is held against a model.
    """

    op: Op
    index: int
    predicted: Observation
    observed: Observation
    signature: Signature
    title: str
    seen: tuple[Observation, ...] = field(default=(), compare=False)

    @property
    def bucket(self) -> str:
        """The id of the bucket."""
        return self.signature.bucket


def diverge(
    ops: Sequence[Op], observed: Sequence[Observation], make_model: MakeModel, system: str = "native"
) -> Divergence | None:
    """Where a system's observations of a program first leave what a fresh model allows; None when they never do.

    ``system`` is what the title calls the system that was observed.
    """
    mismatch = first_mismatch(predict(ops, make_model(), observed), observed)
    if mismatch is None:
        return None
    op = ops[mismatch.index]
    spec = spec_of(op)
    parting = part(spec.result, mismatch.predicted, mismatch.observed)
    signature = Signature(
        op=spec.name,
        predicted=outcome_name(mismatch.predicted),
        observed=outcome_name(mismatch.observed),
        field=parting.field if parting else "",
        clauses=clauses_at(ops, mismatch.index, make_model, observed),
        tag=slot_tag(ops, mismatch.index),
    )
    title = _title(signature, mismatch, op, parting, system)
    seen = tuple(observed[: mismatch.index + 1])
    return Divergence(op, mismatch.index, mismatch.predicted, mismatch.observed, signature, title, seen)


def _title(signature: Signature, mismatch: Mismatch, op: Op, parting: Parting | None, system: str) -> str:
    on = f" on {signature.tag}" if signature.tag else ""
    if parting is None:
        where = ""
        predicted, observed = (observation_text(op, outcome) for outcome in (mismatch.predicted, mismatch.observed))
    else:
        where = f", {parting.field}" if "." in parting.field or "[" in parting.field else ""
        predicted, observed = parting.predicted, parting.observed
    return f"{signature.op}{on}{where}: model {clipped_outcome(predicted)}, {system} {clipped_outcome(observed)}"


def clipped_outcome(text: str) -> str:
    """An outcome in a title."""
    return text if len(text) <= TITLE_VALUE_CHARACTERS_MAX else text[: TITLE_VALUE_CHARACTERS_MAX - 1] + "…"


# Where two values part --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parting:
    """The first place where two values differ, with the text of each side there."""

    field: str
    predicted: str
    observed: str


def part(domain: Domain, predicted: Any, observed: Any) -> Parting | None:
    """Where two values of a result's domain first differ; None when one of them is no value, or nothing differs.

    A field is named by the way to it: ``stat.size``, ``[0] POLLHUP`` (bits by name), ``length`` or ``data`` of bytes.
    """
    if isinstance(predicted, Signalled) and isinstance(observed, Signalled):
        predicted, observed = predicted.outcome, observed.outcome
    if outcome_name(predicted) != "ok" or outcome_name(observed) != "ok":
        return None
    return next(partings(domain, predicted, observed), None)


def partings(domain: Domain, predicted: Any, observed: Any) -> Iterator[Parting]:
    """Every place where two values of a result's domain differ, in order, named as :func:`part` names the first."""
    if allows(predicted, observed):
        return
    if isinstance(predicted, tuple) and isinstance(observed, tuple):
        if len(predicted) != len(observed):
            yield Parting("length", text_of(domain, predicted), text_of(domain, observed))
            return
        for name, inner, one, other in _members(domain, predicted, observed):
            for parting in partings(inner, one, other):
                yield Parting(_joined(name, parting.field), parting.predicted, parting.observed)
        return
    texts = text_of(domain, predicted), text_of(domain, observed)
    if isinstance(domain, Bytes) and isinstance(predicted, bytes) and isinstance(observed, bytes):
        yield Parting("data" if len(predicted) == len(observed) else "length", *texts)
    elif isinstance(domain, Flags) and isinstance(predicted, int) and isinstance(observed, int):
        yield Parting(domain.text(predicted ^ observed), *texts)
    else:
        yield Parting("value", *texts)


def _members(domain: Domain, predicted: Any, observed: Any) -> list[tuple[str, Domain, Any, Any]]:
    """The members of two values of one shape: name, domain, and the two values."""
    if isinstance(domain, Record):
        named = [(f"{domain.name}.{name}", inner) for name, inner in domain.fields]
    elif isinstance(domain, TupleOf):
        named = [(f"[{place}]", inner) for place, inner in enumerate(domain.items)]
    else:
        assert isinstance(domain, ListOf)
        named = [("[]", domain.item)] * len(predicted)
    return [(name, inner, one, other) for (name, inner), one, other in zip(named, predicted, observed, strict=True)]


def _joined(name: str, field: str) -> str:
    return name if field == "value" else f"{name}{'' if field.startswith('[') else ' '}{field}"


# What kind of descriptor a slot is -----------------------------------------------------------------

_SOCKET_TAGS = {SOCK_STREAM: "socket.stream", SOCK_DGRAM: "socket.datagram", SOCK_SEQPACKET: "socket.seqpacket"}
_SOCKET_TYPE_MASK = 0xF
_FIXED_TAGS: Mapping[str, tuple[str, ...]] = {
    "pipe2": ("pipe.read", "pipe.write"),
    "posix_openpt": ("pty.master",),
    "open_slave": ("pty.slave",),
    "ioctl": ("pty.slave",),
    "epoll_create1": ("epoll",),
    "memfd_create": ("memory",),
    "mmap": ("mapping",),
    "spawn": ("process",),
    "descend": ("process",),
}
"""Tags of the slots that a call makes. The only ioctl(2) that makes one is TIOCGPTPEER."""


def slot_tags(ops: Sequence[Op]) -> dict[Slot, str]:
    """The kind of each slot of a program, as far as the program tells: ``file``, ``pipe.read``, ``pty.master`` …

    A duplicate carries the tag of its origin; a descriptor that came in a message is ``passed``.
    """
    tags: dict[Slot, str] = {}
    special: dict[str, str] = {}
    for op in ops:
        if op.call in ("mkfifo", "mkdir"):
            special[op.arguments[0]] = "fifo" if op.call == "mkfifo" else "directory"
        if op.out:
            made = _tags_made(op, tags, special)
            for place, slot in enumerate(op.out):
                tags[slot] = made[min(place, len(made) - 1)]
    return tags


def _tags_made(op: Op, tags: Mapping[Slot, str], special: Mapping[str, str]) -> tuple[str, ...]:
    if op.call in _FIXED_TAGS:
        return _FIXED_TAGS[op.call]
    if op.call == "open":
        return (_tag_of_path(op.arguments[0], op.arguments[1], special),)
    if op.call in ("socketpair", "socket"):
        return (_SOCKET_TAGS.get(op.arguments[1] & _SOCKET_TYPE_MASK, "socket"),)
    if op.call == "recvmsg":
        return ("passed",)
    return (tags.get(op.arguments[0], ""),)


def _tag_of_path(path: str, flags: int, special: Mapping[str, str]) -> str:
    if path.startswith("/dev/"):
        return "pty.master" if path == "/dev/ptmx" else "device"
    if flags & O_TMPFILE == O_TMPFILE:
        return "file"
    return "directory" if flags & O_DIRECTORY or path == "." else special.get(path, "file")


def slot_tag(ops: Sequence[Op], index: int) -> str:
    """The tag of the first slot that an op reads."""
    slots = slots_read(ops[index])
    return slot_tags(ops[:index]).get(slots[0], "") if slots else ""
