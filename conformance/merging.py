# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Puts the event logs of the shards of a campaign together, as if one machine had run them all.

Batches go back into their order, each with what was found in it. A shard does not know what the others found:
a bucket that an earlier batch has is told again by a later shard, and becomes one more occurrence of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from conformance.budget import Portion, read_portion
from conformance.errors import ConformanceError, ExitCode, Inconclusive
from conformance.events import (
    DIED,
    EXPECTED,
    KNOWN,
    STALE,
    UNOFFERED,
    Batch,
    Delta,
    Divergence,
    Event,
    Footer,
    Header,
    Note,
    Occurrence,
    Unmet,
    never_met,
    unoffered_note,
    waiver_note,
)


@dataclass(slots=True)
class _Log:
    """One log, cut into what comes before the first batch, each batch with what follows it, and the footer."""

    header: Header
    opening: list[Event] = field(default_factory=list)
    chunks: list[list[Event]] = field(default_factory=list)
    unmet: dict[str, Unmet] = field(default_factory=dict)
    delta: Delta | None = None
    footer: Footer | None = None


def merged(logs: Iterable[Iterable[Event]], run: str) -> Iterator[Event]:
    """The events of the whole campaign, under the id ``run``.

    ConformanceError for logs of different campaigns; Inconclusive when a shard is missing. When one was cut short,
    the whole has no footer either.
    """
    shards = _in_order([_cut(log) for log in logs])
    yield _header([shard.header for shard in shards], run)
    buckets: dict[str, str] = {}
    for event in shards[0].opening:
        if isinstance(event, Divergence):
            buckets[event.bucket] = event.verdict
        yield event
    unoffered: Counter[str] = Counter()
    chunks = [chunk for shard in shards for chunk in shard.chunks]
    for chunk in sorted(chunks, key=_index):
        batch = chunk[0]
        assert isinstance(batch, Batch)
        unoffered.update(batch.unsupported)
        yield from _told_once(chunk, buckets)
    if unoffered:
        yield unoffered_note(unoffered)
    stale = list(_stale(shards))
    yield from stale
    if all(shard.footer is not None for shard in shards):
        yield _footer([shard.footer for shard in shards if shard.footer is not None], buckets, wrong=bool(stale))


def baseline_named(logs: Iterable[Iterable[Event]]) -> str:
    """The baseline since which the shards were run; empty for none. ConformanceError when it is not the same."""
    shards = [_cut(log) for log in logs]
    names = {shard.delta.since if shard.delta else "" for shard in shards if shard.footer or shard.delta}
    if len(names) > 1:
        told = ", ".join(sorted(name or "none" for name in names))
        raise ConformanceError(f"shards since different baselines: {told}", hint="run all with one --since-baseline")
    return next(iter(names), "")


def _stale(shards: Sequence[_Log]) -> Iterator[Note]:
    """The waivers that no shard met, when all of them together had the chances for it."""
    for name, unmet in shards[0].unmet.items():
        everywhere = [shard.unmet[name] for shard in shards if name in shard.unmet]
        chances = sum(one.chances for one in everywhere)
        if len(everywhere) == len(shards) and chances >= unmet.wanted:
            yield waiver_note(STALE, unmet.subject, never_met(chances), unmet.mend)


def _index(chunk: Sequence[Event]) -> int:
    batch = chunk[0]
    assert isinstance(batch, Batch)
    return batch.index


def _cut(log: Iterable[Event]) -> _Log:
    events = iter(log)
    header = next(events, None)
    if not isinstance(header, Header):
        raise Inconclusive("a log opens with its header", hint="run again")
    cut = _Log(header)
    for event in events:
        if isinstance(event, Footer):
            cut.footer = event
        elif isinstance(event, Batch):
            cut.chunks.append([event])
        elif isinstance(event, Unmet):
            cut.unmet[event.waiver] = event
        elif isinstance(event, Delta):
            cut.delta = event
        elif not (isinstance(event, Note) and event.text.startswith(UNOFFERED)):
            (cut.chunks[-1] if cut.chunks else cut.opening).append(event)
    return cut


# Headers ------------------------------------------------------------------------------------------


def _in_order(logs: list[_Log]) -> list[_Log]:
    """The logs by shard. ConformanceError unless they are the shards of one campaign, Inconclusive unless all are."""
    headers = [log.header for log in logs]
    if len({_campaign(header) for header in headers}) != 1:
        raise ConformanceError(
            "runs of different campaigns", hint="merge shards with the same seed, budget, system, kinds and law"
        )
    found = {log.header.shard: log for log in logs}
    portion = read_portion(headers[0].shard) if headers[0].shard else Portion()
    wanted = [str(Portion(number, portion.of)) for number in range(1, portion.of + 1)]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise Inconclusive(f"missing: shard {', '.join(missing)}", hint="give the runs of all shards")
    if len(found) != len(logs):
        raise ConformanceError("a shard is given twice", hint="give one run of each shard")
    return [found[name] for name in wanted]


def _campaign(header: Header) -> tuple[object, ...]:
    """What shards of one campaign have in common."""
    of = header.shard.partition("/")[2]
    return header.format, header.seed, header.budget, header.law, header.systems, header.kinds, of


def _header(headers: Sequence[Header], run: str) -> Header:
    first = headers[0]
    names = dict.fromkeys(name for header in headers for name in header.environment)
    return msgspec.structs.replace(
        first,
        run=run,
        started=min(header.started for header in headers),
        command=first.command.replace(f" --shard {first.shard}", "") if first.shard else first.command,
        environment={
            name: " | ".join(sorted({header.environment.get(name, "") for header in headers})) for name in names
        },
        shard="",
    )


# Events -------------------------------------------------------------------------------------------


def _told_once(chunk: Iterable[Event], buckets: dict[str, str]) -> Iterator[Event]:
    """What a batch found, with a divergence whose bucket is known by now as one more occurrence.

    As in one campaign, a program is counted in the first known bucket that it falls into, and in no other known one.
    """
    told = ""
    for event in chunk:
        if not isinstance(event, Divergence | Occurrence):
            yield event
            continue
        again = isinstance(event, Divergence) and event.bucket in buckets
        if isinstance(event, Divergence):
            buckets.setdefault(event.bucket, event.verdict)
        if not again:
            yield event
        elif event.seed != told or event.bucket.startswith(DIED):
            yield Occurrence(event.bucket, event.seed)
        told = event.seed


def _footer(footers: Sequence[Footer], buckets: dict[str, str], *, wrong: bool) -> Footer:
    found = {name: verdict for name, verdict in buckets.items() if verdict not in EXPECTED}
    failing = [name for name, verdict in found.items() if verdict != KNOWN]
    interrupted = any(footer.interrupted for footer in footers)
    failure = next((footer.failure for footer in footers if footer.failure), "")
    return Footer(
        ended=max(footer.ended for footer in footers),
        seconds=max(footer.seconds for footer in footers),
        cpu_seconds=sum(footer.cpu_seconds for footer in footers),
        programs=sum(footer.programs for footer in footers),
        ops=sum(footer.ops for footer in footers),
        divergent_programs=sum(footer.divergent_programs for footer in footers),
        buckets=len(found),
        interrupted=interrupted,
        exit_code=verdict_of(
            failing,
            failed=bool(failure),
            wrong=wrong or any(footer.exit_code == ExitCode.EXPECTATIONS_WRONG for footer in footers),
            interrupted=interrupted,
        ),
        failure=failure,
    )


def verdict_of(failing: Iterable[str], *, failed: bool, wrong: bool, interrupted: bool) -> ExitCode:
    """What a campaign tells a script: ``failing`` are the buckets that nobody knew of, ``wrong`` is about waivers."""
    names = tuple(failing)
    if failed:
        return ExitCode.ADAPTER_FAILED
    if any(not name.startswith(DIED) for name in names):
        return ExitCode.DIVERGES
    if names:
        return ExitCode.ADAPTER_FAILED
    if wrong:
        return ExitCode.EXPECTATIONS_WRONG
    return ExitCode.INCONCLUSIVE if interrupted else ExitCode.CONFORMS
