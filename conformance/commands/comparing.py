# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform compare``: what changed between two runs, or since a baseline."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from conformance.baselines import FILE, Baseline, baseline_names, baseline_of, load_baseline, read_baseline
from conformance.commands.options import REPORTS
from conformance.delta import delta_of
from conformance.errors import ExitCode
from conformance.events import Delta
from conformance.rendering import clauses_of_run, saved_run
from conformance.reporting.delta import delta_json, delta_text
from conformance.reporting.html import html_text
from conformance.reporting.markdown import delta_markdown
from conformance.reporting.run import read_run
from conformance.run_directory import EVENTS, find_run

FORMATS = {"text": delta_text, "markdown": delta_markdown, "json": delta_json}
HTML = "html"


@click.command("compare")
@click.argument("earlier")
@click.argument("later", default="latest")
@click.option("--format", "style", type=click.Choice([*FORMATS, HTML]), default="text", show_default=True)
@REPORTS
def command(earlier: str, later: str, style: str, reports: Path) -> int:
    """Say what LATER changed since EARLIER; each is a run, its directory, or a baseline (LATER: the newest run).

    As HTML it is the report of LATER, which must be a run, with what changed before everything else.

    Exit code 0 when nothing is new or changed, 1 when something is, 4 when one of the two is not whole.
    """
    delta = delta_of(_side(reports, earlier), _side(reports, later), earlier)
    sys.stdout.write(_page(reports, later, delta) if style == HTML else FORMATS[style](delta))
    return code_of(delta)


def code_of(delta: Delta) -> ExitCode:
    """What a comparison tells a script."""
    if delta.obstacles:
        return ExitCode.INCONCLUSIVE
    return ExitCode.DIVERGES if delta.news else ExitCode.CONFORMS


def _page(reports: Path, name: str, delta: Delta) -> str:
    run = saved_run(find_run(reports, name))
    return html_text(replace(run, delta=delta), clauses_of_run(run.header))


def _side(reports: Path, name: str) -> Baseline:
    """A side of a comparison: the directory of a run or of a baseline, a baseline's name, or a run's."""
    if (Path(name) / FILE).is_file():
        return read_baseline(Path(name) / FILE)
    if name in baseline_names(reports):
        return load_baseline(reports, name)
    return baseline_of(read_run(find_run(reports, name) / EVENTS))
