# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Judges a batch of programs: generate, observe, predict, compare, count.

It runs where the observations are made, inside the worker,
so that on the way that nearly every program takes nothing is copied between processes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.interpreter import System
from conformance.kinds import recipes_of
from conformance.laws import dismantle, law_of
from conformance.observation import NO_VALUE, RACED, Failure, Observation, failure, outcome_name
from conformance.ops import SELECTED_CALLS, Op, spec_of
from conformance.oracle import Mismatch, predict_with_marks
from conformance.strategies.programs import seeded_program
from conformance.variations import Varied
from reference.linux.profile import Profile

NamedProgram = tuple[str, tuple[Op, ...]]
Examine = Callable[[int, tuple[Op, ...], System], tuple[list[Observation], Mismatch | None]]
"""Observes one program, given with its number in the batch, and says where the model first does not allow it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A batch to run under a law: programs given outright, or ``count`` programs of a kind generated from ``seed``."""

    index: int
    kind: str
    seed: str
    profile: Profile
    count: int = 0
    programs: tuple[NamedProgram, ...] = ()
    law: str = "linux"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A program whose observations the model does not allow, or that the worker did not survive.

    ``seen`` is the step that the model did not allow in the batch, where that is known.
    """

    seed: str
    ops: tuple[Op, ...]
    failure: str = ""
    seen: Mismatch | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A program in which a clause explained a difference: its seed or file, and how many ops it has."""

    seed: str
    ops: int


@dataclass(slots=True)
class Result:
    """What a batch gave.

    ``differences`` counts, by host clause and by how, the differences that a clause explained;
    ``witnesses`` names a short program for each.
    ``unsupported`` counts the ops that a system under test declined to run, by name;
    ``varied`` counts its programs that give what its own release of Linux gives and this one does not, by what differs,
    and ``variations`` says what that is where it was met first;
    ``broken`` is its breach of the protocol: what, where, how to mend it.
    """

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
    differences: dict[str, dict[str, int]] = field(default_factory=dict)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    unsupported: dict[str, int] = field(default_factory=dict)
    varied: dict[str, int] = field(default_factory=dict)
    variations: list[Varied] = field(default_factory=list)
    broken: tuple[str, str, str] | None = None


def programs_of(task: Task) -> Iterable[NamedProgram]:
    """The programs of a task with their names, in order."""
    if task.programs:
        yield from task.programs
        return
    recipes = recipes_of(task.kind)
    for number in range(task.count):
        seed = f"{task.seed}/{task.kind}/{task.index}/{number}"
        yield seed, seeded_program(seed, recipes).ops


def counted(ops: Iterable[Op], observed: Iterable[Observation]) -> Counter[tuple[str, str]]:
    """How often each op had each outcome, by their names."""
    return Counter((spec_of(op).name, outcome_name(seen)) for op, seen in zip(ops, observed, strict=False))


def _before_the_race(ops: Sequence[Op], model: System, observed: Sequence[Observation]) -> tuple[int, list[str]]:
    """How many ops come before the first where time decides, and the clauses that are cited up to there."""
    _, marks = predict_with_marks(ops, model, observed)
    cited = model.cited[: marks[-1] if marks else 0]
    # The host model does not cite the rules of the kernel below it.
    cited += [model.choices.raced] if model.choices.raced in model.cited else []
    dismantle(model)
    return len(marks), cited


def judge(task: Task, examine: Examine, programs: Iterable[NamedProgram] | None = None) -> Result:
    """Run a batch, and compare each observation with what the model allows.

    ``programs`` are those of the task, where whoever observes them has to know them first.
    """
    started, cpu_started = time.monotonic(), time.process_time()
    result = Result(task.index, task.kind)
    counts: Counter[tuple[str, int, Any]] = Counter()
    raced: Counter[str] = Counter()
    clauses: Counter[str] = Counter()
    make_model = law_of(task.law).make_model
    for number, (seed, ops) in enumerate(programs_of(task) if programs is None else programs):
        model = make_model(task.profile)
        observed, mismatch = examine(number, ops, model)
        if mismatch is not None:
            result.suspects.append(Suspect(seed, ops, seen=mismatch))
        result.programs += 1
        result.ops += len(observed)
        sure, cited = len(observed), model.cited
        if model.choices.raced:
            sure, cited = _before_the_race(ops[:sure], make_model(task.profile), observed)
            raced.update([spec_of(op).name for op in ops[sure : len(observed)]])
        clauses.update(cited)
        dismantle(model)
        # The names are only looked up once a batch: here the ops and outcomes are told apart as cheaply as can be.
        counts.update(
            [
                (
                    call,
                    arguments[1] if call in SELECTED_CALLS else 0,
                    seen.errno if type(seen) is Failure else seen if type(seen) in NO_VALUE else None,
                )
                for (call, arguments, _), seen in zip(ops, observed[:sure], strict=False)
            ]
        )
    for (call, selector, outcome), count in counts.items():
        name = spec_of(Op(call, (None, selector))).name
        shown = outcome_name(failure(outcome) if type(outcome) is int else outcome)
        by_outcome = result.outcomes.setdefault(name, {})
        by_outcome[shown] = by_outcome.get(shown, 0) + count
    for name, count in raced.items():
        result.outcomes.setdefault(name, {})[RACED] = count
    result.clauses = dict(clauses)
    result.seconds = time.monotonic() - started
    result.cpu_seconds = time.process_time() - cpu_started
    return result
