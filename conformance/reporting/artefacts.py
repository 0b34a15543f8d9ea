# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Every format of a run's report, and how they are written beside its event log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.clauses import Clause
from conformance.errors import ConformanceError
from conformance.reporting.badge import badge_json, badge_svg
from conformance.reporting.ctrf import ctrf_text
from conformance.reporting.history import DIGEST, digest_text
from conformance.reporting.html import html_text
from conformance.reporting.junit import junit_text
from conformance.reporting.ktap import ktap_text
from conformance.reporting.markdown import markdown_text
from conformance.reporting.run import RunReport
from conformance.reporting.sarif import sarif_text


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the file that it is written to, and the function that makes its text."""

    file: str
    text: Callable[[RunReport, Mapping[str, Clause]], str]


FORMATS = {
    "html": Format("report.html", html_text),
    "markdown": Format("summary.md", markdown_text),
    "junit": Format("junit.xml", junit_text),
    "ktap": Format("results.ktap", ktap_text),
    "ctrf": Format("ctrf.json", ctrf_text),
    "sarif": Format("results.sarif", sarif_text),
    "badge": Format("badge.svg", badge_svg),
    "badge-json": Format("badge.json", badge_json),
    "digest": Format(DIGEST, digest_text),
}
"""By the name that the command line knows them under."""
PAGE = FORMATS["html"].file


def write_artefacts(report: RunReport, clauses: Mapping[str, Clause], directory: Path) -> tuple[Path, ...]:
    """Render every format of a run into a directory that exists, and name the files.

    Raises ConformanceError when one cannot be written.
    """
    written = []
    for style in FORMATS.values():
        path = directory / style.file
        try:
            path.write_text(style.text(report, clauses), encoding="utf-8")
        except OSError as error:
            raise ConformanceError(
                f"the report cannot be written: {error.strerror}",
                where=str(path),
                hint="name another with --reports DIR",
            ) from None
        written.append(path)
    return tuple(written)
