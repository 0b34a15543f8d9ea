# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Triage of a program that diverged: confirm it alone, name its bucket, reduce it once per bucket.

A divergence that a lone run does not show every time is *flaky*, and is reported with its count and with what moved.
Flakiness is a bug in the model, the worker or the comparison; nothing is tried again in silence.
"""

from __future__ import annotations

import os
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import msgspec

from conformance import events
from conformance.baselines import FILE
from conformance.budget import Budget
from conformance.conditions import facts_of
from conformance.corpus import SUFFIX, store
from conformance.divergence import BUCKET_DIGITS, Divergence
from conformance.environment import beside
from conformance.errors import Inconclusive, ProgramFailed
from conformance.examiners import Look, examiner_of, same_bucket
from conformance.expectations import Expectations, Waiver, key_of
from conformance.grammar import observation_text, op_text, program_text, trace_line
from conformance.judging import Suspect
from conformance.laws import Law
from conformance.observation import Observation
from conformance.ops import Op, spec_of
from conformance.program import Program
from conformance.reduce import Reduction, reduce_program
from conformance.resemblance import resembling
from conformance.since import Since
from conformance.subjects import kept
from conformance.systems.native_worker import NativeWorker
from conformance.undecided import opened, settled
from conformance.variations import Varied, variation_event
from conformance.waived import Watch
from reference.linux.profile import Profile

CONFIRMATIONS = 3
LOOKS_MAX = 40
CRASH_REDUCTION_TRIES_MAX = 30
SUBJECT_CRASH_TRIES_MAX = 6
"""A system under test may need its whole deadline for every try, and is started anew for each."""
UNSTEADY = "B-unsteady-"
"""How the buckets begin that hold a program which diverges only beside others."""


class Triage:
    """Judges suspects on a native worker of its own.

    ``buckets`` maps a bucket to the number of programs in it. ``keep`` is where reduced programs are stored, if at all.
    ``budget`` is that of the campaign, which begins now: reductions end in time for it.
    """

    def __init__(
        self,
        profile: Profile,
        base: Path,
        law: Law,
        keep: Path | None = None,
        expectations: Expectations | None = None,
        today: date | None = None,
        since: Since | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._profile = profile
        self._budget = budget or Budget()
        self._started = time.monotonic()
        self._law = law
        self._keep = keep
        self._examiner = examiner_of(profile, base, law)
        self._native = NativeWorker(*beside(profile, base)) if law.subject else None
        facts = facts_of(profile, law.subject.release if law.subject else "")
        self._watch = Watch(expectations or Expectations(Path()), facts, today or date.today())
        self._ops_run: Counter[str] = Counter()
        self._clauses_cited: Counter[str] = Counter()
        self._since = since
        self._varied: set[str] = set()
        self.buckets: dict[str, int] = {}
        self.known: set[str] = set()
        """Those that the baseline of the campaign has."""

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
            if not waiver.program:
                continue
            try:
                divergence = self._examiner.diverge(waiver.ops)
            except ProgramFailed:
                divergence = None
            if divergence is not None and waiver.covers(divergence.signature):
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

    def unmet_so_far(self) -> Iterator[events.Event]:
        """The waivers that one shard of a campaign did not meet, with the chances it had."""
        yield from self._watch.so_far(self._ops_run, self._clauses_cited)

    def _waived(self, waiver: Waiver, divergence: Divergence, suspect: Suspect, kind: str) -> events.Event:
        """The first divergence that a waiver describes. It is no news, so it is not reduced."""
        event = self._event(suspect, kind, self._watch.meet(waiver), _whole(suspect.ops))
        verdict = "unsupported" if waiver.kind == "unsupported" else "waived"
        return self._told(
            msgspec.structs.replace(event, verdict=verdict, reason=waiver.reason),
            divergence,
            suspect.ops,
            self._traced(suspect.ops),
        )

    def findings(self, suspect: Suspect, kind: str) -> Iterator[events.Event]:
        """What there is to tell of a suspect; what the baseline of the campaign has is told as known."""
        for event in self._findings(suspect, kind):
            if not isinstance(event, events.Divergence) or event.verdict in events.EXPECTED:
                yield event
            elif self._since is not None and self._since.knows(event.bucket, event.signature):
                self.known.add(event.bucket)
                yield msgspec.structs.replace(event, verdict=events.KNOWN)
            else:
                yield event

    def _findings(self, suspect: Suspect, kind: str) -> Iterator[events.Event]:
        """What there is to tell of a suspect, whatever was known before the campaign.

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
                yield self.judge(replace(suspect, ops=ops, seen=suspect.seen if ops == suspect.ops else None), kind)
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

    def variations(self, found: Sequence[Varied]) -> Iterator[events.Event]:
        """What is the release's own, each told once, with what the kernel of this machine gives for it."""
        for varied in found:
            if varied.bucket in self._varied or self._native is None:
                continue
            self._varied.add(varied.bucket)
            yield variation_event(varied, self._native.run_alone(varied.ops)[varied.index], self._profile.kernel)

    def judge(self, suspect: Suspect, kind: str) -> events.Event:
        """What there is to tell of a suspect: a new bucket, or one more occurrence of a known one."""
        try:
            return self._crashed(suspect, kind) if suspect.failure else self._diverged(suspect, kind)
        except ProgramFailed as death:
            return self._crashed(replace(suspect, failure=death.message), kind)

    def _diverged(self, suspect: Suspect, kind: str) -> events.Event:
        looks = [self._examiner.look(suspect.ops)]
        if looks[0].divergence is None or not self._is_known(looks[0].divergence):
            looks += [self._examiner.look(suspect.ops) for _ in range(CONFIRMATIONS - 1)]
        found = [look.divergence for look in looks if look.divergence is not None]
        for divergence in found:
            if self._is_known(divergence):
                return self._once_more(divergence, suspect, kind)
        if not found:
            return self._unsteady(suspect, kind, looks)
        divergence = found[0]
        if any(look.divergence is None or look.divergence.bucket != divergence.bucket for look in looks):
            return self._flaky(suspect, kind, looks)
        try:
            reduction, final = self._reduced(suspect.ops, divergence)
        except Inconclusive:
            # It diverged each time until now, and does not when the reduction begins.
            return self._flaky(suspect, kind, [*looks, self._examiner.look(suspect.ops)])
        self._known(divergence.bucket)
        if self._keep is not None:
            store(self._keep, final, reduction.ops)
        event = self._event(suspect, kind, divergence.bucket, reduction)
        confirmed = (len(looks), len(looks))
        traced = self._traced(reduction.ops)
        return self._told(msgspec.structs.replace(event, confirmed=confirmed), final, reduction.ops, traced)

    def _flaky(self, suspect: Suspect, kind: str, looks: Sequence[Look]) -> events.Event:
        """A divergence that not every lone run shows, or not in the same way.

        Every try of a reduction would be left to chance: the program is cut behind the step, and no more.
        """
        shown = next(look for look in looks if look.divergence is not None)
        divergence = shown.divergence
        assert divergence is not None
        self._known(divergence.bucket)
        ops = suspect.ops[: divergence.index + 1]
        times = sum(look.divergence is not None and look.divergence.bucket == divergence.bucket for look in looks)
        event = msgspec.structs.replace(
            self._event(suspect, kind, divergence.bucket, _whole(ops)),
            verdict="flaky",
            confirmed=(times, len(looks)),
            moved=moved(suspect.ops, [look.observed for look in looks], divergence.index),
        )
        traced = shown.observed[: len(ops)] if self._native is None else self._native.run_alone(ops)
        return self._told(event, divergence, ops, traced)

    def _told(
        self, event: events.Divergence, final: Divergence, ops: tuple[Op, ...], traced: Sequence[Observation]
    ) -> events.Event:
        """The event of a bucket with what its divergence says, and with what the kernel gave for the program."""
        predicted = opened(ops, lambda: self._law.make_model(self._profile), traced)
        canonical = [settled(allowed, seen) for allowed, seen in zip(predicted, traced, strict=True)]
        return msgspec.structs.replace(
            event,
            title=f"{final.title}{self._beside(final, traced)}",
            stands=self._stands(ops, final),
            op=final.signature.op,
            clauses=final.signature.clauses,
            trace="".join(f"{trace_line(op, seen)}\n" for op, seen in zip(ops, canonical, strict=True)),
            step=final.index,
            predicted=observation_text(final.op, final.predicted),
            observed=observation_text(final.op, final.observed),
            signature=key_of(final.signature),
            allowed=tuple([observation_text(op, allowed) for op, allowed in zip(ops, predicted, strict=True)]),
        )

    def _reduced(self, ops: tuple[Op, ...], divergence: Divergence) -> tuple[Reduction, Divergence]:
        """The shortest program of a bucket, and its divergence when it runs alone."""
        for diverges in (self._examiner.glance, self._examiner.diverge):
            reduction = reduce_program(
                ops, same_bucket(divergence.bucket, diverges), time_is_up=self._reduction_clock()
            )
            final = self._examiner.diverge(reduction.ops)
            if final is not None and final.bucket == divergence.bucket:
                return reduction, final
        return reduction, final or divergence

    def _reduction_clock(self) -> Callable[[], bool]:
        """Says whether the time of a reduction that begins now is up."""
        begun = time.monotonic() - self._started
        return lambda: self._budget.ends_reduction(begun, time.monotonic() - self._started)

    def _traced(self, ops: tuple[Op, ...]) -> Sequence[Observation]:
        """What a report shows beside a program: what the kernel gives, also where another system is under test."""
        return self._examiner.observe(ops) if self._native is None else self._native.run_alone(ops)

    def _beside(self, final: Divergence, traced: Sequence[Observation]) -> str:
        """What a title adds where the kernel we run on is no better: then it is the model that is in doubt."""
        same = self._native is not None and traced[final.index] == final.observed
        return " (as this kernel does: suspect the model)" if same else ""

    def _stands(self, ops: tuple[Op, ...], final: Divergence) -> str:
        """Which other Linux gives what the system gave: what the steps before allow, and then this."""
        if not final.seen:
            return ""
        found = resembling(ops[: final.index + 1], final.seen, self._profile, self._law.make_model)
        return found.standing(self._profile)

    def _unsteady(self, suspect: Suspect, kind: str, looks: Sequence[Look] = ()) -> events.Event:
        """A program that diverged beside others and never alone.

        It is a bucket of its own, named by its text: nothing says that two of them are one bug.
        """
        text = program_text(Program(suspect.ops))
        bucket = f"{UNSTEADY}{sha256(text.encode()).hexdigest()[:BUCKET_DIGITS]}"
        if self._known(bucket):
            return events.Occurrence(bucket, suspect.seed)
        runs = len(looks) or CONFIRMATIONS
        event = msgspec.structs.replace(
            self._event(suspect, kind, bucket, _whole(suspect.ops)),
            title=f"a program diverged in its batch, and in 0 of {runs} runs alone",
            verdict="flaky",
            confirmed=(0, runs),
            moved=suspect.failure and f"in its batch: {suspect.failure}; alone it was survived",
        )
        seen = suspect.seen
        if seen is None or not looks:
            return event
        op = suspect.ops[seen.index]
        alone = moved(suspect.ops, [look.observed for look in looks], seen.index)
        return msgspec.structs.replace(
            event,
            title=f"{spec_of(op).name} diverged in its batch, and in 0 of {runs} runs alone",
            op=spec_of(op).name,
            step=seen.index,
            predicted=observation_text(op, seen.predicted),
            observed=observation_text(op, seen.observed),
            moved=f"in its batch {observation_text(op, seen.observed)}; alone {alone}",
        )

    def _crashed(self, suspect: Suspect, kind: str) -> events.Event:
        """A program that the worker does not survive: its bucket is the op it died in."""
        try:
            tries = SUBJECT_CRASH_TRIES_MAX if self._law.subject else CRASH_REDUCTION_TRIES_MAX
            reduction = reduce_program(suspect.ops, self._kills, tries, self._reduction_clock())
        except Inconclusive:
            return self._unsteady(suspect, kind)
        bucket = f"{events.DIED}{reduction.ops[-1].call}"
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
        stored = suspect.seed.endswith(SUFFIX) or f"{FILE}#" in suspect.seed
        law = "" if self._law.name == "linux" else f" --law {self._law.name}"
        on = f" --on {shlex.quote(self._law.subject.on or self._law.subject.name)}" if self._law.subject else ""
        return f"fdconform replay {'' if stored else 'seed:'}{suspect.seed}{user}{law}{on}"

    def _kills(self, ops: tuple[Op, ...]) -> bool:
        try:
            self._examiner.observe(ops)
        except ProgramFailed:
            return True
        return False


def _whole(ops: tuple[Op, ...]) -> Reduction:
    """A program that nothing was taken from."""
    return Reduction(ops, 0, len(ops), len(ops))


def moved(ops: Sequence[Op], runs: Sequence[Sequence[Observation]], index: int) -> str:
    """Which observation was not the same in some runs of a program, and how often it was what.

    That is the step where one of them diverged, or, where all gave the same there, the first that differs.
    """
    places = (index, *range(min(map(len, runs))))
    for place in places:
        texts = Counter(observation_text(ops[place], run[place]) for run in runs if place < len(run))
        if len(texts) > 1:
            break
    else:
        place = index
        texts = Counter(observation_text(ops[place], run[place]) for run in runs if place < len(run))
    told = ", ".join(f"{text} {times}×" for text, times in texts.most_common())
    return f"{op_text(ops[place])}: {told}"
