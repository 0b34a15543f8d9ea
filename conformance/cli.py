# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: ``fdconform COMMAND``. Every error is one message and one documented exit code."""

from __future__ import annotations

import sys

import click

from conformance.commands import (
    covering,
    doctor,
    listing,
    record,
    reducing,
    replay,
    run,
    selfchecking,
    show,
    systems,
    waiving,
    witnessing,
    worker,
)
from conformance.errors import ConformanceError, ExitCode

EXIT_CODES = """\b
Exit codes:
  0   conforms
  1   unexpected divergence
  2   expectations wrong (stale, unmatched, expired)
  3   adapter or protocol failure
  4   inconclusive (interrupted, or the environment does not allow a verdict)
  64  usage, or input that cannot be read
"""


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="fdconform")
def fdconform() -> None:
    """Find where an implementation of Linux descriptors differs from Linux, and the shortest program that shows it."""


for command in (
    run.command,
    replay.command,
    record.command,
    reducing.command,
    show.command,
    listing.command,
    systems.command,
    doctor.command,
    selfchecking.command,
    covering.command,
    witnessing.command,
    worker.command,
    waiving.command,
):
    fdconform.add_command(command)


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = fdconform.main(standalone_mode=False)
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = ExitCode.INCONCLUSIVE
    except ConformanceError as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    sys.exit(int(code or 0))


if __name__ == "__main__":
    main()
