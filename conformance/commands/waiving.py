# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform waive``: take the divergences of a run into the known ones of its system, or drop stale ones."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.commands.options import REPORTS
from conformance.errors import ConformanceError
from conformance.events import Divergence, Header, read_events
from conformance.expectations import Waiver, expectations_path, load_expectations
from conformance.run_directory import EVENTS, find_run
from conformance.subjects import PROCESS


@click.command("waive")
@click.argument("run", default="latest")
@click.option("--reason", default="", help="Why the divergences are known: the cause where there is one.")
@click.option("--bucket", "buckets", multiple=True, help="May be repeated.  [default: every new bucket of RUN]")
@click.option("--drop", "stale", multiple=True, metavar="BUCKET", help="Drop a waiver instead. May be repeated.")
@click.option("--on", default="", metavar="SYSTEM", help="The system of a waiver to drop.  [default: that of RUN]")
@click.option("--fixtures", type=click.Path(path_type=Path), default=Path("fixtures"), show_default=True)
@REPORTS
def command(
    run: str, reason: str, buckets: tuple[str, ...], stale: tuple[str, ...], on: str, fixtures: Path, reports: Path
) -> None:
    """Waive what RUN found, in fixtures/expectations/SYSTEM.toml; or drop waivers that are stale."""
    if stale:
        expectations = load_expectations(expectations_path(fixtures, on or _system(reports, run)))
        expectations.without(stale).store()
        click.echo(f"{expectations.path}: {len(stale)} dropped")
        return
    if not reason.strip():
        raise ConformanceError("a waiver needs a reason", hint='--reason "by design: …"')
    expectations = load_expectations(expectations_path(fixtures, _system(reports, run)))
    added = [_waiver(event, reason) for event in _divergences(reports, run, buckets)]
    expectations.with_waivers(added).store()
    click.echo(f"{expectations.path}: {len(added)} waived")


def _system(reports: Path, run: str) -> str:
    header = next(event for event in read_events(find_run(reports, run) / EVENTS) if isinstance(event, Header))
    name = header.systems[1]
    if name == "native" or name.startswith(PROCESS):
        raise ConformanceError(
            f"nothing can be waived for {name}", hint="give the system a file of its own: see fdconform systems"
        )
    return name


def _divergences(reports: Path, run: str, buckets: tuple[str, ...]) -> list[Divergence]:
    found = [
        event
        for event in read_events(find_run(reports, run) / EVENTS)
        if isinstance(event, Divergence) and event.verdict == "diverges"
    ]
    unknown = set(buckets) - {event.bucket for event in found}
    if unknown:
        raise ConformanceError(
            f"no new divergence {', '.join(sorted(unknown))} in this run", hint="fdconform list buckets names them"
        )
    return [event for event in found if not buckets or event.bucket in buckets]


def _waiver(event: Divergence, reason: str) -> Waiver:
    op, predicted, observed, field, tag = event.signature
    return Waiver(event.bucket, event.title, reason, op, predicted, observed, event.reduced, field, tag, event.clauses)
