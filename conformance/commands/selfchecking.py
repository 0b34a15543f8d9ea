# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform selfcheck``: planted bugs that the suite must find and reduce."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from conformance import events
from conformance.campaign import run_name
from conformance.commands.options import JOBS, REPORTS, chosen_profile
from conformance.environment import describe
from conformance.errors import ExitCode
from conformance.rendering import render, summarise
from conformance.run_directory import EVENTS, make_run
from conformance.selfcheck import PROGRAMS_MAX, selfcheck_all


@click.command("selfcheck")
@click.option("--seed", default="1", show_default=True)
@click.option(
    "--programs", type=click.IntRange(1), default=PROGRAMS_MAX, show_default=True, help="Budget for each bug."
)
@JOBS
@REPORTS
def command(seed: str, programs: int, jobs: int, reports: Path) -> int:
    """Plant each known bug, and check that random programs find it and that it is reduced to its minimum + 2."""
    started = time.monotonic()
    profile, _ = chosen_profile(None, False)
    name = run_name()
    target = make_run(reports, name)
    missed = found = 0
    with events.EventLog(target / EVENTS) as log:
        log.write(
            events.Header(
                format=events.FORMAT_VERSION,
                run=name,
                started=datetime.now(UTC).isoformat(timespec="seconds"),
                command=f"fdconform selfcheck --seed {seed}",
                seed=seed,
                budget=f"{programs} programs for each bug",
                law="every planted bug is found",
                systems=("linux", "miniatures"),
                kinds=(),
                environment=describe(profile),
            )
        )
        for row in selfcheck_all(seed, programs, jobs):
            log.write(row)
            found, missed = found + row.passed, missed + (not row.passed)
            click.echo(_line(row))
        log.write(
            events.Footer(
                ended=datetime.now(UTC).isoformat(timespec="seconds"),
                seconds=time.monotonic() - started,
                cpu_seconds=time.process_time(),
                programs=0,
                ops=0,
                divergent_programs=0,
                buckets=0,
                interrupted=False,
                exit_code=ExitCode.DIVERGES if missed else ExitCode.CONFORMS,
            )
        )
    sys.stdout.write(summarise(target, render(target)))
    return ExitCode.DIVERGES if missed else ExitCode.CONFORMS


def _line(row: events.Miniature) -> str:
    verdict = "ok    " if row.passed else "MISSED"
    found = f"found after {row.found_after_programs or '-':>5}  reduced to {row.reduced_ops or '-':>3}"
    return f"{verdict}  {row.name:34} {row.kind:11} {found}  minimum {row.minimum_ops}"
