# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform list``: ops, kinds, clauses, stored programs, and the buckets of a run."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.clauses import load_clauses
from conformance.commands.options import REPORTS
from conformance.events import Divergence, read_events
from conformance.kinds import RECIPES
from conformance.ops import SPECS
from conformance.run_directory import find_run


@click.group("list")
def command() -> None:
    """List what there is."""


@command.command("ops")
def ops() -> None:
    """The vocabulary: every op with its parameters."""
    for spec in SPECS:
        parameters = ", ".join(parameter.name for parameter in spec.parameters)
        click.echo(f"{spec.name:24} {spec.call}({parameters})")


@command.command("kinds")
def kinds() -> None:
    """The kinds of programs, with the number of recipes of each."""
    for kind, recipes in RECIPES.items():
        click.echo(f"{kind:12} {len(recipes)} recipes")


@command.command("clauses")
def clauses() -> None:
    """The rules that the model cites."""
    for clause in load_clauses().values():
        click.echo(f"{clause.id:20} {clause.source:16} {clause.statement}")


@command.command("programs")
@click.option("--fixtures", type=click.Path(path_type=Path), default=Path("fixtures"), show_default=True)
def programs(fixtures: Path) -> None:
    """The stored programs."""
    for path in sorted(fixtures.rglob("*.fd")):
        click.echo(str(path))


@command.command("buckets")
@click.argument("run", default="latest")
@REPORTS
def buckets(run: str, reports: Path) -> None:
    """The divergences of a run."""
    for event in read_events(find_run(reports, run) / "events.jsonl"):
        if isinstance(event, Divergence):
            click.echo(f"{event.bucket}  {event.title}")
