# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A process that keeps one native worker busy with batches, and answers for it when it dies."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from conformance.collector import look_seldom
from conformance.difference_shard import DifferenceShard
from conformance.interpreter import System
from conformance.judging import NamedProgram, Result, Suspect, Task, judge, programs_of
from conformance.laws import Law
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import Mismatch, first_mismatch, predict
from conformance.subject_shard import SubjectShard
from conformance.systems.native_worker import NativeWorker, WorkerDied
from conformance.systems.native_workers import native_worker
from reference.linux.profile import Profile


def shard_main(connection: Connection, profile: Profile, base: Path, law: Law) -> None:
    """Serve tasks until the campaign closes the connection. Ctrl-C is the campaign's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ExitStack() as stack:
        shard: Shard | DifferenceShard | SubjectShard
        if law.subject is not None:
            shard = stack.enter_context(SubjectShard(law.subject, profile, base))
        elif law.beside:
            shard = stack.enter_context(DifferenceShard(profile, base, law))
        else:
            look_seldom()
            shard = Shard(stack.enter_context(native_worker(law.native, profile, base, law.binary)))
        while True:
            try:
                task = connection.recv()
                connection.send(shard.run(task) if task is not None else shard.finish())
            except (EOFError, ConnectionError):
                # The campaign has closed the connection, perhaps while a batch was under way.
                return


class Shard:
    """Runs batches on one native worker."""

    def __init__(self, worker: NativeWorker) -> None:
        self._worker = worker

    def run(self, task: Task) -> Result:
        """Generate, run natively, predict, compare and count one batch."""
        before = self._worker.apart_cpu_us
        try:
            result = self._worker.perform(task)
            assert isinstance(result, Result)
            result.cpu_seconds += (self._worker.apart_cpu_us - before) % 2**32 / 10**6
            return result
        except WorkerDied as death:
            return self._piecewise(task, death)

    def finish(self) -> Result:
        """Nothing is left to say to a worker of our own."""
        return Result(0, "")

    def _piecewise(self, task: Task, death: WorkerDied) -> Result:
        """A batch that the worker did not survive, each program in a process of its own: nothing found is lost."""
        suspects: list[Suspect] = []
        programs = tuple(programs_of(task))
        survivors: list[NamedProgram] = []
        observations: list[list[Observation]] = []
        for seed, ops in programs:
            try:
                observations.append(self._worker.run_alone(ops))
                survivors.append((seed, ops))
            except WorkerDied as again:
                suspects.append(Suspect(seed, ops, f"{again.message} (op {again.op + 1})"))

        def recall(number: int, ops: tuple[Op, ...], model: System) -> tuple[list[Observation], Mismatch | None]:
            return observations[number], first_mismatch(predict(ops, model, observations[number]), observations[number])

        result = judge(replace(task, count=0, programs=tuple(survivors)), recall)
        result.programs += len(suspects)
        result.suspects.extend(suspects)
        where = programs[death.program][0] if death.program < len(programs) else task.seed
        result.notes.append(f"{where}: {death.message}; every program of the batch was run again, each alone")
        return result
