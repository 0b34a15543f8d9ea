# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform run``: a campaign, with live progress, a summary and reports."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from conformance.budget import WHOLE, read_budget, read_portion
from conformance.campaign import Campaign, Plan, run_name
from conformance.clauses import Clause
from conformance.commands.options import DEADLINE, DIRECTORY, LAW, NATIVE_WORKER, ON, REPORTS, USER, chosen_profile
from conformance.environment import require_terminals
from conformance.errors import ConformanceError, ExitCode
from conformance.events import EventLog
from conformance.expectations import expectations_path, load_expectations
from conformance.golden import stored_programs
from conformance.judging import NamedProgram
from conformance.kinds import RECIPES
from conformance.laws import Law, chosen_law
from conformance.named_systems import subject_of
from conformance.recordings import read_recording
from conformance.rendering import clauses_under, render, summarise
from conformance.reporting.console import Progress
from conformance.run_directory import EVENTS, make_run
from conformance.runners import introduced
from conformance.since import since
from conformance.subjects import Subject
from conformance.systems.c_binary import IN_PYTHON
from conformance.systems.directories import sweep
from conformance.systems.native_workers import worker_under

KINDS_WITH_TERMINALS = frozenset(("terminals", "jobs", "mixed", "host-terminals", "host-mixed"))


@click.command("run")
@click.option("--budget", default="60s", show_default=True, help="90s, 5m, 1h, or 1000000ops.")
@click.option("--seed", default="1", show_default=True, help="The same seed gives the same programs.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(list(RECIPES)),
    help="May be repeated.  [default: the law's]",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=(os.cpu_count() or 1) + 1,
    help="Processes.  [default: one more than CPUs, as programs that block leave one idle]",
)
@click.option(
    "--fixtures", type=click.Path(path_type=Path), default=Path("fixtures"), help="Stored programs run first."
)
@click.option(
    "--since-baseline",
    "baseline",
    metavar="NAME",
    help="Fail only for what is new or changed since a baseline; its programs run first.",
)
@click.option("--shard", metavar="I/N", help="Only the I-th of N portions of the campaign; see fdconform merge.")
@click.option("--keep", is_flag=True, help="Store reduced programs in FIXTURES/regressions, to run first from then on.")
@LAW
@ON
@NATIVE_WORKER
@DEADLINE
@DIRECTORY
@USER
@REPORTS
def command(
    budget: str,
    seed: str,
    kinds: tuple[str, ...],
    jobs: int,
    fixtures: Path,
    keep: bool,
    baseline: str | None,
    shard: str | None,
    law: str | None,
    on: str,
    native_worker: str | None,
    deadline_s: float,
    directory: Path | None,
    as_user: bool,
    reports: Path,
) -> int:
    """Run random programs on the model and on the kernel, or another system; compare, reduce, and write a report."""
    wanted = read_budget(budget)
    portion = read_portion(shard) if shard else WHOLE
    subject = subject_of(on, deadline_s)
    chosen = chosen_law(law, subject)
    kinds = _kinds(kinds, subject, chosen)
    profile, base = chosen_profile(directory, as_user)
    for place in {base, (subject.base if subject else None) or base}:
        sweep(place)
    worker = IN_PYTHON if subject else worker_under(chosen, native_worker or "auto")
    surroundings = {"native worker": worker.name}
    if subject is not None:
        profile, surroundings = introduced(subject, profile, base)
    elif KINDS_WITH_TERMINALS.intersection(kinds):
        require_terminals()
    known = load_expectations(expectations_path(fixtures, subject.name)) if subject and subject.is_named else None
    name = run_name()
    earlier = since(reports, baseline, reports / name / EVENTS) if baseline is not None else None
    target = make_run(reports, name)
    plan = Plan(
        run=name,
        command=f"fdconform run --seed {seed} --budget {budget}{' --user' if as_user else ''}"
        + _options(
            ("law", law),
            ("native-worker", native_worker),
            ("on", shlex.quote(on) if subject else None),
            ("since-baseline", baseline),
            ("shard", str(portion)),
        ),
        seed=seed,
        budget=wanted,
        budget_text=budget,
        kinds=kinds,
        jobs=jobs,
        profile=profile,
        base=base,
        law=chosen.name,
        subject=subject,
        expectations=known,
        since=earlier,
        portion=portion,
        binary=worker.binary,
        surroundings=tuple(surroundings.items()),
        keep=fixtures / "regressions" if keep else None,
        programs=(*_stored(fixtures, subject), *(earlier.programs if earlier else ())),
    )
    code = _carry_out(plan, clauses_under(chosen), target / EVENTS)
    page = render(target)
    sys.stdout.write(summarise(target, page))
    return code


def _carry_out(plan: Plan, clauses: Mapping[str, Clause], log_path: Path) -> ExitCode:
    """Run a campaign with its progress shown, and its events logged."""
    budget = plan.budget
    with EventLog(log_path) as log:
        progress = Progress(
            clauses, budget_seconds=budget.seconds, budget_ops=budget.ops // plan.portion.of if budget.ops else None
        )
        try:
            return Campaign(plan, (log.write, progress.update)).run()
        finally:
            progress.close()


def _options(*given: tuple[str, str | None]) -> str:
    """Options as they are written behind a command, those that were given."""
    return "".join([f" --{name} {value}" for name, value in given if value])


def _kinds(wanted: tuple[str, ...], subject: Subject | None, law: Law) -> tuple[str, ...]:
    """The kinds of programs that are generated: none for a recording, which holds its programs."""
    if subject is None or subject.recording is None:
        return wanted or (subject.kinds if subject else ()) or law.kinds
    if wanted:
        raise ConformanceError(f"{subject.on} has its own programs, and no kinds of them", hint="leave --kind out")
    return ()


def _stored(fixtures: Path, subject: Subject | None) -> tuple[NamedProgram, ...]:
    """The programs that run first: those of a recording, or the regressions and fixtures."""
    if subject is None or subject.recording is None:
        return tuple((str(fixtures / path), program.ops) for path, program in stored_programs(fixtures))
    return read_recording(subject.recording).programs
