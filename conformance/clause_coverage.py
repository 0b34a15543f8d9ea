# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Which clauses of the host model are exercised, and which of its differences from Linux are seen.

Both sides are the pure models, so the answer is the same on every machine:
that the models are what runs natively is what the other laws say.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import starmap
from pathlib import Path

from conformance.comparison import Comparer, Comparison
from conformance.corpus import load
from conformance.host_clauses import HostClause, load_host_clauses
from conformance.interpreter import execute
from conformance.kinds import HOST_KINDS, RECIPES
from conformance.laws import host_over_linux, linux
from conformance.ops import Op
from conformance.strategies.programs import seeded_program
from reference.linux.profile import Profile

PROGRAMS_PER_KIND = 500
NOBODY_UID = 65534
SNAPSHOT = Path("reports/clauses.snapshot.txt")
MEND = "fdconform coverage --write"
STORED = "fixture"
DIFFERING = ("intended", "quirk")

_HEAD = f"""\
# Per clause of the host model: its relation to Linux, what exercises it, and what shows its difference.
# random: generated programs; fixture: only a stored program; never: nothing; unobservable: no program can tell.
# Written by `{MEND}`.
"""


@dataclass(slots=True)
class Coverage:
    """How often each clause was cited, and how often it explained a difference, by random and by stored programs.

    ``unexplained`` names the programs with a difference that no clause explains.
    """

    cited: dict[str, Counter[str]] = field(default_factory=lambda: {"random": Counter(), "fixture": Counter()})
    seen: dict[str, Counter[str]] = field(default_factory=lambda: {"random": Counter(), "fixture": Counter()})
    unexplained: list[str] = field(default_factory=list)

    def add(self, other: Coverage) -> None:
        """Book what another part of the programs exercised and showed."""
        for mine, theirs in ((self.cited, other.cited), (self.seen, other.seen)):
            for origin, counts in theirs.items():
                mine[origin].update(counts)
        self.unexplained += other.unexplained

    def by(self, table: Mapping[str, Counter[str]], clause: str) -> str:
        """``random``, ``fixture`` or ``never``."""
        return next((origin for origin in ("random", "fixture") if table[origin][clause]), "never")


def profiles() -> tuple[Profile, ...]:
    """The profiles that programs are run under: root and an ordinary user."""
    root = Profile()
    return root, replace(root, uid=NOBODY_UID, gid=NOBODY_UID, capable=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """A program that was compared: where it comes from, what it is called, who ran it, and what that gave."""

    origin: str
    name: str
    profile: Profile
    ops: tuple[Op, ...]
    comparison: Comparison


def compared(fixtures: Path, programs_per_kind: int) -> Iterator[Compared]:
    """Every stored program and generated ones of each kind, compared as root and as an ordinary user."""
    for profile in profiles():
        for origin in (STORED, *HOST_KINDS):
            yield from _compared_of(profile, origin, fixtures, programs_per_kind)


def _compared_of(profile: Profile, origin: str, fixtures: Path, programs_per_kind: int) -> Iterator[Compared]:
    """The programs of one kind, or the stored ones, compared under one profile."""
    comparer = pure_comparer(profile)
    programs: Iterator[tuple[str, tuple[Op, ...]]]
    if origin == STORED:
        programs = ((str(found.path), found.program.ops) for found in load(fixtures))
    else:
        programs = _generated(origin, programs_per_kind)
    for name, ops in programs:
        yield Compared(STORED if origin == STORED else "random", name, profile, ops, comparer.compare(ops))


def cover(fixtures: Path, programs_per_kind: int = PROGRAMS_PER_KIND, jobs: int = 1) -> Coverage:
    """Run every stored program and generated ones of each kind, and book what they exercise and show.

    ``jobs`` processes share the kinds; the result is the same for any number of them.
    """
    parts = [
        (profile, origin, fixtures, programs_per_kind) for profile in profiles() for origin in (STORED, *HOST_KINDS)
    ]
    coverage = Coverage()
    if jobs == 1:
        for part in starmap(_cover_part, parts):
            coverage.add(part)
        return coverage
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(_cover_part, *zip(*parts, strict=True)):
            coverage.add(part)
    return coverage


def _cover_part(profile: Profile, origin: str, fixtures: Path, programs_per_kind: int) -> Coverage:
    coverage = Coverage()
    for program in _compared_of(profile, origin, fixtures, programs_per_kind):
        comparison = program.comparison
        coverage.cited[program.origin].update(comparison.cited)
        for difference in comparison.differences:
            coverage.seen[program.origin].update(difference.clauses)
        if comparison.unexplained is not None:
            coverage.unexplained.append(program.name)
    return coverage


def pure_comparer(profile: Profile) -> Comparer:
    """Compares the host model over the model of Linux with the model of Linux."""
    return Comparer(
        profile,
        lambda ops: execute(ops, host_over_linux(profile)),
        lambda ops: execute(ops, linux(profile)),
    )


def _generated(kind: str, count: int) -> Iterator[tuple[str, tuple[Op, ...]]]:
    for number in range(count):
        seed = f"coverage/{kind}/{number}"
        yield f"seed:{seed}", seeded_program(seed, RECIPES[kind]).ops


def snapshot_text(coverage: Coverage, clauses: Mapping[str, HostClause]) -> str:
    """The committed text: one line a clause, and totals."""
    lines = [_line(coverage, clause) for clause in clauses.values()]
    return f"{_HEAD}{''.join(lines)}{totals_text(coverage, list(clauses.values()))}"


def _line(coverage: Coverage, clause: HostClause) -> str:
    if clause.unobservable:
        return f"{clause.id:9} {clause.relation:9} unobservable\n"
    cited = coverage.by(coverage.cited, clause.id)
    seen = f" seen {coverage.by(coverage.seen, clause.id)}" if clause.relation in DIFFERING else ""
    return f"{clause.id:9} {clause.relation:9} exercised {cited:8}{seen}".rstrip() + "\n"


def totals_text(coverage: Coverage, clauses: Sequence[HostClause]) -> str:
    """How many clauses there are of each sort."""
    observable = [clause.id for clause in clauses if not clause.unobservable]
    differing = [clause.id for clause in clauses if clause.relation in DIFFERING and not clause.unobservable]
    exercised = Counter(coverage.by(coverage.cited, clause) for clause in observable)
    seen = Counter(coverage.by(coverage.seen, clause) for clause in differing)
    rows = (("observable", observable, exercised), ("differing", differing, seen))
    return f"# clauses: {len(clauses)}, unobservable {len(clauses) - len(observable)}\n" + "".join(
        f"# {name}: {len(ids)}, by random {counts['random']}, by fixture {counts['fixture']}, never {counts['never']}\n"
        for name, ids, counts in rows
    )


def dead_clauses(coverage: Coverage) -> list[str]:
    """The clauses that nothing exercises, and those whose difference nothing shows."""
    return [
        clause.id
        for clause in load_host_clauses().values()
        if not clause.unobservable
        and (
            coverage.by(coverage.cited, clause.id) == "never"
            or (clause.relation in DIFFERING and coverage.by(coverage.seen, clause.id) == "never")
        )
    ]
