# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform replay``: one program, step by step, on the model and on the kernel."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.baselines import FILE, program_of
from conformance.commands.options import DEADLINE, DIRECTORY, LAW, USER, chosen_profile, read_program_file
from conformance.errors import ExitCode, Inconclusive
from conformance.golden import read_golden
from conformance.grammar import observation_text, op_text, trace_line
from conformance.interpreter import System
from conformance.kinds import recipes_of
from conformance.laws import chosen_law, linux
from conformance.named_systems import subject_of
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import first_mismatch, predict
from conformance.runners import run_offered, started
from conformance.strategies.programs import seeded_program
from conformance.subjects import profile_of
from conformance.systems.native_worker import NativeWorker


@click.command("replay")
@click.argument("program", metavar="FILE")
@click.option(
    "--on",
    default="native",
    show_default=True,
    metavar="SYSTEM",
    help="native: kernel against model; linux: the model alone; recorded: the trace in FILE against the model;"
    " process:COMMAND: a command that speaks the wire protocol.",
)
@DEADLINE
@LAW
@DIRECTORY
@USER
def command(program: str, on: str, deadline_s: float, law: str | None, directory: Path | None, as_user: bool) -> int:
    """Run the program in FILE ('-': standard input; 'seed:7/pipes/12/3': the program of a campaign's seed).

    Prints the trace; where the systems part, the step is marked and the exit code is 1.
    """
    if on == "recorded":
        trace, profile = read_golden(Path(program))
        return _compare(trace.program.ops, trace.observations, linux(profile), "recorded")
    ops = _ops_of(program)
    profile, base = chosen_profile(directory, as_user)
    if on == "linux":
        chosen = chosen_law(law)
        predicted = predict(ops, chosen.make_model(profile), [None] * len(ops))
        for op, seen in zip(ops, predicted, strict=True):
            click.echo(trace_line(op, seen))
        return ExitCode.CONFORMS
    subject = subject_of(on, deadline_s)
    chosen = chosen_law(law, subject)
    if subject is not None:
        with started(subject, profile, base) as system:
            profile = profile_of(subject, system.hello, profile)
            ops, observed = run_offered(system, ops)
        if not ops:
            raise Inconclusive("unsupported: the system offers nothing of this program", where=subject.name)
        return _compare(ops, observed, chosen.make_model(profile), subject.name)
    with NativeWorker(profile, base, system=chosen.native) as worker:
        observed = worker.run_alone(ops)
    return _compare(ops, observed, chosen.make_model(profile), "native")


def _ops_of(program: str) -> tuple[Op, ...]:
    if program.startswith("seed:"):
        seed = program.removeprefix("seed:")
        return seeded_program(seed, recipes_of([*seed.split("/"), "", ""][1])).ops
    path, mark, bucket = program.partition(f"{FILE}#")
    return program_of(Path(path) / FILE, bucket) if mark else read_program_file(program).ops


def _compare(
    ops: tuple[Op, ...], observed: list[Observation] | tuple[Observation, ...], model: System, name: str
) -> int:
    predicted = predict(ops, model, observed)
    mismatch = first_mismatch(predicted, observed)
    for index, (op, seen) in enumerate(zip(ops, observed, strict=True)):
        if mismatch is not None and index == mismatch.index:
            click.echo(f">>> {op_text(op)}")
            click.echo(f"    ├ linux (model)  {observation_text(op, mismatch.predicted)}")
            click.echo(f"    └ {name:13}  {observation_text(op, seen)}")
        else:
            click.echo(f"    {trace_line(op, seen)}")
    return ExitCode.CONFORMS if mismatch is None else ExitCode.DIVERGES
