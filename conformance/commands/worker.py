# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform worker``: a worker to run inside another system."""

from __future__ import annotations

import sys

import click

from conformance.worker_bundle import worker_text


@click.command("worker")
@click.option("--emit", "language", type=click.Choice(["python"]), required=True, help="What the worker is written in.")
def command(language: str) -> None:
    """Print a worker as one file: a system under test runs it, and it speaks the wire protocol.

    For example: fdconform worker --emit python > worker.py; fdconform run --on "process:python3 worker.py"
    """
    sys.stdout.write(worker_text())
