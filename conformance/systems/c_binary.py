# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the native worker in C, once for each text of it.

The binary is kept in the user's cache, under a name made of all that it is built from: what was built from another
text, or by another compiler, is never found. A directory that others can write to is not one to run programs from.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from conformance.errors import ConformanceError
from conformance.worker_bundle import C_NATIVE_PARTS, c_worker_text

CHOICES = ("auto", "python", "c")
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=gnu11", "-O2")
BUILD_DEADLINE_S = 120
MACHINE = "x86_64"
"""The numbers of calls and flags in the text are those of this one."""


class CannotBuild(ConformanceError):
    """There is no C worker on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class NativeChoice:
    """Which worker runs programs natively: the binary of the one in C, or None for that in Python; and its name."""

    binary: Path | None
    name: str


IN_PYTHON = NativeChoice(None, "Python")


def chosen_worker(choice: str) -> NativeChoice:
    """The worker of a choice; ``auto`` takes the one in C wherever it can be built. CannotBuild for ``c``."""
    if choice == "python":
        return IN_PYTHON
    try:
        return NativeChoice(c_binary(), "C")
    except CannotBuild as problem:
        if choice == "c":
            raise
        return NativeChoice(None, f"Python ({problem.message})")


def c_binary() -> Path:
    """The binary, built now if it has not been yet. CannotBuild with the reason."""
    if platform.machine() != MACHINE:
        raise CannotBuild(f"the worker in C is for {MACHINE}", hint="leave --native-worker out")
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC", ""), *COMPILERS))), None)
    if compiler is None:
        raise CannotBuild("no C compiler is found", hint=f"install one of {', '.join(COMPILERS)}")
    text = c_worker_text(C_NATIVE_PARTS)
    mark = hashlib.sha256("\0".join((text, _identity(compiler), *FLAGS)).encode()).hexdigest()
    binary = _cache() / f"native-worker-{mark[:32]}"
    if not binary.exists():
        _build(compiler, text, binary)
    return binary


def _identity(compiler: str) -> str:
    """Which compiler this is: where it really lies, and when it came there."""
    real = os.path.realpath(compiler)
    return f"{real} {os.stat(real).st_mtime_ns}"


def _cache() -> Path:
    """A directory of our own for what can be built again."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(home) / "fdconform"
    try:
        path.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise CannotBuild(f"no cache: {error.strerror}", where=str(path), hint="name one with XDG_CACHE_HOME") from None
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CannotBuild("the cache is not ours alone", where=str(path), hint=f"chown and chmod go-w {path}")
    return path


def _build(compiler: str, text: str, binary: Path) -> None:
    """Build beside the place of the binary and move it there at once: nobody finds half of one."""
    try:
        with tempfile.TemporaryDirectory(dir=binary.parent) as folder:
            source, made = Path(folder) / "worker.c", Path(folder) / "worker"
            source.write_text(text)
            subprocess.run(
                [compiler, *FLAGS, "-o", str(made), str(source)],
                check=True,
                capture_output=True,
                timeout=BUILD_DEADLINE_S,
            )
            made.replace(binary)
    except subprocess.CalledProcessError as failure:
        said = failure.stderr.decode(errors="replace").partition("\n")[0]
        raise CannotBuild(
            f"{compiler} does not build the worker in C: {said}", hint="try --native-worker python"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"the worker in C cannot be built: {error}", hint="try --native-worker python") from None
