# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ask of one program, under a law, whether and where it diverges: what confirmation and reduction need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from conformance.comparison import Comparer, Comparison
from conformance.divergence import Divergence, Signature, diverge, slot_tag
from conformance.errors import SystemFailed
from conformance.interpreter import System
from conformance.laws import Law
from conformance.observation import Observation, outcome_name
from conformance.ops import Op, spec_of
from conformance.reduce import StillDiverges
from conformance.runners import runner_of
from conformance.systems.native_workers import native_worker
from conformance.systems.process import AdapterFailed
from reference.linux.profile import Profile


@dataclass(frozen=True, slots=True)
class Look:
    """What one run of a program gave: every observation, and where they leave what is allowed."""

    observed: Sequence[Observation]
    divergence: Divergence | None


class Examiner(Protocol):
    """Examines single programs, each in a process of its own. ``close`` ends its workers."""

    def observe(self, ops: tuple[Op, ...]) -> Sequence[Observation]:
        """What the system gives for each op. ProgramFailed when it does not survive the program."""

    def look(self, ops: tuple[Op, ...]) -> Look:
        """Run the program once, alone. ProgramFailed when the system does not survive it."""

    def diverge(self, ops: tuple[Op, ...]) -> Divergence | None:
        """Where the program diverges; None when it does not."""

    def glance(self, ops: tuple[Op, ...]) -> Divergence | None:
        """As :meth:`diverge`, but not alone where that takes long: for reductions, whose end is confirmed alone."""

    def close(self) -> None:
        """End the workers."""


class PredictionExaminer:
    """Holds a system against the model that predicts it."""

    def __init__(self, profile: Profile, base: Path, law: Law) -> None:
        self._profile = profile
        self._law = law
        self._worker = runner_of(law, profile, base)

    def observe(self, ops: tuple[Op, ...]) -> Sequence[Observation]:
        """What the system gives for each op, up to the first that it does not offer."""
        return self._worker.run_alone(ops)

    def look(self, ops: tuple[Op, ...]) -> Look:
        """One run."""
        observed = self.observe(ops)
        return Look(observed, self._judged(ops, observed))

    def diverge(self, ops: tuple[Op, ...]) -> Divergence | None:
        """The first op whose observation the model does not allow."""
        return self.look(ops).divergence

    def glance(self, ops: tuple[Op, ...]) -> Divergence | None:
        """As :meth:`diverge`; a system under test may need much longer for a process of its own."""
        return self._judged(ops, self._worker.run([ops])[0]) if self._law.subject else self.diverge(ops)

    def _judged(self, ops: tuple[Op, ...], observed: Sequence[Observation]) -> Divergence | None:
        return diverge(ops[: len(observed)], observed, self._model, self._law.systems[1])

    def close(self) -> None:
        """End the worker. A subject that takes no leave is the shards' to report."""
        with suppress(AdapterFailed):
            self._worker.close()

    def _model(self) -> System:
        return self._law.make_model(self._profile)


class DifferenceExaminer:
    """Compares the host model over the kernel with the kernel; what diverges is an unexplained difference."""

    def __init__(self, profile: Profile, base: Path, law: Law) -> None:
        self._host = native_worker(law.native, profile, base, law.binary)
        self._native = native_worker(law.beside, profile, base, law.binary)
        self._comparer = Comparer(profile, self._host.run_alone, self._native.run_alone)

    def observe(self, ops: tuple[Op, ...]) -> Sequence[Observation]:
        """What the host model over the kernel gives for each op."""
        return self._host.run_alone(ops)

    def look(self, ops: tuple[Op, ...]) -> Look:
        """One run on each side; observed is the host model."""
        comparison = self._comparer.compare(ops)
        return Look(comparison.host, _divergence(comparison) if comparison.unexplained else None)

    def diverge(self, ops: tuple[Op, ...]) -> Divergence | None:
        """The first difference that nothing explains."""
        return self.look(ops).divergence

    def glance(self, ops: tuple[Op, ...]) -> Divergence | None:
        """As :meth:`diverge`."""
        return self.diverge(ops)

    def close(self) -> None:
        """End the workers."""
        self._host.close()
        self._native.close()


def _divergence(comparison: Comparison) -> Divergence:
    difference = comparison.unexplained
    assert difference is not None
    op = comparison.ops[difference.index]
    tag = slot_tag(comparison.ops, difference.index)
    names = outcome_name(difference.host), outcome_name(difference.native)
    signature = Signature(spec_of(op).name, *names, difference.field, difference.cited, tag)
    place = f" on {tag}" if tag else ""
    field = f", {difference.field}" if difference.field else ""
    title = f"{signature.op}{place}{field}: host(native) {names[0]}, native {names[1]}, and no clause says so"
    return Divergence(op, difference.index, difference.host, difference.native, signature, title)


def examiner_of(profile: Profile, base: Path, law: Law) -> Examiner:
    """The examiner of a law."""
    return DifferenceExaminer(profile, base, law) if law.beside else PredictionExaminer(profile, base, law)


def same_bucket(bucket: str, diverges: Callable[[tuple[Op, ...]], Divergence | None]) -> StillDiverges:
    """A judge for reductions: a divergence of one bucket. A candidate that the system does not survive is none."""

    def judge(ops: tuple[Op, ...]) -> bool:
        try:
            divergence = diverges(ops)
        except SystemFailed:
            return False
        return divergence is not None and divergence.bucket == bucket

    return judge
