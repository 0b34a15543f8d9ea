# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The corpus of regressions: one reduced program a bucket, stored as text that a person reads.

A file is named after its bucket and op, and opens with comments that say what it showed when it was stored.
Stored programs run before anything is generated, and hold for good: a fixed bug that comes back is met at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.divergence import Divergence
from conformance.grammar import program_text, read_program
from conformance.ops import Op
from conformance.program import Program

SUFFIX = ".fd"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Stored:
    """A program of the corpus: its name (the file's, without suffix), where it lies, and what it says."""

    name: str
    path: Path
    program: Program


def load(directory: Path) -> Iterator[Stored]:
    """The programs below a directory, by name. Raises BadProgram, with file and line, for a text that is none."""
    for path in sorted(directory.rglob(f"*{SUFFIX}")):
        yield Stored(path.stem, path, read_program(path.read_text(encoding="utf-8"), str(path)))


def file_name(divergence: Divergence) -> str:
    """What the program of a bucket is called: ``B-1234abcd-fcntl-F_SETFL.fd``."""
    return f"{divergence.bucket}-{_NOT_IN_NAMES.sub('-', divergence.signature.op).strip('-')}{SUFFIX}"


def store(directory: Path, divergence: Divergence, ops: Sequence[Op]) -> Path:
    """Write the reduced program of a bucket, unless a program as short is there already; the path of its file.

    ``ops`` is what reduction left of the program in which ``divergence`` was seen.
    """
    path = directory / file_name(divergence)
    if path.exists() and len(read_program(path.read_text(encoding="utf-8"), str(path)).ops) <= len(ops):
        return path
    directory.mkdir(parents=True, exist_ok=True)
    lines = [f"# {divergence.bucket}: {divergence.title}"]
    if divergence.signature.clauses:
        lines.append(f"# Clauses: {', '.join(divergence.signature.clauses)}")
    program = Program(tuple(ops), tuple((0, line) for line in lines))
    path.write_text(program_text(program), encoding="utf-8")
    return path
