# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Watches over the waivers of a run: which were met, and which are wrong.

Stale is what does not occur although it should; expired, what was to be looked at again by now;
unmatched, what can describe no divergence at all. Each is told with the command that mends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256

from conformance.conditions import Facts
from conformance.divergence import BUCKET_DIGITS, Divergence, Signature
from conformance.events import EXPIRED, STALE, UNMATCHED, Note, Unmet, never_met, waiver_note
from conformance.expectations import Expectations, Waiver, mending, unmatched


class Watch:
    """The waivers that are in force for some facts, and what became of each."""

    def __init__(self, expectations: Expectations, facts: Facts, today: date) -> None:
        self._expectations = expectations.in_force(facts)
        self._today = today
        self._met: dict[str, str] = {}
        self.wrong: list[str] = []
        """The names of the waivers that are wrong, once for each problem."""

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """Those in force."""
        return self._expectations.waivers

    @property
    def place(self) -> str:
        """Where they are stored."""
        return str(self._expectations.path)

    def waiver_of(self, signature: Signature) -> Waiver | None:
        """The first waiver that describes a divergence, if there is one."""
        return self._expectations.waiver_of(signature)

    def bucket_of(self, waiver: Waiver) -> str | None:
        """The bucket that what a waiver describes is counted in; None while it has not been met."""
        return self._met.get(waiver.name)

    def meet(self, waiver: Waiver) -> str:
        """Remember that a waiver was met; the bucket that it is counted in from then on.

        What a clause or a pattern describes is one bucket by that name, whichever divergence of it comes first.
        """
        return self._met.setdefault(waiver.name, waiver.bucket or _bucket_named(waiver.name))

    def at_first_sight(self) -> Iterator[Note]:
        """What is wrong with waivers before anything has run."""
        for waiver in self.waivers:
            if waiver.expires is not None and waiver.expires < self._today:
                yield self._note(EXPIRED, waiver, f"on {waiver.expires}", "update", "--expires", "never")
            if why := unmatched(waiver):
                yield self._note(UNMATCHED, waiver, why, "remove")

    def stale(self, waiver: Waiver, divergence: Divergence | None) -> Note:
        """Tell of a waiver whose program does not diverge as it says."""
        if divergence is not None:
            return self._note(STALE, waiver, f"its program diverges in another way now: {divergence.title}", "remove")
        return self._note(STALE, waiver, "unexpected conformance: its program no longer diverges", "remove")

    def at_last(self, ops: Mapping[str, int], clauses: Mapping[str, int]) -> Iterator[Note]:
        """The waivers that were not met in all their chances, by how often ops ran and clauses were cited."""
        for waiver in self._unmet():
            chances = waiver.chances_among(ops, clauses)
            if chances >= waiver.chances:
                yield self._note(STALE, waiver, never_met(chances), "remove")

    def so_far(self, ops: Mapping[str, int], clauses: Mapping[str, int]) -> Iterator[Unmet]:
        """The waivers that were not met in one shard: whether they are stale is for all shards to say."""
        for waiver in self._unmet():
            chances = waiver.chances_among(ops, clauses)
            yield Unmet(waiver.name, chances, waiver.chances, self._subject(waiver), self._mend(waiver, "remove"))

    def _unmet(self) -> Iterator[Waiver]:
        return (waiver for waiver in self.waivers if waiver.name not in self._met and waiver.name not in self.wrong)

    def _note(self, problem: str, waiver: Waiver, why: str, verb: str, *options: str) -> Note:
        self.wrong.append(waiver.name)
        return waiver_note(problem, self._subject(waiver), why, self._mend(waiver, verb, *options))

    def _subject(self, waiver: Waiver) -> str:
        title = f" ({waiver.title})" if waiver.title else ""
        return f"{waiver.name}{title}, {self._expectations.place_of(waiver)}"

    def _mend(self, waiver: Waiver, verb: str, *options: str) -> str:
        return mending(self._expectations.path, verb, waiver.name, *options)


def _bucket_named(name: str) -> str:
    return f"B-{sha256(name.encode()).hexdigest()[:BUCKET_DIGITS]}"
