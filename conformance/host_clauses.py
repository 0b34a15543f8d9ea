# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The clauses of the host model: read from ``reference/clauses/host/*.toml`` into values.

Besides its rule, a clause says how the rule relates to Linux, and by which pairs of outcomes a difference shows:
a difference between the host model and Linux is explained by a clause that was cited and has a pattern that fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from conformance.clauses import HOST_FOLDER, PLACE, check_table, tables_of
from conformance.errors import ConformanceError
from conformance.observation import ERRNO_NAMES, SIGNAL_NAMES

SECTIONS: Mapping[str, str] = {
    "layers": "The three layers",
    "import": "Import",
    "identity": "Identity",
    "open": "Opening again",
    "stat": "Attributes",
    "setstat": "Changing attributes",
    "permissions": "Permissions",
    "flags": "Status flags",
    "allocate": "Allocation",
    "read": "Reading",
    "write": "Writing",
    "seek": "Positions",
    "sync": "Synchronising",
    "mapping": "Mapping",
    "readiness": "Readiness",
    "ioctl": "Requests",
    "locks": "Locks",
    "close": "Closing",
    "splice": "Moving data and advice",
    "terminal": "Terminals",
    "socket": "Sockets",
    "save": "Saving and restoring",
}
"""The files of clauses, in the order of reading, with their titles."""

KINDS: Mapping[str, str] = {
    "*": "all",
    "F": "all but sockets and terminals imported as such",
    "F+": "all but sockets",
    "R": "regular files",
    "P": "pipes",
    "Pr": "read ends of pipes",
    "Pw": "write ends of pipes",
    "C": "devices that can seek",
    "y": "terminals imported as any other file",
    "Y": "files imported as terminals",
    "S": "sockets",
    "St": "stream sockets",
    "Sd": "datagram sockets",
    "Sq": "sequenced-packet sockets",
    "X": "anything else",
}
LAYERS = ("calls", "wrapper", "model", "api")
RELATIONS: Mapping[str, str] = {
    "same": "Linux does the same",
    "intended": "differs from Linux by design",
    "quirk": "differs from Linux, and nobody claims that it should",
    "api": "there is nothing on Linux to compare it with",
}
CONFIDENCES: Mapping[str, str] = {
    "ran": "Linux was asked",
    "known": "known of Linux",
    "open": "not known of Linux",
    "source": "read in the source",
}
EFFECTS = ("value", "state")
ORIGINS = ("seed", "neighbour", "host")
NOTHING = "nothing"
"""The outcome of a call that received, and got no bytes: a special case of ``ok``."""
OUTCOMES = ("ok", NOTHING, "any", "BLOCKED", "REFUSED")

_NEEDED = ("statement", "kinds", "layer", "source", "relation", "confidence")
_ALLOWED = ("linux", "effect", "unobservable", "shows")
_SHOWS_NEEDED = ("host", "native")
_SHOWS_ALLOWED = ("calls", "field")


@dataclass(frozen=True, slots=True)
class Shows:
    """One pattern of two outcomes that differ.

    ``calls`` are names of ops.
    ``host`` and ``native`` are classes of outcomes as :func:`~conformance.observation.outcome_name` gives them,
    or ``REFUSED`` for an import or a save that fails without an error number, or ``any``,
    or ``nothing`` for a call that received no bytes.
    ``fields`` is empty unless both are ``ok``; then it names the places where the values may differ,
    as :func:`~conformance.divergence.part` does.
    A place includes all that lies in it: ``message.data`` its length, ``statx_result.mask`` each of its bits.
    ``events`` is the whole answer of poll(2), select(2) and epoll_wait(2), ``flags`` any bits of a result of flags.
    """

    calls: tuple[str, ...]
    host: str
    native: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostClause:
    """One numbered rule of the host model.

    ``section`` is a key of :data:`SECTIONS`, ``kinds`` are keys of :data:`KINDS`, ``layer`` is one of :data:`LAYERS`.
    ``source`` says where the rule was learned: ``seed: FUNCTION``, ``neighbour: PATH:FUNCTION``, or ``host: PAGE``,
    a man page, for what the kernel below decides; several are joined by ``; ``.
    ``relation`` and ``confidence`` are keys of :data:`RELATIONS` and :data:`CONFIDENCES`.
    ``linux`` says in words what Linux does.
    ``effect`` is ``value`` when only the result of the call differs, ``state`` when later calls see it too.
    ``unobservable`` says why no program can tell; empty for all other clauses.
    """

    id: str
    section: str
    statement: str
    kinds: tuple[str, ...]
    layer: str
    source: str
    relation: str
    confidence: str
    linux: str = ""
    effect: str = ""
    unobservable: str = ""
    shows: tuple[Shows, ...] = ()


def host_clauses_of(directory: Traversable, place: str = f"{PLACE}/{HOST_FOLDER}") -> dict[str, HostClause]:
    """The clauses of every TOML file below a directory, by id, in the order of :data:`SECTIONS`.

    Raises ConformanceError, which names file, table and key, when one is malformed or an id comes twice.
    """
    clauses = {}
    for name, (where, table) in tables_of(directory, place).items():
        section = PurePath(where).stem
        if section not in SECTIONS:
            raise ConformanceError("no section", where=where, hint=f"the sections are {', '.join(SECTIONS)}")
        clauses[name] = _clause(name, section, table, f"{where}, [{name}]")
    order = list(SECTIONS)
    return dict(sorted(clauses.items(), key=lambda item: order.index(item[1].section)))


@cache
def load_host_clauses() -> Mapping[str, HostClause]:
    """Every clause of the host model that is installed, by id."""
    return MappingProxyType(host_clauses_of(files("reference").joinpath("clauses", HOST_FOLDER)))


def _clause(name: str, section: str, table: Any, where: str) -> HostClause:
    check_table(table, where, needed=_NEEDED, allowed=_ALLOWED)
    texts = {key: _text(table, key, where) for key in (*_NEEDED, *_ALLOWED) if key != "shows"}
    kinds = tuple(texts["kinds"].split())
    for kind in kinds:
        _among(KINDS, kind, "kinds", where)
    _among(LAYERS, texts["layer"], "layer", where)
    _among(RELATIONS, texts["relation"], "relation", where)
    _among(CONFIDENCES, texts["confidence"], "confidence", where)
    if texts["effect"]:
        _among(EFFECTS, texts["effect"], "effect", where)
    for origin in texts["source"].split("; "):
        _among(ORIGINS, origin.partition(": ")[0], "source", where)
    patterns = table.get("shows", [])
    if not isinstance(patterns, list):
        raise ConformanceError("shows is no list", where=where, hint=f"write each pattern as [[{name}.shows]]")
    shows = tuple(_shows(one, f"{where}, shows {place}") for place, one in enumerate(patterns, 1))
    rule = texts.pop("statement")
    del texts["kinds"]
    clause = HostClause(name, section, rule, kinds, shows=shows, **texts)
    _check_relation(clause, where)
    return clause


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str) or (key in table and not value.strip()):
        raise ConformanceError(f"{key} is no text", where=where, hint=f'write {key} = "…", or leave the key out')
    return " ".join(value.split())


def _among(known: Mapping[str, str] | tuple[str, ...], value: str, key: str, where: str) -> None:
    if value not in known:
        raise ConformanceError(f"unknown {key} {value!r}", where=where, hint=f"{key} is one of {', '.join(known)}")


def _check_relation(clause: HostClause, where: str) -> None:
    """What each relation to Linux needs, and what it leaves no room for."""
    if clause.shows and clause.unobservable:
        raise ConformanceError("shows and unobservable", where=where, hint="a clause has one or the other")
    if clause.relation == "same":
        _leave_out(clause, where, "effect", "shows")
        return
    if clause.relation == "api":
        _leave_out(clause, where, "linux")
        if bool(clause.shows) != bool(clause.effect):
            hint = "a clause of the api has both, where an import or a save differs from dup(2), or neither"
            raise ConformanceError("one of effect and shows", where=where, hint=hint)
        return
    for key in ("linux", "effect"):
        if not getattr(clause, key):
            raise ConformanceError(f"no {key}", where=where, hint=f'a clause that differs needs {key} = "…"')
    if not clause.shows and not clause.unobservable:
        hint = f"add [[{clause.id}.shows]] for each pair of outcomes, or say why it is unobservable"
        raise ConformanceError("no shows", where=where, hint=hint)


def _leave_out(clause: HostClause, where: str, *keys: str) -> None:
    for key in keys:
        if getattr(clause, key):
            hint = f"leave {key} out, or choose another relation"
            raise ConformanceError(f"{key} with the relation {clause.relation!r}", where=where, hint=hint)


def _shows(pattern: Any, where: str) -> Shows:
    check_table(pattern, where, needed=_SHOWS_NEEDED, allowed=_SHOWS_ALLOWED)
    fields = pattern.get("field", [])
    if isinstance(fields, str):
        fields = [fields]
    for key, values in (("calls", pattern.get("calls")), ("field", fields)):
        if not isinstance(values, list) or not all(isinstance(one, str) and one for one in values):
            raise ConformanceError(f"{key} is no list of texts", where=where, hint=f'write {key} = ["…"]')
    shows = Shows(tuple(pattern["calls"]), pattern["host"], pattern["native"], tuple(fields))
    if not shows.calls:
        raise ConformanceError("no calls", where=where, hint="name the ops, as `fdconform list ops` does")
    for key in _SHOWS_NEEDED:
        _check_outcome(pattern[key], key, where)
    if shows.host == shows.native == "ok":
        if not fields:
            raise ConformanceError("no field", where=where, hint='say where two values differ: field = "value"')
    elif shows.host == shows.native:
        raise ConformanceError("equal outcomes", where=where, hint="a pattern says how two outcomes differ")
    elif fields:
        raise ConformanceError("a field without values", where=where, hint="field needs ok on both sides")
    return shows


def _check_outcome(text: str, key: str, where: str) -> None:
    outcome, *signals = text.split(" & ")
    known = outcome in OUTCOMES or outcome in ERRNO_NAMES.values()
    if not known or not set(signals) <= set(SIGNAL_NAMES.values()) or (signals and outcome == "any"):
        hint = f"{key} is an error name or one of {', '.join(OUTCOMES)}, and perhaps signals: EPIPE & SIGPIPE"
        raise ConformanceError(f"unknown outcome {text!r}", where=where, hint=hint)
