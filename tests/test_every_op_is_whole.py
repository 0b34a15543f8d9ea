# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""An op is whole when it has a model, a native call, a recipe and a fixture."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from conformance.grammar import read_program
from conformance.kinds import RECIPES
from conformance.ops import SPECS, spec_of
from conformance.strategies.programs import seeded_program
from conformance.systems.native import Native
from conformance.vocabulary.spec import OpSpec
from reference.linux.kernel import Linux
from reference.syscalls import Syscalls

FIXTURES = Path(__file__).parents[1] / "fixtures" / "programs"
NAMES = [spec.name for spec in SPECS]


@pytest.fixture(scope="module")
def fixture_ops() -> set[str]:
    return {spec_of(op).name for path in FIXTURES.rglob("*.fd") for op in read_program(path.read_text()).ops}


def calls(system: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(system, inspect.isfunction)}


@pytest.mark.parametrize("spec", SPECS, ids=NAMES)
def test_every_op_has_a_call_in_the_protocol_the_model_and_the_native_system(spec: OpSpec) -> None:
    for system in (Syscalls, Linux, Native):
        assert spec.call in calls(system)


@pytest.mark.parametrize("name", NAMES)
def test_every_op_has_a_recipe(name: str) -> None:
    assert name in {recipe.name for recipes in RECIPES.values() for recipe in recipes}


@pytest.mark.parametrize("name", NAMES)
def test_every_op_has_a_fixture(name: str, fixture_ops: set[str]) -> None:
    assert name in fixture_ops


def test_every_recipe_is_of_an_op_and_draws_just_that_op() -> None:
    drawn = {
        spec_of(op).name for kind in RECIPES for seed in range(300) for op in seeded_program(seed, RECIPES[kind]).ops
    }

    assert {recipe.name for recipes in RECIPES.values() for recipe in recipes} <= set(NAMES)
    assert set(NAMES) == drawn
