# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Folds the events of a run into one value, from which every report is rendered.

A log without a footer makes the run *cut short*: never green. The logs of shards are put together before, by
:mod:`conformance.merging`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conformance.errors import ExitCode, Inconclusive
from conformance.events import (
    KNOWN,
    Batch,
    Delta,
    Divergence,
    Event,
    Footer,
    Header,
    Miniature,
    Note,
    Occurrence,
    Variation,
    read_events,
)
from conformance.reporting.digest import NO_HISTORY, History
from conformance.reporting.text import counted

EXPECTED_VERDICTS = ("waived", "unsupported", KNOWN)
"""Of buckets that are known or cannot be asked for: their programs neither passed nor failed, and are counted apart."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bug: the first divergence that showed it, how many programs fell into it, and seeds of the later ones."""

    first: Divergence
    count: int
    seeds: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether the run is not green because of it."""
        return self.first.verdict not in EXPECTED_VERDICTS


@dataclass(frozen=True, slots=True)
class Explained:
    """What the system's own release of Linux does otherwise than this kernel, and in how many programs it was seen."""

    first: Variation
    count: int


@dataclass(frozen=True, slots=True)
class KindTotals:
    """What ran of one kind; ``outcomes`` counts op name, then outcome name."""

    kind: str
    programs: int
    ops: int
    seconds: float
    outcomes: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Pace:
    """One batch, as a point of the throughput chart."""

    ops: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run. ``footer`` is None when a log was cut short; ``outcomes`` counts op name, then outcome name.

    ``differences`` counts host clause, then how it explained differences; ``witnesses`` gives seed and size of the
    smallest program for each. ``history`` are the runs that were saved before; fold knows of none.
    ``delta`` is what changed since a baseline, for a run that was asked for it.
    ``unoffered`` counts the ops that the system does not offer, and that were left out of programs.
    ``variations`` is what the system's own release explains, the most frequent first.
    """

    header: Header
    kinds: tuple[KindTotals, ...]
    outcomes: dict[str, dict[str, int]]
    differences: dict[str, dict[str, int]]
    witnesses: dict[str, tuple[str, int]]
    clauses: dict[str, int]
    buckets: tuple[Bucket, ...]
    miniatures: tuple[Miniature, ...]
    notes: tuple[Note, ...]
    paces: tuple[Pace, ...]
    footer: Footer | None
    unoffered: dict[str, int]
    variations: tuple[Explained, ...] = ()
    history: History = NO_HISTORY
    delta: Delta | None = None

    @property
    def programs(self) -> int:
        """How many programs ran."""
        return sum(kind.programs for kind in self.kinds)

    @property
    def ops(self) -> int:
        """How many ops ran."""
        return sum(kind.ops for kind in self.kinds)

    @property
    def seconds(self) -> float:
        """How long the run took on the clock; for a run cut short, the sum of its batches."""
        return self.footer.seconds if self.footer else sum(kind.seconds for kind in self.kinds)

    @property
    def ops_per_second(self) -> float:
        """Ops by clock time; 0.0 when no time has passed."""
        return self.ops / self.seconds if self.seconds > 0 else 0.0

    @property
    def failing_buckets(self) -> tuple[Bucket, ...]:
        """The buckets that keep the run from being green."""
        return tuple(bucket for bucket in self.buckets if bucket.fails)

    @property
    def expected(self) -> dict[str, int]:
        """How often an expected divergence was seen, by its verdict; a verdict that no bucket has is left out."""
        return _by_verdict((bucket, bucket.count) for bucket in self.buckets)

    @property
    def expected_buckets(self) -> dict[str, int]:
        """Buckets that were expected, by verdict."""
        return _by_verdict((bucket, 1) for bucket in self.buckets)

    @property
    def failed(self) -> int:
        """Programs that diverged, and miniatures that went unnoticed."""
        divergent = sum(bucket.count for bucket in self.failing_buckets)
        if self.footer:
            divergent = max(divergent, self.footer.divergent_programs - sum(self.expected.values()))
        return divergent + sum(not miniature.passed for miniature in self.miniatures)

    @property
    def passed(self) -> int:
        """Programs that conformed to their end, and miniatures that were found.

        A program may be seen in several buckets, as it goes on past what is known: the footer alone counts it once.
        """
        divergent = self.footer.divergent_programs if self.footer else sum(bucket.count for bucket in self.buckets)
        return max(self.programs - divergent, 0) + sum(miniature.passed for miniature in self.miniatures)

    @property
    def is_selfcheck(self) -> bool:
        """Whether planted bugs are all that the run was about: what it reached then says nothing."""
        return bool(self.miniatures) and not self.programs

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why the run cannot be called whole, in sentences; empty when it can."""
        if self.footer is None:
            return ("The event log has no footer: the run was cut short.",)
        found = []
        if self.footer.interrupted:
            found.append("The run was stopped from outside before its budget was used.")
        if self.footer.programs != self.programs:
            held, said = counted(self.programs, "program"), f"{self.footer.programs:,}"
            found.append(f"The log holds {held}, its footer says {said}: events are missing.")
        if not self.programs and not self.miniatures:
            found.append("Nothing ran.")
        return tuple(found)

    @property
    def verdict(self) -> str:
        """The whole run in a word: ``cut short``, ``diverges``, ``failed``, ``inconclusive`` or ``conforms``."""
        if self.footer is None:
            return "cut short"
        if self.failed:
            return "diverges" if self.failing_buckets else "failed"
        if self.obstacles:
            return "inconclusive"
        return "conforms" if self.footer.exit_code == ExitCode.CONFORMS else "failed"

    @property
    def green(self) -> bool:
        """Whether everything that was planned ran, and conformed."""
        return self.verdict == "conforms"


class _Fold:
    """Takes events one by one; the value is made at the end."""

    def __init__(self) -> None:
        self.header: Header | None = None
        self.footer: Footer | None = None
        self.firsts: dict[str, Divergence] = {}
        self.counts: Counter[str] = Counter()
        self.seeds: dict[str, list[str]] = {}
        self.miniatures: list[Miniature] = []
        self.notes: list[Note] = []
        self.delta: Delta | None = None
        self.batches: list[Batch] = []
        self.variations: dict[str, Variation] = {}

    def take(self, event: Event) -> None:
        match event:
            case Header():
                self.header = event
            case Batch():
                self.batches.append(event)
            case Divergence():
                self.counts[event.bucket] += 1
                first = self.firsts.setdefault(event.bucket, event)
                if first is not event:
                    self.seeds.setdefault(event.bucket, []).append(event.seed)
            case Variation():
                self.variations.setdefault(event.bucket, event)
            case Occurrence():
                self.counts[event.bucket] += 1
                self.seeds.setdefault(event.bucket, []).append(event.seed)
            case Miniature():
                self.miniatures.append(event)
            case Note():
                self.notes.append(event)
            case Delta():
                self.delta = event
            case Footer():
                self.footer = event

    def explained(self) -> tuple[Explained, ...]:
        counts = sum((Counter(batch.varied) for batch in self.batches), Counter[str]())
        made = [Explained(first, counts[name]) for name, first in self.variations.items()]
        return tuple(sorted(made, key=lambda one: (-one.count, one.first.bucket)))

    def buckets(self) -> tuple[Bucket, ...]:
        made = [
            Bucket(first, self.counts[name], tuple(self.seeds.get(name, ()))) for name, first in self.firsts.items()
        ]
        return tuple(sorted(made, key=lambda bucket: (not bucket.fails, -bucket.count, bucket.first.bucket)))


def fold(log: Iterable[Event]) -> RunReport:
    """The report of a run from the events of its log. Raises Inconclusive when its header does not open the log."""
    state = _Fold()
    for place, event in enumerate(log):
        if (place == 0) is not isinstance(event, Header):
            raise Inconclusive("a log opens with its one header", where=f"event {place + 1}", hint="run again")
        state.take(event)
    if state.header is None:
        raise Inconclusive("the log is empty", hint="run again")
    return RunReport(
        header=state.header,
        kinds=_by_kind(state.batches),
        outcomes=_added(batch.outcomes for batch in state.batches),
        differences=_added(batch.differences for batch in state.batches),
        witnesses=_shortest(batch.witnesses for batch in state.batches),
        clauses=dict(sum((Counter(batch.clauses) for batch in state.batches), Counter())),
        buckets=state.buckets(),
        miniatures=tuple(state.miniatures),
        notes=tuple(state.notes),
        paces=tuple(Pace(batch.ops, batch.seconds) for batch in state.batches),
        footer=state.footer,
        unoffered=dict(sum((Counter(batch.unsupported) for batch in state.batches), Counter())),
        variations=state.explained(),
        delta=state.delta,
    )


def read_run(path: Path) -> RunReport:
    """The report of a run from its event log on disk. Raises ConformanceError when it cannot be read."""
    return fold(read_events(path))


def _by_verdict(counts: Iterable[tuple[Bucket, int]]) -> dict[str, int]:
    """The sum of each verdict that was expected, in the order of those."""
    total: Counter[str] = Counter()
    for bucket, count in counts:
        total[bucket.first.verdict] += count
    return {verdict: total[verdict] for verdict in EXPECTED_VERDICTS if total[verdict]}


def _by_kind(batches: list[Batch]) -> tuple[KindTotals, ...]:
    groups: dict[str, list[Batch]] = {}
    for batch in batches:
        groups.setdefault(batch.kind, []).append(batch)
    return tuple(
        KindTotals(
            kind,
            sum(batch.programs for batch in group),
            sum(batch.ops for batch in group),
            sum(batch.seconds for batch in group),
            _added(batch.outcomes for batch in group),
        )
        for kind, group in groups.items()
    )


def _added(tables: Iterable[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for table in tables:
        for op, outcomes in table.items():
            row = total.setdefault(op, {})
            for outcome, count in outcomes.items():
                row[outcome] = row.get(outcome, 0) + count
    return total


def _shortest(tables: Iterable[dict[str, tuple[str, int]]]) -> dict[str, tuple[str, int]]:
    """Of each name, the seed and size of the smallest program."""
    found: dict[str, tuple[str, int]] = {}
    for table in tables:
        for name, (seed, ops) in table.items():
            if name not in found or ops < found[name][1]:
                found[name] = (seed, ops)
    return found
