# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Who runs programs for a law: a worker on the kernel, or the system under test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

from conformance.laws import Law
from conformance.observation import Observation
from conformance.ops import Op
from conformance.subjects import Subject, describe_subject, fitted, kept, profile_of
from conformance.systems.native_workers import native_worker
from conformance.systems.process import Deadlines, ProcessSystem
from reference.linux.profile import Profile


class Runner(Protocol):
    """Runs programs. ProgramFailed when the system does not survive one."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None: ...

    def run(self, programs: Sequence[tuple[Op, ...]]) -> list[list[Observation]]:
        """The observations of each program of a batch, up to the first op of it that the system does not offer."""

    def run_alone(self, program: tuple[Op, ...]) -> list[Observation]:
        """The observations of one program that has nothing to do with any other."""

    def close(self) -> None:
        """End the system."""


def started(subject: Subject, profile: Profile, base: Path) -> ProcessSystem:
    """The system of a subject."""
    deadlines = Deadlines(subject.hello_s, subject.deadline_s, subject.bye_s)
    base = subject.base or base
    return ProcessSystem(subject.name, subject.command, profile, base, deadlines, subject.setup, subject.socket)


def introduced(subject: Subject, native: Profile, base: Path) -> tuple[Profile, dict[str, str]]:
    """Start a subject once for what it says of itself: what the model predicts it by, and what a report shows."""
    with started(subject, native, base) as system:
        profile = profile_of(subject, system.hello, native)
        return profile, describe_subject(subject, system.hello, profile)


def runner_of(law: Law, profile: Profile, base: Path) -> Runner:
    """Who runs the programs that a law is about."""
    if law.subject:
        return started(law.subject, profile, base)
    return native_worker(law.native, profile, base, law.binary)


def run_offered(system: ProcessSystem, ops: tuple[Op, ...]) -> tuple[tuple[Op, ...], list[Observation]]:
    """Run what a system offers of a program: what was run in the end, and what it gave."""
    ops = fitted(ops, system.hello)
    while len(observed := system.run_alone(ops)) < len(ops):
        ops = without_refused(ops, observed)
    return ops, observed


def without_refused(ops: tuple[Op, ...], observed: Sequence[Observation]) -> tuple[Op, ...]:
    """The program without the first op that the system did not offer."""
    return kept(ops, [place != len(observed) for place in range(len(ops))])
