# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Known divergences of a system as data: ``fixtures/expectations/SYSTEM.toml``, one waiver for each bug.

A waiver holds the signature of its divergence, the reduced program that shows it, the clauses at stake and the reason.
What a waiver describes is no news. A waiver whose program no longer diverges so is *stale*, and an error:
the file says at any time what is true of the system.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from conformance.divergence import Signature
from conformance.errors import ConformanceError, ExitCode
from conformance.grammar import program_text, read_program
from conformance.ops import Op
from conformance.program import Program

FOLDER = "expectations"
_HEAD = "# Known divergences of a system under test. `fdconform waive` adds waivers and drops stale ones.\n"


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One known divergence. ``bucket`` names it; the signature, without clauses, is what it is known by.

    Which clauses the model cites may change when the model is mended, and makes no other bug of it.
    """

    bucket: str
    title: str
    reason: str
    op: str
    predicted: str
    observed: str
    program: str
    field: str = ""
    tag: str = ""
    clauses: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """What the divergence is known by."""
        return (self.op, self.predicted, self.observed, self.field, self.tag)

    @property
    def ops(self) -> tuple[Op, ...]:
        """The program that shows the divergence."""
        return read_program(self.program, f"waiver {self.bucket}").ops


def key_of(signature: Signature) -> tuple[str, ...]:
    """What a waiver of a divergence would know it by."""
    return (signature.op, signature.predicted, signature.observed, signature.field, signature.tag)


@dataclass(frozen=True, slots=True)
class Expectations:
    """The waivers of one system. ``path`` is where they are stored."""

    path: Path
    waivers: tuple[Waiver, ...] = ()

    def waiver_of(self, signature: Signature) -> Waiver | None:
        """The waiver of a divergence, if there is one."""
        key = key_of(signature)
        return next((waiver for waiver in self.waivers if waiver.key == key), None)

    def with_waivers(self, added: Iterable[Waiver]) -> Expectations:
        """These and others; one that is known already is replaced."""
        kept = {waiver.key: waiver for waiver in (*self.waivers, *added)}
        return Expectations(self.path, tuple(sorted(kept.values(), key=lambda waiver: waiver.key)))

    def without(self, buckets: Sequence[str]) -> Expectations:
        """These without some. ConformanceError for a bucket that is not waived."""
        known = {waiver.bucket for waiver in self.waivers}
        for bucket in buckets:
            if bucket not in known:
                raise ConformanceError(
                    f"nothing is waived as {bucket}", where=str(self.path), hint="name a bucket of the file"
                )
        return Expectations(self.path, tuple(waiver for waiver in self.waivers if waiver.bucket not in buckets))

    def store(self) -> None:
        """Write the file; a person reads it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(_HEAD + "".join(_waiver_text(waiver) for waiver in self.waivers), encoding="utf-8")


class BadExpectations(ConformanceError):
    """A file of expectations that cannot be used."""

    exit_code = ExitCode.EXPECTATIONS_WRONG


def expectations_path(fixtures: Path, system: str) -> Path:
    """Where the waivers of a system are stored."""
    return fixtures / FOLDER / f"{system}.toml"


def load_expectations(path: Path) -> Expectations:
    """The waivers of a file; none when there is no file. BadExpectations for one that cannot be used."""
    if not path.exists():
        return Expectations(path)
    try:
        told: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        waivers = msgspec.convert(told.get("waiver", []), tuple[Waiver, ...])
        for waiver in waivers:
            if not waiver.reason.strip():
                raise ValueError(f"the waiver {waiver.bucket} gives no reason")
            if waiver.program != program_text(Program(waiver.ops)):
                raise ValueError(f"the program of waiver {waiver.bucket} is not in canonical text")
    except ConformanceError as error:
        problem = f"{error.where}: {error.message}"
    except (OSError, ValueError, msgspec.ValidationError) as error:
        problem = str(error)
    else:
        return Expectations(path, waivers)
    raise BadExpectations(problem, where=str(path), hint="mend the file by hand")


def _waiver_text(waiver: Waiver) -> str:
    lines = ["", "[[waiver]]"]
    for name in ("bucket", "title", "reason", "op", "predicted", "observed", "field", "tag"):
        value = getattr(waiver, name)
        if value:
            lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    if waiver.clauses:
        lines.append(f"clauses = [{', '.join(json.dumps(name) for name in waiver.clauses)}]")
    lines += [f"program = '''\n{waiver.program}'''", ""]
    return "\n".join(lines)
