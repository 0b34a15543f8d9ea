# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Where Linux differs from Linux: rules that vary with the kernel release, the file system, or the caller.

What varies is data in the clauses. Each variant has a program that tells the two rules apart, so that nothing is
believed: the model gives two outcomes for it, and ``fdconform doctor`` looks which of them this machine gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from conformance.clauses import Clause, Variant, load_clauses
from conformance.conditions import facts_of, holds
from conformance.divergence import part
from conformance.errors import ConformanceError
from conformance.grammar import observation_text, op_text, read_program
from conformance.laws import linux
from conformance.observation import Observation
from conformance.ops import Op, spec_of
from conformance.oracle import allows, predict
from conformance.profiles import neighbours
from reference.linux.profile import Profile


@dataclass(frozen=True, slots=True)
class Rule:
    """A variant of a clause, with the program that shows it, and the two profiles that tell it apart.

    ``there`` is the profile nearest to the newest kernel for which it holds, ``elsewhere`` one for which it does not.
    """

    clause: Clause
    variant: Variant
    probe: tuple[Op, ...]
    there: Profile
    elsewhere: Profile

    @property
    def name(self) -> str:
        """What reports call it: the clause, and where it varies."""
        return f"{self.clause.id} ({self.variant.when})"


@dataclass(frozen=True, slots=True)
class Shown:
    """How a probe tells two rules apart: the op, what it gives where the variant holds, and elsewhere."""

    op: Op
    index: int
    there: Observation
    elsewhere: Observation

    @property
    def texts(self) -> tuple[str, str, str]:
        """The op and its two outcomes as text; of structures, only where they part."""
        parting = part(spec_of(self.op).result, self.there, self.elsewhere)
        if parting is not None and "." in parting.field:
            name = parting.field.partition(" ")[0]
            return op_text(self.op), f"{name}={parting.predicted}", f"{name}={parting.observed}"
        return op_text(self.op), observation_text(self.op, self.there), observation_text(self.op, self.elsewhere)


def rules(clauses: Mapping[str, Clause] | None = None) -> tuple[Rule, ...]:
    """Every rule that varies, in the order of the clauses. ConformanceError for one that no known profile has."""
    known = load_clauses() if clauses is None else clauses
    return tuple([_rule(clause, variant) for clause in known.values() for variant in clause.varies])


def _rule(clause: Clause, variant: Variant) -> Rule:
    where = f"{clause.id}, when {variant.when}"
    there = _nearest(variant.when, Profile(), where, wanted=True)
    elsewhere = _nearest(variant.when, there, where, wanted=False)
    return Rule(clause, variant, read_program(variant.probe, where).ops, there, elsewhere)


def _nearest(when: str, base: Profile, where: str, *, wanted: bool) -> Profile:
    """The profile nearest to another for which a condition holds, or does not: of two steps from it at most."""
    beside = [profile for _, profile in neighbours(base)]
    further = (profile for near in beside for _, profile in neighbours(near))
    for profile in chain((base,), beside, further):
        if holds(when, facts_of(profile)) is wanted:
            return profile
    raise ConformanceError("no known profile tells the two apart", where=where, hint="mend the condition")


def shown(rule: Rule) -> Shown:
    """Where the model's outcomes of a probe part. ConformanceError when they do not: the model has one rule."""
    there, elsewhere = (
        predict(rule.probe, linux(profile), [None] * len(rule.probe)) for profile in (rule.there, rule.elsewhere)
    )
    for index, (op, one, other) in enumerate(zip(rule.probe, there, elsewhere, strict=True)):
        if one != other:
            return Shown(op, index, one, other)
    raise ConformanceError(
        "the model gives the same for the probe on both sides",
        where=rule.name,
        hint="have the model ask its profile, or mend the probe",
    )


@dataclass(frozen=True, slots=True)
class Probed:
    """What a machine gives for the probe of a rule. ``stray`` is the first op that the model does not allow there."""

    rule: Rule
    holds: bool
    stray: str = ""

    @property
    def well(self) -> bool:
        """Whether the machine does what its profile says."""
        return not self.stray


def probed(rule: Rule, profile: Profile, observed: Sequence[Observation]) -> Probed:
    """Hold what a machine of a profile gave for a probe against the model."""
    predicted = predict(rule.probe[: len(observed)], linux(profile), observed)
    variant_holds = holds(rule.variant.when, facts_of(profile))
    for op, expected, seen in zip(rule.probe, predicted, observed, strict=False):
        if not allows(expected, seen):
            text = f"{op_text(op)} gives {observation_text(op, seen)}, the model {observation_text(op, expected)}"
            return Probed(rule, variant_holds, text)
    return Probed(rule, variant_holds)
