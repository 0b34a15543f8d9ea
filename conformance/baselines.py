# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Baselines: what a run found, small enough to be committed, as ``reports/baselines/NAME/baseline.json``.

A baseline holds canonical text only: no time, no path of a machine, no order of arrival.
Saving the same findings again gives the same bytes, so what a review sees of a baseline is what changed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

import msgspec

from conformance.errors import ConformanceError, Inconclusive
from conformance.events import KNOWN, Divergence
from conformance.grammar import read_program
from conformance.ops import Op
from conformance.reporting.card import op_lines
from conformance.reporting.run import Bucket, RunReport
from conformance.reporting.text import printable
from conformance.subjects import PROCESS

FORMAT = 1
FOLDER = "baselines"
FILE = "baseline.json"
_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)


class KnownBucket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One bug of a run: by what it is known again, and the reduced program that shows it, line by line.

    ``signature`` is op, both outcomes, field and tag; empty for a program that the system did not survive.
    ``programs`` counts those that fell into the bucket, ``confirmed`` how many of how many lone runs diverged,
    ``moved`` which observation was not the same in them.
    """

    bucket: str
    verdict: str
    title: str
    kind: str
    op: str
    signature: tuple[str, ...]
    clauses: tuple[str, ...]
    program: tuple[str, ...]
    programs: int
    confirmed: tuple[int, int]
    moved: str = ""

    @property
    def text(self) -> str:
        """The reduced program as text."""
        return "".join(f"{line}\n" for line in self.program)


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run found, and where. ``outcomes`` counts op, then outcome; ``obstacles`` say why it is not whole."""

    format: int
    law: str
    systems: tuple[str, ...]
    kinds: tuple[str, ...]
    seed: str
    budget: str
    environment: dict[str, str]
    programs: int
    ops: int
    buckets: tuple[KnownBucket, ...]
    outcomes: dict[str, dict[str, int]]
    obstacles: tuple[str, ...] = ()


def baseline_of(report: RunReport) -> Baseline:
    """What a baseline keeps of a run."""
    header = report.header
    plain = {name: _plain_name(name) for name in header.systems}
    systems = tuple(plain.values())

    def canonical(text: str) -> str:
        for name, short in plain.items():
            text = text.replace(name, short) if name != short else text
        return text

    return Baseline(
        format=FORMAT,
        law=canonical(header.law),
        systems=systems,
        kinds=header.kinds,
        seed=header.seed,
        budget=header.budget,
        environment=dict(sorted(header.environment.items())),
        programs=report.programs,
        ops=report.ops,
        buckets=tuple(
            sorted(
                (_known(bucket, canonical(bucket.first.title)) for bucket in report.buckets),
                key=lambda known: known.bucket,
            )
        ),
        outcomes={op: dict(sorted(counts.items())) for op, counts in sorted(report.outcomes.items())},
        obstacles=(*report.obstacles, *_failures(report)),
    )


def _failures(report: RunReport) -> tuple[str, ...]:
    failure = report.footer.failure if report.footer else ""
    return (f"The system failed before the budget was used: {failure}.",) if failure else ()


def _known(bucket: Bucket, title: str) -> KnownBucket:
    first: Divergence = bucket.first
    return KnownBucket(
        bucket=first.bucket,
        verdict=_verdict(first),
        title=printable(title),
        kind=first.kind,
        op=first.op,
        signature=first.signature,
        clauses=tuple(sorted(first.clauses)),
        program=op_lines(first.reduced),
        programs=bucket.count,
        confirmed=first.confirmed,
        moved=printable(first.moved),
    )


def _verdict(first: Divergence) -> str:
    """The verdict of a bucket as a run without a baseline gives it: the same findings are to give the same text."""
    if first.verdict != KNOWN:
        return first.verdict
    if first.confirmed[0] < first.confirmed[1]:
        return "flaky"
    return "diverges" if first.signature else "adapter-error"


def _plain_name(system: str) -> str:
    """The name of a system without the directories of this machine."""
    if not system.startswith(PROCESS):
        return system
    words = system.removeprefix(PROCESS).split()
    return PROCESS + " ".join(PurePosixPath(word).name if word.startswith("/") else word for word in words)


def baseline_text(baseline: Baseline) -> str:
    """The canonical text: the same findings give the same bytes, one fact a line."""
    return json.dumps(msgspec.to_builtins(baseline), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def baseline_path(reports: Path, name: str) -> Path:
    """Where a baseline is stored. ConformanceError for a name that is none."""
    if _NAME.fullmatch(name) is None:
        raise ConformanceError(f"not a name: {name!r}", hint="use letters, digits, and . + - _ behind the first")
    return reports / FOLDER / name / FILE


def save_baseline(reports: Path, name: str, baseline: Baseline) -> Path:
    """Store a baseline. Inconclusive for a run that is not whole: what it did not reach would look fixed, or new."""
    path = baseline_path(reports, name)
    if baseline.obstacles:
        raise Inconclusive(f"no baseline: {' '.join(baseline.obstacles)}", hint="run again, to the end")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(baseline_text(baseline), encoding="utf-8")
    except OSError as error:
        raise ConformanceError(
            f"the baseline cannot be written: {error.strerror}", where=str(path), hint="name another with --reports DIR"
        ) from None
    return path


def baseline_names(reports: Path) -> tuple[str, ...]:
    """The names of the stored baselines."""
    return tuple(sorted(path.parent.name for path in (reports / FOLDER).glob(f"*/{FILE}")))


def load_baseline(reports: Path, name: str) -> Baseline:
    """A stored baseline. ConformanceError when there is none of the name, or it cannot be used."""
    path = baseline_path(reports, name)
    if not path.is_file():
        known = baseline_names(reports)
        raise ConformanceError(
            f"no baseline named {name!r}",
            where=str(reports / FOLDER),
            hint=f"choose among {', '.join(known)}" if known else f"make one: fdconform baseline save {name}",
        )
    return read_baseline(path)


def program_of(path: Path, name: str) -> tuple[Op, ...]:
    """The reduced program of one bucket of the baseline in a file. ConformanceError when there is none."""
    for bucket in read_baseline(path).buckets:
        if bucket.bucket == name:
            return read_program(bucket.text, f"{path}#{name}").ops
    raise ConformanceError(f"no bucket {name!r} in this baseline", where=str(path), hint="fdconform baseline list")


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. ConformanceError when it cannot be used."""
    try:
        baseline = msgspec.json.decode(path.read_bytes(), type=Baseline)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConformanceError(f"not a baseline: {error}", where=str(path), hint="save it again") from None
    if baseline.format != FORMAT:
        raise ConformanceError(
            f"a baseline of format {baseline.format}, and this fdconform reads {FORMAT}",
            where=str(path),
            hint="save it again",
        )
    return baseline
