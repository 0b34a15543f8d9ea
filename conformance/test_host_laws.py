# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Laws 2 and 3: ``host(linux) == host(native)``, and each difference of host(native) from native is a clause's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.comparison import Comparer
from conformance.environment import working_base
from conformance.grammar import read_program, trace_line
from conformance.kinds import HOST_KINDS, RECIPES
from conformance.laws import LAWS, host_over_linux
from conformance.oracle import first_mismatch, predict
from conformance.program import Program
from conformance.strategies.examples import programs
from conformance.strategies.programs import seeded_program
from conformance.systems.native_worker import NativeWorker
from conformance.test_linux_equals_native import ROOT, stored_programs
from reference.linux.profile import Profile


@pytest.fixture(scope="session")
def sandbox(profile: Profile) -> Iterator[NativeWorker]:
    """The host model over the running kernel."""
    with NativeWorker(profile, working_base(None), system=LAWS["host"].native) as worker:
        yield worker


@pytest.fixture(scope="session")
def comparer(profile: Profile, sandbox: NativeWorker, native: NativeWorker) -> Comparer:
    """Compares the host model over the running kernel with the kernel."""
    return Comparer(profile, sandbox.run_one, native.run_one)


def hold(program: Program, sandbox: NativeWorker, profile: Profile) -> None:
    """Fail when the host model over the kernel gives what it does not allow over the model."""
    observed = sandbox.run_one(program.ops)
    mismatch = first_mismatch(predict(program.ops, host_over_linux(profile), observed), observed)
    if mismatch is not None:
        for op, seen in list(zip(program.ops, observed, strict=True))[: mismatch.index + 1]:
            print(trace_line(op, seen))
        print(f"predicted: {trace_line(program.ops[mismatch.index], mismatch.predicted)}")
    assert mismatch is None


def explain(program: Program, comparer: Comparer) -> None:
    """Fail when the host model over the kernel differs from the kernel as no clause says."""
    comparison = comparer.compare(program.ops)
    if comparison.unexplained is not None:
        for op, seen in list(zip(comparison.ops, comparison.host, strict=True))[: comparison.unexplained.index + 1]:
            print(trace_line(op, seen))
        print(f"natively: {trace_line(comparison.ops[comparison.unexplained.index], comparison.unexplained.native)}")
    assert comparison.unexplained is None


@pytest.mark.parametrize("path", list(stored_programs()), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_both_laws_hold_for_every_stored_program(
    path: Path, sandbox: NativeWorker, comparer: Comparer, profile: Profile
) -> None:
    program = read_program(path.read_text(), str(path.relative_to(ROOT)))

    hold(program, sandbox, profile)
    explain(program, comparer)


@pytest.mark.parametrize("kind", HOST_KINDS)
@given(data=st.data())
def test_the_host_model_means_the_same_over_model_and_kernel_in_drawn_programs(
    kind: str, data: st.DataObject, sandbox: NativeWorker, profile: Profile
) -> None:
    hold(data.draw(programs(RECIPES[kind])), sandbox, profile)


@pytest.mark.parametrize("kind", HOST_KINDS)
@given(seed=st.integers(0, 2**32))
def test_every_difference_of_seeded_programs_is_a_clauses(kind: str, seed: int, comparer: Comparer) -> None:
    """Seeded programs are longer and stranger than drawn ones; campaigns (``tox run -e host-model``) run more."""
    explain(seeded_program(str(seed), RECIPES[kind]), comparer)
