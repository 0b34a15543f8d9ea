# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What was expected is counted apart in every format: waived, unsupported, known of a baseline, and never offered."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree

import msgspec
import pytest
from junitparser import JUnitXml, Skipped
from markdown_it import MarkdownIt

from conformance.events import Batch, Divergence, Event, Footer, Header, Occurrence
from conformance.reporting.console import Progress
from conformance.reporting.ctrf import ctrf_text
from conformance.reporting.html import html_text
from conformance.reporting.junit import junit_text
from conformance.reporting.ktap import ktap_text
from conformance.reporting.markdown import markdown_text
from conformance.reporting.run import RunReport, fold
from conformance.reporting.sarif import sarif_text
from conformance.reporting.summary import summary_text

TOTALS = "123 passed, 0 failed, 3 waived, 1 unsupported, 1 known"


@pytest.fixture
def log(header: Header, batches: tuple[Batch, ...], epipe: Divergence, footer: Footer) -> tuple[Event, ...]:
    """Two waived buckets in three programs, one unsupported, one known; and ``read`` was never offered."""
    made = msgspec.structs.replace
    return (
        header,
        made(batches[0], unsupported={"read": 4}),
        made(epipe, bucket="B-1", verdict="waived", reason="issue 4"),
        made(epipe, bucket="B-2", verdict="waived"),
        Occurrence("B-2", "7-40"),
        made(epipe, bucket="B-3", verdict="unsupported", op="pipe2"),
        batches[1],
        made(epipe, bucket="B-4", verdict="known", op="lseek", kind="files"),
        made(footer, divergent_programs=5),
    )


@pytest.fixture
def run(log: tuple[Event, ...]) -> RunReport:
    return fold(log)


def test_programs_and_buckets_are_counted_by_verdict(run: RunReport) -> None:
    assert run.expected == {"waived": 3, "unsupported": 1, "known": 1}
    assert run.expected_buckets == {"waived": 2, "unsupported": 1, "known": 1}
    assert run.unoffered == {"read": 4}
    assert (run.passed, run.failed, run.green) == (123, 0, True)


def test_a_program_in_several_buckets_did_not_conform_once(log: tuple[Event, ...], footer: Footer) -> None:
    run = fold((*log[:-1], msgspec.structs.replace(footer, divergent_programs=2)))
    assert (run.passed, run.expected["waived"]) == (run.programs - 2, 3)


def test_the_summary_has_a_line_for_each(run: RunReport) -> None:
    lines = summary_text(run, {}).splitlines()
    assert lines[-1] == TOTALS
    assert "  waived       2 buckets of known divergences" in lines
    assert "  unsupported  1 bucket of what the system does not offer" in lines
    assert "  known        1 bucket of the baseline" in lines


def test_the_console_counts_them_as_they_come_and_shows_no_card(log: tuple[Event, ...]) -> None:
    output = io.StringIO()
    times = iter(range(0, 1000, 20))
    with Progress({}, output=output, clock=lambda: float(next(times))) as progress:
        for event in log:
            progress.update(event)
    assert "0 divergences, 3 waived, 1 unsupported, 1 known" in output.getvalue()
    assert "replay" not in output.getvalue()


def test_markdown_has_a_column_for_each(run: RunReport) -> None:
    page = ElementTree.fromstring(f"<p>{MarkdownIt('commonmark').enable('table').render(markdown_text(run, {}))}</p>")
    rows = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    assert ["kind", "programs", "ops", "buckets", "waived", "unsupported", "known"] in rows
    assert ["pipes", "64", "1,280", "0", "2", "1", "0"] in rows
    assert ["files", "64", "1,000", "0", "0", "0", "1"] in rows
    assert TOTALS in "".join(page.itertext())


def test_html_has_the_totals_a_figure_and_what_was_never_offered(run: RunReport) -> None:
    page = html_text(run, {})
    assert f'<b id="totals">{TOTALS}</b>' in page
    assert "<span>expected</span><b>4</b><small>2 waived, 1 unsupported, 1 known</small>" in page
    assert page.count("<span>not offered by the system</span>") == 1
    assert "<option>unsupported</option>" in page


def test_junit_says_of_a_skipped_case_why(run: RunReport) -> None:
    text = junit_text(run, {})
    document = JUnitXml.fromstring(text.encode())
    skipped = {
        (case.classname, case.name): (result.message, result.type)
        for suite in document
        for case in suite
        for result in case.result
        if isinstance(result, Skipped)
    }
    assert skipped["fdconform.pipes", "write"] == ("3 programs waived", "waived")
    assert skipped["fdconform.pipes", "pipe2"] == ("1 program unsupported", "unsupported")
    assert skipped["fdconform.files", "lseek"] == ("1 program known", "known")
    assert skipped["fdconform.pipes", "read"] == ("not offered by the system: left out 4 times", "unsupported")
    assert skipped["fdconform.pipes", "close"] == ("not reached", "not reached")
    assert f'<property name="totals" value="{TOTALS}" />' in text


def test_ktap_says_of_a_skipped_result_why(run: RunReport) -> None:
    text = ktap_text(run, {})
    assert f"# totals: {TOTALS}\n" in text
    assert "write # SKIP 3 programs waived\n" in text
    assert "pipe2 # SKIP 1 program unsupported\n" in text
    assert "read # SKIP not offered by the system: left out 4 times\n" in text


def test_ctrf_has_the_raw_status_and_the_sums(run: RunReport) -> None:
    results = json.loads(ctrf_text(run, {}))["results"]
    statuses = {test["name"]: (test["status"], test["rawStatus"]) for test in results["tests"]}
    assert statuses["pipes: write"] == ("skipped", "waived")
    assert statuses["pipes: pipe2"] == ("skipped", "unsupported")
    assert statuses["pipes: close"] == ("skipped", "not reached")
    assert results["summary"]["extra"]["expected"] == {
        "waived": {"buckets": 2, "programs": 3},
        "unsupported": {"buckets": 1, "programs": 1},
        "known": {"buckets": 1, "programs": 1},
    }


def test_sarif_gives_the_verdict_and_the_reason_of_each_suppression(run: RunReport) -> None:
    (found,) = json.loads(sarif_text(run, {}))["runs"]
    reasons = {
        result["properties"]["bucket"]: result["suppressions"][0]["justification"] for result in found["results"]
    }
    assert reasons == {"B-1": "waived: issue 4", "B-2": "waived", "B-3": "unsupported", "B-4": "known"}
    assert found["properties"]["totals"] == TOTALS
