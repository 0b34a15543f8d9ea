# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Each op of the vocabulary can be written in every language, and nothing that is not needed comes with it."""

from __future__ import annotations

import pytest

from conformance.errors import BadProgram
from conformance.ops import SPECS
from conformance.reproducers.blocks import c_blocks, needed, python_blocks
from conformance.reproducers.expectation import Expected, Range, read_expected
from conformance.vocabulary.spec import OpSpec


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_call_is_a_function_of_the_script_and_of_the_program_in_c(spec: OpSpec) -> None:
    assert any(spec.call in block.names for block in python_blocks())
    assert any(f"op_{spec.call}" in block.names for block in c_blocks())


def test_only_what_is_needed_is_taken() -> None:
    names = {name for block in needed(python_blocks(), {"pipe2"}) for name in block.names}

    assert "call" in names
    assert names.isdisjoint(("read", "statx", "spawn"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EPIPE & SIGPIPE", Expected("EPIPE", (), ("SIGPIPE",))),
        ("BLOCKED", Expected("BLOCKED", (), ())),
        ("(3, 4)", Expected("", ((3, 4),), ())),
        ("[POLLIN | POLLOUT]", Expected("", ((1, 5),), ())),
        ("stat(size=between(1, 5), atime=NOW)", Expected("", ((Range(1, 5), "NOW"),), ())),
        ("one_of(1, 2)", Expected("", ((1,), (2,)), ())),
        ('b"x" + zeros(2)', Expected("", ((b"x\0\0",),), ())),
        ("-(2**63)", Expected("", ((-(2**63),),), ())),
    ],
)
def test_an_expectation_is_read_from_the_text_of_a_card(text: str, expected: Expected) -> None:
    assert expected == read_expected(text)


def test_what_is_no_expectation_is_refused() -> None:
    with pytest.raises(BadProgram, match="no expectation"):
        read_expected("import os")
