# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Triage of a program that diverged: confirm it alone, name its bucket, reduce it once per bucket.

A divergence that a lone run does not show every time is *flaky*, and is reported as such with its count.
Flakiness is a bug in the model, the worker or the comparison; nothing is tried again in silence.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec

from conformance import events
from conformance.conditions import facts_of
from conformance.corpus import SUFFIX, store
from conformance.divergence import Divergence
from conformance.environment import beside
from conformance.errors import Inconclusive, ProgramFailed
from conformance.examiners import examiner_of, same_bucket
from conformance.expectations import Expectations, Waiver, key_of
from conformance.grammar import observation_text, program_text, trace_line
from conformance.judging import Suspect
from conformance.laws import Law
from conformance.observation import Observation
from conformance.ops import Op, spec_of
from conformance.oracle import predict
from conformance.program import Program
from conformance.reduce import Reduction, reduce_program
from conformance.subjects import kept
from conformance.systems.native_worker import NativeWorker
from conformance.waived import Watch
from reference.linux.profile import Profile

CONFIRMATIONS = 3
LOOKS_MAX = 40
CRASH_REDUCTION_TRIES_MAX = 30
SUBJECT_CRASH_TRIES_MAX = 6
"""A system under test may need its whole deadline for every try, and is started anew for each."""
DIED = "B-died-"
"""How the buckets begin that hold programs which the worker does not survive."""


class Triage:
    """Judges suspects on a native worker of its own.

    ``buckets`` maps a bucket to the number of programs in it. ``keep`` is where reduced programs are stored, if at all.
    """

    def __init__(
        self,
        profile: Profile,
        base: Path,
        law: Law,
        keep: Path | None = None,
        expectations: Expectations | None = None,
        today: date | None = None,
    ) -> None:
        self._profile = profile
        self._law = law
        self._keep = keep
        self._examiner = examiner_of(profile, base, law)
        self._native = NativeWorker(profile, beside(profile, base)) if law.subject else None
        facts = facts_of(profile, law.subject.release if law.subject else "")
        self._watch = Watch(expectations or Expectations(Path()), facts, today or date.today())
        self._ops_run: Counter[str] = Counter()
        self._clauses_cited: Counter[str] = Counter()
        self.buckets: dict[str, int] = {}

    def __enter__(self) -> Triage:
        return self

    def __exit__(self, *unused: object) -> None:
        self._examiner.close()
        if self._native is not None:
            self._native.close()

    @property
    def wrong(self) -> Sequence[str]:
        """The waivers that are wrong: stale, expired, unmatched."""
        return self._watch.wrong

    def expected(self) -> Iterator[events.Event]:
        """Look whether each waiver still holds: its divergence, waived, or a note that it is wrong."""
        yield from self._watch.at_first_sight()
        for waiver in self._watch.waivers:
            if not waiver.bucket:
                continue
            try:
                divergence = self._examiner.diverge(waiver.ops)
            except ProgramFailed:
                divergence = None
            if divergence is not None and key_of(divergence.signature) == waiver.key:
                yield self._waived(waiver, divergence, Suspect(self._watch.place, waiver.ops), "stored")
            elif waiver.kind != "flaky":
                yield self._watch.stale(waiver, divergence)

    def count(self, outcomes: Mapping[str, Mapping[str, int]], clauses: Mapping[str, int]) -> None:
        """Take in what a batch ran: chances to meet what is waived."""
        self._ops_run.update({name: sum(counts.values()) for name, counts in outcomes.items()})
        self._clauses_cited.update(clauses)

    def unmet(self) -> Iterator[events.Event]:
        """The waivers that were not met in all that ran, although they should have been."""
        yield from self._watch.at_last(self._ops_run, self._clauses_cited)

    def _waived(self, waiver: Waiver, divergence: Divergence, suspect: Suspect, kind: str) -> events.Event:
        """The first divergence that a waiver describes. It is no news, so it is not reduced."""
        whole = Reduction(suspect.ops, 0, len(suspect.ops), len(suspect.ops))
        event = self._event(suspect, kind, self._watch.meet(waiver, divergence), whole)
        verdict = "unsupported" if waiver.kind == "unsupported" else "waived"
        return self._told(
            msgspec.structs.replace(event, verdict=verdict, reason=waiver.reason), divergence, suspect.ops
        )

    def findings(self, suspect: Suspect, kind: str) -> Iterator[events.Event]:
        """What there is to tell of a suspect.

        A system under test may differ so often that what is known hides what is not:
        there an op whose divergence is known is left out, and the rest of the program is looked at.
        """
        if self._law.subject is None or suspect.failure:
            yield self.judge(suspect, kind)
            return
        told = False
        ops = suspect.ops
        for _ in range(LOOKS_MAX):
            try:
                divergence = self._examiner.glance(ops)
            except ProgramFailed as death:
                yield self._crashed(replace(suspect, ops=ops, failure=death.message), kind)
                return
            if divergence is None and told:
                return
            if divergence is None or not self._is_known(divergence):
                yield self.judge(replace(suspect, ops=ops), kind)
            elif not told:
                yield self._once_more(divergence, replace(suspect, ops=ops), kind)
            told = True
            if divergence is None:
                return
            ops = kept(ops, [place != divergence.index for place in range(len(ops))])

    def _is_known(self, divergence: Divergence) -> bool:
        return divergence.bucket in self.buckets or self._watch.waiver_of(divergence.signature) is not None

    def _once_more(self, divergence: Divergence, suspect: Suspect, kind: str) -> events.Event:
        """One more program with a known divergence."""
        waiver = self._watch.waiver_of(divergence.signature)
        if waiver is None:
            self._known(divergence.bucket)
            return events.Occurrence(divergence.bucket, suspect.seed)
        bucket = self._watch.bucket_of(waiver)
        if bucket is None:
            return self._waived(waiver, divergence, suspect, kind)
        return events.Occurrence(bucket, suspect.seed)

    def judge(self, suspect: Suspect, kind: str) -> events.Event:
        """What there is to tell of a suspect: a new bucket, or one more occurrence of a known one."""
        try:
            return self._crashed(suspect, kind) if suspect.failure else self._diverged(suspect, kind)
        except ProgramFailed as death:
            return self._crashed(replace(suspect, failure=death.message), kind)

    def _diverged(self, suspect: Suspect, kind: str) -> events.Event:
        found = [self._examiner.diverge(suspect.ops)]
        if found[0] is None or not self._is_known(found[0]):
            found += [self._examiner.diverge(suspect.ops) for _ in range(CONFIRMATIONS - 1)]
        confirmed = [divergence for divergence in found if divergence is not None]
        for divergence in confirmed:
            if self._is_known(divergence):
                return self._once_more(divergence, suspect, kind)
        if not confirmed:
            return self._unsteady(suspect, kind, 0)
        divergence = confirmed[0]
        if self._known(divergence.bucket):
            return events.Occurrence(divergence.bucket, suspect.seed)
        try:
            reduction, final = self._reduced(suspect.ops, divergence)
        except Inconclusive:
            # It diverged a moment ago, and does not when the reduction begins.
            return self._unsteady(suspect, kind, len(confirmed))
        if self._keep is not None:
            store(self._keep, final, reduction.ops)
        event = self._event(suspect, kind, divergence.bucket, reduction)
        verdict = "diverges" if len(confirmed) == CONFIRMATIONS else "flaky"
        counted = (len(confirmed), CONFIRMATIONS)
        return self._told(msgspec.structs.replace(event, verdict=verdict, confirmed=counted), final, reduction.ops)

    def _told(self, event: events.Divergence, final: Divergence, ops: tuple[Op, ...]) -> events.Event:
        """The event of a bucket with what its divergence says, and with what the kernel gives for the program."""
        traced = self._traced(ops)
        predicted = predict(ops, self._law.make_model(self._profile), traced)
        return msgspec.structs.replace(
            event,
            title=f"{final.title}{self._beside(final, traced)}",
            op=final.signature.op,
            clauses=final.signature.clauses,
            trace="".join(f"{trace_line(op, seen)}\n" for op, seen in zip(ops, traced, strict=True)),
            step=final.index,
            predicted=observation_text(final.op, final.predicted),
            observed=observation_text(final.op, final.observed),
            signature=key_of(final.signature),
            allowed=tuple([observation_text(op, allowed) for op, allowed in zip(ops, predicted, strict=True)]),
        )

    def _reduced(self, ops: tuple[Op, ...], divergence: Divergence) -> tuple[Reduction, Divergence]:
        """The shortest program of a bucket, and its divergence when it runs alone."""
        for diverges in (self._examiner.glance, self._examiner.diverge):
            reduction = reduce_program(ops, same_bucket(divergence.bucket, diverges))
            final = self._examiner.diverge(reduction.ops)
            if final is not None and final.bucket == divergence.bucket:
                return reduction, final
        return reduction, final or divergence

    def _traced(self, ops: tuple[Op, ...]) -> Sequence[Observation]:
        """What a report shows beside a program: what the kernel gives, also where another system is under test."""
        return self._examiner.observe(ops) if self._native is None else self._native.run_alone(ops)

    def _beside(self, final: Divergence, traced: Sequence[Observation]) -> str:
        """What a title adds where the kernel we run on is no better: then it is the model that is in doubt."""
        same = self._native is not None and traced[final.index] == final.observed
        return " (as this kernel does: suspect the model)" if same else ""

    def _unsteady(self, suspect: Suspect, kind: str, confirmed: int) -> events.Event:
        """A program that does not diverge every time: a bucket of its own, as nothing says that two are one bug."""
        bucket = f"B-unsteady-{len(self.buckets)}"
        self._known(bucket)
        whole = Reduction(suspect.ops, 0, len(suspect.ops), len(suspect.ops))
        return msgspec.structs.replace(
            self._event(suspect, kind, bucket, whole),
            title=f"a program diverged in its batch, and in {confirmed} of {CONFIRMATIONS} runs alone",
            verdict="flaky",
            confirmed=(confirmed, CONFIRMATIONS),
        )

    def _crashed(self, suspect: Suspect, kind: str) -> events.Event:
        """A program that the worker does not survive: its bucket is the op it died in."""
        try:
            tries = SUBJECT_CRASH_TRIES_MAX if self._law.subject else CRASH_REDUCTION_TRIES_MAX
            reduction = reduce_program(suspect.ops, self._kills, tries)
        except Inconclusive:
            return self._unsteady(suspect, kind, 0)
        bucket = f"{DIED}{reduction.ops[-1].call}"
        if self._known(bucket):
            return events.Occurrence(bucket, suspect.seed)
        return msgspec.structs.replace(
            self._event(suspect, kind, bucket, reduction),
            title=f"{reduction.ops[-1].call}: {suspect.failure}",
            verdict="adapter-error",
            predicted="an observation",
            observed=suspect.failure,
        )

    def _event(self, suspect: Suspect, kind: str, bucket: str, reduction: Reduction) -> events.Divergence:
        """The event of a bucket, with what is known of every suspect; the last op stands for the step."""
        reduced = program_text(Program(reduction.ops))
        return events.Divergence(
            bucket=bucket,
            title="",
            verdict="diverges",
            law=self._law.statement,
            kind=kind,
            op=spec_of(reduction.ops[-1]).name,
            clauses=(),
            seed=suspect.seed,
            program=program_text(Program(suspect.ops)),
            reduced=reduced,
            trace=reduced,
            step=len(reduction.ops) - 1,
            predicted="",
            observed="",
            confirmed=(1, 1),
            reduction_tries=reduction.tries,
            replay=self._replay(suspect),
        )

    def _known(self, bucket: str) -> bool:
        """Count one more program in a bucket; whether there was one before."""
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        return self.buckets[bucket] > 1

    def _replay(self, suspect: Suspect) -> str:
        user = "" if self._law.subject or self._profile.uid == os.getuid() else " --user"
        stored = suspect.seed.endswith(SUFFIX)
        law = "" if self._law.name == "linux" else f" --law {self._law.name}"
        on = f" --on {shlex.quote(self._law.subject.on or self._law.subject.name)}" if self._law.subject else ""
        return f"fdconform replay {'' if stored else 'seed:'}{suspect.seed}{user}{law}{on}"

    def _kills(self, ops: tuple[Op, ...]) -> bool:
        try:
            self._examiner.observe(ops)
        except ProgramFailed:
            return True
        return False
