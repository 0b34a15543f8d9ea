# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What changed between two runs: a pure function of the canonical text that a baseline keeps of each.

Buckets of the two sides are matched in this order:

1. the same id;
2. the same signature (op, both outcomes, field, kind of descriptor), whatever clauses the model cites for it now;
3. the same reduced program, with another signature: *changed*;
4. the same place (op, kind of descriptor, clauses at stake), with other outcomes or another field: *changed*.

The first two are the same bug, also when clauses tell it apart on one side only;
a changed bucket is matched with one other.

What is left over on the later side is *new*. What is new or changed, and waived, is *waived*: somebody knows of it.
What is left over on the earlier side is *fixed* when the later run drew programs of its kind and saw its op give the
outcome that the model says at least once, and *not reached* when it did not: then its absence says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from conformance.baselines import Baseline, KnownBucket
from conformance.errors import ConformanceError
from conformance.events import DELTA_KINDS, EXPECTED, Delta, DeltaRow

NEW, CHANGED, FLAKY, WAIVED, FIXED, STILL, NOT_REACHED = DELTA_KINDS
_STORED = "stored"
_NOT_COMPARED = frozenset(("cpus",))
_OUTCOMES_PREDICTED_AT = 1

Pair = tuple[KnownBucket, KnownBucket]
Key = Callable[[KnownBucket], Hashable]


def delta_of(earlier: Baseline, later: Baseline, since: str) -> Delta:
    """What a later run changed. ConformanceError for runs that cannot be compared: the models must be the same.

    ``since`` is what reports call the earlier side.
    """
    if _model(earlier) != _model(later):
        raise ConformanceError(
            f"runs of different laws: {earlier.law!r} and {later.law!r}", hint="compare runs of one law"
        )
    same, changed, gone, new = _matched(earlier.buckets, later.buckets)
    rows = [_row(STILL, after, before, _verdicts(before, after)) for before, after in same]
    rows += [_row(CHANGED, after, before, f"was {before.title}") for before, after in changed]
    rows += [_row(NEW, after) for after in new]
    rows = [_judged(row, after) for row, after in zip(rows, [*_later(same), *_later(changed), *new], strict=True)]
    rows += [_absent(before, later) for before in gone]
    return Delta(
        since=since,
        environment=_environment(earlier, later),
        rows=tuple(sorted(rows, key=lambda row: (DELTA_KINDS.index(row.what), row.bucket))),
        obstacles=(
            *(f"{since}: {obstacle}" for obstacle in earlier.obstacles),
            *(f"This run: {obstacle}" for obstacle in later.obstacles),
        ),
    )


def _model(baseline: Baseline) -> tuple[str, bool]:
    """What must be the same on both sides: the model, and whether it is held against another system."""
    return baseline.systems[0] if baseline.systems else "", "==" in baseline.law


def _later(pairs: Iterable[Pair]) -> list[KnownBucket]:
    return [after for _, after in pairs]


# Matching -----------------------------------------------------------------------------------------


def _matched(
    earlier: Iterable[KnownBucket], later: Iterable[KnownBucket]
) -> tuple[list[Pair], list[Pair], list[KnownBucket], list[KnownBucket]]:
    """Buckets that are the same, those that changed, and what is left over on each side."""
    left, right = list(earlier), list(later)
    same = [(before, after) for after in right if (before := _known_as(left, after)) is not None]
    right = [after for after in right if _known_as(left, after) is None]
    left = [before for before in left if _known_as(_later(same), before) is None]
    changed = [pair for key in (_program, _place) for pair in _paired(left, right, key)]
    return same, changed, left, right


def _known_as(buckets: Iterable[KnownBucket], bucket: KnownBucket) -> KnownBucket | None:
    """The same bug among others: by its id before its signature."""
    for key in (_id, _signature):
        for other in buckets:
            if key(bucket) is not None and key(other) == key(bucket):
                return other
    return None


def _paired(left: list[KnownBucket], right: list[KnownBucket], key: Key) -> list[Pair]:
    """Take what has the same key out of both sides. None is the key of a bucket that cannot be known by it."""
    waiting: dict[Hashable, list[KnownBucket]] = {}
    for bucket in left:
        waiting.setdefault(key(bucket), []).append(bucket)
    pairs = []
    for after in tuple(right):
        candidates = waiting.get(key(after), []) if key(after) is not None else []
        if candidates:
            before = candidates.pop(0)
            pairs.append((before, after))
            left.remove(before)
            right.remove(after)
    return pairs


def _id(bucket: KnownBucket) -> Hashable:
    return bucket.bucket


def _signature(bucket: KnownBucket) -> Hashable:
    return bucket.signature or None


def _program(bucket: KnownBucket) -> Hashable:
    return bucket.program


def _place(bucket: KnownBucket) -> Hashable:
    """Where the model decided: without a clause, an op and a kind of descriptor say too little."""
    return (bucket.op, bucket.signature[-1], bucket.clauses) if bucket.signature and bucket.clauses else None


# Rows ---------------------------------------------------------------------------------------------


def _row(what: str, bucket: KnownBucket, before: KnownBucket | None = None, detail: str = "") -> DeltaRow:
    was = before.bucket if before is not None and before.bucket != bucket.bucket else ""
    return DeltaRow(what, bucket.bucket, bucket.title, was, detail, news=what in (NEW, CHANGED))


def _verdicts(before: KnownBucket, after: KnownBucket) -> str:
    return f"was {before.verdict}, is {after.verdict}" if before.verdict != after.verdict else ""


def _judged(row: DeltaRow, bucket: KnownBucket) -> DeltaRow:
    """The row of a bucket that is waived, which is no news, or that not every lone run shows; news unless known."""
    if row.news and bucket.verdict in EXPECTED:
        return DeltaRow(WAIVED, row.bucket, row.title, row.was, f"{row.what}; {row.detail}" if row.detail else row.what)
    diverged, runs = bucket.confirmed
    if diverged == runs:
        return row
    known = row.what if row.news else "known"
    what = f"; moved: {bucket.moved}" if bucket.moved else ""
    return DeltaRow(FLAKY, row.bucket, row.title, row.was, f"{diverged} of {runs}, {known}{what}", row.news)


def _absent(bucket: KnownBucket, later: Baseline) -> DeltaRow:
    """The row of a bucket that the later run does not have."""
    if bucket.confirmed[0] < bucket.confirmed[1]:
        return _row(NOT_REACHED, bucket, detail="it was flaky: that it was not seen says nothing")
    if bucket.kind != _STORED and bucket.kind not in later.kinds:
        return _row(NOT_REACHED, bucket, detail=f"no programs of the kind {bucket.kind}")
    met = later.outcomes.get(bucket.op, {})
    right = bucket.signature[_OUTCOMES_PREDICTED_AT] if bucket.signature else ""
    if met.get(right) if right else met:
        return _row(FIXED, bucket)
    told = f"{bucket.op} never gave {right}" if right else f"{bucket.op} never ran"
    return _row(NOT_REACHED, bucket, detail=told)


def _environment(earlier: Baseline, later: Baseline) -> tuple[tuple[str, str, str], ...]:
    sides = [{**side.environment, **_named(side)} for side in (earlier, later)]
    names = sorted({name for side in sides for name in side} - _NOT_COMPARED)
    found = [(name, sides[0].get(name, ""), sides[1].get(name, "")) for name in names]
    return tuple(change for change in found if change[1] != change[2])


def _named(side: Baseline) -> dict[str, str]:
    return {"system under test": side.systems[1]} if len(side.systems) > 1 else {}
