# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform baseline``: keep what a run found, to compare later runs with."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.baselines import baseline_names, baseline_of, load_baseline, save_baseline
from conformance.commands.options import REPORTS
from conformance.reporting.run import read_run
from conformance.reporting.text import counted
from conformance.run_directory import EVENTS, LATEST, find_run


@click.group("baseline")
def command() -> None:
    """Keep what runs found: reports/baselines/NAME/, made to be committed."""


@command.command("save")
@click.argument("name")
@click.option("--run", default=LATEST, show_default=True, help="The run to keep.")
@REPORTS
def save(name: str, run: str, reports: Path) -> None:
    """Keep what a run found as the baseline NAME; one of that name is replaced."""
    baseline = baseline_of(read_run(find_run(reports, run) / EVENTS))
    path = save_baseline(reports, name, baseline)
    click.echo(f"{path}: {counted(len(baseline.buckets), 'bucket')}")


@command.command("list")
@REPORTS
def show(reports: Path) -> None:
    """The stored baselines: what each is of."""
    for name in baseline_names(reports):
        known = load_baseline(reports, name)
        buckets = counted(len(known.buckets), "bucket")
        click.echo(f"{name:20} {known.law}; seed {known.seed}; budget {known.budget}; {buckets}")
