# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A campaign: programs within a budget, over several processes; each divergence is confirmed, reduced, and bucketed.

Order: regressions and fixtures first, then generated programs, the kinds in turn.
The campaign goes on past known buckets; everything it learns goes to the event log at once.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from conformance import events
from conformance.budget import PROGRAMS_PER_BATCH, WHOLE, Budget, Portion
from conformance.environment import describe
from conformance.errors import ConformanceError, ExitCode, SystemFailed
from conformance.expectations import Expectations
from conformance.judging import NamedProgram, Result, Task
from conformance.laws import Law, law_of
from conformance.merging import verdict_of
from conformance.shard import shard_main
from conformance.since import Since
from conformance.subject_shard import broken_error
from conformance.subjects import Subject
from conformance.triage import Triage
from reference.linux.profile import Profile

SHARD_RESTARTS_MAX = 8
Listener = Callable[[events.Event], None]


@dataclass(frozen=True)
class Plan:
    """What a campaign is to do.

    ``programs`` holds (name, ops) of stored programs that run first, and without ``kinds`` alone;
    reduced programs are stored in ``keep``.
    ``subject`` is the system under test, and ``surroundings`` what a report says of it;
    without one it is the kernel we run on. ``expectations`` are its known divergences.
    What a baseline ``since`` knows does not fail the campaign.
    ``binary`` is the worker in C that makes the kernel's calls, where there is one.
    ``portion`` is what this campaign does of the whole; the first portion looks at what is expected as well.
    """

    run: str
    command: str
    seed: str
    budget: Budget
    budget_text: str
    kinds: tuple[str, ...]
    jobs: int
    profile: Profile
    base: Path
    programs: tuple[NamedProgram, ...] = ()
    law: str = "linux"
    keep: Path | None = None
    subject: Subject | None = None
    surroundings: tuple[tuple[str, str], ...] = ()
    expectations: Expectations | None = None
    since: Since | None = None
    portion: Portion = WHOLE
    binary: Path | None = None

    @property
    def whole_law(self) -> Law:
        """The law, about what it is held against, with the worker that runs programs natively."""
        return replace(law_of(self.law).on(self.subject), binary=self.binary)


class Campaign:
    """Runs a plan and tells listeners of every event."""

    def __init__(self, plan: Plan, listeners: Sequence[Listener]) -> None:
        self._plan = plan
        self._listeners = listeners
        self._started = time.monotonic()
        self._programs = self._ops = self._divergent = 0
        self._cpu_seconds = 0.0
        self._unsupported: Counter[str] = Counter()
        self.failure: ConformanceError | None = None
        """Why the campaign broke off, if it did."""

    def run(self) -> ExitCode:
        """Until the budget is used, or Ctrl-C. The footer is written in either case."""
        plan = self._plan
        law = plan.whole_law
        self._tell(
            events.Header(
                format=events.FORMAT_VERSION,
                run=plan.run,
                started=_now(),
                command=plan.command,
                seed=plan.seed,
                budget=plan.budget_text,
                law=law.statement,
                systems=law.systems,
                kinds=plan.kinds,
                environment={**describe(plan.profile), **dict(plan.surroundings)},
                shard=str(plan.portion),
            )
        )
        interrupted = False
        with Triage(
            plan.profile, plan.base, law, plan.keep, plan.expectations, since=plan.since, budget=plan.budget
        ) as triage:
            shards = Shards(plan)
            try:
                for event in triage.expected() if plan.portion.number == 1 else ():
                    self._tell(event)
                for result in in_order(shards.results(self._tasks()), plan.portion):
                    self._take(result, triage)
                for last in shards.farewells():
                    self._mind(last)
            except SystemFailed as failure:
                self.failure = failure
                self._tell(events.Note("error", str(failure)))
            except KeyboardInterrupt:
                interrupted = True
                self._tell(events.Note("warning", "interrupted: the budget was not used up"))
            finally:
                shards.close()
            if self._unsupported:
                self._tell(events.unoffered_note(self._unsupported))
            # What was not met in one portion may have been met in another: merging the shards decides that.
            for event in triage.unmet() if plan.portion == WHOLE else triage.unmet_so_far():
                self._tell(event)
            exit_code = self._verdict(triage, interrupted)
            if plan.since is not None:
                self._tell(plan.since.delta(self._obstacles(interrupted)))
            self._tell(
                events.Footer(
                    ended=_now(),
                    seconds=time.monotonic() - self._started,
                    cpu_seconds=self._cpu_seconds + time.process_time(),
                    programs=self._programs,
                    ops=self._ops,
                    divergent_programs=self._divergent,
                    buckets=len(triage.buckets),
                    interrupted=interrupted,
                    exit_code=exit_code,
                    failure=self.failure.message if self.failure else "",
                )
            )
        return exit_code

    def _verdict(self, triage: Triage, interrupted: bool) -> ExitCode:
        return verdict_of(
            triage.buckets.keys() - triage.known,
            failed=self.failure is not None,
            wrong=bool(triage.wrong),
            interrupted=interrupted,
        )

    def _obstacles(self, interrupted: bool) -> tuple[str, ...]:
        """Why what was found is not all that the budget would have found."""
        failed = (f"The system failed before the budget was used: {self.failure.message}.",) if self.failure else ()
        return (*failed, "It was stopped from outside before its budget was used.") if interrupted else failed

    def _tell(self, event: events.Event) -> None:
        for listener in self._listeners:
            listener(event)

    def _tasks(self) -> Iterator[Task]:
        """The batches of this portion: the whole is the same for everybody, so that portions fit together."""
        return (task for task in self._all_tasks() if self._plan.portion.holds(task.index))

    def _all_tasks(self) -> Iterator[Task]:
        plan = self._plan
        index = 0
        stored_ops = sum(len(ops) for _, ops in plan.programs)
        for start in range(0, len(plan.programs), PROGRAMS_PER_BATCH):
            chunk = plan.programs[start : start + PROGRAMS_PER_BATCH]
            yield Task(index, "stored", plan.seed, plan.profile, programs=chunk, law=plan.law)
            index += 1
        stored = index
        while plan.kinds and plan.budget.buys(index - stored, time.monotonic() - self._started, stored_ops):
            kind = plan.kinds[index % len(plan.kinds)]
            yield Task(index, kind, plan.seed, plan.profile, count=PROGRAMS_PER_BATCH, law=plan.law)
            index += 1

    def _take(self, result: Result, triage: Triage) -> None:
        self._programs += result.programs
        self._ops += result.ops
        self._cpu_seconds += result.cpu_seconds
        self._tell(
            events.Batch(
                index=result.index,
                kind=result.kind,
                programs=result.programs,
                ops=result.ops,
                seconds=result.seconds,
                outcomes=result.outcomes,
                clauses=result.clauses,
                differences=result.differences,
                witnesses={name: (witness.seed, witness.ops) for name, witness in result.witnesses.items()},
                unsupported=result.unsupported,
                varied=result.varied,
            )
        )
        for event in triage.variations(result.variations):
            self._tell(event)
        triage.count(result.outcomes, result.clauses)
        for note in result.notes:
            self._tell(events.Note("warning", note))
        self._unsupported.update(result.unsupported)
        for suspect in result.suspects:
            self._divergent += 1
            for event in triage.findings(suspect, result.kind):
                self._tell(event)
        self._mind(result)

    def _mind(self, result: Result) -> None:
        """Break off when the system under test is broken: nothing that it says from then on can be trusted."""
        if result.broken is not None:
            raise broken_error(result.broken)


def in_order(results: Iterator[Result], portion: Portion) -> Iterator[Result]:
    """Results in the order of their batches, however many processes make them: the first of a bucket is then the same.

    A batch that takes long keeps what was done after it waiting.
    """
    done: dict[int, Result] = {}
    due = portion.first
    for result in results:
        done[result.index] = result
        while due in done:
            yield done.pop(due)
            due += portion.of


class Shards:
    """The processes of a campaign, each with one task at a time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._context = multiprocessing.get_context("spawn")
        self._running: dict[Connection, tuple[SpawnProcess, Task | None]] = {}
        self._restarts = 0

    def results(self, tasks: Iterator[Task]) -> Iterator[Result]:
        """The result of each task, as they come. A shard that dies is replaced, and its task given out again."""
        for _ in range(self._plan.jobs):
            self._start()
        waiting: list[Task] = []
        for connection in tuple(self._running):
            self._assign(connection, waiting, tasks)
        while any(task for _, task in self._running.values()):
            for ready in wait([c for c, (_, task) in self._running.items() if task]):
                assert isinstance(ready, Connection)
                process, task = self._running[ready]
                try:
                    result: Result = ready.recv()
                except (EOFError, OSError):
                    assert task is not None
                    waiting.append(task)
                    self._replace(ready, process)
                    for connection, (_, current) in tuple(self._running.items()):
                        if current is None:
                            self._assign(connection, waiting, tasks)
                    continue
                self._assign(ready, waiting, tasks)
                yield result

    def farewells(self) -> Iterator[Result]:
        """How each system took leave."""
        for connection in self._running:
            connection.send(None)
        for connection in self._running:
            yield connection.recv()

    def close(self) -> None:
        """End every shard; closing the connection lets it remove its directory."""
        for connection, (process, _) in self._running.items():
            connection.close()
            process.join(timeout=5)
            if process.is_alive():
                process.terminate()
                process.join()
        self._running.clear()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=shard_main,
            args=(theirs, self._plan.profile, self._plan.base, self._plan.whole_law),
            daemon=True,
        )
        process.start()
        theirs.close()
        self._running[ours] = (process, None)

    def _assign(self, connection: Connection, waiting: list[Task], tasks: Iterator[Task]) -> None:
        task = waiting.pop() if waiting else next(tasks, None)
        process, _ = self._running[connection]
        self._running[connection] = (process, task)
        if task is not None:
            connection.send(task)

    def _replace(self, connection: Connection, process: SpawnProcess) -> None:
        del self._running[connection]
        connection.close()
        process.join()
        self._restarts += 1
        if self._restarts > SHARD_RESTARTS_MAX:
            raise SystemFailed(
                f"{self._restarts} shard processes died, the last with exit code {process.exitcode}",
                hint="run with --jobs 1 and look at the last program in events.jsonl",
            )
        self._start()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def run_name() -> str:
    """A name for a run directory: the time, to the microsecond since one process may make several, and the process."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{os.getpid()}"
