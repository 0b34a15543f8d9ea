# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform list``: ops, kinds, clauses of Linux and of the host model, stored programs, and the buckets of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from conformance.clauses import load_clauses
from conformance.commands.options import REPORTS
from conformance.events import Batch, Divergence, read_events
from conformance.grammar import program_text
from conformance.host_clauses import load_host_clauses
from conformance.kinds import RECIPES
from conformance.ops import SPECS
from conformance.program import Program
from conformance.reporting.specification import specification_text
from conformance.reporting.variance import Row, variance_text
from conformance.run_directory import EVENTS, LATEST, find_run
from conformance.variance import rules, shown
from conformance.witnesses import FOLDER, load_witnesses, transcript


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


@command.command("host-clauses")
@click.option("--format", "form", type=click.Choice(("text", "markdown")), default="text", show_default=True)
@click.option("--witnesses", type=click.Path(path_type=Path), default=FOLDER, show_default=True)
def host_clauses(form: str, witnesses: Path) -> None:
    """The rules of the host model; as a page with the shortest program that shows each."""
    clauses = load_host_clauses()
    if form == "markdown":
        shown = {name: transcript(witness) for name, witness in load_witnesses(witnesses).items()}
        click.echo(specification_text(clauses, shown), nl=False)
        return
    for clause in clauses.values():
        click.echo(f"{clause.id:9} {clause.relation:9} {' '.join(clause.kinds):12} {clause.statement}")


@command.command("variance")
@click.option("--format", "form", type=click.Choice(("text", "markdown")), default="text", show_default=True)
def variance(form: str) -> None:
    """The rules of Linux that vary with kernel, file system or caller; as a page with the program that tells."""
    rows = variance_rows()
    if form == "markdown":
        click.echo(variance_text(rows), nl=False)
        return
    for row in rows:
        click.echo(f"{row.clause:20} {row.when:28} {row.call}: {row.there}, elsewhere {row.elsewhere}")


def variance_rows() -> list[Row]:
    """The rules that vary, as text."""
    return [
        Row(
            rule.clause.id,
            rule.variant.when,
            rule.variant.then,
            rule.variant.source,
            *shown(rule).texts,
            program_text(Program(rule.probe)),
        )
        for rule in rules()
    ]


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
    for event in read_events(find_run(reports, run) / EVENTS):
        if isinstance(event, Divergence):
            click.echo(f"{event.bucket}  {event.title}")


@command.command("outcomes")
@click.argument("runs", nargs=-1)
@REPORTS
def outcomes(runs: tuple[str, ...], reports: Path) -> None:
    """Every op with every outcome that RUNS reached (default: the newest), and how often."""
    reached: dict[str, Counter[str]] = {spec.name: Counter() for spec in SPECS}
    for run in runs or (LATEST,):
        for event in read_events(find_run(reports, run) / EVENTS):
            if isinstance(event, Batch):
                for name, counts in event.outcomes.items():
                    reached[name].update(counts)
    for name, found in reached.items():
        click.echo(f"{name:24} {'  '.join(f'{outcome} {count}' for outcome, count in found.most_common())}")
    click.echo(f"{sum(found.total() for found in reached.values())} ops")
