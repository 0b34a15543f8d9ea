# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Systems under test by name: small files that say how each is started. Those of the project can be copied."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from conformance.errors import ConformanceError, Inconclusive
from conformance.subjects import DEADLINE_S, PROCESS, Subject, subject_of_command

FOLDER = Path(__file__).with_name("systems")
SUFFIX = ".toml"
VERSION_S = 20.0


class SystemFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file of a system says. ``needs`` maps programs to the packages that bring them,
    ``law`` names the law whose model predicts the system."""

    title: str
    command: tuple[str, ...]
    issues: str = ""
    version: tuple[str, ...] = ()
    needs: dict[str, str] = {}
    filesystem: str = ""
    law: str = "linux"
    hello_s: float = 60.0

    @property
    def missing(self) -> dict[str, str]:
        """The programs that this machine lacks, with the package that brings each."""
        return {program: package for program, package in self.needs.items() if shutil.which(program) is None}


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
    """The subject that ``--on`` names: native, a system by name, a file of one, or process:COMMAND.

    None for the kernel we run on. ConformanceError for a name that is none, Inconclusive for a system that this
    machine lacks.
    """
    if on == "native":
        return None
    if on.startswith(PROCESS):
        return subject_of_command(on, deadline_s)
    path = Path(on) if on.endswith(SUFFIX) else FOLDER / f"{on}{SUFFIX}"
    if not on.endswith(SUFFIX) and (os.sep in on or not path.exists()):
        known = ", ".join(("native", *named_systems()))
        raise ConformanceError(
            f"unknown system {on!r}", hint=f"choose among {known}, a file that ends in {SUFFIX}, or process:COMMAND"
        )
    system = read_system(path)
    for program, package in system.missing.items():
        raise Inconclusive(f"{program} is not installed", where=on, hint=f"apt-get install {package}")
    return Subject(
        path.stem,
        system.command,
        deadline_s,
        hello_s=system.hello_s,
        filesystem=system.filesystem,
        release=release_of(system),
        issues=system.issues,
        law=system.law,
    )


def release_of(system: SystemFile) -> str:
    """The first line of what a system says of its version; empty when it does not say."""
    if not system.version:
        return ""
    try:
        said = subprocess.run(system.version, capture_output=True, text=True, timeout=VERSION_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.partition("\n")[0].strip()
