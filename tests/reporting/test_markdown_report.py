# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The job summary."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from markdown_it import MarkdownIt
from syrupy.assertion import SnapshotAssertion

from conformance.clauses import Clause
from conformance.events import Divergence, Event, Note
from conformance.reporting.markdown import markdown_text
from conformance.reporting.run import fold


@pytest.mark.parametrize("events", ["red", "green", "cut"])
def test_job_summaries_read_well(
    events: str,
    red: tuple[Event, ...],
    green: tuple[Event, ...],
    clauses: Mapping[str, Clause],
    snapshot: SnapshotAssertion,
) -> None:
    log = {"red": red, "green": green, "cut": green[:-1]}[events]
    assert markdown_text(fold(log), clauses) == snapshot


def test_nothing_of_a_program_can_break_out(red: tuple[Event, ...], epipe: Divergence) -> None:
    nasty = msgspec.structs.replace(
        epipe, bucket="B-`|`", title="<script>|[x](y)", trace="write(r0, b'````') == 1\n", replay="run `x` | y"
    )
    note = Note("warning", "<img>\n# no heading")
    html = MarkdownIt("commonmark").enable("table").render(markdown_text(fold((red[0], nasty, note)), {}))
    assert "<script>" not in html
    assert "<img>" not in html
    assert "<h1>" not in html
    assert "<a " not in html
    assert html.count("<details>") == 1
    assert ">>> " not in html.replace("&gt;&gt;&gt; ", "")


def test_cards_beyond_the_tenth_are_counted(red: tuple[Event, ...], epipe: Divergence) -> None:
    found = (msgspec.structs.replace(epipe, bucket=f"B-{place}") for place in range(13))
    text = markdown_text(fold((red[0], *found)), {})
    assert text.count("<details>") == 10
    assert "And 3 buckets more" in text
