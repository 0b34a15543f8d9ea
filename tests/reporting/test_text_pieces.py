# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The small pieces of text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reporting.text import clipped, compact, counted, duration, few, printable, share


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.0k"),
        (9_949, "9.9k"),
        (10_000, "10k"),
        (34_999, "34k"),
        (5_600_000, "5.6M"),
        (2_000_000_000, "2.0G"),
    ],
)
def test_compact_counts(value: int, text: str) -> None:
    assert compact(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0 %"),
        (0, 5, "0 %"),
        (1, 10**6, "<0.1 %"),
        (1, 3, "33.3 %"),
        (10**6 - 1, 10**6, ">99.9 %"),
        (5, 5, "100 %"),
    ],
)
def test_shares_are_never_rounded_to_all_or_nothing(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text


def test_counted_nouns() -> None:
    assert (counted(1, "op"), counted(1200, "op"), counted(2, "try", "tries")) == ("1 op", "1,200 ops", "2 tries")


def test_few_names() -> None:
    assert few(["a", "b"], 2) == "a, b"
    assert few(["a", "b", "c"], 2) == "a, b and 1 more"


@given(st.text(), st.integers(1, 30))
def test_clipped_text_fits(text: str, columns: int) -> None:
    assert len(clipped(text, columns)) <= columns


@given(st.text(st.characters(exclude_categories=())))
def test_printable_text_can_be_encoded_and_holds_no_control_character(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert not any(ord(character) < 32 and character not in "\t\n" for character in shown)
