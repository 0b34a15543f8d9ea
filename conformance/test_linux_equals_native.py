# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Law 1: ``linux == native``. The model predicts the running kernel, op by op, in every program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from conformance.grammar import program_text, read_program, trace_line
from conformance.kinds import RECIPES
from conformance.oracle import first_mismatch, predict
from conformance.program import Program
from conformance.strategies.examples import programs
from conformance.strategies.programs import seeded_program
from conformance.systems.native_worker import NativeWorker
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

ROOT = Path(__file__).parents[1]
SEEDED_PROGRAMS_PER_EXAMPLE = 2
"""Programs of one seed. Few: the campaign of `tox run` is the quicker way to run many."""


def stored_programs() -> Iterator[Path]:
    """Fixtures and regressions, which run before anything is generated."""
    for folder in ("regressions", "programs"):
        yield from sorted((ROOT / "fixtures" / folder).rglob("*.fd"))


def hold(program: Program, native: NativeWorker, profile: Profile) -> None:
    """Fail when the kernel gives an observation that the model does not allow."""
    (observed,) = native.run([program.ops])
    predicted = predict(program.ops, Linux(profile), observed)
    mismatch = first_mismatch(predicted, observed)
    if mismatch is not None:
        for op, seen in list(zip(program.ops, observed, strict=True))[: mismatch.index + 1]:
            note(trace_line(op, seen))
        note(f"predicted: {trace_line(program.ops[mismatch.index], mismatch.predicted)}")
    assert mismatch is None


@pytest.mark.parametrize("path", list(stored_programs()), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_model_predicts_every_stored_program(path: Path, native: NativeWorker, profile: Profile) -> None:
    text = path.read_text()
    program = read_program(text, str(path.relative_to(ROOT)))

    assert text == program_text(program)
    hold(program, native, profile)


@pytest.mark.parametrize("kind", RECIPES)
@given(data=st.data())
def test_the_model_predicts_drawn_programs(
    kind: str, data: st.DataObject, native: NativeWorker, profile: Profile
) -> None:
    hold(data.draw(programs(RECIPES[kind])), native, profile)


@pytest.mark.parametrize("kind", RECIPES)
@given(seed=st.integers(0, 2**32))
def test_the_model_predicts_seeded_programs(kind: str, seed: int, native: NativeWorker, profile: Profile) -> None:
    for number in range(SEEDED_PROGRAMS_PER_EXAMPLE):
        hold(seeded_program(f"{seed}/{number}", RECIPES[kind]), native, profile)
