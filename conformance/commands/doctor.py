# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform doctor``: what this machine offers, and how to mend what is missing."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.commands.options import DIRECTORY
from conformance.environment import examine
from conformance.errors import ExitCode


@click.command("doctor")
@DIRECTORY
def command(directory: Path | None) -> int:
    """Check kernel, file system, pseudoterminals and /proc; exit 4 when something is missing."""
    findings = examine(directory)
    for finding in findings:
        click.echo(f"{'ok  ' if finding.well else 'look'}  {finding.subject}: {finding.found}")
        if not finding.well:
            click.echo(f"      mend: {finding.mend}")
    return ExitCode.CONFORMS if all(finding.well for finding in findings) else ExitCode.INCONCLUSIVE
