# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Progress on a terminal and elsewhere, and the closing summary."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion

from conformance.clauses import Clause
from conformance.events import Batch, Divergence, Event, Footer, Header, Note
from conformance.reporting.console import Progress
from conformance.reporting.run import fold
from conformance.reporting.summary import summary_text

LINES_MAX = 12


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def plain(events: tuple[Event, ...], clauses: Mapping[str, Clause], *, seconds: float = 6.0) -> str:
    """What a stream that is no terminal gets when events come at this pace."""
    output, clock = io.StringIO(), Clock()
    with Progress(clauses, budget_seconds=60, output=output, clock=clock) as progress:
        for event in events:
            clock.now += seconds
            progress.update(event)
    return output.getvalue()


def test_plain_progress_reads_well(
    red: tuple[Event, ...], clauses: Mapping[str, Clause], snapshot: SnapshotAssertion
) -> None:
    assert plain(red, clauses) == snapshot


def test_plain_progress_comes_at_intervals(header: Header, batches: tuple[Batch, ...]) -> None:
    lines = plain((header, *batches * 50), {}, seconds=1.0).splitlines()
    assert len(lines) == 11
    assert lines[-1].endswith("0.0 s left")


def test_plain_progress_has_no_escape_sequence(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    assert "\x1b" not in plain(red, clauses)


def test_time_left_of_a_budget_in_ops_follows_the_pace(header: Header, batches: tuple[Batch, ...]) -> None:
    output, clock = io.StringIO(), Clock()
    progress = Progress({}, budget_ops=12_800, output=output, clock=clock)
    progress.update(header)
    clock.now += 20
    progress.update(batches[0])
    progress.close()
    assert "64 ops/s" in output.getvalue()
    assert "3 min 00 s left" in output.getvalue()


def open_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def without_escapes(text: str) -> str:
    return re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", text)


def test_a_narrow_terminal_wraps_the_live_line_but_never_a_command(
    header: Header, batches: tuple[Batch, ...], epipe: Divergence, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = open_terminal(monkeypatch, 40)
    with Progress({}, budget_seconds=60, output=output) as progress:
        events: tuple[Event, ...] = (header, *batches, epipe)
        for event in events:
            progress.update(event)
    lines = re.split("[\r\n]+", without_escapes(output.getvalue()))
    assert any(line.endswith(epipe.replay) for line in lines)
    assert any("128" in line for line in lines)
    assert all(len(line) <= 40 for line in lines if "\u2501" in line or "ops/s" in line)


def test_a_terminal_gets_a_live_line_that_is_gone_at_the_end(
    header: Header, batches: tuple[Batch, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = open_terminal(monkeypatch, 160)
    progress = Progress({}, budget_seconds=60, output=output)
    progress.update(header)
    for batch in batches:
        progress.update(batch)
    progress.close()
    progress.close()
    text = without_escapes(output.getvalue())
    assert "128 programs, 2,280 ops" in text
    assert "pipes 64  files 64" in text
    assert output.getvalue().endswith("\x1b[2K")


def test_after_five_cards_a_bucket_is_one_line(
    header: Header, epipe: Divergence, clauses: Mapping[str, Clause]
) -> None:
    found = tuple(msgspec.structs.replace(epipe, bucket=f"B-{place}") for place in range(7))
    text = plain((header, *found), clauses, seconds=0.0)
    assert text.count("replay  ") == 5
    assert text.splitlines()[-1] == "DIVERGES  B-6  write on pipe.write: model EPIPE & SIGPIPE, native 1"


def test_a_note_cannot_drive_a_terminal(header: Header) -> None:
    assert "\\x1b[31m" in plain((header, Note("warning", "worker said \x1b[31m")), {})


@pytest.mark.parametrize("events", ["red", "green", "cut"])
def test_summaries_read_well(
    events: str,
    red: tuple[Event, ...],
    green: tuple[Event, ...],
    clauses: Mapping[str, Clause],
    snapshot: SnapshotAssertion,
) -> None:
    log = {"red": red, "green": green, "cut": red[:-1]}[events]
    text = summary_text(fold(log), clauses, "reports/latest/report.html")
    assert text == snapshot
    assert len(text.splitlines()) <= LINES_MAX


def test_the_last_line_is_made_for_scripts(
    red: tuple[Event, ...], green: tuple[Event, ...], epipe: Divergence, footer: Footer
) -> None:
    one = msgspec.structs.replace(footer, divergent_programs=1)
    waived = (*green[:-1], msgspec.structs.replace(epipe, verdict="waived"), one)
    assert summary_text(fold(green), {}).splitlines()[-1] == "128 passed, 0 failed"
    assert summary_text(fold(red), {}).splitlines()[-1] == "125 passed, 5 failed"
    assert summary_text(fold(waived), {}).splitlines()[-1] == "127 passed, 0 failed, 1 waived"


def test_a_run_cut_short_is_never_summed_up_without_a_failure(green: tuple[Event, ...]) -> None:
    assert summary_text(fold(green[:-1]), {}).splitlines()[-1] == "128 passed, 1 failed"


def test_the_summary_stays_short_whatever_was_found(
    red: tuple[Event, ...], epipe: Divergence, clauses: Mapping[str, Clause]
) -> None:
    found = tuple(msgspec.structs.replace(epipe, bucket=f"B-{place}", title="x" * 500) for place in range(50))
    text = summary_text(fold((*red[:-1], *found)), clauses, "page")
    assert len(text.splitlines()) <= LINES_MAX + 1
    assert "and 49 buckets more" in text


def test_a_selfcheck_is_summed_up_by_its_planted_bugs(red: tuple[Event, ...], header: Header, footer: Footer) -> None:
    log = (header, *red[7:9], msgspec.structs.replace(footer, programs=0, ops=0, exit_code=1))
    text = summary_text(fold(log), {})
    assert "1 of 2 planted bugs found and reduced; not: seek-wraps" in text
    assert "reached" not in text
    assert text.splitlines()[-1] == "1 passed, 1 failed"
