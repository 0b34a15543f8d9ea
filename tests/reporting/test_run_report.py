# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Folding event logs into one report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from conformance.clauses import Clause
from conformance.errors import ExitCode, Inconclusive
from conformance.events import Batch, Divergence, Event, Footer, Header, Miniature, Occurrence
from conformance.reporting.reached import clause_rows, op_rows, outcome_totals
from conformance.reporting.run import fold, read_run

WriteLog = Callable[[str, Sequence[Event]], Path]


def test_a_whole_run_without_divergence_is_green(green: tuple[Event, ...]) -> None:
    report = fold(green)
    assert report.green
    assert report.verdict == "conforms"
    assert (report.passed, report.failed, report.expected) == (128, 0, {})
    assert (report.programs, report.ops) == (128, 2280)


def test_counts_of_batches_add_up(green: tuple[Event, ...], batches: tuple[Batch, ...]) -> None:
    report = fold((green[0], *batches, batches[0], green[-1]))
    assert report.outcomes["write"] == {"ok": 1200, "EPIPE & SIGPIPE": 354, "EAGAIN": 200}
    assert report.clauses == {"PIPE-EPIPE": 354}
    assert [(kind.kind, kind.programs) for kind in report.kinds] == [("pipes", 128), ("files", 64)]


def test_a_log_without_a_footer_is_never_green(green: tuple[Event, ...]) -> None:
    report = fold(green[:-1])
    assert report.footer is None
    assert not report.green
    assert report.verdict == "cut short"
    assert report.obstacles == ("The event log has no footer: the run was cut short.",)


def test_a_log_cut_in_the_middle_of_a_line_is_cut_short(write_log: WriteLog, green: tuple[Event, ...]) -> None:
    path = write_log("events.jsonl", green)
    path.write_bytes(path.read_bytes()[:-20])
    assert read_run(path).verdict == "cut short"


def test_an_interrupted_run_is_inconclusive(green: tuple[Event, ...], footer: Footer) -> None:
    report = fold((*green[:-1], msgspec.structs.replace(footer, interrupted=True, exit_code=4)))
    assert report.verdict == "inconclusive"
    assert "stopped from outside" in report.obstacles[0]


def test_a_footer_that_counts_more_programs_than_the_log_is_not_believed(
    green: tuple[Event, ...], footer: Footer
) -> None:
    report = fold((*green[:-1], msgspec.structs.replace(footer, programs=129)))
    assert not report.green
    assert report.obstacles == ("The log holds 128 programs, its footer says 129: events are missing.",)


def test_a_run_of_nothing_is_not_green(header: Header, footer: Footer) -> None:
    report = fold((header, msgspec.structs.replace(footer, programs=0, ops=0)))
    assert report.obstacles == ("Nothing ran.",)
    assert not report.green


def test_an_exit_code_that_says_failure_is_believed(green: tuple[Event, ...], footer: Footer) -> None:
    report = fold((*green[:-1], msgspec.structs.replace(footer, exit_code=ExitCode.ADAPTER_FAILED)))
    assert report.verdict == "failed"


def test_buckets_count_their_programs_and_come_most_frequent_first(red: tuple[Event, ...]) -> None:
    report = fold(red)
    assert [(bucket.first.bucket, bucket.count) for bucket in report.buckets] == [("B-7f3a0001", 3), ("B-11c0ffee", 1)]
    assert report.buckets[0].seeds == ("7-40", "7-41")
    assert report.verdict == "diverges"


def test_a_missed_miniature_fails_the_run(green: tuple[Event, ...]) -> None:
    missed = Miniature("seek-wraps", "files", "an offset wraps", None, None, 2, False)
    report = fold((*green[:-1], missed, green[-1]))
    assert (report.passed, report.failed) == (128, 1)
    assert report.verdict == "failed"


def test_waived_programs_neither_pass_nor_fail(green: tuple[Event, ...], epipe: Divergence, footer: Footer) -> None:
    waived = msgspec.structs.replace(epipe, verdict="waived")
    end = msgspec.structs.replace(footer, divergent_programs=2, buckets=1)
    report = fold((*green[:-1], waived, Occurrence(epipe.bucket, "9"), end))
    assert (report.passed, report.failed, report.expected) == (126, 0, {"waived": 2})
    assert report.green


@pytest.mark.parametrize(
    ("log", "message"),
    [
        pytest.param((), "the log is empty", id="empty"),
        pytest.param((Occurrence("B-1", "1"),), "a log opens with its one header", id="headless"),
    ],
)
def test_what_is_no_log_is_refused(log: tuple[Event, ...], message: str) -> None:
    with pytest.raises(Inconclusive, match=message):
        fold(log)


def test_a_second_run_in_a_log_is_refused(green: tuple[Event, ...]) -> None:
    with pytest.raises(Inconclusive, match=r"event 5: a log opens with its one header"):
        fold((*green, *green))


def test_ops_of_the_kinds_that_were_never_reached_are_rows_too(green: tuple[Event, ...]) -> None:
    rows = {row.name: row for row in op_rows(fold(green))}
    assert rows["write"].total == 877
    assert rows["fcntl(F_SETPIPE_SZ)"].total == 0
    assert "tcgetattr" not in rows


def test_every_op_is_expected_of_a_kind_that_is_no_vocabulary(green: tuple[Event, ...], header: Header) -> None:
    mixed = msgspec.structs.replace(header, kinds=("mixed",))
    assert "tcgetattr" in {row.name for row in op_rows(fold((mixed, *green[1:])))}


def test_an_op_outside_the_vocabulary_is_a_row_of_its_own(green: tuple[Event, ...], batches: tuple[Batch, ...]) -> None:
    odd = msgspec.structs.replace(batches[0], outcomes={"frobnicate": {"ok": 1}})
    assert op_rows(fold((green[0], odd, green[-1])))[-1].group == "other"


def test_outcomes_come_with_ok_first_then_by_frequency(red: tuple[Event, ...]) -> None:
    assert [name for name, _ in outcome_totals(fold(red))] == ["ok", "EPIPE & SIGPIPE", "EAGAIN", "EINVAL", "EMFILE"]


def test_clauses_never_reached_come_first(red: tuple[Event, ...], clauses: Mapping[str, Clause]) -> None:
    rows = clause_rows(fold(red), clauses)
    assert [(row.clause.id, row.count) for row in rows] == [("SEEK-MAX", 0), ("TTY-EOF", 0), ("PIPE-EPIPE", 177)]


def test_a_clause_that_is_cited_but_not_written_is_shown(green: tuple[Event, ...]) -> None:
    (row,) = clause_rows(fold(green), {})
    assert row.clause.level == "unwritten"
