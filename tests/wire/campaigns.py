# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Campaigns as processes that are killed, and what they have started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def campaign(system: Path, base: Path) -> subprocess.Popen[str]:
    """A campaign in a group of its own that stores what it makes in ``base``, and runs until it is ended."""
    command = [sys.executable, "-m", "conformance.cli", "run", "--on", str(system), "--dir", str(base)]
    options = ["--fixtures", str(base / "none"), "--reports", str(base / "reports"), "--jobs", "1"]
    return subprocess.Popen(
        [*command, *options, "--budget", "1h"],
        cwd=ROOT,
        text=True,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def processes_of(base: Path) -> Iterator[int]:
    """Descriptors of the processes that were started with a directory below ``base`` of their own."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and f"FDCONFORM_DIRECTORY={base}/".encode() in _environment_of(entry):
            yield os.pidfd_open(int(entry.name))


def _environment_of(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""
