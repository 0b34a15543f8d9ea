# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the reports of a run beside its event log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from conformance.clauses import Clause
from conformance.errors import ConformanceError
from conformance.reporting.html import html_text
from conformance.reporting.junit import junit_text
from conformance.reporting.markdown import markdown_text
from conformance.reporting.run import RunReport

PAGE = "report.html"
JUNIT = "junit.xml"
MARKDOWN = "summary.md"
_RENDERERS = ((PAGE, html_text), (JUNIT, junit_text), (MARKDOWN, markdown_text))


def write_artefacts(report: RunReport, clauses: Mapping[str, Clause], directory: Path) -> tuple[Path, ...]:
    """Render every report of a run into a directory that exists, and name the files.

    Raises ConformanceError when one cannot be written.
    """
    written = []
    for name, render in _RENDERERS:
        path = directory / name
        try:
            path.write_text(render(report, clauses), encoding="utf-8")
        except OSError as error:
            raise ConformanceError(
                f"the report cannot be written: {error.strerror}",
                where=str(path),
                hint="name another with --reports DIR",
            ) from None
        written.append(path)
    return tuple(written)
