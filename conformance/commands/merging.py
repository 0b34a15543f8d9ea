# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform merge``: one report of the shards of a campaign."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from conformance.commands.options import REPORTS
from conformance.errors import ConformanceError, ExitCode
from conformance.events import EventLog, Footer, read_events
from conformance.merging import baseline_named, merged
from conformance.rendering import render, summarise
from conformance.run_directory import EVENTS, find_run
from conformance.since import delta_of_merged


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--into", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A directory to be made.")
@REPORTS
def command(runs: tuple[str, ...], into: Path, reports: Path) -> int:
    """Merge the shards of a campaign, each a run or the directory of one, into a run of its own.

    Exit codes as of the whole campaign; 4 when a shard is missing, or was cut short.
    """
    logs = [list(read_events(find_run(reports, run) / EVENTS)) for run in runs]
    events = list(merged(logs, into.name))
    since = baseline_named(logs)
    if since:
        place = len(events) - isinstance(events[-1], Footer)
        events.insert(place, delta_of_merged(reports, since, events))
    if (into / EVENTS).exists():
        raise ConformanceError("there is a run already", where=str(into), hint="name a directory to be made")
    with EventLog(into / EVENTS) as log:
        for event in events:
            log.write(event)
    page = render(into)
    sys.stdout.write(summarise(into, page))
    last = events[-1]
    return last.exit_code if isinstance(last, Footer) else ExitCode.INCONCLUSIVE
