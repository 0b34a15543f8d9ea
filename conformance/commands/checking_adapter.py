# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform check-adapter``: what a command that speaks the wire protocol does wrong, and how to mend it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import click

from conformance.adapter_kit.checks import Check, Outcome, table
from conformance.adapter_kit.kit import examine_adapter
from conformance.commands.options import DEADLINE, DIRECTORY, chosen_profile
from conformance.errors import ExitCode
from conformance.expectations import expectations_path, load_expectations
from conformance.named_systems import named_systems, subject_of
from conformance.subjects import PROCESS, Subject, subject_of_command

HELLO_S = 60.0
WELL = (Outcome.PASSED, Outcome.NOT_OFFERED)


@click.command("check-adapter", context_settings={"allow_interspersed_args": False})
@click.argument("words", metavar="COMMAND…", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--fixtures",
    type=click.Path(path_type=Path),
    default=Path("fixtures"),
    show_default=True,
    help="Where wire/vectors.jsonl and the programs that lead to them are.",
)
@click.option(
    "--hello-deadline",
    "hello_s",
    type=click.FloatRange(min=0, min_open=True),
    default=HELLO_S,
    show_default=True,
    help="Seconds that it may take to say hello.",
)
@DEADLINE
@DIRECTORY
def command(words: tuple[str, ...], fixtures: Path, hello_s: float, deadline_s: float, directory: Path | None) -> int:
    """Ask an adapter all that a campaign may ask of it: exit 0 when it is ready, 3 when there is something to mend.

    COMMAND is as after --on process:, in quotation marks or without, or the name of a system: one that
    `fdconform systems` lists. What is known of a named system is no fault of its adapter.
    """
    subject = _subject(words, hello_s, deadline_s)
    on = subject.on or subject.name
    known = load_expectations(expectations_path(fixtures, subject.name)) if subject.is_named else None
    native, base = chosen_profile(directory, False)
    checks: list[Check] = []
    for check in examine_adapter(subject, native, base, fixtures, known):
        checks.append(check)
        for line in _lines(check):
            click.echo(line)
    for line in ("", *table(checks), "", _conclusion(checks, on)):
        click.echo(line)
    is_ready = all(check.outcome is not Outcome.FAILED for check in checks)
    return ExitCode.CONFORMS if is_ready else ExitCode.ADAPTER_FAILED


def _subject(words: tuple[str, ...], hello_s: float, deadline_s: float) -> Subject:
    """The named system, or the command."""
    if len(words) == 1 and words[0] in named_systems():
        named = subject_of(words[0], deadline_s)
        assert named is not None
        return replace(named, bye_s=deadline_s)
    on = PROCESS + (words[0] if len(words) == 1 else shlex.join(words))
    return Subject(on, subject_of_command(on).command, deadline_s, hello_s=hello_s, bye_s=deadline_s)


def _lines(check: Check) -> list[str]:
    """What there is to say of a check; nothing of one that is well."""
    if check.outcome in WELL:
        return []
    lines = [f"{check.outcome.name.replace('_', ' '):9} {check.part}: {check.what}", f"          {check.message}"]
    return [*lines, f"          mend: {check.mend}"] if check.mend else lines


def _conclusion(checks: list[Check], on: str) -> str:
    failures = sum(check.outcome is Outcome.FAILED for check in checks)
    if failures:
        return f"{failures} to mend, the first of them first: one mistake often shows in several places"
    return f"ready: fdconform run --on {shlex.quote(on)}"
