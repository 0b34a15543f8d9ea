# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform reduce``: the shortest program that still diverges."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.commands.options import DIRECTORY, LAW, USER, chosen_profile, read_program_file
from conformance.errors import ExitCode
from conformance.examiners import examiner_of, same_bucket
from conformance.grammar import program_text
from conformance.laws import chosen_law
from conformance.program import Program
from conformance.reduce import reduce_program


@click.command("reduce")
@click.argument("program", metavar="FILE")
@LAW
@DIRECTORY
@USER
def command(program: str, law: str | None, directory: Path | None, as_user: bool) -> int:
    """Print the shortest program found that diverges as the one in FILE does; exit 0 when it conforms."""
    ops = read_program_file(program).ops
    profile, base = chosen_profile(directory, as_user)
    chosen = chosen_law(law)
    examiner = examiner_of(profile, base, chosen)
    try:
        divergence = examiner.diverge(ops)
        if divergence is None:
            click.echo("conforms: nothing to reduce", err=True)
            return ExitCode.CONFORMS
        reduction = reduce_program(ops, same_bucket(divergence.bucket, examiner.diverge))
    finally:
        examiner.close()
    click.echo(f"# {divergence.title}")
    click.echo(program_text(Program(reduction.ops)), nl=False)
    click.echo(f"{reduction.before} ops reduced to {reduction.after} in {reduction.tries} tries", err=True)
    return ExitCode.DIVERGES
