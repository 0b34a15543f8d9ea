# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.grammar import read_program
from conformance.payload import Pattern, data_text, materialise

PIECES = st.one_of(
    st.binary(max_size=40),
    st.builds(bytes, st.integers(0, 9000)),
    st.builds(lambda length, seed: materialise(Pattern(length, seed)), st.integers(0, 9000), st.integers(0, 250)),
)


@given(st.lists(PIECES, max_size=5).map(b"".join))
def test_the_text_of_data_reads_back_as_the_data(data: bytes) -> None:
    program = read_program(f"r0, r1 = pipe2(0)\nwrite(r1, {data_text(data)})")

    assert data == materialise(program.ops[1].arguments[1])


def test_a_slice_of_a_pattern_is_named_as_a_pattern() -> None:
    assert data_text(materialise(Pattern(5000, 3))[700:4000]) == "pattern(3300, seed=201)"


def test_long_runs_are_named_and_short_data_is_spelled_out() -> None:
    assert data_text(b'a"b') == 'b"a\\"b"'
    assert data_text(b"ab" + bytes(100)) == 'b"ab" + zeros(100)'
