# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Judges a batch of programs: generate, observe, predict, compare, count.

It runs where the observations are made, inside the worker,
so that on the way that nearly every program takes nothing is copied between processes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from conformance.kinds import recipes_of
from conformance.observation import Observation, outcome_name
from conformance.ops import Op, spec_of
from conformance.oracle import first_mismatch, predict
from conformance.strategies.programs import seeded_program
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

NamedProgram = tuple[str, tuple[Op, ...]]
Observe = Callable[[int, tuple[Op, ...]], list[Observation]]
"""Observes one program, given with its number in the batch."""


@dataclass(frozen=True, slots=True)
class Task:
    """A batch to run: programs given outright, or ``count`` programs of a kind generated from ``seed`` on."""

    index: int
    kind: str
    seed: str
    profile: Profile
    count: int = 0
    programs: tuple[NamedProgram, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspect:
    """A program whose observations the model does not allow, or that the worker did not survive."""

    seed: str
    ops: tuple[Op, ...]
    failure: str = ""


@dataclass(slots=True)
class Result:
    """What a batch gave."""

    index: int
    kind: str
    programs: int = 0
    ops: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    clauses: dict[str, int] = field(default_factory=dict)
    suspects: list[Suspect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def programs_of(task: Task) -> Iterable[NamedProgram]:
    """The programs of a task with their names, in order."""
    if task.programs:
        yield from task.programs
        return
    recipes = recipes_of(task.kind)
    for number in range(task.count):
        seed = f"{task.seed}/{task.kind}/{task.index}/{number}"
        yield seed, seeded_program(seed, recipes).ops


def judge(task: Task, observe: Observe) -> Result:
    """Run a batch, and compare each observation with what the model allows."""
    started, cpu_started = time.monotonic(), time.process_time()
    result = Result(task.index, task.kind)
    counts: Counter[tuple[str, str]] = Counter()
    clauses: Counter[str] = Counter()
    for number, (seed, ops) in enumerate(programs_of(task)):
        observed = observe(number, ops)
        model = Linux(task.profile)
        predicted = predict(ops, model, observed)
        if predicted != observed and first_mismatch(predicted, observed) is not None:
            result.suspects.append(Suspect(seed, ops))
        result.programs += 1
        result.ops += len(ops)
        clauses.update(model.cited)
        counts.update([(spec_of(op).name, outcome_name(seen)) for op, seen in zip(ops, observed, strict=True)])
    for (name, outcome), count in counts.items():
        result.outcomes.setdefault(name, {})[outcome] = count
    result.clauses = dict(clauses)
    result.seconds = time.monotonic() - started
    result.cpu_seconds = time.process_time() - cpu_started
    return result
