# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""WASI runtimes as systems: ``python -m conformance.systems.wasi wasmtime|node DIRECTORY`` speaks the protocol.

The worker for WASI is built by clang, and runs in the runtime with one directory given to it: that of the programs.
With ``--version`` for the directory it says which runtime that is.

WASI has no limits, nor signals: the limit on the size of files is that of this process, whatever the harness wants,
and no signal tells of it.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conformance.environment import filesystem_of
from conformance.worker_bundle import C_WASI_PARTS, c_worker_text
from reference.linux.profile import Profile

FILE_BYTES_MAX = Profile().file_size_bytes_max
COMPILER = ("clang", "--target=wasm32-wasi", "-O2", "-fwrapv", "-w")
NODE_RUNNER = Path(__file__).with_name("wasi.mjs")


def build(directory: Path) -> Path:
    """The worker, built in a directory."""
    source, made = directory / "worker.c", directory / "worker.wasm"
    source.write_text(c_worker_text(C_WASI_PARTS))
    if subprocess.run([*COMPILER, str(source), "-o", str(made)], stdout=sys.stderr).returncode:
        raise SystemExit("the worker cannot be compiled")
    return made


def limit_files() -> None:
    """Bound the size of files that this process writes, without a signal."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX,) * 2)


def wasmtime_version() -> str:
    """The version of the package is that of the runtime."""
    return f"wasmtime {version('wasmtime')}"


def node_version() -> str:
    """The release of node, which brings its own runtime (uvwasi)."""
    return f"node {subprocess.run(['node', '--version'], capture_output=True, text=True, check=True).stdout.strip()}"


def run_in_wasmtime(worker: Path, programs: Path, told: dict[str, str]) -> None:
    """Run the worker in this process."""
    wasmtime: Any = import_module("wasmtime")
    engine = wasmtime.Engine()
    linker, store, config = wasmtime.Linker(engine), wasmtime.Store(engine), wasmtime.WasiConfig()
    for inherit in (config.inherit_stdin, config.inherit_stdout, config.inherit_stderr):
        inherit()
    config.env = list(told.items())
    config.preopen_dir(str(programs), ".")
    store.set_wasi(config)
    linker.define_wasi()
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, str(worker)))
    limit_files()
    instance.exports(store)["_start"](store)


def run_in_node(worker: Path, programs: Path, told: dict[str, str]) -> None:
    """Become node, which runs the worker."""
    words = ["node", "--no-warnings", str(NODE_RUNNER), str(worker), str(programs)]
    limit_files()
    os.execvpe(words[0], words, {**os.environ, **told})


RUNTIMES: dict[str, tuple[Callable[[], str], Callable[[Path, Path, dict[str, str]], None]]] = {
    "wasmtime": (wasmtime_version, run_in_wasmtime),
    "node": (node_version, run_in_node),
}


def main() -> None:
    """Speak on standard input and output."""
    runtime_version, run = RUNTIMES[sys.argv[1]]
    if sys.argv[2] == "--version":
        print(runtime_version())
        return
    directory = Path(sys.argv[2]).resolve()
    programs = directory / "programs"
    programs.mkdir()
    told = {
        "FDCONFORM_RUNTIME": runtime_version(),
        "FDCONFORM_FILESYSTEM": filesystem_of(programs),
        "FDCONFORM_FILE_BYTES_MAX": str(FILE_BYTES_MAX),
    }
    run(build(directory), programs, told)


if __name__ == "__main__":
    main()
