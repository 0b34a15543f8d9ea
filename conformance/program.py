# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Programs and traces: values, and the text that a person reads.

A :class:`Program` is a list of ops. A :class:`Trace` is a program with what each op gave.
The text is a restricted Python, parsed by :mod:`ast` and never evaluated: see :mod:`conformance.grammar`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.domains.base import Slot
from conformance.errors import BadProgram
from conformance.observation import Observation
from conformance.ops import Op, slots_read, spec_of

Comments = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A list of ops. ``comments`` holds (op index, text) of comment lines and does not take part in equality."""

    ops: tuple[Op, ...]
    comments: Comments = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Trace:
    """A program, an observation for each op, and the environment that gave them (name and value pairs)."""

    program: Program
    observations: tuple[Observation, ...]
    environment: tuple[tuple[str, str], ...] = ()


def validate(ops: Iterable[Op]) -> None:
    """Raise BadProgram when an op reads a slot that no earlier op made, or the arguments do not fit the op."""
    made: set[Slot] = set()
    for index, op in enumerate(ops):
        spec = spec_of(op)
        where = f"op {index + 1}, {spec.name}"
        if len(op.arguments) != len(spec.parameters):
            names = ", ".join(parameter.name for parameter in spec.parameters)
            raise BadProgram(
                f"takes {len(spec.parameters)} arguments, {len(op.arguments)} given",
                where=where,
                hint=f"{spec.call}({names})",
            )
        for slot in slots_read(op):
            if slot not in made:
                raise BadProgram(
                    f"slot {slot} is used before it is made",
                    where=where,
                    hint=f"assign it in an earlier line, for example {slot} = open(…)",
                )
        if op.out and spec.handles is None:
            raise BadProgram(
                "makes no descriptor to name", where=where, hint=f"write it without `{', '.join(op.out)} =`"
            )
        made.update(op.out)
