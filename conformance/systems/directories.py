# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Directories that say who made them, so that what a killed process left behind can be swept away.

The owner is named by the namespace of its process number, that number, and the time at which it started:
numbers are used again, and mean another process elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

PREFIX = "fdconform-"
_NAME = re.compile(r"fdconform-[a-z]+-(\d+)-(\d+)-(\d+)-\w+")
_STATE_END = ") "
_ENDED = ("Z", "X")
_START_TIME = 19
"""Where a process's start time stands among the fields that follow its name, its state being the first."""


def make_directory(kind: str, base: Path | None) -> Path:
    """A new directory of this process below ``base``."""
    space, start = _namespace(), _started(os.getpid())
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-{space}-{os.getpid()}-{start or 0}-", dir=base))


def sweep(base: Path) -> list[Path]:
    """Remove the directories below ``base`` whose owner is dead; which ones.

    Those of a process that another namespace numbers are left alone, and those that we may not remove stay.
    """
    gone = []
    for path in sorted(base.glob(f"{PREFIX}*")):
        found = _NAME.fullmatch(path.name)
        if found is None or path.is_symlink():
            continue
        space, pid, start = map(int, found.groups())
        if start and space == _namespace() and _started(pid) != start:
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                gone.append(path)
    return gone


def _namespace() -> int:
    """The number of the namespace that process numbers are from; 0 where there are none."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _started(pid: int) -> int | None:
    """When a process started, in ticks since the machine did (proc_pid_stat(5)); None when there is no such process.

    One that has ended and was not waited for yet is none: it owns nothing any more.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(_STATE_END)[2].split()
    return None if fields[0] in _ENDED else int(fields[_START_TIME])
