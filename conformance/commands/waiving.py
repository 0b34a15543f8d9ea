# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform waive``: edit the known divergences of a system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from conformance.commands.options import REPORTS
from conformance.errors import ConformanceError, ExitCode
from conformance.events import Divergence, Header, read_events
from conformance.expectations import (
    FIXTURES,
    NO_ISSUE,
    Waiver,
    check_waiver,
    expectations_path,
    load_expectations,
    unmatched,
)
from conformance.named_systems import SUFFIX
from conformance.run_directory import EVENTS, LATEST, find_run
from conformance.subjects import ATTACHED, PROCESS
from conformance.waiver_file import open_waivers

NEVER = "never"
_TEXTS = ("reason", "issue", "kind", "when")


def _in_fixtures(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--fixtures", type=click.Path(path_type=Path), default=FIXTURES, show_default=True, help="Where the file is."
    )(function)


def _contents(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what an entry says."""
    options = (
        click.option(
            "--reason", help="Why it is known: what the system does instead, and the cause where there is one."
        ),
        click.option("--issue", help=f"A link, or the word {NO_ISSUE}.  [for a new one: {NO_ISSUE}]"),
        click.option("--kind", type=click.Choice(["known", "flaky", "unsupported"]), help="[for a new one: known]"),
        click.option("--when", help="A condition, such as \"kernel < 6.4 and fs == 'tmpfs'\"; '': always."),
        click.option("--expires", help=f"The last day on which it is good, such as 2027-06-30, or {NEVER}."),
        click.option("--chances", type=int, help="How often its op may run without it until it is stale."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group("waive")
def command() -> None:
    """Edit the known divergences of a system: fixtures/expectations/SYSTEM.toml."""


@command.command("add")
@click.argument("run", default=LATEST)
@click.option("--bucket", "buckets", multiple=True, help="May be repeated.  [default: every new bucket of RUN]")
@click.option("--clause", "clauses", multiple=True, help="Whatever diverges where this clause decides.")
@click.option("--pattern", "patterns", multiple=True, help="'OP on TAG: PREDICTED -> OBSERVED at FIELD', with *.")
@click.option("--on", default="", metavar="SYSTEM", help="[default: the system of RUN]")
@_contents
@_in_fixtures
@REPORTS
def add(
    run: str,
    buckets: tuple[str, ...],
    clauses: tuple[str, ...],
    patterns: tuple[str, ...],
    on: str,
    fixtures: Path,
    reports: Path,
    **contents: Any,
) -> None:
    """Waive buckets of RUN, or a clause, or a pattern of signatures."""
    if not (contents["reason"] or "").strip():
        raise ConformanceError("a waiver needs a reason", hint='--reason "by design: …"')
    told = {"issue": NO_ISSUE, **{key: value for key, value in _values(contents).items() if value is not None}}
    path = expectations_path(fixtures, _named(on) if on else _system(reports, run))
    tables: list[dict[str, Any]] = [{"clause": clause} for clause in clauses]
    tables += [{"pattern": pattern} for pattern in patterns]
    if buckets or not tables:
        tables += [_table(event) for event in _divergences(reports, run, buckets)]
    added = distinct([_checked({**table, **told}) for table in tables])
    open_waivers(path).with_waivers(added).store()
    click.echo(f"{path}: {len(added)} waived")


@command.command("update")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--on", required=True, metavar="SYSTEM")
@click.option("--unset", multiple=True, metavar="KEY", help="Take a key out.")
@_contents
@_in_fixtures
def update(names: tuple[str, ...], on: str, unset: tuple[str, ...], fixtures: Path, **contents: Any) -> None:
    """Change waivers: NAME is a bucket, a clause, a pattern, or #3 for the third of the file."""
    path = expectations_path(fixtures, _named(on))
    open_waivers(path).changed(names, {**_values(contents), **dict.fromkeys(unset)}).store()
    click.echo(f"{path}: {len(names)} updated")


@command.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--on", required=True, metavar="SYSTEM")
@_in_fixtures
def remove(names: tuple[str, ...], on: str, fixtures: Path) -> None:
    """Drop waivers: NAME is a bucket, a clause, a pattern, or #3 for the third of the file."""
    path = expectations_path(fixtures, _named(on))
    open_waivers(path).without(names).store()
    click.echo(f"{path}: {len(names)} removed")


@command.command("list")
@click.option("--on", required=True, metavar="SYSTEM")
@_in_fixtures
def show(on: str, fixtures: Path) -> int:
    """Print the waivers of a system. Exit code 2 where one is expired, or cannot describe any divergence."""
    wrong = False
    for waiver in load_expectations(expectations_path(fixtures, _named(on))).waivers:
        expired = waiver.expires is not None and waiver.expires < date.today()
        problems = [*(["expired"] if expired else []), *([why] if (why := unmatched(waiver)) else [])]
        wrong = wrong or bool(problems)
        until = f", until {waiver.expires}" if waiver.expires else ""
        where = f", when {waiver.when}" if waiver.when else ""
        click.echo(f"{waiver.name}  {waiver.kind}{until}{where}  {waiver.title}".rstrip())
        click.echo(f"    {waiver.reason}{'' if waiver.issue == NO_ISSUE else f' ({waiver.issue})'}")
        for problem in problems:
            click.echo(f"    wrong: {problem}")
    return ExitCode.EXPECTATIONS_WRONG if wrong else ExitCode.CONFORMS


def _named(on: str) -> str:
    """The name of a system that --on gives as ``fdconform run`` takes it."""
    return Path(on).stem if on.endswith(SUFFIX) else on


def _values(contents: dict[str, Any]) -> dict[str, Any]:
    """The values of the options that were given; None takes a key out."""
    values: dict[str, Any] = {key: contents[key] for key in _TEXTS if contents[key] is not None}
    if values.get("when") == "":
        values["when"] = None
    if contents["chances"] is not None:
        values["chances"] = contents["chances"]
    if contents["expires"] is not None:
        values["expires"] = None if contents["expires"] == NEVER else _day(contents["expires"])
    return values


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConformanceError(f"not a day: {text!r}", hint=f"write 2027-06-30, or {NEVER}") from None


def _system(reports: Path, run: str) -> str:
    header = next(event for event in read_events(find_run(reports, run) / EVENTS) if isinstance(event, Header))
    name = header.systems[1]
    if name == "native" or name.startswith((PROCESS, ATTACHED)):
        raise ConformanceError(
            f"nothing can be waived for {name}", hint="give the system a file of its own: see fdconform systems"
        )
    return name


def _divergences(reports: Path, run: str, buckets: tuple[str, ...]) -> list[Divergence]:
    found = [
        event
        for event in read_events(find_run(reports, run) / EVENTS)
        if isinstance(event, Divergence) and event.verdict in ("diverges", "flaky") and event.signature
    ]
    unknown = set(buckets) - {event.bucket for event in found}
    if unknown:
        raise ConformanceError(
            f"no new divergence {', '.join(sorted(unknown))} in this run", hint="fdconform list buckets names them"
        )
    return [event for event in found if not buckets or event.bucket in buckets]


def _table(event: Divergence) -> dict[str, Any]:
    op, predicted, observed, field, tag = event.signature
    return {
        "bucket": event.bucket,
        "title": event.title,
        "kind": "flaky" if event.verdict == "flaky" else "known",
        "op": op,
        "predicted": predicted,
        "observed": observed,
        "field": field,
        "tag": tag,
        "clauses": event.clauses,
        "program": event.reduced,
    }


def distinct(waivers: Sequence[Waiver]) -> list[Waiver]:
    """One of each that describe the same: buckets that differ in their clauses alone are one to a waiver."""
    return list({waiver.key if waiver.bucket else waiver.name: waiver for waiver in reversed(waivers)}.values())[::-1]


def _checked(table: dict[str, Any]) -> Waiver:
    try:
        return check_waiver(table)
    except ValueError as error:
        raise ConformanceError(f"no such waiver: {error}", hint="fdconform waive add --help") from None
