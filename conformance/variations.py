# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a system gives as its own release of Linux does, and the release that we run on does not.

That is no divergence: the model under the system's profile predicts it. It is told all the same, so that a reader sees
which differences from this machine the releases explain, and which rules were put to the test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from conformance.divergence import Divergence, clipped_outcome, diverge
from conformance.environment import kernel_release
from conformance.events import Variation
from conformance.grammar import observation_text, program_text
from conformance.interpreter import System
from conformance.laws import Law
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import clauses_at, predict
from conformance.program import Program
from conformance.reduce import reduce_program
from conformance.resemblance import Kernel, standing_of_release
from reference.linux.profile import Profile

TRIES_MAX = 300


@dataclass(frozen=True, slots=True)
class Varied:
    """One difference between two releases that a system showed, and a short program that shows it in the models.

    ``ours`` is what the release of this machine gives at the step ``index``, ``theirs`` what the system's gives.
    ``clauses`` are those that decide at the step under either.
    """

    bucket: str
    op: str
    tag: str
    clauses: tuple[str, ...]
    seed: str
    ops: tuple[Op, ...]
    index: int
    ours: Observation
    theirs: Observation


class Releases:
    """Tells two releases apart in what was observed: that of the profile that predicts a system, and another."""

    def __init__(self, law: Law, profile: Profile, other: Kernel) -> None:
        self._law = law
        self._profile = profile
        self._other = replace(profile, kernel=other)
        self._known: dict[str, Varied] = {}

    def varied(self, observed: Iterable[tuple[str, tuple[Op, ...], Sequence[Observation]]]) -> dict[str, int]:
        """How many of these programs first leave the other release, by what they leave it in. All conform."""
        counts: dict[str, int] = {}
        for seed, ops, seen in observed:
            parting = self._parting(ops, seen)
            if parting is not None:
                counts[parting.bucket] = counts.get(parting.bucket, 0) + 1
                if parting.bucket not in self._known:
                    self._known[parting.bucket] = self._shortened(seed, ops, parting)
        return counts

    def known(self, buckets: Iterable[str]) -> list[Varied]:
        """What stands behind these."""
        return [self._known[bucket] for bucket in buckets]

    def _parting(self, ops: tuple[Op, ...], seen: Sequence[Observation]) -> Divergence | None:
        return diverge(ops, seen, self._here)

    def _there(self) -> System:
        return self._law.make_model(self._profile)

    def _here(self) -> System:
        return self._law.make_model(self._other)

    def _given(self, ops: tuple[Op, ...]) -> list[Observation]:
        """What the release of the system gives, where no system is asked."""
        return predict(ops, self._there(), [None] * len(ops))

    def _shortened(self, seed: str, ops: tuple[Op, ...], parting: Divergence) -> Varied:
        """The shortest program that tells the two apart in the models as this one does, if the models alone do."""
        final, ops = parting, ops[: parting.index + 1]

        def same(candidate: tuple[Op, ...]) -> bool:
            found = self._parting(candidate, self._given(candidate))
            return found is not None and found.bucket == parting.bucket

        if same(ops):
            ops = reduce_program(ops, same, TRIES_MAX).ops
            final = self._parting(ops, self._given(ops)) or parting
        seen = self._given(ops)
        cited = (
            *final.signature.clauses,
            *clauses_at(ops, final.index, self._there, seen),
        )
        return Varied(
            parting.bucket,
            final.signature.op,
            final.signature.tag,
            tuple(dict.fromkeys(cited)),
            seed,
            ops,
            final.index,
            final.predicted,
            final.observed,
        )


def variation_event(varied: Varied, ours: Observation, theirs: Kernel) -> Variation:
    """The event of one difference, with what the kernel of this machine gave at its step."""
    op = varied.ops[varied.index]
    texts = observation_text(op, ours), observation_text(op, varied.theirs)
    on = f" on {varied.tag}" if varied.tag else ""
    here, there = map(clipped_outcome, texts)
    return Variation(
        bucket=varied.bucket,
        title=f"{varied.op}{on}: this kernel {here}, the system {there}",
        op=varied.op,
        clauses=varied.clauses,
        seed=varied.seed,
        program=program_text(Program(varied.ops)),
        step=varied.index,
        ours=texts[0],
        theirs=texts[1],
        stands=standing_of_release(theirs, kernel_release(), same=ours == varied.theirs),
    )
