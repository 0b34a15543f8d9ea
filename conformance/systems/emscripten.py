# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Emscripten's libc as a system: ``python -m conformance.systems.emscripten`` speaks the protocol.

It becomes node, which loads Pyodide, a Python for Emscripten, and has it run this project's own adapter
(:mod:`conformance.systems.emscripten_calls`). With ``--version`` it says which Pyodide that is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from conformance.node_packages import package_path, packages_directory, version_of

PACKAGE = "pyodide"
SCRIPT = Path(__file__).with_name("emscripten.mjs")
PROJECT = ("conformance", "reference")
"""The packages that the adapter is imported from."""


def snapshot() -> Path:
    """Where the memory of a started Python is kept: beside the package, for each release of Pyodide and of node."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return packages_directory() / f"{PACKAGE}-{version_of(PACKAGE)}-node-{node}.snapshot"


def command() -> list[str]:
    """Node, with where Pyodide is, where its memory is kept, and where each package of this project is."""
    found = [find_spec(name) for name in PROJECT]
    origins = [str(Path(spec.origin).parent) for spec in found if spec is not None and spec.origin]
    return ["node", str(SCRIPT), str(package_path(PACKAGE)), str(snapshot()), *origins]


def main() -> None:
    """Speak on standard input and output."""
    if sys.argv[1:] == ["--version"]:
        print(PACKAGE, version_of(PACKAGE))
        return
    words = command()
    os.execvp(words[0], words)


if __name__ == "__main__":
    main()
