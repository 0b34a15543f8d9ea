# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The clauses of the host model: reading them, and what the ones we have keep to."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.clauses import clauses_of, load_clauses
from conformance.domains.base import Domain
from conformance.domains.compound import ListOf, Record, TupleOf
from conformance.domains.data import Bytes
from conformance.domains.numbers import Flags
from conformance.errors import ConformanceError
from conformance.host_clauses import SECTIONS, HostClause, Shows, host_clauses_of, load_host_clauses
from conformance.ops import SPECS

COUNT = 361
OPS = {spec.name: spec for spec in SPECS}
READINESS_CALLS = ("poll", "ppoll", "select", "epoll_wait")

SAME = '''
[A-1]
statement = """A rule,
  on two lines."""
kinds = "R C"
layer = "model"
source = "seed: Seek; neighbour: sys_file.go:Ioctl; host: lseek(2)"
relation = "same"
confidence = "ran"
'''
QUIRK = """
[A-1]
statement = "A rule."
kinds = "*"
layer = "model"
source = "seed: Seek"
relation = "quirk"
linux = "EINVAL."
confidence = "known"
effect = "value"

[[A-1.shows]]
calls = ["lseek"]
host = "EOVERFLOW"
native = "EPIPE & SIGPIPE"

[[A-1.shows]]
calls = ["fstat", "statx"]
host = "ok"
native = "ok"
field = ["stat.uid", "statx_result.uid"]
"""
PATTERNS = QUIRK.partition("\n\n")[2]


def read(tmp_path: Path, text: str, name: str = "seek.toml") -> dict[str, HostClause]:
    (tmp_path / name).write_text(text)
    return host_clauses_of(tmp_path, "host")


def test_a_table_is_a_clause(tmp_path: Path) -> None:
    source = "seed: Seek; neighbour: sys_file.go:Ioctl; host: lseek(2)"
    rule = "A rule, on two lines."
    clause = HostClause("A-1", "seek", rule, ("R", "C"), "model", source, "same", "ran")
    assert read(tmp_path, SAME) == {"A-1": clause}


def test_patterns_are_pairs_of_outcomes(tmp_path: Path) -> None:
    assert read(tmp_path, QUIRK)["A-1"].shows == (
        Shows(("lseek",), "EOVERFLOW", "EPIPE & SIGPIPE"),
        Shows(("fstat", "statx"), "ok", "ok", ("stat.uid", "statx_result.uid")),
    )


def test_clauses_come_in_the_order_of_the_sections(tmp_path: Path) -> None:
    (tmp_path / "layers.toml").write_text(SAME.replace("A-1", "Z-1"))
    assert list(read(tmp_path, SAME)) == ["Z-1", "A-1"]


MALFORMED = [
    ("no TOML", SAME, "[A-1]", "[A-1", r"host/seek\.toml: not TOML"),
    ("no statement", QUIRK, "A rule.", " ", "no statement"),
    ("no kinds", QUIRK, 'kinds = "*"\n', "", "no kinds"),
    ("unknown key", QUIRK, "linux =", "lines =", "unknown key 'lines'"),
    ("unknown kind", QUIRK, '"*"', '"Q"', "unknown kinds 'Q'"),
    ("unknown layer", QUIRK, '"model"', '"m"', "unknown layer 'm'"),
    ("unknown relation", QUIRK, '"quirk"', '"bug"', "unknown relation 'bug'"),
    ("unknown confidence", QUIRK, '"known"', '"sure"', "unknown confidence 'sure'"),
    ("unknown effect", QUIRK, '"value"', '"both"', "unknown effect 'both'"),
    ("unknown source", QUIRK, "seed: Seek", "book: Seek", "unknown source 'book'"),
    ("Linux is no text", QUIRK, '"EINVAL."', "22", "linux is no text"),
    ("blank", QUIRK, '"EINVAL."', '" "', "linux is no text"),
    ("no Linux", QUIRK, 'linux = "EINVAL."\n', "", "no linux"),
    ("no effect", QUIRK, 'effect = "value"\n', "", "no effect"),
    ("no pattern", QUIRK, PATTERNS, "", "no shows"),
    ("patterns are no list", SAME, "confidence", 'shows = "EINVAL"\nconfidence', "shows is no list"),
    ("both", QUIRK, "effect =", 'unobservable = "It is."\neffect =', "shows and unobservable"),
    ("same with an effect", SAME, "confidence", 'effect = "value"\nconfidence', "effect with the relation 'same'"),
    ("same with a pattern", SAME, 'confidence = "ran"\n', f'confidence = "ran"\n{PATTERNS}', "shows with the relation"),
    ("Linux has no api", SAME, '"same"', '"api"\nlinux = "EINVAL."', "linux with the relation 'api'"),
    ("half of an api", SAME, '"same"', '"api"\neffect = "value"', "one of effect and shows"),
    ("calls are no list", QUIRK, '["lseek"]', '"lseek"', "shows 1: calls is no list"),
    ("no calls", QUIRK, '["lseek"]', "[]", "shows 1: no calls"),
    ("no outcome", QUIRK, 'host = "EOVERFLOW"\n', "", "shows 1: no host"),
    ("unknown outcome", QUIRK, "EOVERFLOW", "EWHAT", "shows 1: unknown outcome 'EWHAT'"),
    ("unknown signal", QUIRK, "SIGPIPE", "SIGWHAT", "shows 1: unknown outcome 'EPIPE & SIGWHAT'"),
    ("any signal", QUIRK, "EPIPE &", "any &", "shows 1: unknown outcome 'any & SIGPIPE'"),
    ("equal outcomes", QUIRK, "EPIPE & SIGPIPE", "EOVERFLOW", "shows 1: equal outcomes"),
    ("no field", QUIRK, 'field = ["stat.uid", "statx_result.uid"]', "", "shows 2: no field"),
    ("field is no text", QUIRK, '["stat.uid", ', "[1, ", "shows 2: field is no list"),
    ("a field without values", QUIRK, "EOVERFLOW", 'EOVERFLOW"\nfield = "value', "shows 1: a field without values"),
]


@pytest.mark.parametrize(
    ("good", "old", "new", "message"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED]
)
def test_a_malformed_table_is_an_error_that_names_it(
    tmp_path: Path, good: str, old: str, new: str, message: str
) -> None:
    assert old in good
    with pytest.raises(ConformanceError, match=message) as error:
        read(tmp_path, good.replace(old, new))
    assert error.value.where.startswith("host/seek.toml")
    assert error.value.hint


def test_a_file_that_is_no_section_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match=r"host/other\.toml: no section"):
        read(tmp_path, SAME, "other.toml")


def test_an_id_that_comes_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "read.toml").write_text(SAME)
    with pytest.raises(ConformanceError, match=r"seek\.toml, \[A-1\]: the id is taken by host/read\.toml"):
        read(tmp_path, SAME)


# The clauses that we have ---------------------------------------------------------------------------


def test_every_clause_of_the_specification_is_there() -> None:
    clauses = load_host_clauses()

    assert len(clauses) == COUNT
    assert set(SECTIONS) == {clause.section for clause in clauses.values()}


def test_the_clauses_of_linux_leave_the_host_folder_out(tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "seek.toml").write_text(SAME)
    (tmp_path / "a.toml").write_text('[B-1]\nstatement = "A rule."\nlevel = "posix"\nsource = "read(2)"\n')

    assert list(clauses_of(tmp_path)) == ["B-1"]
    assert set() == set(load_clauses()) & set(load_host_clauses())


def test_rules_are_whole_sentences() -> None:
    texts = [
        text
        for clause in load_host_clauses().values()
        for text in (clause.statement, clause.linux, clause.unobservable)
        if text
    ]

    assert [] == [text for text in texts if text[-1] != "."]


def test_a_clause_that_differs_says_how_and_how_far() -> None:
    differing = [c for c in load_host_clauses().values() if c.relation in ("intended", "quirk")]

    assert [] == [c.id for c in differing if not (c.linux and c.effect and bool(c.shows) != bool(c.unobservable))]


def test_patterns_speak_of_ops_of_the_vocabulary() -> None:
    spoken = {call for clause in load_host_clauses().values() for shows in clause.shows for call in shows.calls}

    assert set() == spoken - set(OPS)


def places(domain: Domain, call: str) -> set[str]:
    """What a pattern may call the places in a result: see :class:`~conformance.host_clauses.Shows`."""
    if call in READINESS_CALLS:
        return {"events"}
    if isinstance(domain, Record):
        return {f"{domain.name}.{name}" for name, _ in domain.fields}
    if isinstance(domain, Bytes):
        return {"length", "data"}
    if isinstance(domain, Flags):
        return {"flags", *domain.names}
    if isinstance(domain, TupleOf):
        return {f"[{place}]" for place, _ in enumerate(domain.items)}
    return {"length"} if isinstance(domain, ListOf) else {"value"}


def test_fields_of_patterns_are_places_in_the_results_of_their_calls() -> None:
    for clause in load_host_clauses().values():
        for shows in clause.shows:
            known = {call: places(OPS[call].result, call) for call in shows.calls if call in OPS}
            if not shows.fields or len(known) < len(shows.calls):
                continue
            assert set(shows.fields) <= set().union(*known.values()), clause.id
            assert all(set(shows.fields) & one for one in known.values()), clause.id
