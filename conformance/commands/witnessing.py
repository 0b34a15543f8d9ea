# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform witnesses``: for each clause of the host model the shortest program that shows it."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.errors import ExitCode
from conformance.host_clauses import load_host_clauses
from conformance.witnesses import FOLDER, PROGRAMS_PER_KIND, find_witnesses, load_witnesses, reduced, store_witness


@click.command("witnesses")
@click.option("--programs", default=PROGRAMS_PER_KIND, show_default=True, help="Generated programs of each kind.")
@click.option("--fixtures", type=click.Path(path_type=Path), default=Path("fixtures"), show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True)
def command(programs: int, fixtures: Path, folder: Path) -> int:
    """Look for the shortest program that shows each clause of the host model, and keep those that are shorter."""
    clauses = {name: clause for name, clause in load_host_clauses().items() if not clause.unobservable}
    known = load_witnesses(folder)
    for name, witness in sorted(find_witnesses(fixtures, programs, clauses).items()):
        short = reduced(witness, clauses[name])
        if name in known and len(known[name].ops) <= len(short.ops):
            continue
        store_witness(folder, short, clauses[name])
        click.echo(f"{name}: {len(short.ops)} ops")
    return ExitCode.CONFORMS
