# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The self-check: every planted bug must be found, and reduced to (nearly) the shortest program that shows it.

A wrong system plays the kernel. Programs come from the campaign's own generator, with the campaign's own weights,
so a bug that is missed here is a recipe to mend: the campaign would have missed it in a real system too.
A wrong system has one bug, so whatever differs comes from it, and a reduction may follow any difference.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import islice

from conformance import events
from conformance.divergence import diverge
from conformance.environment import profile_for, working_base
from conformance.interpreter import execute
from conformance.kinds import recipes_of
from conformance.laws import law_of
from conformance.observation import Observation
from conformance.ops import Op
from conformance.reduce import any_bucket, reduce_program
from conformance.strategies.programs import seeded_program
from conformance.systems.miniatures import (
    addresses,
    descriptors,
    files,
    host_imports,
    host_locks,
    host_saving,
    host_sockets,
    host_terminals,
    host_transfer,
    jobs,
    locks,
    native,
    pipes,
    readiness,
    sockets,
    splices,
    terminals,
)
from conformance.systems.miniatures.base import PlantedBug
from conformance.systems.native_worker import NativeWorker
from reference.linux.profile import Profile

PROGRAMS_MAX = 5000
REDUCTION_SLACK_OPS = 2
FACES_MAX = 3
"""A bug may first show a face that needs more ops than its shortest program: so many programs are reduced."""
NATIVE_BATCH_PROGRAMS = 16

BUGS: tuple[PlantedBug, ...] = (
    *descriptors.BUGS,
    *files.BUGS,
    *locks.BUGS,
    *pipes.BUGS,
    *sockets.BUGS,
    *addresses.BUGS,
    *splices.BUGS,
    *terminals.BUGS,
    *jobs.BUGS,
    *readiness.BUGS,
    *native.BUGS,
    *host_imports.BUGS,
    *host_transfer.BUGS,
    *host_sockets.BUGS,
    *host_terminals.BUGS,
    *host_saving.BUGS,
    *host_locks.BUGS,
)
NATIVE_BUGS = native.BUGS
"""The bugs that are planted over the kernel we run on."""

Observe = Callable[[Sequence[tuple[Op, ...]]], list[list[Observation]]]
"""Observations of some programs, each on a fresh system."""


def selfcheck(
    seed: int | str = 0, budget: int = PROGRAMS_MAX, bugs: Sequence[PlantedBug] = BUGS
) -> Iterator[events.Miniature]:
    """How each of some bugs fared: found within ``budget`` programs, reduced to how many ops."""
    for bug in bugs:
        with ExitStack() as stack:
            yield _check(bug, *_system(bug, stack), seed, budget)


def selfcheck_all(seed: int | str, budget: int, jobs: int) -> Iterator[events.Miniature]:
    """How each planted bug there is fared, in order. ``jobs`` processes share them, and change nothing else."""
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(_row, seed, budget), range(len(BUGS)))


def _row(seed: int | str, budget: int, number: int) -> events.Miniature:
    (row,) = selfcheck(seed, budget, (BUGS[number],))
    return row


def _system(bug: PlantedBug, stack: ExitStack) -> tuple[Observe, Profile]:
    """The wrong system, and the profile of the right model that it is held against."""
    if bug.make is None:
        base = working_base(None)
        profile = profile_for(base)
        return stack.enter_context(NativeWorker(profile, base, system=bug.native)).run, profile
    make, profile = bug.make, Profile()
    return lambda programs: [execute(ops, make(profile)) for ops in programs], profile


def _divergent(
    bug: PlantedBug, observe: Observe, profile: Profile, seed: int | str, budget: int
) -> Iterator[tuple[int, tuple[Op, ...]]]:
    """The programs that show a bug, each with its place in the order of all."""
    recipes = recipes_of(bug.programs)
    make_model = law_of(bug.law).make_model
    size = 1 if bug.make else NATIVE_BATCH_PROGRAMS
    for start in range(0, budget, size):
        programs = [seeded_program(f"{seed}/{bug.programs}/{n}", recipes).ops for n in range(start, start + size)]
        for number, (ops, observed) in enumerate(zip(programs, observe(programs), strict=True), start + 1):
            if diverge(ops, observed, lambda: make_model(profile)) is not None:
                yield number, ops


def _check(bug: PlantedBug, observe: Observe, profile: Profile, seed: int | str, budget: int) -> events.Miniature:
    make_model = law_of(bug.law).make_model
    judge = any_bucket(lambda ops: observe([ops])[0], lambda: make_model(profile))
    minimum = len(bug.minimal_ops)
    found: int | None = None
    after: int | None = None
    for number, ops in islice(_divergent(bug, observe, profile, seed, budget), FACES_MAX):
        found = found or number
        left = reduce_program(ops, judge).after
        after = left if after is None else min(after, left)
        if after <= minimum + REDUCTION_SLACK_OPS:
            break
    return events.Miniature(
        name=bug.name,
        kind=bug.kind,
        what=bug.what,
        found_after_programs=found,
        reduced_ops=after,
        minimum_ops=minimum,
        passed=after is not None and after <= minimum + REDUCTION_SLACK_OPS,
    )
