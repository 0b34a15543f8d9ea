# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Law 5: programs that must give the same, on the model, on the kernel, and on the host model over the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.grammar import observation_text, op_text
from conformance.interpreter import System, execute
from conformance.kinds import HOST_KINDS, LINUX_KINDS, RECIPES
from conformance.laws import host_over_linux, linux
from conformance.metamorphic import in_pieces, saved_at, swapped, swaps, unsaved, unswapped
from conformance.observation import REFUSED, Observation
from conformance.ops import Op
from conformance.oracle import predict
from conformance.strategies.programs import seeded_program
from conformance.systems.native_worker import NativeWorker
from reference.constants.descriptors import F_GETFL
from reference.constants.open_flags import O_NONBLOCK
from reference.linux.profile import Profile

Run = Callable[[tuple[Op, ...]], Sequence[Observation]]
PROGRAMS_PER_SEED = 2
PLACES_PER_PROGRAM = 6


def on(make_model: Callable[[Profile], System]) -> Run:
    """What a model gives."""
    return lambda ops: execute(ops, make_model(Profile()))


def is_determined(ops: tuple[Op, ...], observed: Sequence[Observation], profile: Profile) -> bool:
    """Whether the kernel was free nowhere in a program: elsewhere two runs of it need not be the same.

    It is free in what the model only bounds, too, such as the times that a status shows.
    """
    model = linux(profile)
    return list(predict(ops, model, observed)) == list(observed) and not model.choices.made


def check_same(ops: Sequence[Op], expected: Sequence[Observation], seen: Sequence[Observation]) -> None:
    """Fail, with the op, where two runs of what should be the same part."""
    for place, (op, one, other) in enumerate(zip(ops, expected, seen, strict=True)):
        assert one == other, f"op {place}, {op_text(op)}: {observation_text(op, one)}, {observation_text(op, other)}"


def check_pieces(ops: tuple[Op, ...], run: Run, random: Random) -> None:
    """Transfers in pieces give what those of the whole give."""
    pieces = in_pieces(ops, random)
    if pieces is not None and pieces != ops:
        check_same(ops, run(ops), run(pieces))


def check_order(ops: tuple[Op, ...], run: Run) -> None:
    """Neighbours that have nothing in common change places unnoticed."""
    places = list(swaps(ops))
    if places:
        expected = run(ops)
        for place in places:
            check_same(ops, expected, unswapped(run(swapped(ops, place)), place))


def check_saving(ops: tuple[Op, ...], make_model: Callable[[Profile], System], place: int) -> None:
    """Saving and restoring before an op changes nothing, but for what two clauses say.

    SR-06: what a pipe held is kept in the sandbox, where neither poll nor FIONREAD sees it (SR-07);
    SR-04: what can be waited for does not block any more, should somebody have made it so.
    """
    host = make_model(Profile())
    seen = execute(saved_at(ops, place), host)
    if seen[place] is REFUSED or "SR-06" in host.cited:
        return
    expected = execute(ops, make_model(Profile()))
    for index, (op, one, other) in enumerate(zip(ops, expected, unsaved(seen, place), strict=True)):
        if op.call == "fcntl" and op.arguments[1] == F_GETFL and isinstance(one, int) and other == one | O_NONBLOCK:
            # SR-04. From here on the two programs are in different states.
            return
        assert one == other, f"saved before {place}: op {index}, {op_text(op)}"


@pytest.mark.parametrize("kind", LINUX_KINDS)
@given(seed=st.integers(0, 2**32))
def test_a_transfer_in_pieces_is_one_of_the_whole(kind: str, seed: int) -> None:
    for number in range(PROGRAMS_PER_SEED):
        check_pieces(seeded_program(f"{seed}/{number}", RECIPES[kind]).ops, on(linux), Random(seed))


@pytest.mark.parametrize("kind", LINUX_KINDS)
@given(seed=st.integers(0, 2**32))
def test_ops_on_descriptors_with_nothing_in_common_commute(kind: str, seed: int) -> None:
    for number in range(PROGRAMS_PER_SEED):
        check_order(seeded_program(f"{seed}/{number}", RECIPES[kind]).ops, on(linux))


@pytest.mark.parametrize("kind", HOST_KINDS)
@given(seed=st.integers(0, 2**32))
def test_saving_and_restoring_anywhere_changes_nothing_but_what_clauses_say(kind: str, seed: int) -> None:
    ops = seeded_program(str(seed), RECIPES[kind]).ops
    for place in Random(seed).sample(range(len(ops) + 1), min(PLACES_PER_PROGRAM, len(ops) + 1)):
        check_saving(ops, host_over_linux, place)


@pytest.mark.parametrize("kind", ["files", "pipes", "sockets"])
@given(seed=st.integers(0, 2**32))
def test_the_kernel_keeps_to_it_wherever_it_is_not_free(
    kind: str, seed: int, native: NativeWorker, profile: Profile
) -> None:
    ops = seeded_program(str(seed), RECIPES[kind]).ops
    if is_determined(ops, native.run_one(ops), profile):
        check_pieces(ops, native.run_one, Random(seed))
        check_order(ops, native.run_one)
