# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""From the event log of a run to the files of its report: HTML, JUnit XML, Markdown."""

from __future__ import annotations

from pathlib import Path

from conformance.clauses import load_clauses
from conformance.reporting.html import html_text
from conformance.reporting.junit import junit_text
from conformance.reporting.markdown import markdown_text
from conformance.reporting.run import read_run
from conformance.reporting.summary import summary_text
from conformance.run_directory import EVENTS

PAGE = "index.html"


def render(directory: Path) -> Path:
    """Write every report of a run beside its event log; returns the path of the HTML page."""
    report, clauses = read_run([directory / EVENTS]), load_clauses()
    for name, text in (
        (PAGE, html_text(report, clauses)),
        ("junit.xml", junit_text(report, clauses)),
        ("summary.md", markdown_text(report, clauses)),
    ):
        (directory / name).write_text(text)
    return directory / PAGE


def summarise(directory: Path, page: Path) -> str:
    """The few lines that close a run on the console."""
    return summary_text(read_run([directory / EVENTS]), load_clauses(), str(page))
