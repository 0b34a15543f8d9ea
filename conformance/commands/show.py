# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform show``: the summary of a run, or the failure card of one of its buckets."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from conformance.commands.options import REPORTS
from conformance.errors import ConformanceError
from conformance.rendering import clauses_of_run, saved_run, summarise
from conformance.reporting.artefacts import FORMATS, PAGE
from conformance.reporting.card import card_text
from conformance.reporting.run import read_run
from conformance.reproducers.case import case_of_divergence
from conformance.reproducers.prose import forms
from conformance.run_directory import EVENTS, LATEST, find_run

BUCKET_MARK = "B-"


@click.command("show")
@click.argument("run", default="latest")
@click.argument("bucket", required=False)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", *FORMATS, "jsonl"]),
    default="text",
    show_default=True,
    help="Print the whole RUN in this form.",
)
@click.option("--as", "form", type=click.Choice(list(forms())), help="Print a reproducer of BUCKET.")
@REPORTS
def command(run: str, bucket: str | None, style: str, form: str | None, reports: Path) -> None:
    """Print the summary of RUN (default: the newest), or the failure card of BUCKET.

    With BUCKET alone, the bucket is one of the newest run.
    """
    if bucket is None and run.startswith(BUCKET_MARK):
        run, bucket = LATEST, run
    if form is not None and bucket is None:
        raise click.UsageError("--as needs a BUCKET: `fdconform list buckets` prints them")
    directory = find_run(reports, run)
    if bucket is None:
        if style == "jsonl":
            sys.stdout.write((directory / EVENTS).read_text())
        elif style == "text":
            sys.stdout.write(summarise(directory, directory / PAGE))
        else:
            report = saved_run(directory)
            sys.stdout.write(FORMATS[style].text(report, clauses_of_run(report.header)))
        return
    report = read_run(directory / EVENTS)
    for known in report.buckets:
        if known.first.bucket == bucket:
            if form is not None:
                sys.stdout.write(forms()[form](case_of_divergence(known.first, report.header)))
                return
            sys.stdout.write(card_text(known, report.header, clauses_of_run(report.header)))
            return
    raise ConformanceError(
        f"no bucket {bucket!r} in this run", where=str(directory), hint="`fdconform list buckets` prints them"
    )
