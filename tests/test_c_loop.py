# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The C loop that the campaign path is measured against makes every call that programs of Linux make."""

import re
from pathlib import Path

import pytest

from benchmarks.flatten import Flat
from conformance.kinds import LINUX_KINDS, RECIPES
from conformance.strategies.programs import seeded_program
from conformance.systems.native_calls.libc import LIBC

PROGRAMS = 300


@pytest.mark.once
@pytest.mark.parametrize("kind", LINUX_KINDS)
def test_every_op_becomes_a_function_of_libc_or_of_the_loop(kind: str) -> None:
    source = (Path(__file__).parent.parent / "benchmarks" / "loop.c").read_text()
    own = set(re.findall(r"^long (op_\w+)\(", source, re.MULTILINE))
    flat = Flat()
    for number in range(PROGRAMS):
        flat.add(seeded_program(f"loop/{kind}/{number}", RECIPES[kind]).ops)

    assert [name for name in flat.functions if name not in own and not hasattr(LIBC, name)] == []
