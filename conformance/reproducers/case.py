# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a reproducer shows: calls with what each is expected to give, and where one gave something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.events import Divergence, Header
from conformance.grammar import observation_text, op_text, read_program, read_trace
from conformance.ops import Op
from conformance.program import Trace

ROOT = 0


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
    trace = read_trace(_whole(divergence.trace))
    seen = trace.observations
    steps = [Step(op, observation_text(op, seen[place])) for place, op in enumerate(ops[:-1])]
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


def _whole(trace: str) -> str:
    """The text of a trace with its end mark: an event log closes in its own way."""
    return trace if trace.endswith("#: end\n") else f"{trace.rstrip()}\n#: end\n"
