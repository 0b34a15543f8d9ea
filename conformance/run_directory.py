# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Run directories: ``reports/NAME/`` with the event log and what was rendered from it.

``latest`` points to the newest.
"""

from __future__ import annotations

import os
from pathlib import Path

from conformance.errors import ConformanceError

EVENTS = "events.jsonl"
LATEST = "latest"


def make_run(reports: Path, name: str) -> Path:
    """A new run directory, with ``latest`` pointing to it. ConformanceError when it cannot be made."""
    directory = reports / name
    try:
        directory.mkdir(parents=True)
        fresh = reports / f".{LATEST}-{name}"
        fresh.symlink_to(name)
        os.replace(fresh, reports / LATEST)
    except OSError as error:
        raise ConformanceError(
            f"the report directory cannot be written: {error.strerror}",
            where=str(reports),
            hint="name another with --reports DIR",
        ) from None
    return directory


def find_run(reports: Path, name: str) -> Path:
    """The directory of a run: by name, or given itself. ConformanceError when there is none."""
    if (Path(name) / EVENTS).is_file():
        return Path(name)
    directory = reports / name
    if not (directory / EVENTS).is_file():
        known = sorted(path.parent.name for path in reports.glob(f"*/{EVENTS}"))
        raise ConformanceError(
            f"no run named {name!r}",
            where=str(reports),
            hint=f"choose among {', '.join(known[-5:])}" if known else "make one with `fdconform run`",
        )
    return directory
