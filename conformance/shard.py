# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A process that generates, runs and judges batches of programs.

It owns a native worker and reports what it found as plain values; the campaign decides what to do with them.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from conformance.kinds import recipes_of
from conformance.observation import Observation, outcome_name
from conformance.ops import Op, spec_of
from conformance.oracle import first_mismatch, predict
from conformance.strategies.programs import seeded_program
from conformance.systems.native_worker import NativeWorker, WorkerDied
from reference.linux.kernel import Linux
from reference.linux.profile import Profile


@dataclass(frozen=True, slots=True)
class Task:
    """A batch to run: programs given outright, or ``count`` programs of a kind generated from ``seed`` on."""

    index: int
    kind: str
    seed: str
    count: int = 0
    programs: tuple[tuple[str, tuple[Op, ...]], ...] = ()


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


def shard_main(connection: Connection, profile: Profile, base: Path) -> None:
    """Serve tasks until the campaign closes the connection. Ctrl-C is the campaign's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with NativeWorker(profile, base) as worker:
        shard = Shard(profile, worker)
        while True:
            try:
                task = connection.recv()
            except EOFError:
                return
            connection.send(shard.run(task))


class Shard:
    """Runs batches on one native worker."""

    def __init__(self, profile: Profile, worker: NativeWorker) -> None:
        self._profile = profile
        self._worker = worker

    def run(self, task: Task) -> Result:
        """Generate, run natively, predict, compare and count one batch."""
        started, cpu_started = time.monotonic(), time.process_time() + self._worker.cpu_seconds
        result = Result(task.index, task.kind)
        named = task.programs or self._generate(task)
        observed = self._observe(named, result)
        counts: Counter[tuple[str, str]] = Counter()
        clauses: Counter[str] = Counter()
        for (seed, ops), seen in zip(named, observed, strict=True):
            result.programs += 1
            if seen is None:
                continue
            result.ops += len(ops)
            model = Linux(self._profile)
            predicted = predict(ops, model, seen)
            if predicted != seen and first_mismatch(predicted, seen) is not None:
                result.suspects.append(Suspect(seed, ops))
            clauses.update(model.cited)
            counts.update([(spec_of(op).name, outcome_name(outcome)) for op, outcome in zip(ops, seen, strict=True)])
        for (name, outcome), count in counts.items():
            result.outcomes.setdefault(name, {})[outcome] = count
        result.clauses = dict(clauses)
        result.seconds = time.monotonic() - started
        result.cpu_seconds = time.process_time() + self._worker.cpu_seconds - cpu_started
        return result

    def _generate(self, task: Task) -> tuple[tuple[str, tuple[Op, ...]], ...]:
        recipes = recipes_of(task.kind)
        seeds = [f"{task.seed}/{task.kind}/{task.index}/{number}" for number in range(task.count)]
        return tuple((seed, seeded_program(seed, recipes).ops) for seed in seeds)

    def _observe(self, named: Sequence[tuple[str, tuple[Op, ...]]], result: Result) -> list[list[Observation] | None]:
        """Observations of each program; None for a program that the worker did not survive even alone.

        When the worker dies, the batch is run again without the program it died in, and that program alone.
        """
        observed: list[list[Observation] | None] = []
        while len(observed) < len(named):
            rest = [ops for _, ops in named[len(observed) :]]
            try:
                observed.extend(self._worker.run(rest))
            except WorkerDied as death:
                result.notes.append(f"{named[len(observed)][0]}: {death.message}; the batch is run again")
                before = rest[: death.program]
                observed.extend(self._alone(ops) for ops in before)
                seed, ops = named[len(observed)]
                alone = self._alone(ops)
                observed.append(alone)
                if alone is None:
                    result.suspects.append(Suspect(seed, ops, f"{death.message} (op {death.op + 1})"))
        return observed

    def _alone(self, ops: tuple[Op, ...]) -> list[Observation] | None:
        try:
            return self._worker.run_alone(ops)
        except WorkerDied:
            return None
