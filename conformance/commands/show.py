# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform show``: the summary of a run, or the failure card of one of its buckets."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from conformance.commands.options import REPORTS
from conformance.errors import ConformanceError
from conformance.rendering import clauses_of_run, summarise
from conformance.reporting.artefacts import PAGE
from conformance.reporting.card import card_text
from conformance.reporting.junit import junit_text
from conformance.reporting.markdown import markdown_text
from conformance.reporting.run import read_run
from conformance.run_directory import EVENTS, find_run

FORMATS = {"markdown": markdown_text, "junit": junit_text}


@click.command("show")
@click.argument("run", default="latest")
@click.argument("bucket", required=False)
@click.option(
    "--format", "style", type=click.Choice(["text", "markdown", "junit", "jsonl"]), default="text", show_default=True
)
@REPORTS
def command(run: str, bucket: str | None, style: str, reports: Path) -> None:
    """Print the summary of RUN (default: the newest), or the failure card of BUCKET."""
    directory = find_run(reports, run)
    if bucket is None:
        if style == "jsonl":
            sys.stdout.write((directory / EVENTS).read_text())
        elif style == "text":
            sys.stdout.write(summarise(directory, directory / PAGE))
        else:
            report = read_run([directory / EVENTS])
            sys.stdout.write(FORMATS[style](report, clauses_of_run(report.header)))
        return
    report = read_run([directory / EVENTS])
    for known in report.buckets:
        if known.first.bucket == bucket:
            sys.stdout.write(card_text(known, report.header, clauses_of_run(report.header)))
            return
    raise ConformanceError(
        f"no bucket {bucket!r} in this run", where=str(directory), hint="`fdconform list buckets` prints them"
    )
