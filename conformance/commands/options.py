# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands take."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from conformance.environment import profile_for, working_base
from conformance.errors import BadProgram, ConformanceError
from conformance.grammar import read_program
from conformance.laws import LAWS
from conformance.program import Program
from conformance.subjects import DEADLINE_S
from conformance.systems.c_binary import CHOICES
from reference.linux.profile import Profile

NOBODY_UID = 65534

REPORTS = click.option(
    "--reports",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    help="Directory of run directories.",
)
DIRECTORY = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Programs get their directories here; decides the file system.  [default: the temporary directory]",
)
USER = click.option(
    "--user", "as_user", is_flag=True, help=f"Run programs as the ordinary user {NOBODY_UID} (needs root to start)."
)

JOBS = click.option(
    "--jobs",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    help="Processes.  [default: one for each CPU]",
)

LAW = click.option(
    "--law",
    type=click.Choice(list(LAWS)),
    help="linux: the model of Linux against the kernel; host: the host model over the one and over the other."
    "  [default: what predicts the system, which is linux for the kernel]",
)


ON = click.option(
    "--on",
    "--system",
    "on",
    default="native",
    show_default=True,
    metavar="SYSTEM",
    help="What is put to the test: native, a system that `fdconform systems` lists or a file like theirs, dir:PATH,"
    " the kernel on the file system there, preload:LIB[,VAR=value…], the kernel under an interposed library,"
    " recorded:PATH, the traces of another system in a file or directory,"
    " attached:SOCKET, a system that is running and listens there, or process:COMMAND, a command that speaks the wire"
    " protocol.",
)
DEADLINE = click.option(
    "--deadline",
    "deadline_s",
    type=click.FloatRange(min=0, min_open=True),
    default=DEADLINE_S,
    show_default=True,
    help="Seconds that a system under test may take for one program.",
)


NATIVE_WORKER = click.option(
    "--native-worker",
    type=click.Choice(CHOICES),
    help="What runs programs on the kernel: a worker in C, which is several times as fast, or one in Python."
    " auto takes the one in C where a compiler is found.  [default: auto]",
)


def chosen_profile(directory: Path | None, as_user: bool) -> tuple[Profile, Path]:
    """The profile and base directory that the options ask for."""
    base = working_base(directory)
    if as_user and os.getuid() != 0:
        raise ConformanceError(
            "--user needs root to change to another user", hint="without root, programs run as you anyway"
        )
    return profile_for(base, NOBODY_UID if as_user else None), base


def read_text(path: str) -> str:
    """The text of a file, or of standard input for ``-``."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadProgram(
            f"cannot be read: {error}", where=path, hint="name a file with the text of a program"
        ) from None


def read_program_file(path: str) -> Program:
    """The program in a file."""
    return read_program(read_text(path), "standard input" if path == "-" else path)
