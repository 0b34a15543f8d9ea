# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform worker``: a worker to run inside another system."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import click

from conformance.worker_bundle import C_WASI_PARTS, c_worker_text, worker_text

_TEXTS: dict[str, Callable[[], str]] = {
    "python": worker_text,
    "c": c_worker_text,
    "wasi": partial(c_worker_text, C_WASI_PARTS),
}


@click.command("worker")
@click.option(
    "--emit", "language", type=click.Choice(list(_TEXTS)), required=True, help="What the worker is written in, or for."
)
def command(language: str) -> None:
    """Print a worker as one file: a system under test runs it, and it speaks the wire protocol.

    For example: fdconform worker --emit python > worker.py; fdconform run --on "process:python3 worker.py"

    Where there is no Python: fdconform worker --emit c > worker.c; gcc -O2 -static worker.c -o worker

    For a WASI runtime: fdconform worker --emit wasi > w.c; clang --target=wasm32-wasi -O2 -fwrapv w.c -o w.wasm
    """
    sys.stdout.write(_TEXTS[language]())
