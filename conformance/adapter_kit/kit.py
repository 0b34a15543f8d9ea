# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The whole kit, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from conformance.adapter_kit.answers import PART as ANSWERS
from conformance.adapter_kit.answers import Excuse, answers
from conformance.adapter_kit.checks import Check, Outcome, attempt, until_hopeless
from conformance.adapter_kit.handshake import PART as HANDSHAKE
from conformance.adapter_kit.handshake import handshake
from conformance.adapter_kit.hostile import PART as HOSTILE
from conformance.adapter_kit.hostile import malformed_lines, not_understood, unusual
from conformance.adapter_kit.vectors import MALFORMED_PART as MALFORMED
from conformance.adapter_kit.vectors import PART as VECTORS
from conformance.adapter_kit.vectors import malformed, vectors
from conformance.divergence import diverge
from conformance.expectations import Expectations
from conformance.laws import law_of
from conformance.observation import Observation
from conformance.ops import Op
from conformance.runners import started
from conformance.subjects import Subject, profile_of
from reference.linux.profile import Profile


def examine_adapter(
    subject: Subject, native: Profile, base: Path, fixtures: Path, expectations: Expectations | None = None
) -> Iterator[Check]:
    """All checks of an adapter, as they are made. Nothing is asked of one that does not say hello.

    What is known of the system by its ``expectations`` is no fault of the adapter.
    """
    greeted = list(until_hopeless(HANDSHAKE, handshake(subject, native, base)))
    yield from greeted
    if greeted[0].outcome is Outcome.FAILED:
        yield Check(HANDSHAKE, "the rest", Outcome.NOT_ASKED, "it does not say hello")
        return
    system = started(subject, native, base)
    try:
        profile = profile_of(subject, system.hello, native)
        yield from until_hopeless(ANSWERS, answers(system, excuses(subject, profile, expectations)))
        yield from until_hopeless(VECTORS, vectors(system, profile, fixtures))
        yield from until_hopeless(MALFORMED, malformed(system, fixtures))
        yield from until_hopeless(HOSTILE, unusual(system))
        yield attempt(HANDSHAKE, "counts what it has answered in its bye", system.close)
    finally:
        system.kill()
    yield from until_hopeless(HOSTILE, not_understood(subject, base))
    yield from until_hopeless(MALFORMED, malformed_lines(subject, base, fixtures))


def excuses(subject: Subject, profile: Profile, expectations: Expectations | None) -> Excuse:
    """What excuses a system by its expectations: the reason of the waiver that describes where it leaves the model."""
    law = law_of(subject.law)

    def excuse(ops: tuple[Op, ...], observed: Sequence[Observation]) -> str:
        if expectations is None:
            return ""
        divergence = diverge(ops, observed, lambda: law.make_model(profile))
        waiver = divergence and expectations.waiver_of(divergence.signature)
        return waiver.reason if waiver else ""

    return excuse
