# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The failure card."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from conformance.clauses import Clause
from conformance.events import Divergence, Event, Header
from conformance.reporting.card import card_text, hints, outcomes, parting, pieces, program_lines
from conformance.reporting.run import Bucket, fold


def test_cards_read_well(red: tuple[Event, ...], clauses: Mapping[str, Clause], snapshot: SnapshotAssertion) -> None:
    report = fold(red)
    assert "\n".join(card_text(bucket, report.header, clauses) for bucket in report.buckets) == snapshot


def test_the_parts_come_in_the_order_in_which_a_reader_asks(
    epipe: Divergence, header: Header, clauses: Mapping[str, Clause]
) -> None:
    text = card_text(Bucket(epipe, 1), header, clauses)
    parts = (
        epipe.title,
        "clause PIPE-EPIPE",
        ">>> write",
        "allowed by linux",
        "native  ",
        "environment",
        "replay",
        "hint",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_only_the_diverging_step_is_marked(epipe: Divergence) -> None:
    assert [(line.text, line.marked) for line in program_lines(epipe)] == [
        ("r0, r1 = pipe2(0) == (3, 4)", False),
        ("close(r0) == 0", False),
        ('write(r1, b"x") == 1', True),
    ]


def test_without_a_trace_the_reduced_program_is_shown(epipe: Divergence) -> None:
    assert program_lines(msgspec.structs.replace(epipe, trace=""))[2].text == 'write(r1, b"x")'


def test_native_is_not_shown_twice_when_it_is_what_was_observed(epipe: Divergence) -> None:
    assert outcomes(epipe) == (("allowed by linux", "EPIPE & SIGPIPE"), ("native", "1"))


def test_native_stands_between_the_model_and_another_system(epipe: Divergence) -> None:
    foreign = msgspec.structs.replace(epipe, law="linux == my-vfs", observed="0")
    assert outcomes(foreign) == (("allowed by linux", "EPIPE & SIGPIPE"), ("native", "1"), ("my-vfs", "0"))


def test_a_law_without_two_sides_still_gives_a_card(epipe: Divergence) -> None:
    assert (
        outcomes(msgspec.structs.replace(epipe, law="save and restore change nothing"))[0][0] == "allowed by the model"
    )


def test_a_clause_that_is_written_nowhere_is_named_all_the_same(epipe: Divergence, header: Header) -> None:
    assert "clause PIPE-EPIPE: written in no clause file" in card_text(Bucket(epipe, 1), header, {})


def test_hints_name_the_man_page_of_a_clause(epipe: Divergence, clauses: Mapping[str, Clause]) -> None:
    assert hints(epipe, clauses) == ("read man 7 pipe",)


def test_a_divergence_that_does_not_repeat_is_called_unsteady(epipe: Divergence, clauses: Mapping[str, Clause]) -> None:
    assert any("do not agree" in hint for hint in hints(msgspec.structs.replace(epipe, confirmed=(2, 5)), clauses))


def test_a_step_without_clauses_says_so(epipe: Divergence) -> None:
    assert hints(msgspec.structs.replace(epipe, clauses=()), {})[0].startswith("no clause was cited")


def test_long_outcomes_say_where_they_part(epipe: Divergence, header: Header) -> None:
    stats = {"predicted": "stat(size=1, blocks=0, uid=0)", "observed": "stat(size=1, blocks=8, uid=0)"}
    divergence = msgspec.structs.replace(epipe, **stats)
    assert parting(divergence) == "blocks=0 ≠ blocks=8"
    assert "they part at      blocks=0 ≠ blocks=8" in card_text(Bucket(divergence, 1), header, {})


def test_outcomes_with_nothing_in_common_are_not_taken_apart(epipe: Divergence) -> None:
    assert parting(epipe) == ""
    assert parting(msgspec.structs.replace(epipe, predicted="(3, 4)", observed="EMFILE")) == ""


def test_an_outcome_that_lacks_a_piece_parts_from_nothing(epipe: Divergence) -> None:
    assert parting(msgspec.structs.replace(epipe, predicted="[a, b, c]", observed="[a, c]")) == "b ≠ nothing"


@given(st.text(", ab"), st.text(", ab"))
def test_the_pieces_of_an_outcome_are_the_whole_of_it(text: str, other: str) -> None:
    assert "".join(piece.text for piece in pieces(text, other)) == text


def test_nothing_in_a_card_can_drive_a_terminal(epipe: Divergence, header: Header) -> None:
    nasty = msgspec.structs.replace(epipe, title="a\x1b[2Jb\r\x00", observed="\x9b31m", replay="x\x07")
    text = card_text(Bucket(nasty, 1), header, {})
    assert all(character == "\n" or character.isprintable() for character in text)
    assert "a\\x1b[2Jb\\r\\x00" in text


def test_a_card_of_another_system_has_the_command_that_waives_it(epipe: Divergence, header: Header) -> None:
    foreign = msgspec.structs.replace(epipe, law="linux == gvisor")

    text = card_text(Bucket(foreign, 1), header, {})
    assert '  waive        fdconform waive add 2026-11-23T11-30-00 --bucket B-7f3a0001 --reason "…"\n' in text
    for law in ("linux == native", "linux == process:python3 x.py", "host(linux) == host(native)"):
        assert "waive " not in card_text(Bucket(msgspec.structs.replace(epipe, law=law), 1), header, {})


def test_a_waived_card_says_why(epipe: Divergence, header: Header) -> None:
    waived = msgspec.structs.replace(epipe, law="linux == gvisor", verdict="waived", reason="by design: issue 4")

    assert "  waived       by design: issue 4\n" in card_text(Bucket(waived, 1), header, {})
