# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs programs on a named system that this machine has, or skips the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.environment import profile_for, working_base
from conformance.grammar import read_program
from conformance.named_systems import named_systems, subject_of
from conformance.observation import Observation
from conformance.ops import Op
from conformance.runners import run_offered, started


def observed_by(
    name: str, *programs: str, directory: Path | None = None
) -> list[tuple[tuple[Op, ...], list[Observation]]]:
    """What a named system gives for programs, one after the other in the same process, with the ops that it knows."""
    if named_systems()[name].missing:
        pytest.skip(f"needs {named_systems()[name].missing}")
    subject = subject_of(name)
    assert subject is not None
    base = working_base(directory)
    with started(subject, profile_for(base), base) as system:
        return [run_offered(system, read_program(text).ops) for text in programs]
