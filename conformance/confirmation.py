# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Which clauses of the host model a real sandbox confirms, which it contradicts, and which cannot be put to it.

A clause is put to the system by a program in which it shows: for one that differs from Linux a program with a
difference that it explains, for any other a program where it is cited. The pure models say which programs those are,
once what the system does not offer has been left out of them. A clause is *confirmed* when the system gives what the
host model gives all through such a program, and *contradicted* when in every such program it parts from the model where
the clause is cited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.clause_coverage import pure_comparer
from conformance.comparison import Comparison
from conformance.divergence import Divergence
from conformance.errors import SystemFailed
from conformance.host_clauses import HostClause
from conformance.kinds import HOST_KINDS, RECIPES
from conformance.ops import Op, spec_of
from conformance.strategies.programs import seeded_program
from conformance.subjects import kept
from conformance.witnesses import shows
from reference.linux.profile import Profile

CONFIRMED, CONTRADICTED, HIDDEN, OUT_OF_REACH, UNOBSERVABLE = (
    "confirmed",
    "contradicted",
    "hidden",
    "out of reach",
    "unobservable",
)
VERDICTS = (CONFIRMED, CONTRADICTED, HIDDEN, OUT_OF_REACH, UNOBSERVABLE)
TRIES_MAX = 3
"""Programs that are run for one clause."""
LOOKS_MAX = 6
"""How often an op that diverges for another reason is left out of a program."""

Fit = Callable[[Sequence[Op]], tuple[Op, ...]]
Looks = Callable[[tuple[Op, ...]], tuple[int, Divergence | None]]
"""How many ops of a program were run, before one that the system did not offer, and where these diverge."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a clause on a system. ``detail`` says by what it is contradicted or hidden."""

    clause: str
    verdict: str
    detail: str = ""


def candidates(programs: Mapping[str, Sequence[Op]], per_kind: int, fit: Fit) -> list[tuple[Op, ...]]:
    """Programs as the system runs them, the shortest first: the stored ones, and generated ones of each kind."""
    found = {fit(ops): None for ops in programs.values()}
    for kind in HOST_KINDS:
        for number in range(per_kind):
            found.setdefault(fit(seeded_program(f"confirmation/{kind}/{number}", RECIPES[kind]).ops))
    return sorted(filter(None, found), key=len)


def showing(
    programs: Sequence[tuple[Op, ...]], clauses: Mapping[str, HostClause], profile: Profile
) -> dict[str, list[tuple[Op, ...]]]:
    """For each clause the first programs in which it shows."""
    comparer = pure_comparer(profile)
    found: dict[str, list[tuple[Op, ...]]] = {name: [] for name in clauses}
    for ops in programs:
        comparison = comparer.compare(ops)
        if comparison.ops != ops:
            # What was left out because it made a descriptor on one side only is not left out on the system.
            comparison = _with_ops(comparison, ops)
        for name, clause in clauses.items():
            if len(found[name]) < TRIES_MAX and shows(comparison, clause):
                found[name].append(ops)
    return found


def _with_ops(comparison: Comparison, ops: tuple[Op, ...]) -> Comparison:
    return Comparison(
        ops, comparison.host, comparison.native, comparison.differences, comparison.cited, comparison.sure
    )


def standings(
    clauses: Mapping[str, HostClause], shown: Mapping[str, Sequence[tuple[Op, ...]]], profile: Profile, system: Looks
) -> Iterator[Standing]:
    """Put every clause to the system."""
    comparer = pure_comparer(profile)
    known: dict[tuple[Op, ...], tuple[int, Divergence | None]] = {}

    def looks(ops: tuple[Op, ...]) -> tuple[int, Divergence | None]:
        if ops not in known:
            known[ops] = system(ops)
        return known[ops]

    for name, clause in clauses.items():
        if clause.unobservable:
            yield Standing(name, UNOBSERVABLE)
            continue
        found = [_standing(clause, ops, comparer.compare, looks) for ops in shown[name]]
        yield min(found, key=lambda standing: VERDICTS.index(standing.verdict), default=Standing(name, OUT_OF_REACH))


def _standing(
    clause: HostClause, ops: tuple[Op, ...], compare: Callable[[tuple[Op, ...]], Comparison], looks: Looks
) -> Standing:
    """What one program says of a clause.

    Ops that diverge elsewhere, or that the system does not offer after all, are left out as long as the clause still
    shows.
    """
    detail = ""
    for _ in range(LOOKS_MAX):
        try:
            ran, divergence = looks(ops)
        except SystemFailed as failure:
            return Standing(clause.id, HIDDEN, failure.message)
        if divergence is None and ran == len(ops):
            return Standing(clause.id, CONFIRMED)
        if divergence is None:
            detail, left_out = f"{spec_of(ops[ran]).name}, which it refuses to run", ran
        else:
            detail, left_out = divergence.title, divergence.index
            if clause.id in divergence.signature.clauses:
                return Standing(clause.id, CONTRADICTED, detail)
        ops = kept(ops, [place != left_out for place in range(len(ops))])
        if not shows(compare(ops), clause):
            break
    return Standing(clause.id, HIDDEN, f"behind {detail}")


def confirmation_text(
    name: str, release: str, found: Sequence[Standing], clauses: Mapping[str, HostClause], pattern: str = "*"
) -> str:
    """The committed text: one line a clause, and totals. ``pattern`` says which clauses these are."""
    only = "" if pattern == "*" else f" --clause '{pattern}'"
    lines = [
        f"# Per clause of the host model: its relation to Linux, and what {name} says of it.\n",
        f"# {release}\n",
        f"# Written by `fdconform confirm --on {name}{only} --write`.\n",
    ]
    for standing in found:
        detail = f": {standing.detail}" if standing.detail else ""
        lines.append(f"{standing.clause:9} {clauses[standing.clause].relation:9} {standing.verdict}{detail}\n")
    for relation in ("", *sorted({clause.relation for clause in clauses.values()})):
        counts = Counter(one.verdict for one in found if relation in ("", clauses[one.clause].relation))
        told = ", ".join(f"{verdict} {counts[verdict]}" for verdict in VERDICTS)
        lines.append(f"# {relation or 'all'}: {sum(counts.values())}: {told}\n")
    return "".join(lines)


def stored_text(reports: Path, name: str) -> Path:
    """Where the standings of a system are kept."""
    return reports / f"clauses.{name}.txt"
