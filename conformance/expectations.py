# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Known divergences of a system as data: ``fixtures/expectations/SYSTEM.toml``, one waiver for each.

A waiver names a bucket (with the signature of its divergence and the reduced program that shows it), a clause, or a
pattern of signatures; these may give a program as well. It gives a reason, an issue or the word ``none``, and may give
a condition and a day of expiry.
What a waiver describes is no news. A waiver that describes nothing any more is *stale*, and an error:
the file says at any time what is true of the system.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec

from conformance.clauses import load_clauses
from conformance.conditions import Facts, check_condition, holds
from conformance.divergence import Signature
from conformance.errors import ConformanceError, ExitCode
from conformance.grammar import program_text, read_program
from conformance.host_clauses import load_host_clauses
from conformance.ops import SPECS_BY_NAME, Op
from conformance.program import Program
from conformance.waiver_text import Entry, line_of, split_text

FOLDER = "expectations"
FIXTURES = Path("fixtures")
CHANCES = 1000
NO_ISSUE = "none"
KEY_PARTS = ("op", "predicted", "observed", "field", "tag")
_PATTERN = re.compile(
    r"(?P<op>.+?)(?: on (?P<tag>\S+))?: (?P<predicted>.+?) -> (?P<observed>.+?)(?: at (?P<field>.+))?"
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Signatures by what they have in common: ``OP on TAG: PREDICTED -> OBSERVED at FIELD``.

    ``*`` stands for anything; without a tag or a field, any will do.
    """

    op: str
    tag: str
    predicted: str
    observed: str
    field: str

    def matches(self, signature: Signature) -> bool:
        """Whether a signature is one of these."""
        return all(_glob(getattr(self, part), getattr(signature, part)) for part in KEY_PARTS)


def read_pattern(text: str) -> Pattern:
    """The pattern that a text spells. ValueError for one that is none."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(
            f"no pattern: {text!r}; write 'OP: PREDICTED -> OBSERVED', such as 'fallocate: * -> EOPNOTSUPP'"
        )
    return Pattern(**{name: found or "*" for name, found in match.groupdict().items()})


def _glob(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One known divergence, or several that have a clause or a pattern in common.

    Of a bucket, the signature without its clauses is what it is known by:
    which clauses the model cites may change when the model is mended, and makes no other bug of it.
    ``kind`` says whether it is always to be seen (known), at times (flaky), or is a call that the system does not offer
    (unsupported). ``chances`` is how often its op, or its clause, may come without it until it is stale.
    """

    reason: str
    issue: str
    kind: Literal["known", "flaky", "unsupported"] = "known"
    bucket: str = ""
    clause: str = ""
    pattern: str = ""
    title: str = ""
    when: str = ""
    expires: date | None = None
    chances: int = CHANCES
    op: str = ""
    predicted: str = ""
    observed: str = ""
    field: str = ""
    tag: str = ""
    clauses: tuple[str, ...] = ()
    program: str = ""

    @property
    def name(self) -> str:
        """What the waiver is called on the command line: what it names."""
        return self.bucket or self.clause or self.pattern

    @property
    def key(self) -> tuple[str, ...]:
        """What the divergence of a bucket is known by."""
        return tuple([getattr(self, part) for part in KEY_PARTS])

    @property
    def ops(self) -> tuple[Op, ...]:
        """The program that shows the divergence; empty where none is given."""
        return read_program(self.program, f"waiver {self.name}").ops

    def covers(self, signature: Signature) -> bool:
        """Whether a divergence is one that this waiver describes."""
        if self.bucket:
            return self.key == key_of(signature)
        return self.clause in signature.clauses if self.clause else read_pattern(self.pattern).matches(signature)

    def chances_among(self, ops: Mapping[str, int], clauses: Mapping[str, int]) -> int:
        """How often it could have been met, by how often each op ran and each clause was cited."""
        if self.clause:
            return clauses.get(self.clause, 0)
        wanted = self.op if self.bucket else read_pattern(self.pattern).op
        return sum(count for name, count in ops.items() if _glob(wanted, name))


def key_of(signature: Signature) -> tuple[str, ...]:
    """What a waiver of a divergence would know it by."""
    return tuple([getattr(signature, part) for part in KEY_PARTS])


@dataclass(frozen=True, slots=True)
class Expectations:
    """The waivers of one system. ``path`` is where they are stored, ``lines`` the line of each by its name."""

    path: Path
    waivers: tuple[Waiver, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    def waiver_of(self, signature: Signature) -> Waiver | None:
        """The first waiver that describes a divergence, if there is one."""
        return next((waiver for waiver in self.waivers if waiver.covers(signature)), None)

    def in_force(self, facts: Facts) -> Expectations:
        """Those whose condition holds: the others neither excuse anything nor can be stale."""
        kept = tuple(waiver for waiver in self.waivers if holds(waiver.when, facts))
        return Expectations(self.path, kept, self.lines)

    def place_of(self, waiver: Waiver) -> str:
        """Where a waiver is written."""
        return f"{self.path}, line {self.lines[waiver.name]}" if waiver.name in self.lines else str(self.path)


class BadExpectations(ConformanceError):
    """A file of expectations that cannot be used."""

    exit_code = ExitCode.EXPECTATIONS_WRONG


def expectations_path(fixtures: Path, system: str) -> Path:
    """Where the waivers of a system are stored."""
    return fixtures / FOLDER / f"{system}.toml"


def mending(path: Path, verb: str, name: str, *options: str) -> str:
    """The command that mends a waiver of a file."""
    place = path.parent.parent
    fixtures = () if place == FIXTURES or place == Path() else ("--fixtures", str(place))
    words = ("fdconform", "waive", verb, "--on", path.stem, *fixtures, name, *options)
    return " ".join(shlex.quote(word) for word in words)


# Reading ---------------------------------------------------------------------------------------


def load_expectations(path: Path) -> Expectations:
    """The waivers of a file; none when there is no file. BadExpectations for one that cannot be used."""
    if not path.exists():
        return Expectations(path)
    try:
        text = path.read_text(encoding="utf-8")
        told: Any = tomllib.loads(text)
    except (OSError, ValueError) as error:
        at = re.search(r"line (\d+)", str(error))
        hint = f"${{EDITOR:-vi}} +{at[1] if at else 1} {shlex.quote(str(path))}"
        raise BadExpectations(str(error), where=f"{path}, line {at[1]}" if at else str(path), hint=hint) from None
    _, entries = split_text(text)
    alien = next((key for key in told if key != "waiver"), None)
    if alien is not None or len(entries) != len(told.get("waiver", ())):
        message = "each waiver is a table of its own, [[waiver]]" if alien is None else f"unknown key {alien}"
        raise BadExpectations(message, where=str(path), hint=f"${{EDITOR:-vi}} {shlex.quote(str(path))}")
    lines: dict[str, int] = {}
    waivers: list[Waiver] = []
    for number, (entry, given) in enumerate(zip(entries, told.get("waiver", ()), strict=True), 1):
        waiver = _read(path, number, entry, given)
        _refuse_twins(path, number, entry, waiver, waivers)
        waivers.append(waiver)
        lines[waiver.name] = entry.line
    return Expectations(path, tuple(waivers), lines)


class _Malformed(ValueError):
    """What is wrong with an entry: the key at fault, and the words of the command that mends it after its name."""

    def __init__(self, message: str, key: str, verb: str, *options: str) -> None:
        super().__init__(message)
        self.key = key
        self.verb = verb
        self.options = options


_MENDED_BY = {
    "reason": ("--reason", "what the system does instead, and why"),
    "issue": ("--issue", NO_ISSUE),
    "kind": ("--kind", "known"),
    "when": ("--when", ""),
    "expires": ("--expires", "never"),
    "chances": ("--chances", str(CHANCES)),
}


def _read(path: Path, number: int, entry: Entry, given: Any) -> Waiver:
    try:
        return check_waiver(given)
    except _Malformed as problem:
        name = next((given[key] for key in ("bucket", "clause", "pattern") if isinstance(given.get(key), str)), "")
        raise BadExpectations(
            f"{name or f'waiver {number}'}: {problem}",
            where=f"{path}, line {line_of(entry, problem.key)}",
            hint=mending(path, problem.verb, name or f"#{number}", *problem.options),
        ) from None


def check_waiver(given: Any) -> Waiver:
    """The waiver that a table gives. ValueError for one that is malformed."""
    try:
        waiver = msgspec.convert(given, Waiver)
    except msgspec.ValidationError as error:
        raise _of_shape(str(error)) from None
    named = [key for key in ("bucket", "clause", "pattern") if getattr(waiver, key)]
    if len(named) != 1:
        raise _Malformed(f"names {' and '.join(named) or 'no bucket, clause or pattern'}: name one", "", "remove")
    _check_words(waiver)
    if waiver.bucket:
        _check_bucket(waiver)
    if waiver.program:
        _check_program(waiver)
    return waiver


def _of_shape(message: str) -> _Malformed:
    words = re.findall(r"`\$?\.?([^`]*)`", message)
    key = words[-1] if words else ""
    if key in _MENDED_BY:
        return _Malformed(f"{key}: {message}", key, "update", *_MENDED_BY[key])
    if "unknown field" in message:
        return _Malformed(f"unknown key `{key}`", key, "update", "--unset", key)
    return _Malformed(message, key, "remove")


def _check_words(waiver: Waiver) -> None:
    wrong = {
        "reason": "" if waiver.reason.strip() else "gives no reason",
        "issue": ""
        if waiver.issue == NO_ISSUE or re.fullmatch(r"https?://\S+", waiver.issue)
        else f"the issue is a link, or the word {NO_ISSUE}",
        "chances": "" if waiver.chances > 0 else "there must be chances to meet it",
        "when": _complaint(check_condition, waiver.when) if waiver.when else "",
    }
    for key, message in wrong.items():
        if message:
            raise _Malformed(f"{key}: {message}", key, "update", *_MENDED_BY[key])
    if waiver.pattern and (message := _complaint(read_pattern, waiver.pattern)):
        raise _Malformed(message, "pattern", "remove")


def _complaint(check: Any, text: str) -> str:
    try:
        check(text)
    except ValueError as error:
        return str(error)
    return ""


def _check_bucket(waiver: Waiver) -> None:
    for key in ("op", "predicted", "observed", "program"):
        if not getattr(waiver, key):
            raise _Malformed(f"a bucket needs {key}, too: a run that meets it again gives all of it", key, "remove")


def _check_program(waiver: Waiver) -> None:
    try:
        written = program_text(Program(waiver.ops))
    except ConformanceError as error:
        raise _Malformed(f"{error.where}: {error.message}", "program", "remove") from None
    if waiver.program != written:
        raise _Malformed("its program is not in canonical text", "program", "update")


def _refuse_twins(path: Path, number: int, entry: Entry, waiver: Waiver, others: list[Waiver]) -> None:
    twin = next((other for other in others if _is_twin(waiver, other)), None)
    if twin is not None:
        raise BadExpectations(
            f"{waiver.name}: waived already by {twin.name}",
            where=f"{path}, line {entry.line}",
            hint=mending(path, "remove", f"#{number}"),
        )


def _is_twin(one: Waiver, other: Waiver) -> bool:
    """Whether two waivers speak of the same."""
    return one.name == other.name or bool(one.bucket and other.bucket and one.key == other.key)


def unmatched(waiver: Waiver) -> str:
    """Why a waiver cannot describe any divergence; empty when it can."""
    if waiver.clause and waiver.clause not in load_clauses() and waiver.clause not in load_host_clauses():
        return f"there is no clause {waiver.clause}"
    op = waiver.op if waiver.bucket else read_pattern(waiver.pattern).op if waiver.pattern else "*"
    return "" if any(_glob(op, name) for name in SPECS_BY_NAME) else f"there is no op {op}"
