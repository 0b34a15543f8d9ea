# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs programs on a named system that descriptors are donated to, and holds what they give against the host model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.environment import profile_for, working_base
from conformance.grammar import read_program
from conformance.laws import chosen_law
from conformance.named_systems import subject_of
from conformance.observation import Observation
from conformance.oracle import first_mismatch, predict
from conformance.runners import run_offered, started
from conformance.systems.process import ProcessSystem

PROFILE = profile_for(working_base(None))


@contextmanager
def donated_to(name: str) -> Iterator[ProcessSystem]:
    """A named system, which this machine has."""
    subject = subject_of(name)
    assert subject is not None
    with started(subject, PROFILE, working_base(None)) as system:
        yield system


def run(system: ProcessSystem, text: str) -> list[Observation]:
    """What a program gives, which is what the host model over the model of Linux allows."""
    ops, observed = run_offered(system, read_program(text).ops)
    assert first_mismatch(predict(ops, chosen_law("host").make_model(PROFILE), observed), observed) is None
    return observed
