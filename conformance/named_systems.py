# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Systems under test by name: small files that say how each is started. Those of the project can be copied."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import msgspec

from conformance.environment import filesystem_of
from conformance.errors import ConformanceError, Inconclusive
from conformance.kinds import RECIPES
from conformance.node_packages import has_package, remedy_for
from conformance.preloaded import PRELOAD, subject_of_preload
from conformance.subjects import (
    ATTACHED,
    DEADLINE_S,
    DIRECTORY,
    PROCESS,
    RECORDED,
    Subject,
    subject_of_command,
    subject_of_recording,
    subject_of_socket,
)
from conformance.systems.process import PYTHON
from reference.linux.profile import FILESYSTEMS, Filesystem

FOLDER = Path(__file__).with_name("systems")
SUFFIX = ".toml"
VERSION_S = 20.0
NAMING_KINDS = ("files", "locks")
"""The kinds that a file system decides about: the rest never asks it anything."""
HERE = (sys.executable, "-m", "conformance.systems.python_worker")
_FREEDOMS = frozenset(field.name for field in fields(Filesystem)) - {"name"}


class SystemFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file of a system says.

    ``needs`` maps programs, and files by their path, to the packages that bring them, ``modules`` those of Python
    to theirs, and ``node_modules`` names packages of node (:mod:`conformance.node_packages`);
    with ``root`` it is root's to start. ``setup`` holds commands that come before it, in namespaces that end with it.
    ``kinds`` are those of the programs that say something about it (empty: all). ``filesystem`` names the model's
    nearest file system, ``freedoms`` what this one makes of the freedom that file systems have.
    ``law`` names the law whose model predicts the system.
    ``deadline_s`` is the least time that it is given for a program, where it is slow by its nature.
    ``kernel`` is the release that it is held to where the one that it tells says nothing about it.
    """

    title: str
    command: tuple[str, ...]
    issues: str = ""
    version: tuple[str, ...] = ()
    needs: dict[str, str] = {}
    modules: dict[str, str] = {}
    node_modules: tuple[str, ...] = ()
    root: bool = False
    setup: tuple[tuple[str, ...], ...] = ()
    kinds: tuple[str, ...] = ()
    filesystem: str = ""
    law: str = "linux"
    freedoms: dict[str, Any] = {}
    hello_s: float = 60.0
    deadline_s: float = 0.0
    kernel: Annotated[str, msgspec.Meta(pattern=r"^(\d+\.\d+)?$")] = ""

    def __post_init__(self) -> None:
        unknown = [*(set(self.kinds) - set(RECIPES)), *(set(self.freedoms) - _FREEDOMS)]
        if unknown:
            raise ValueError(f"unknown {', '.join(sorted(unknown))}")

    @property
    def missing(self) -> dict[str, str]:
        """What this machine lacks, with the command that brings each."""
        return {
            **({"root": "run it as root"} if self.root and os.geteuid() != 0 else {}),
            **{name: f"apt-get install {package}" for name, package in self.needs.items() if not _is_here(name)},
            **{name: f"pip install {package}" for name, package in self.modules.items() if not find_spec(name)},
            **{name: remedy_for(name) for name in self.node_modules if not has_package(name)},
        }


def _is_here(name: str) -> bool:
    """Whether this machine has a program, or the file of a path."""
    return os.path.exists(name) if os.sep in name else shutil.which(name) is not None


def named_systems() -> dict[str, SystemFile]:
    """The systems of this project, by name."""
    return {path.stem: read_system(path) for path in sorted(FOLDER.glob(f"*{SUFFIX}"))}


def read_system(path: Path) -> SystemFile:
    """What a file says of a system. ConformanceError for one that cannot be read as such."""
    try:
        told: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(told, SystemFile)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise ConformanceError(
            f"not a system: {error}", where=str(path), hint=f"copy one of {FOLDER} and change it"
        ) from None


def subject_of(on: str, deadline_s: float = DEADLINE_S) -> Subject | None:
    """The subject that ``--on`` names: native, a system by name or file, dir:PATH, preload:LIB, attached:SOCKET,
    recorded:PATH, or process:COMMAND.

    None for the kernel we run on. ConformanceError for a name that is none, Inconclusive for a system that this
    machine lacks.
    """
    if on == "native":
        return None
    if on.startswith(PROCESS):
        return subject_of_command(on, deadline_s)
    if on.startswith(ATTACHED):
        return subject_of_socket(on, deadline_s)
    if on.startswith(RECORDED):
        return subject_of_recording(on, deadline_s)
    if on.startswith(DIRECTORY):
        return subject_of_directory(on, deadline_s)
    if on.startswith(PRELOAD):
        return subject_of_preload(on, deadline_s)
    path = Path(on) if on.endswith(SUFFIX) else FOLDER / f"{on}{SUFFIX}"
    if not on.endswith(SUFFIX) and (os.sep in on or not path.exists()):
        known = ", ".join(("native", *named_systems()))
        raise ConformanceError(
            f"unknown system {on!r}",
            hint=f"choose among {known}, a file that ends in {SUFFIX}, {DIRECTORY}PATH, {PRELOAD}LIB,"
            f" {ATTACHED}SOCKET, {RECORDED}PATH, or {PROCESS}COMMAND",
        )
    system = read_system(path)
    for name, remedy in system.missing.items():
        raise Inconclusive(f"{name} is missing", where=on, hint=remedy)
    return Subject(
        path.stem,
        system.command,
        max(deadline_s, system.deadline_s),
        hello_s=system.hello_s,
        filesystem=system.filesystem,
        freedoms=_freedoms(system),
        release=release_of(system),
        issues=system.issues,
        law=system.law,
        setup=system.setup,
        kinds=system.kinds,
        on=on,
        kernel=_kernel(system.kernel),
    )


def subject_of_directory(on: str, deadline_s: float = DEADLINE_S) -> Subject:
    """The subject of dir:PATH: this kernel on the file system of a path, by whose name its divergences are known.

    A file system that has the name of a system is predicted as that one is.
    """
    path = Path(on.removeprefix(DIRECTORY))
    if not path.is_dir():
        raise ConformanceError("names no directory", where=on, hint=f"for example --on {DIRECTORY}/mnt/disk")
    if not os.access(path, os.W_OK):
        raise Inconclusive("the directory cannot be written", where=on, hint="name another")
    name = filesystem_of(path).removeprefix("fuse.")
    known = named_systems().get(name)
    return Subject(
        name,
        HERE,
        deadline_s,
        filesystem=known.filesystem if known else "",
        freedoms=_freedoms(known) if known else (),
        release=f"{os.uname().sysname} {os.uname().release}, {name}",
        base=path.resolve(),
        kinds=NAMING_KINDS,
        on=on,
    )


def _freedoms(system: SystemFile) -> tuple[tuple[str, Any], ...]:
    return tuple((name, tuple(told) if isinstance(told, list) else told) for name, told in system.freedoms.items())


def named_filesystems() -> dict[str, Filesystem]:
    """The file systems that files of systems describe: one of the model's, with freedoms of its own."""
    return {
        name: replace(FILESYSTEMS[system.filesystem], name=name, **dict(_freedoms(system)))
        for name, system in named_systems().items()
        if system.filesystem and system.freedoms
    }


def _kernel(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    major, minor = text.split(".")
    return int(major), int(minor)


def release_of(system: SystemFile) -> str:
    """The first line of what a system says of its version; empty when it does not say."""
    if not system.version:
        return ""
    command = [argument.replace(PYTHON, sys.executable) for argument in system.version]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=VERSION_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.partition("\n")[0].strip()
