# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The kernel we run on under an interposed library: what stands between programs and libc is put to the test.

The library is loaded into the worker (ld.so(8), LD_PRELOAD), and with that under the Python that runs it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from conformance.errors import ConformanceError
from conformance.subjects import DEADLINE_S, Subject
from conformance.systems.process import WORKER

PRELOAD = "preload:"
VARIABLE = "LD_PRELOAD"
EXAMPLE = f"for example --on {PRELOAD}./libmine.so,MINE_MODE=strict"
SEPARATORS = frozenset(": \t")
"""What the loader takes for the end of a name in its list."""
LOADER_S = 20.0
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


def subject_of_preload(on: str, deadline_s: float = DEADLINE_S) -> Subject:
    """The subject of preload:LIB[,VAR=value…]. ConformanceError when the loader would not load it.

    Its divergences are known by the name of the library.
    """
    name, *settings = on.removeprefix(PRELOAD).split(",")
    for setting in settings:
        if not _SETTING.fullmatch(setting):
            raise ConformanceError(f"not a setting of the environment: {setting!r}", where=on, hint=EXAMPLE)
    if not name:
        raise ConformanceError("names no library", where=on, hint=EXAMPLE)
    library = Path(name).resolve()
    if not library.is_file():
        raise ConformanceError("names no file", where=on, hint=EXAMPLE)
    if SEPARATORS.intersection(str(library)):
        raise ConformanceError(
            "the loader ends a name at a colon or blank", where=on, hint="move or rename the library"
        )
    _require_loaded(library, on)
    others = os.environ.get(VARIABLE)
    preload = f"{VARIABLE}={library}{f':{others}' if others else ''}"
    command = ("env", preload, *settings, sys.executable, WORKER)
    return Subject(
        library.name.partition(".")[0], command, deadline_s, release=f"this kernel under {library.name}", on=on
    )


def _require_loaded(library: Path, on: str) -> None:
    """Have the loader list what it would load. What it leaves out is not put to the test: the kernel alone is."""
    told = subprocess.run(
        [sys.executable, "-c", ""],
        env={**os.environ, VARIABLE: str(library), "LD_TRACE_LOADED_OBJECTS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LOADER_S,
        check=False,
    )
    if str(library) not in told.stdout:
        why = told.stderr.strip().partition("\n")[0]
        raise ConformanceError(
            f"the loader does not load it{f': {why}' if why else ''}",
            where=on,
            hint="build a shared library for this machine: gcc -shared -fPIC mine.c -o libmine.so",
        )
