# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The model against committed traces of real kernels: no kernel of our own is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.golden import TRACE_SUFFIX, read_golden, stored_programs
from conformance.grammar import trace_text
from conformance.oracle import first_mismatch, predict
from reference.linux.kernel import Linux

pytestmark = pytest.mark.once
FIXTURES = Path(__file__).parents[1] / "fixtures"
GOLDEN = FIXTURES / "golden"
TRACES = sorted(GOLDEN.rglob(f"*{TRACE_SUFFIX}"))
PROFILES = sorted(path.name for path in GOLDEN.iterdir()) if GOLDEN.is_dir() else []


@pytest.mark.parametrize("path", TRACES, ids=lambda path: str(path.relative_to(GOLDEN)))
def test_the_model_predicts_a_golden_trace(path: Path) -> None:
    trace, profile = read_golden(path)
    predicted = predict(trace.program.ops, Linux(profile), trace.observations)

    assert trace_text(trace) == path.read_text()
    assert first_mismatch(predicted, trace.observations) is None


@pytest.mark.parametrize("profile", PROFILES)
def test_every_fixture_program_has_a_golden_trace_of_the_same_program(profile: str) -> None:
    for path, program in stored_programs(FIXTURES):
        if path.parts[0] == "programs":
            golden = GOLDEN / profile / path.relative_to("programs").with_suffix(TRACE_SUFFIX)

            assert program == read_golden(golden)[0].program, f"record again: {golden.relative_to(FIXTURES)}"
