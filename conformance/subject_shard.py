# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A shard of a campaign on a system under test: batches run there, and are held against the model here.

A program that the system does not survive is taken out of its batch and the rest goes on, on a system started again.
A breach of the protocol ends the campaign; what was answered before it is judged all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from conformance.environment import kernel_release
from conformance.errors import ConformanceError, ProgramFailed
from conformance.interpreter import System
from conformance.judging import NamedProgram, Result, Suspect, Task, judge, programs_of
from conformance.laws import law_of
from conformance.observation import Observation
from conformance.ops import Op, spec_of
from conformance.oracle import Mismatch, first_mismatch, predict
from conformance.runners import started, without_refused
from conformance.subjects import Subject, fitted
from conformance.systems.process import AdapterFailed, ProcessSystem
from conformance.variations import Releases
from reference.linux.profile import Profile

DEATHS_AT_FIRST_MAX = 3
DEATHS_IN_A_ROW_MAX = 25
"""A system that survives none of so many programs fails for a reason of its own; sooner if it never answered any."""

Answer = tuple[NamedProgram, list[Observation]]


class SubjectShard:
    """Runs batches on one system. Use as a context manager."""

    def __init__(self, subject: Subject, profile: Profile, base: Path) -> None:
        self._system: ProcessSystem = started(subject, profile, base)
        self._answered = False
        here = kernel_release()
        law = law_of(subject.law).on(subject)
        self._releases = Releases(law, profile, here) if profile.kernel != here else None

    def __enter__(self) -> SubjectShard:
        return self

    def __exit__(self, *unused: object) -> None:
        # Whoever did not say goodbye in finish() is not waited for.
        self._system.kill()

    def run(self, task: Task) -> Result:
        """Run what the system offers of a batch, and compare it with what the model allows."""
        batch = Result(task.index, task.kind)
        answers: list[Answer] = []
        try:
            hello = self._system.hello
            programs = [(seed, fitted(ops, hello)) for seed, ops in programs_of(task)]
            answers.extend(self._answers([(seed, ops) for seed, ops in programs if ops], batch))
        except AdapterFailed as failure:
            batch.broken = (failure.message, failure.where, failure.hint)

        def recall(number: int, ops: tuple[Op, ...], model: System) -> tuple[list[Observation], Mismatch | None]:
            observed = answers[number][1]
            return observed, first_mismatch(predict(ops, model, observed), observed)

        programs_run = tuple([program for program, _ in answers])
        result = judge(replace(task, programs=programs_run), recall) if answers else Result(task.index, task.kind)
        if self._releases is not None:
            self._vary(self._releases, answers, result)
        result.programs += len(batch.suspects)
        result.suspects.extend(batch.suspects)
        result.notes.extend(batch.notes)
        result.unsupported = batch.unsupported
        result.broken = batch.broken
        return result

    def _vary(self, releases: Releases, answers: list[Answer], result: Result) -> None:
        """Count what of the programs that conform is the release's own."""
        suspects = {suspect.seed for suspect in result.suspects}
        result.varied = releases.varied(
            (seed, ops, observed) for (seed, ops), observed in answers if seed not in suspects
        )
        result.variations = releases.known(result.varied)

    def finish(self) -> Result:
        """Say goodbye to the system, which may fail at that."""
        result = Result(0, "")
        try:
            self._system.close()
        except AdapterFailed as failure:
            result.broken = (failure.message, failure.where, failure.hint)
        return result

    def _answers(self, programs: list[NamedProgram], batch: Result) -> Iterator[Answer]:
        """What the system gives for each program, cleared of what it does not offer."""
        while programs:
            again: list[NamedProgram] = []
            for (seed, ops), observed in self._survivors(programs, batch):
                if len(observed) == len(ops):
                    yield (seed, ops), observed
                    continue
                name = spec_of(ops[len(observed)]).name
                batch.unsupported[name] = batch.unsupported.get(name, 0) + 1
                rest = without_refused(ops, observed)
                again += [(seed, rest)] if rest else []
            programs = again

    def _survivors(self, programs: list[NamedProgram], batch: Result) -> Iterator[Answer]:
        """Each program that the system survives. One that it does not is a suspect, once it fails alone as well."""
        deaths = 0
        while programs:
            done = 0
            try:
                for observed in self._system.answers([ops for _, ops in programs]):
                    yield programs[done], observed
                    done += 1
                    deaths = 0
                    self._answered = True
                return
            except ProgramFailed as death:
                seed, ops = programs[done]
                batch.notes.append(f"{seed}: {death.message}; it was run again, alone")
            try:
                yield programs[done], self._system.run_alone(ops)
            except ProgramFailed as again:
                deaths += 1
                if deaths >= (DEATHS_IN_A_ROW_MAX if self._answered else DEATHS_AT_FIRST_MAX):
                    raise AdapterFailed(
                        f"{again.message}, and so for {deaths} programs in a row",
                        where=self._system.name,
                        hint="run one program by hand: fdconform replay --on …",
                    ) from None
                batch.suspects.append(Suspect(seed, ops, again.message))
            programs = programs[done + 1 :]


def broken_error(broken: tuple[str, str, str]) -> ConformanceError:
    """The error of a shard, in the process of the campaign."""
    message, where, hint = broken
    return AdapterFailed(message, where=where, hint=hint)
