# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: ``fdconform COMMAND``. Every error is one message and one documented exit code."""

from __future__ import annotations

import signal
import sys
from importlib import import_module

import click

from conformance.errors import ConformanceError, ExitCode

COMMANDS = {
    "run": "run",
    "replay": "replay",
    "record": "record",
    "reduce": "reducing",
    "show": "show",
    "baseline": "baselining",
    "compare": "comparing",
    "merge": "merging",
    "list": "listing",
    "systems": "systems",
    "doctor": "doctor",
    "selfcheck": "selfchecking",
    "confirm": "confirming",
    "coverage": "covering",
    "witnesses": "witnessing",
    "worker": "worker",
    "check-adapter": "checking_adapter",
    "waive": "waiving",
    "import-strace": "importing",
}
"""The module of each command in ``conformance.commands``."""

EXIT_CODES = """\b
Exit codes:
  0   conforms
  1   unexpected divergence
  2   expectations wrong (stale, unmatched, expired)
  3   adapter or protocol failure
  4   inconclusive (interrupted, or the environment does not allow a verdict)
  64  usage, or input that cannot be read
"""


class _Commands(click.Group):
    """Imports the module of a command when the command is meant, so that each starts without the others' libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"conformance.commands.{COMMANDS[cmd_name]}").command
        return command


@click.group(
    cls=_Commands, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="fdconform")
def fdconform() -> None:
    """Find where an implementation of Linux descriptors differs from Linux, and the shortest program that shows it."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    # What cancels a job of CI asks with SIGTERM: it is to find the report of what was found, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
