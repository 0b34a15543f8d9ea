# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform confirm``: what a system under test says of each clause of the host model."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from pathlib import Path

import click

from conformance.commands.options import DEADLINE, DIRECTORY, REPORTS, chosen_profile
from conformance.confirmation import candidates, confirmation_text, showing, standings, stored_text
from conformance.corpus import load
from conformance.divergence import Divergence, diverge
from conformance.errors import ConformanceError, ExitCode
from conformance.host_clauses import load_host_clauses
from conformance.laws import chosen_law
from conformance.named_systems import subject_of
from conformance.ops import Op
from conformance.runners import started
from conformance.subjects import fitted, profile_of

PROGRAMS_PER_KIND = 300


@click.command("confirm")
@click.option("--on", required=True, metavar="SYSTEM", help="A system that descriptors are donated to.")
@click.option("--write", is_flag=True, help="Write the table instead of holding the run against it.")
@click.option("--programs", default=PROGRAMS_PER_KIND, show_default=True, help="Generated programs of each kind.")
@click.option("--clause", "pattern", default="*", show_default=True, help="Only clauses of such names, as SR-*.")
@click.option("--fixtures", type=click.Path(path_type=Path), default=Path("fixtures"), show_default=True)
@DEADLINE
@DIRECTORY
@REPORTS
def command(
    on: str,
    write: bool,
    programs: int,
    pattern: str,
    fixtures: Path,
    deadline_s: float,
    directory: Path | None,
    reports: Path,
) -> int:
    """Put each clause to a system by a program in which it shows: confirmed, contradicted, or out of reach."""
    subject = subject_of(on, deadline_s)
    if subject is None or subject.law != "host":
        raise ConformanceError("the host model does not predict it", where=on, hint="name one that is donated to")
    profile, base = chosen_profile(directory, as_user=False)
    with started(subject, profile, base) as system:
        hello = system.hello
    profile = profile_of(subject, hello, profile)
    stored = {str(found.path): found.program.ops for found in load(fixtures)}
    clauses = {name: clause for name, clause in load_host_clauses().items() if fnmatchcase(name, pattern)}
    shown = showing(candidates(stored, programs, lambda ops: fitted(ops, hello)), clauses, profile)
    law = chosen_law(None, subject)
    with started(subject, profile, base) as system:

        def looks(ops: tuple[Op, ...]) -> tuple[int, Divergence | None]:
            observed = system.run([ops])[0]
            found = diverge(ops[: len(observed)], observed, lambda: law.make_model(profile), law.systems[1])
            return len(observed), found

        found = list(standings(clauses, shown, profile, looks))
    text = confirmation_text(subject.name, subject.release or hello.version, found, clauses, pattern)
    path = stored_text(reports, subject.name)
    if write:
        path.write_text(text, encoding="utf-8")
    committed = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in difflib.unified_diff(committed.splitlines(), text.splitlines(), str(path), "this run", lineterm=""):
        click.echo(line)
    click.echo("".join(line for line in text.splitlines(keepends=True) if line.startswith("# ")), nl=False)
    return ExitCode.CONFORMS if committed == text else ExitCode.EXPECTATIONS_WRONG
