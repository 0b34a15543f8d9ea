# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform coverage``: what is exercised of the host model, held against the committed snapshot."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from conformance.clause_coverage import MEND, PROGRAMS_PER_KIND, SNAPSHOT, cover, dead_clauses, snapshot_text
from conformance.commands.options import JOBS
from conformance.errors import ExitCode
from conformance.host_clauses import load_host_clauses


@click.command("coverage")
@click.option("--write", is_flag=True, help="Write the snapshot instead of holding the run against it.")
@click.option("--programs", default=PROGRAMS_PER_KIND, show_default=True, help="Generated programs of each kind.")
@click.option("--fixtures", type=click.Path(path_type=Path), default=Path("fixtures"), show_default=True)
@click.option("--snapshot", type=click.Path(path_type=Path), default=SNAPSHOT, show_default=True)
@JOBS
def command(write: bool, programs: int, fixtures: Path, snapshot: Path, jobs: int) -> int:
    """Run the pure models; hold which clauses they exercise, and which differences show, against the snapshot."""
    coverage = cover(fixtures, programs, jobs)
    text = snapshot_text(coverage, load_host_clauses())
    if write:
        snapshot.write_text(text)
        click.echo(f"{snapshot} written")
        return ExitCode.CONFORMS
    committed = snapshot.read_text() if snapshot.exists() else ""
    for name in coverage.unexplained:
        click.echo(f"a difference that no clause explains: {name}")
    for line in difflib.unified_diff(committed.splitlines(), text.splitlines(), str(snapshot), "this run", lineterm=""):
        click.echo(line)
    if committed != text:
        click.echo(f"mend: {MEND}")
        return ExitCode.EXPECTATIONS_WRONG
    dead = dead_clauses(coverage)
    for name in dead:
        click.echo(f"a dead clause: no program meets {name}, or none shows how it differs")
    click.echo("".join(line for line in text.splitlines(keepends=True)[-3:]), nl=False)
    return ExitCode.DIVERGES if coverage.unexplained or dead else ExitCode.CONFORMS
