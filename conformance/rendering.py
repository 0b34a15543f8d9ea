# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""From the run directory to its reports and to the lines that close a run on the console."""

from __future__ import annotations

from pathlib import Path

from conformance.clauses import load_clauses
from conformance.reporting.artefacts import write_artefacts
from conformance.reporting.run import read_run
from conformance.reporting.summary import summary_text
from conformance.run_directory import EVENTS


def render(directory: Path) -> Path:
    """Write every report of a run beside its event log; returns the path of the HTML page."""
    return write_artefacts(read_run([directory / EVENTS]), load_clauses(), directory)[0]


def summarise(directory: Path, page: Path) -> str:
    """The few lines that close a run on the console."""
    return summary_text(read_run([directory / EVENTS]), load_clauses(), str(page))
