# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The event log of a run: ``events.jsonl``, one JSON object a line, the one source of every report.

A header opens it, a footer closes it. A log without a footer was cut short and is never green.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import msgspec

from conformance.errors import ConformanceError, Inconclusive

FORMAT_VERSION = 1


class Header(msgspec.Struct, frozen=True, tag="header", tag_field="event"):
    """Who ran what, where. ``environment`` holds kernel, filesystem, user, machine and versions by name.

    ``shard`` says which portion of the campaign this is, such as ``2/4``; empty for the whole of it.
    """

    format: int
    run: str
    started: str
    command: str
    seed: str
    budget: str
    law: str
    systems: tuple[str, ...]
    kinds: tuple[str, ...]
    environment: dict[str, str]
    shard: str = ""


class Batch(msgspec.Struct, frozen=True, tag="batch", tag_field="event"):
    """Programs that ran. ``outcomes`` counts op name, then outcome name; ``clauses`` counts clause ids of the model.

    Under the law of differences, ``differences`` counts host clause, then how it explained a difference,
    and ``witnesses`` gives the seed and the number of ops of a short program for each.
    ``unsupported`` counts by name the ops that the system did not offer.
    ``varied`` counts by the bucket of a :class:`Variation` the programs that showed it.
    """

    index: int
    kind: str
    programs: int
    ops: int
    seconds: float
    outcomes: dict[str, dict[str, int]]
    clauses: dict[str, int]
    differences: dict[str, dict[str, int]] = {}
    witnesses: dict[str, tuple[str, int]] = {}
    unsupported: dict[str, int] = {}
    varied: dict[str, int] = {}


class Divergence(msgspec.Struct, frozen=True, tag="divergence", tag_field="event"):
    """The first program of a bucket: found, confirmed alone, reduced.

    ``program`` and ``reduced`` are canonical texts (the program as generated; the reduced program),
    ``step`` is the index of the diverging op in ``reduced``, ``trace`` the reduced program with native observations.
    ``predicted`` and ``observed`` are texts of the diverging step;
    ``confirmed`` says how many of how many lone re-runs diverged;
    where not all did, ``moved`` says which observation was not the same each time.
    ``allowed`` holds for each op of ``reduced`` the text of what the model allows;
    ``signature`` is what a waiver would know the divergence by: op, both outcomes, field and tag;
    ``reason`` is why it is waived, if it is.
    ``stands`` says where the system stands among the Linuxes that the model knows, if it is as one of them:
    ``differs from Linux 6.18, equals Linux 6.1``.
    """

    bucket: str
    title: str
    verdict: str
    law: str
    kind: str
    op: str
    clauses: tuple[str, ...]
    seed: str
    program: str
    reduced: str
    trace: str
    step: int
    predicted: str
    observed: str
    confirmed: tuple[int, int]
    reduction_tries: int
    replay: str
    signature: tuple[str, ...] = ()
    reason: str = ""
    allowed: tuple[str, ...] = ()
    moved: str = ""
    stands: str = ""


class Variation(msgspec.Struct, frozen=True, tag="variation", tag_field="event"):
    """What the system gives as its own release of Linux does, and the kernel of this machine does not: no divergence.

    ``program`` is a short program that shows it at ``step``; ``ours`` is what this kernel gave there,
    ``theirs`` what the system's release gives, and ``stands`` says which releases these are.
    """

    bucket: str
    title: str
    op: str
    clauses: tuple[str, ...]
    seed: str
    program: str
    step: int
    ours: str
    theirs: str
    stands: str


class Occurrence(msgspec.Struct, frozen=True, tag="occurrence", tag_field="event"):
    """One more program that fell into a known bucket."""

    bucket: str
    seed: str


class Miniature(msgspec.Struct, frozen=True, tag="miniature", tag_field="event"):
    """How one planted bug fared in the self-check."""

    name: str
    kind: str
    what: str
    found_after_programs: int | None
    reduced_ops: int | None
    minimum_ops: int
    passed: bool


class Note(msgspec.Struct, frozen=True, tag="note", tag_field="event"):
    """Something a reader should know: a worker that died and was restarted, a program that hung."""

    level: str
    text: str


STALE, EXPIRED, UNMATCHED = WAIVER_PROBLEMS = ("stale", "expired", "unmatched")
"""How notes begin that say what is wrong with a waiver; ``mend:`` and a command close them."""


DIED = "B-died-"
"""How the buckets begin that hold programs which the system does not survive."""
EXPECTED = frozenset(("waived", "unsupported"))
"""The verdicts of buckets that a waiver describes."""
KNOWN = "known"
"""The verdict of a bucket that the baseline of the run has: it is counted, and fails nothing."""


class Unmet(msgspec.Struct, frozen=True, tag="unmet", tag_field="event"):
    """A waiver that one shard of a campaign did not meet, though it had so many ``chances``.

    It is stale when no other shard met it either and all of them had as many chances as are ``wanted``.
    ``subject`` says which waiver that is and where it stands, ``mend`` is the command that takes it out.
    """

    waiver: str
    chances: int
    wanted: int
    subject: str
    mend: str


def waiver_note(problem: str, subject: str, why: str, mend: str) -> Note:
    """What is wrong with a waiver, and the command that mends it."""
    return Note("error", f"{problem}: {subject}: {why}\n  mend: {mend}")


def never_met(chances: int) -> str:
    """Why a waiver is stale that nothing ran into."""
    return f"unexpected conformance: not met in {chances} chances"


UNOFFERED = "not offered by the system"
"""How the note begins that sums up what a system did not offer."""


def unoffered_note(counts: Mapping[str, int]) -> Note:
    """What a system did not offer in a whole run, by op."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Note("info", f"{UNOFFERED}, and left out: {', '.join(f'{name} {count}' for name, count in ranked)}")


DELTA_KINDS = ("new", "changed", "flaky", "waived", "fixed", "still", "not reached")
"""What may be said of a bucket since an earlier run, in the order in which a reader wants to hear it."""


class DeltaRow(msgspec.Struct, frozen=True):
    """What became of one bucket since an earlier run: ``what`` is one of :data:`DELTA_KINDS`.

    ``was`` is the id that the bucket had there, where that was another; ``news`` says that it calls for somebody.
    """

    what: str
    bucket: str
    title: str
    was: str = ""
    detail: str = ""
    news: bool = False


class Delta(msgspec.Struct, frozen=True, tag="delta", tag_field="event"):
    """What changed since an earlier run, which ``since`` names. ``environment`` holds (name, then, now).

    ``obstacles`` say why one of the two runs is not whole: then the delta decides nothing.
    """

    since: str
    environment: tuple[tuple[str, str, str], ...]
    rows: tuple[DeltaRow, ...]
    obstacles: tuple[str, ...] = ()

    @property
    def news(self) -> tuple[DeltaRow, ...]:
        """The rows that call for somebody: what is new, or changed."""
        return tuple(row for row in self.rows if row.news)


class Footer(msgspec.Struct, frozen=True, tag="footer", tag_field="event"):
    """Totals. ``interrupted`` says that the run was stopped from outside before its budget was used.

    ``failure`` says why it broke off by itself, if it did.
    """

    ended: str
    seconds: float
    cpu_seconds: float
    programs: int
    ops: int
    divergent_programs: int
    buckets: int
    interrupted: bool
    exit_code: int
    failure: str = ""


Event = Header | Batch | Divergence | Variation | Occurrence | Miniature | Note | Unmet | Delta | Footer
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_ENCODER = msgspec.json.Encoder()


class EventLog:
    """Writes events as they come; each line is on disk before the next is made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
        except OSError as error:
            raise ConformanceError(
                f"the report directory cannot be written: {error.strerror}",
                where=str(path.parent),
                hint="name another with --reports DIR",
            ) from None

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, event: Event) -> None:
        """Append one event."""
        self._file.write(_ENCODER.encode(event) + b"\n")
        self._file.flush()
        if isinstance(event, Divergence | Footer):
            os.fsync(self._file.fileno())


def read_events(path: Path) -> Iterator[Event]:
    """The events of a log. Raises ConformanceError for a line that is none; a half last line ends the log."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ConformanceError(
            f"the event log cannot be read: {error.strerror}",
            where=str(path),
            hint="name a run directory under reports/",
        ) from None
    for number, line in enumerate(lines[:-1], 1):
        try:
            yield _DECODER.decode(line)
        except msgspec.MsgspecError as error:
            raise Inconclusive(f"not an event: {error}", where=f"{path}, line {number}", hint="run again") from None
