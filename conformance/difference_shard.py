# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A shard of the law of differences: batches run on the host model over the kernel and on the kernel itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from conformance.comparison import Comparer, Comparison
from conformance.judging import NamedProgram, Result, Suspect, Task, Witness, counted, programs_of
from conformance.laws import Law
from conformance.observation import RACED, Observation
from conformance.ops import Op, spec_of
from conformance.systems.native_worker import NativeWorker, WorkerDied
from conformance.systems.native_workers import native_worker
from reference.linux.profile import Profile


class DifferenceShard:
    """Runs batches on two workers, and explains every difference between them. Use as a context manager."""

    def __init__(self, profile: Profile, base: Path, law: Law) -> None:
        self._host = native_worker(law.native, profile, base, law.binary)
        self._native = native_worker(law.beside, profile, base, law.binary)
        self.comparer = Comparer(profile, self._host.run_one, self._native.run_one)

    def __enter__(self) -> DifferenceShard:
        return self

    def __exit__(self, *unused: object) -> None:
        self._host.close()
        self._native.close()

    def run(self, task: Task) -> Result:
        """Run one batch on both sides and explain what differs."""
        started, cpu_started = time.monotonic(), time.process_time()
        result = Result(task.index, task.kind)
        programs = tuple(programs_of(task))
        host = self._observed(self._host, programs, result)
        native = self._observed(self._native, programs, result)
        outcomes: Counter[tuple[str, str]] = Counter()
        clauses: Counter[str] = Counter()
        for (seed, ops), on_host, on_native in zip(programs, host, native, strict=True):
            if on_host is None or on_native is None:
                continue
            try:
                comparison = self.comparer.explained(ops, on_host, on_native)
            except WorkerDied as death:
                result.suspects.append(Suspect(seed, ops, death.message))
                continue
            result.programs += 1
            result.ops += len(comparison.ops)
            clauses.update(comparison.cited)
            sure = comparison.sure
            outcomes.update(counted(comparison.ops[:sure], comparison.host))
            outcomes.update((spec_of(op).name, RACED) for op in comparison.ops[sure:])
            _attribute(result, seed, comparison)
            if comparison.unexplained is not None:
                result.suspects.append(Suspect(seed, ops))
        for (name, outcome), count in outcomes.items():
            result.outcomes.setdefault(name, {})[outcome] = count
        result.clauses = dict(clauses)
        result.seconds = time.monotonic() - started
        result.cpu_seconds = time.process_time() - cpu_started
        return result

    def finish(self) -> Result:
        """Nothing is left to say to workers of our own."""
        return Result(0, "")

    def _observed(
        self, worker: NativeWorker, programs: Sequence[NamedProgram], result: Result
    ) -> list[list[Observation] | None]:
        """What a worker gives for each program; None for one that it does not survive, which is then a suspect."""
        try:
            return list(worker.run([ops for _, ops in programs]))
        except WorkerDied as death:
            result.notes.append(f"{death.message}; every program of the batch was run again, each alone")
        return [_alone(worker.run_alone, seed, ops, result) for seed, ops in programs]


def _alone(
    run_alone: Callable[[tuple[Op, ...]], list[Observation]], seed: str, ops: tuple[Op, ...], result: Result
) -> list[Observation] | None:
    try:
        return run_alone(ops)
    except WorkerDied as death:
        result.suspects.append(Suspect(seed, ops, f"{death.message} (op {death.op + 1})"))
        return None


def _attribute(result: Result, seed: str, comparison: Comparison) -> None:
    """Book which clauses explained a difference, how, and the shortest program in which each did as a rule."""
    for difference in comparison.differences:
        if difference.raced:
            continue
        for clause in difference.clauses:
            hows = result.differences.setdefault(clause, {})
            hows[difference.how] = hows.get(difference.how, 0) + 1
            shortest = result.witnesses.get(clause)
            if shortest is None or len(comparison.ops) < shortest.ops:
                result.witnesses[clause] = Witness(seed, len(comparison.ops))
