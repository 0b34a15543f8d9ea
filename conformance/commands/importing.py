# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform import-strace``: what strace wrote of a real program, as a program of ours."""

from __future__ import annotations

import click

from conformance.commands.options import read_text
from conformance.grammar import program_text
from conformance.strace.importer import import_log, others_text


@click.command("import-strace")
@click.argument("log", metavar="FILE")
@click.option(
    "--cwd", "start", default="", metavar="DIR", help="The directory that the log began in, for absolute names."
)
def command(log: str, start: str) -> None:
    """Print the program that FILE tells ('-': standard input), recorded by `strace -f -o FILE COMMAND`.

    Names are put below the program's directory, descriptors become slots, and all processes become one. What
    cannot be told is listed, with the line and the reason, on standard error and as comments.
    """
    imported = import_log(read_text(log), "standard input" if log == "-" else log, start)
    click.echo(program_text(imported.program), nl=False)
    for untellable in imported.untellable:
        click.echo(str(untellable), err=True)
    if imported.others:
        click.echo(others_text(imported.others), err=True)
