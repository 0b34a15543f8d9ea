# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""From the run directory to its reports and to the lines that close a run on the console."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from conformance.clauses import Clause, load_clauses
from conformance.events import Header
from conformance.host_clauses import load_host_clauses
from conformance.laws import LAWS, Law
from conformance.reporting.artefacts import write_artefacts
from conformance.reporting.history import read_history
from conformance.reporting.run import RunReport, read_run
from conformance.reporting.summary import summary_text
from conformance.run_directory import EVENTS


def render(directory: Path) -> Path:
    """Write every report of a run beside its event log; returns the path of the HTML page."""
    run = saved_run(directory)
    return write_artefacts(run, clauses_of_run(run.header), directory)[0]


def saved_run(directory: Path) -> RunReport:
    """A run with what is known of the runs that were saved before it."""
    run = read_run(directory / EVENTS)
    return replace(run, history=read_history(directory, run))


def summarise(directory: Path, page: Path) -> str:
    """The few lines that close a run on the console."""
    run = read_run(directory / EVENTS)
    return summary_text(run, clauses_of_run(run.header), str(page))


def clauses_of_run(header: Header) -> dict[str, Clause]:
    """The clauses that a run's law speaks about, by id."""
    return clauses_under(next((law for law in LAWS.values() if law.statement == header.law), LAWS["linux"]))


def clauses_under(law: Law) -> dict[str, Clause]:
    """The clauses that a law speaks about, by id: those of Linux, and those of the host model that can be observed."""
    linux = dict(load_clauses())
    if law.name == "linux":
        return linux
    host = {
        clause.id: Clause(
            clause.id, clause.statement, "host", clause.source, relation=clause.relation, linux=clause.linux
        )
        for clause in load_host_clauses().values()
        if not clause.unobservable
    }
    return host if law.beside else {**linux, **host}
