# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a reproducer shows: calls with what each is expected to give, and where one gave something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.domains.base import Slot
from conformance.errors import BadProgram
from conformance.events import Divergence, Header
from conformance.grammar import observation_text, op_text, read_program, read_trace
from conformance.ops import Op
from conformance.program import Trace

ROOT = 0
_NO_RESULTS = ("UNSUPPORTED", "unsupported(", "REFUSED", "errno(")
"""How the texts of outcomes begin that no system call has."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call. ``expected`` is the text of what it gives, which may hold allowed sets."""

    op: Op
    expected: str

    @property
    def text(self) -> str:
        """The call as a line of a program."""
        return op_text(self.op)


@dataclass(frozen=True, slots=True)
class Case:
    """A divergence, ready to be written down.

    ``steps`` end with the diverging one; ``actual`` is the text of what that one gave where it diverged.
    ``environment`` says by name where that was.
    """

    title: str
    steps: tuple[Step, ...]
    actual: str = ""
    bucket: str = ""
    clauses: tuple[str, ...] = ()
    law: str = ""
    replay: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def ops(self) -> tuple[Op, ...]:
        """The calls alone."""
        return tuple(step.op for step in self.steps)

    @property
    def calls(self) -> frozenset[str]:
        """The names of the calls that are made."""
        return frozenset(step.op.call for step in self.steps)

    @property
    def owner(self) -> tuple[int, int]:
        """The user and the group that the program ran as; root where the environment does not say."""
        user = self.environment.get("uid") or self.environment.get("user", "")
        uid, _, gid = user.removeprefix("uid ").partition(":")
        number = int(uid) if uid.isdecimal() else ROOT
        named = self.environment.get("gid", gid)
        return number, int(named) if named.isdecimal() else number


def case_of_trace(trace: Trace, title: str) -> Case:
    """A case in which every call is expected to give what the trace says."""
    steps = tuple(
        Step(op, observation_text(op, seen)) for op, seen in zip(trace.program.ops, trace.observations, strict=True)
    )
    return Case(title, steps, environment=dict(trace.environment))


def case_of_divergence(divergence: Divergence, header: Header) -> Case:
    """The case of a bucket of a run: its reduced program up to the step at which the systems part."""
    ops = read_program(divergence.reduced).ops[: divergence.step + 1]
    # Where the kernel was free on the way, a script must not insist on what it happened to do.
    expected = divergence.allowed or _recorded(divergence)
    steps = [Step(op, text) for op, text in zip(ops[:-1], expected, strict=False)]
    return Case(
        title=divergence.title,
        steps=(*steps, Step(ops[-1], divergence.predicted)),
        actual=divergence.observed,
        bucket=divergence.bucket,
        clauses=divergence.clauses,
        law=divergence.law,
        replay=divergence.replay,
        environment=header.environment,
    )


def check_callable(case: Case) -> None:
    """BadProgram for a case that no script of system calls can show; every form but a script can."""
    hint = "show it `--as trace`"
    if case.law.startswith("host("):
        raise BadProgram("the host model is no kernel that a script could call", where=case.bucket, hint=hint)
    made: set[Slot] = set()
    for number, step in enumerate(case.steps, 1):
        where = f"op {number}, {step.text}"
        if step.expected.startswith(_NO_RESULTS):
            raise BadProgram(f"{step.expected} is nothing that a call gives", where=where, hint=hint)
        if not made.isdisjoint(step.op.out):
            raise BadProgram("makes a slot again", where=where, hint="give each slot a name of its own")
        made.update(step.op.out)


def _recorded(divergence: Divergence) -> tuple[str, ...]:
    """What the kernel gave for each call: all that older event logs tell."""
    trace = read_trace(_whole(divergence.trace))
    return tuple(observation_text(op, seen) for op, seen in zip(trace.program.ops, trace.observations, strict=True))


def _whole(trace: str) -> str:
    """The text of a trace with its end mark: an event log closes in its own way."""
    return trace if trace.endswith("#: end\n") else f"{trace.rstrip()}\n#: end\n"
