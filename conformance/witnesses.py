# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Witnesses: for each clause of the host model the shortest program known in which it shows.

A clause that differs from Linux shows in a difference that it explains, any other in that the host model cites it.
Witnesses are found by running many programs over the pure models and reducing the shortest one for each clause,
so that they are the same on every machine. They are kept as text, one file a clause, and stand beside the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.clause_coverage import DIFFERING, compared, profiles, pure_comparer
from conformance.comparison import Comparison
from conformance.corpus import SUFFIX, load
from conformance.differences import CONSEQUENCE, RULE, STATE
from conformance.grammar import observation_text, program_text, trace_line
from conformance.host_clauses import HostClause
from conformance.interpreter import execute
from conformance.laws import host_over_linux, linux
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import allows
from conformance.program import Program
from conformance.reduce import reduce_program
from reference.linux.profile import Profile

FOLDER = Path("fixtures/witnesses")
PROGRAMS_PER_KIND = 1500
REDUCTION_TRIES_MAX = 1500
MEND = "fdconform witnesses"
_AS_USER = "# As an ordinary user."


@dataclass(frozen=True, slots=True)
class Witness:
    """A program that shows a clause, and who runs it: some rules are met by an ordinary user only."""

    ops: tuple[Op, ...]
    profile: Profile


def shows(comparison: Comparison, clause: HostClause) -> bool:
    """Whether a clause shows in a program, and nothing else goes wrong there.

    A clause about states may show in their consequences alone.
    """
    if comparison.unexplained is not None:
        return False
    if clause.relation not in DIFFERING:
        return clause.id in comparison.cited
    enough = {RULE, STATE, CONSEQUENCE} if clause.effect == "state" else {RULE, STATE}
    return any(clause.id in seen.clauses and seen.how in enough for seen in comparison.differences)


def find_witnesses(fixtures: Path, programs_per_kind: int, clauses: Mapping[str, HostClause]) -> dict[str, Witness]:
    """The shortest program for each clause among the stored ones, the old witnesses too, and generated ones."""
    found: dict[str, Witness] = {}
    for program in compared(fixtures, programs_per_kind):
        comparison = program.comparison
        ids = {*comparison.cited, *(name for difference in comparison.differences for name in difference.clauses)}
        for name in sorted(ids):
            known = found.get(name)
            if known is not None and len(known.ops) <= len(program.ops):
                continue
            if name in clauses and shows(comparison, clauses[name]):
                found[name] = Witness(program.ops, program.profile)
    return found


def reduced(witness: Witness, clause: HostClause) -> Witness:
    """A witness without all that its clause does not need."""
    comparer = pure_comparer(witness.profile)

    def judge(ops: tuple[Op, ...]) -> bool:
        return shows(comparer.compare(ops), clause)

    return replace(witness, ops=reduce_program(witness.ops, judge, REDUCTION_TRIES_MAX).ops)


# Text -------------------------------------------------------------------------------------------


def witness_text(witness: Witness, clause: HostClause) -> str:
    """What is stored of a witness: the rule it shows, who runs it, and the program."""
    lines = [f"# {clause.id}"] if witness.profile == profiles()[0] else [f"# {clause.id}", _AS_USER]
    return program_text(Program(witness.ops, tuple((0, line) for line in lines)))


def load_witnesses(folder: Path) -> dict[str, Witness]:
    """The stored witnesses, by the id of their clause. BadProgram for a text that is no program."""
    root, user = profiles()
    return {
        stored.name: Witness(
            stored.program.ops,
            user if any(text == _AS_USER for _, text in stored.program.comments) else root,
        )
        for stored in load(folder)
    }


def store_witness(folder: Path, witness: Witness, clause: HostClause) -> None:
    """Write a witness to its file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{clause.id}{SUFFIX}").write_text(witness_text(witness, clause), encoding="utf-8")


def transcript(witness: Witness) -> str:
    """A witness as a trace of the host model, with what Linux gives where that is something else."""
    host = execute(witness.ops, host_over_linux(witness.profile))
    native = execute(witness.ops, linux(witness.profile))
    return "".join(map(_line, witness.ops, host, native))


def _line(op: Op, host: Observation, native: Observation) -> str:
    aside = "" if allows(host, native) else f"  # Linux: {observation_text(op, native)}"
    return f"{trace_line(op, host)}{aside}\n"
