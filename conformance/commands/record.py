# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform record``: native traces of the fixture programs."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.commands.options import DIRECTORY, USER, chosen_profile
from conformance.golden import write_golden
from conformance.systems.native_worker import NativeWorker


@click.command("record")
@click.option(
    "--fixtures",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("fixtures"),
    show_default=True,
)
@DIRECTORY
@USER
def command(fixtures: Path, directory: Path | None, as_user: bool) -> None:
    """Write native traces of fixtures/programs to fixtures/golden/PROFILE/."""
    profile, base = chosen_profile(directory, as_user)
    with NativeWorker(profile, base) as worker:
        count = sum(1 for _ in write_golden(fixtures, worker, profile))
    click.echo(f"{count} traces recorded")
