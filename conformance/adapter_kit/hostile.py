# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Hostile input: what is rarely sent, and what never is.

An adapter answers rightly, or leaves; it never hangs, and never invents an answer.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.adapter_kit.checks import Check, Outcome, attempt, failed
from conformance.adapter_kit.talk import Talk
from conformance.adapter_kit.vectors import MALFORMED_PART, read_vectors
from conformance.errors import SystemFailed
from conformance.grammar import observation_text, op_text, read_program
from conformance.ops import Op
from conformance.oracle import first_mismatch
from conformance.subjects import Subject, fitted
from conformance.systems.process import AdapterFailed, ProcessSystem

PART = "hostile input"
PROGRAMS = 64
LONG = 200
SHORT_PROGRAM = read_program("r0, r1 = pipe2(0)").ops
LONG_PROGRAM = read_program("r0, r1 = pipe2(0)\n" + "close(r0)\nr0 = dup(r1)\n" * LONG).ops
NOT_UNDERSTOOD = {
    "is sent half a message": b'{"message":"run","deadline_s":',
    "is sent a call that there is none of": b'{"message":"run","deadline_s":10.0,"alone":false,'
    b'"caller":{"descriptors_max":256,"file_size_bytes_max":2097152,"umask":18},'
    b'"programs":[{"id":"0","ops":[{"call":"no_such_call","arguments":[],"out":[]}]}]}\n',
}


def unusual(system: ProcessSystem) -> Iterator[Check]:
    """Messages that are right, and of unusual size."""
    yield attempt(PART, "a program without ops", lambda: system.run([()]))
    yield attempt(PART, "a message without programs", lambda: system.run([]))
    yield _many(system, f"{PROGRAMS} programs in a message, each afresh", SHORT_PROGRAM, PROGRAMS)
    yield _many(system, f"a program of {len(LONG_PROGRAM)} ops", LONG_PROGRAM, 1)


def _many(system: ProcessSystem, what: str, ops: tuple[Op, ...], count: int) -> Check:
    if fitted(ops, system.hello) != ops:
        return Check(PART, what, Outcome.NOT_OFFERED)
    try:
        observed = system.run([ops] * count)
    except SystemFailed as error:
        return failed(PART, what, error.message, error.hint)
    for place, seen in enumerate(observed, 1):
        mismatch = first_mismatch(observed[0][: len(seen)], seen[: len(observed[0])])
        if mismatch is not None:
            op = ops[mismatch.index]
            first, later = observation_text(op, mismatch.predicted), observation_text(op, mismatch.observed)
            return failed(
                PART,
                what,
                f"{op_text(op)} gave {first} in program 1 of a message, and {later} in program {place}",
                "close all descriptors, empty the directory, and forget all names between programs",
            )
    return Check(PART, what)


def not_understood(subject: Subject, base: Path) -> Iterator[Check]:
    """What breaks off, and what a later release of the harness might ask, each to an adapter of its own."""
    for what, line in NOT_UNDERSTOOD.items():
        yield _line(PART, what, line, subject, base)


def malformed_lines(subject: Subject, base: Path, fixtures: Path) -> Iterator[Check]:
    """Lines that are no message of the harness, each to an adapter of its own."""
    for vector in read_vectors(fixtures / "wire" / "malformed.jsonl"):
        if "op" not in vector:
            yield _line(MALFORMED_PART, f"is sent {vector['what']}", _bytes_of(vector) + b"\n", subject, base)


def _bytes_of(vector: dict[str, Any]) -> bytes:
    return vector["line"].encode() if "line" in vector else b64decode(vector["base64"])


def _line(part: str, what: str, line: bytes, subject: Subject, base: Path) -> Check:
    try:
        with Talk(subject, base) as talk:
            talk.say(line)
            invented = talk.end_input()
    except AdapterFailed as error:
        return failed(part, what, error.message, error.hint)
    if invented:
        return failed(
            part, what, "answered what it cannot have understood", 'leave, or tell {"unsupported": "…"} for such an op'
        )
    return Check(part, what)
