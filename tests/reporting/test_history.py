# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a report tells of earlier runs, and the scripts that it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from conformance.clauses import Clause
from conformance.events import Divergence, Event, Header
from conformance.reporting.charts import columns
from conformance.reporting.digest import ClauseDigest, Digest, History, system_of
from conformance.reporting.history import DIGEST, RUNS_REMEMBERED_MAX, digest_of, digest_text, read_history
from conformance.reporting.html import html_text
from conformance.reporting.run import RunReport, fold
from conformance.reporting.scripts import SHOWN, scripts_json
from conformance.reproducers.case import case_of_divergence
from conformance.reproducers.prose import forms


@pytest.fixture
def report(red: tuple[Event, ...]) -> RunReport:
    return fold(red)


def saved(reports: Path, digest: Digest, **changes: object) -> None:
    """Writes the digest of a run that differs from this one in some fields."""
    digest = msgspec.structs.replace(digest, **changes)
    (reports / digest.run).mkdir()
    (reports / digest.run / DIGEST).write_bytes(msgspec.json.encode(digest))


def test_a_digest_says_what_became_of_buckets_and_clauses(report: RunReport) -> None:
    digest = msgspec.json.decode(digest_text(report, {}), type=Digest)

    assert digest == digest_of(report)
    assert ({"B-7f3a0001": 3, "B-11c0ffee": 1}, {}) == (digest.failing, digest.waived)
    assert ClauseDigest(177, 1, 0) == digest.clauses["PIPE-EPIPE"]
    assert ("diverges", "native", 128) == (digest.verdict, digest.system, digest.programs)


def test_the_system_of_a_law_is_its_right_side() -> None:
    assert ["gvisor", "host(native)", "host(native) differs from native"] == [
        system_of(law) for law in ("linux == gvisor", "host(linux) == host(native)", "host(native) differs from native")
    ]


def test_history_is_of_earlier_runs_of_the_same_law_and_of_the_newest_of_each_other(
    tmp_path: Path, report: RunReport
) -> None:
    digest = digest_of(report)
    saved(tmp_path, digest, run="b", started="2026-11-02T00:00:00+00:00")
    saved(tmp_path, digest, run="a", started="2026-11-03T00:00:00+00:00")
    saved(tmp_path, digest, run="later", started="2026-12-01T00:00:00+00:00")
    saved(tmp_path, digest, run="g1", started="2026-11-01T00:00:00+00:00", law="linux == gvisor")
    saved(tmp_path, digest, run="g2", started="2026-11-02T00:00:00+00:00", law="linux == gvisor")
    saved(tmp_path, digest)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / DIGEST).write_text("{")
    (tmp_path / "latest").symlink_to("a")

    history = read_history(tmp_path / digest.run, report)

    assert ["b", "a"] == [run.run for run in history.before]
    assert ["g2"] == [run.run for run in history.others]


def test_history_has_a_limit(tmp_path: Path, report: RunReport) -> None:
    digest = digest_of(report)
    for number in range(RUNS_REMEMBERED_MAX + 3):
        saved(tmp_path, digest, run=f"r{number:03}", started="2026-11-02T00:00:00+00:00")

    before = read_history(tmp_path / digest.run, report).before

    assert RUNS_REMEMBERED_MAX - 1 == len(before)
    assert f"r{RUNS_REMEMBERED_MAX + 2:03}" == before[-1].run


def test_a_bucket_is_seen_in_k_of_n_runs(report: RunReport) -> None:
    present = digest_of(report)
    without = msgspec.structs.replace(present, failing={})
    history = History((msgspec.structs.replace(present, run="x"), msgspec.structs.replace(without, run="y")))

    known = history.appearance("B-7f3a0001", present)
    assert ("x", present.run, (True, False, True), 2, False) == (
        *(known.first_run, known.last_run, known.marks, known.times),
        known.new,
    )
    assert History((without,)).appearance("B-7f3a0001", present).new


def test_the_page_tells_history_and_trend(report: RunReport, clauses: Mapping[str, Clause]) -> None:
    present = digest_of(report)
    before = msgspec.structs.replace(present, run="first", failing={"B-11c0ffee": 2})
    other = msgspec.structs.replace(present, law="linux == gvisor", clauses={"TTY-EOF": ClauseDigest(5, 0, 2)})
    page = html_text(replace(report, history=History((before,), (other,))), clauses)

    assert "seen in 2 of 2 saved runs; first in first, last in 2026-11-23T11-30-00" in page
    assert page.count('class="tag new"') == 1
    assert "Trend over 2 saved runs" in page
    assert 'title="linux == gvisor, 2026-11-23T11-30-00">gvisor</th>' in page
    assert 'class="num standing waived" data-label="gvisor">5<small>waived: 2 buckets</small>' in page
    assert "Trend over" not in html_text(report, clauses)


def test_columns_are_relative_to_the_highest() -> None:
    made = columns([("a", 1, "one"), ("b", 4, "four")])

    assert [(0.0, 25.0, "a: one"), (50.0, 100.0, "b: four")] == [(bar.start, bar.height, bar.more) for bar in made]
    assert [0.0] == [bar.height for bar in columns([("a", 0, "none")])]


def test_scripts_are_put_together_from_shared_paragraphs(report: RunReport, header: Header) -> None:
    text = scripts_json(report.buckets, header)
    held = json.loads(text)

    assert "<" not in text
    for bucket in report.buckets:
        case = case_of_divergence(bucket.first, header)
        for form in SHOWN:
            parts = held["texts"][bucket.first.bucket][form]
            assert forms()[form](case) == "".join(held["parts"][place] for place in parts)
    whole = sum(
        len(held["parts"][place]) for texts in held["texts"].values() for form in texts.values() for place in form
    )
    assert len(text) < whole / 2
    assert len(held["parts"]) == len(set(held["parts"]))


def test_a_bucket_that_no_script_can_show_says_why(epipe: Divergence, header: Header) -> None:
    bucket = fold((header, msgspec.structs.replace(epipe, law="host(linux) == host(native)"))).buckets[0]

    assert "the host model is no kernel" in json.loads(scripts_json([bucket], header))["texts"][epipe.bucket]["none"]
