# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform systems``: what programs can run on."""

from __future__ import annotations

import click

from conformance.environment import profile_for, profile_name, working_base


@click.command("systems")
def command() -> None:
    """List the systems that programs can run on."""
    name = profile_name(profile_for(working_base(None)))
    click.echo("linux    the in-memory model of the Linux descriptor layer")
    click.echo(f"native   the kernel we run on ({name})")
