# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Triage of a program that diverged: confirm it alone, name its bucket, reduce it once per bucket.

A divergence that a lone run does not show every time is *flaky*, and is reported as such with its count.
Flakiness is a bug in the model, the worker or the comparison; nothing is tried again in silence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from conformance import events
from conformance.corpus import store
from conformance.divergence import Divergence, diverge
from conformance.errors import Inconclusive
from conformance.golden import PROGRAM_SUFFIX
from conformance.grammar import observation_text, op_text, program_text, trace_line
from conformance.judging import Suspect
from conformance.observation import Observation
from conformance.ops import Op
from conformance.program import Program
from conformance.reduce import reduce_program, same_bucket
from conformance.systems.native_worker import NativeWorker, WorkerDied
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

CONFIRMATIONS = 3
CRASH_REDUCTION_TRIES_MAX = 30


class Triage:
    """Judges suspects on a native worker of its own.

    ``buckets`` maps a bucket to the number of programs in it. ``keep`` is where reduced programs are stored, if at all.
    """

    def __init__(self, profile: Profile, base: Path, law: str, keep: Path | None = None) -> None:
        self._profile = profile
        self._law = law
        self._keep = keep
        self._worker = NativeWorker(profile, base)
        self.buckets: dict[str, int] = {}

    def __enter__(self) -> Triage:
        return self

    def __exit__(self, *unused: object) -> None:
        self._worker.close()

    def judge(self, suspect: Suspect, kind: str) -> Iterator[events.Event]:
        """What there is to tell of a suspect: a new bucket, one more occurrence of a known one, or a note."""
        if suspect.failure:
            yield self._crash(suspect, kind)
            return
        found = [self._diverge(suspect.ops) for _ in range(CONFIRMATIONS)]
        confirmed = [divergence for divergence in found if divergence is not None]
        if not confirmed:
            yield self._flaky(suspect, kind, 0)
            return
        divergence = confirmed[0]
        if divergence.bucket in self.buckets:
            self._count(divergence.bucket)
            yield events.Occurrence(divergence.bucket, suspect.seed)
            return
        try:
            event = self._reduced(suspect, kind, divergence, len(confirmed))
        except Inconclusive:
            # It diverged a moment ago, and does not when the reduction begins.
            event = self._flaky(suspect, kind, len(confirmed))
        else:
            self._count(divergence.bucket)
        yield event

    def _count(self, bucket: str) -> None:
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def _observe(self, ops: tuple[Op, ...]) -> list[Observation]:
        return self._worker.run_alone(ops)

    def _model(self) -> Linux:
        return Linux(self._profile)

    def _diverge(self, ops: tuple[Op, ...]) -> Divergence | None:
        return diverge(ops, self._observe(ops), self._model)

    def _reduced(self, suspect: Suspect, kind: str, divergence: Divergence, confirmed: int) -> events.Divergence:
        same = same_bucket(divergence.bucket, self._observe, self._model)

        def survives_and_diverges(ops: tuple[Op, ...]) -> bool:
            try:
                return same(ops)
            except WorkerDied:
                return False

        reduction = reduce_program(suspect.ops, survives_and_diverges)
        observed = self._observe(reduction.ops)
        final = diverge(reduction.ops, observed, self._model) or divergence
        if self._keep is not None:
            store(self._keep, final, reduction.ops)
        return events.Divergence(
            bucket=divergence.bucket,
            title=final.title,
            verdict="diverges" if confirmed == CONFIRMATIONS else "flaky",
            law=self._law,
            kind=kind,
            op=final.signature.op,
            clauses=final.signature.clauses,
            seed=suspect.seed,
            program=program_text(Program(suspect.ops)),
            reduced=program_text(Program(reduction.ops)),
            trace="".join(f"{trace_line(op, seen)}\n" for op, seen in zip(reduction.ops, observed, strict=True)),
            step=final.index,
            predicted=observation_text(final.op, final.predicted),
            observed=observation_text(final.op, final.observed),
            confirmed=(confirmed, CONFIRMATIONS),
            reduction_tries=reduction.tries,
            replay=self._replay(suspect),
        )

    def _replay(self, suspect: Suspect) -> str:
        user = "" if self._profile.uid == os.getuid() else " --user"
        stored = suspect.seed.endswith(PROGRAM_SUFFIX)
        return f"fdconform replay {'' if stored else 'seed:'}{suspect.seed}{user}"

    def _flaky(self, suspect: Suspect, kind: str, confirmed: int) -> events.Divergence:
        bucket = f"B-unsteady-{len(self.buckets)}"
        self._count(bucket)
        last = suspect.ops[-1]
        return events.Divergence(
            bucket=bucket,
            title=f"a program diverged in its batch, and in {confirmed} of {CONFIRMATIONS} runs alone",
            verdict="flaky",
            law=self._law,
            kind=kind,
            op=last.call,
            clauses=(),
            seed=suspect.seed,
            program=program_text(Program(suspect.ops)),
            reduced=program_text(Program(suspect.ops)),
            trace=program_text(Program(suspect.ops)),
            step=len(suspect.ops) - 1,
            predicted="",
            observed="",
            confirmed=(confirmed, CONFIRMATIONS),
            reduction_tries=0,
            replay=self._replay(suspect),
        )

    def _crash(self, suspect: Suspect, kind: str) -> events.Divergence:
        """A program that the worker does not survive: its bucket is the op it died in."""
        reduction = reduce_program(suspect.ops, self._kills, CRASH_REDUCTION_TRIES_MAX)
        last = reduction.ops[-1]
        bucket = f"B-died-{last.call}"
        self._count(bucket)
        return events.Divergence(
            bucket=bucket,
            title=f"{last.call}: {suspect.failure}",
            verdict="adapter-error",
            law=self._law,
            kind=kind,
            op=last.call,
            clauses=(),
            seed=suspect.seed,
            program=program_text(Program(suspect.ops)),
            reduced=program_text(Program(reduction.ops)),
            trace="".join(f"{op_text(op)}\n" for op in reduction.ops),
            step=len(reduction.ops) - 1,
            predicted="an observation",
            observed=suspect.failure,
            confirmed=(1, 1),
            reduction_tries=reduction.tries,
            replay=self._replay(suspect),
        )

    def _kills(self, ops: tuple[Op, ...]) -> bool:
        try:
            self._observe(ops)
        except WorkerDied:
            return True
        return False
