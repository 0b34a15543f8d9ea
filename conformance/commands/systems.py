# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform systems``: what programs can run on, and what is missing for the rest."""

from __future__ import annotations

import click

from conformance.environment import profile_for, profile_name, working_base
from conformance.named_systems import named_systems, release_of


@click.command("systems")
@click.option("--ready", is_flag=True, help="Only the names of those systems that this machine has all for.")
def command(ready: bool) -> None:
    """List the systems that programs can run on, with what this machine lacks and the package that brings it."""
    if ready:
        for name, system in named_systems().items():
            if not system.missing:
                click.echo(name)
        return
    name = profile_name(profile_for(working_base(None)))
    click.echo("linux    the in-memory model of the Linux descriptor layer")
    click.echo(f"native   the kernel we run on ({name})")
    for name, system in named_systems().items():
        missing = [f"{name}: {remedy}" for name, remedy in system.missing.items()]
        state = f"missing {'; '.join(missing)}" if missing else release_of(system)
        click.echo(f"{name:8} {system.title} ({state})")
    click.echo("dir:PATH the kernel we run on, on the file system of a directory")
    click.echo("preload:LIB[,VAR=value…]  the kernel we run on, under an interposed library")
    click.echo("recorded:PATH  traces of another system, or of another day: its programs, and what they gave")
    click.echo("attached:SOCKET  a system that you started, and that listens on a Unix socket")
    click.echo("process:COMMAND  whatever speaks the wire protocol (docs/how-to/validate-an-implementation.md)")
