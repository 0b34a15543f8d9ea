# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Files of expectations: what is read, what is refused and how it is mended, and edits that keep everything else."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace as replaced

from conformance.commands import waiving
from conformance.commands.waiving import distinct
from conformance.conditions import Facts
from conformance.divergence import Signature
from conformance.errors import ConformanceError, ExitCode
from conformance.expectations import BadExpectations, Waiver, load_expectations, read_pattern
from conformance.waived import Watch
from conformance.waiver_file import open_waivers, waiver_text
from conformance.waiver_text import split_text

WAIVER = Waiver(
    reason="by design: closing twice is harmless",
    issue="https://toy.example/issues/1",
    bucket="B-1",
    title='close: model EBADF, toy "0"',
    when="kernel < 6.4",
    expires=date(2031, 1, 2),
    chances=7,
    op="close",
    predicted="EBADF",
    observed="ok",
    program="# A comment line\nr0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\n".partition("\n")[2],
    tag="pipe.read",
    clauses=("FD-EBADF",),
)
BY_HAND = """# What is known of the toy.

# Descriptors ----

# asked upstream in May
[[waiver]]
bucket = "B-1"   # the first
# It is so since 1.0.
reason = "by design"
issue = "none"
op = "close"
predicted = "EBADF"
observed = "ok"
program = '''
r0, r1 = pipe2(0)
close(r0)
close(r0)
'''

# Clauses ----

# a mark inside of a text: [[waiver]]
[[waiver]]
clause = "PIPE-EPIPE"
reason = '''
[[waiver]]
'''
issue = "none"

[[waiver]]
pattern = "fallocate on file*: * -> EOPNOTSUPP"
reason = "not there"
issue = "none"
"""


@pytest.fixture
def by_hand(tmp_path: Path) -> Path:
    path = tmp_path / "fixtures" / "expectations" / "toy.toml"
    path.parent.mkdir(parents=True)
    path.write_text(BY_HAND)
    return path


def mend(error: ConformanceError) -> Any:
    """Run the command that a message ends in."""
    words = shlex.split(error.hint)
    assert ["fdconform", "waive"] == words[:2]
    return CliRunner().invoke(waiving.command, words[2:], standalone_mode=False, catch_exceptions=False)


def test_waivers_are_read_as_they_were_written(tmp_path: Path) -> None:
    others = (Waiver("so it is", "none", clause="PIPE-EPIPE"), Waiver("quoted", "none", pattern="read: 'a' -> \"b\""))
    open_waivers(tmp_path / "toy.toml").with_waivers([WAIVER, *others]).store()

    assert (WAIVER, *others) == load_expectations(tmp_path / "toy.toml").waivers


def test_a_file_in_pieces_is_the_whole_file_and_knows_its_lines(by_hand: Path) -> None:
    head, entries = split_text(BY_HAND)

    assert BY_HAND == head + "".join(entry.text for entry in entries)
    assert head.endswith("----\n\n")
    assert [6, 23, 30] == [entry.line for entry in entries]
    assert {"B-1": 6, "PIPE-EPIPE": 23, "fallocate on file*: * -> EOPNOTSUPP": 30} == load_expectations(by_hand).lines


def test_an_edit_changes_its_lines_only(by_hand: Path) -> None:
    changed = open_waivers(by_hand).changed(["B-1"], {"reason": 'a "new" one', "kind": "flaky", "when": "root"})

    expected = BY_HAND.replace('reason = "by design"', 'kind = "flaky"\nwhen = "root"\nreason = "a \\"new\\" one"')
    assert sorted(expected.splitlines()) == sorted(changed.text.splitlines())
    again = changed.changed(["B-1"], {"reason": "by design", "kind": None, "when": None})
    assert BY_HAND == again.text


def test_what_is_removed_takes_its_own_comments_along_and_no_others(by_hand: Path) -> None:
    opened = open_waivers(by_hand)

    first = opened.without(["B-1"]).text
    assert "asked upstream" not in first
    assert "# Descriptors ----\n\n# Clauses ----\n\n# a mark" in first
    assert BY_HAND.partition("# a mark")[0] == opened.without(["PIPE-EPIPE", "#3"]).text
    assert opened.head + "# Clauses ----\n\n" == opened.without(["#1", "#2", "#3"]).text


def test_what_is_added_again_takes_its_old_place(by_hand: Path) -> None:
    again = open_waivers(by_hand).with_waivers([WAIVER, Waiver("new", "none", clause="FD-EBADF")])

    head, entries = split_text(again.text)
    assert "# asked upstream in May\n" + waiver_text(WAIVER) + "\n# Clauses ----\n\n" == entries[0].text
    assert '[[waiver]]\nclause = "FD-EBADF"\nkind = "known"\nreason = "new"\nissue = "none"\n' == entries[3].text
    assert BY_HAND.startswith(head)


def test_what_is_added_under_another_name_takes_the_place_of_what_is_known_by_the_same(tmp_path: Path) -> None:
    path = tmp_path / "toy.toml"
    open_waivers(path).with_waivers([WAIVER, Waiver("so it is", "none", clause="PIPE-EPIPE")]).store()

    # The model cites other clauses since: the bucket has another name, and a file that held both could not be read.
    renamed = msgspec.structs.replace(WAIVER, bucket="B-2", clauses=("FD-CLOSED",), when="")
    open_waivers(path).with_waivers([renamed]).store()

    assert ["B-2", "PIPE-EPIPE"] == [waiver.name for waiver in load_expectations(path).waivers]


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (('reason = "by design"', 'reason = " "'), 9, "B-1: reason: gives no reason"),
        (('reason = "by design"\n', ""), 6, "B-1: reason: Object missing required field"),
        (('issue = "none"', 'issue = "later"'), 10, "B-1: issue: the issue is a link, or the word none"),
        (('issue = "none"', 'issue = "none"\nkind = "often"'), 11, "B-1: kind: Invalid enum value"),
        (('issue = "none"', 'issue = "none"\nwhen = "kernel"'), 11, "B-1: when: column 1: expected a comparison"),
        (('issue = "none"', 'issue = "none"\nexpires = "May"'), 11, "B-1: expires: "),
        (('issue = "none"', 'issue = "none"\nchances = 0'), 11, "B-1: chances: "),
        (('issue = "none"', 'issue = "none"\ncolour = 1'), 11, "B-1: unknown key `colour`"),
        (("pipe2(0)", "pipe2( 0)"), 14, "B-1: its program is not in canonical text"),
        (("pipe2(0)", "pipe3(0)"), 14, "B-1: waiver B-1, line 1, column 10: unknown op 'pipe3'"),
        (('op = "close"\n', ""), 6, "B-1: a bucket needs op, too"),
        (('bucket = "B-1"', ""), 6, "waiver 1: names no bucket, clause or pattern"),
        (('bucket = "B-1"', "bucket = 1"), 7, "waiver 1: Expected `str`"),
        (('bucket = "B-1"', 'bucket = "B-1"\nclause = "X"'), 6, "B-1: names bucket and clause: name one"),
        (
            ('"not there"', "\"not there\"\nprogram = '''\nr0, r1 = pipe2( 0)\n'''"),
            33,
            "EOPNOTSUPP: its program is not in canonical text",
        ),
        (("fallocate on file*: * ->", "fallocate"), 31, "fallocate EOPNOTSUPP: no pattern"),
        (('clause = "PIPE-EPIPE"', 'pattern = "fallocate on file*: * -> EOPNOTSUPP"'), 30, "waived already by"),
    ],
)
def test_a_malformed_entry_is_told_by_its_line_and_mended_by_the_command_told(
    change: tuple[str, str], line: int, says: str, by_hand: Path
) -> None:
    by_hand.write_text(BY_HAND.replace(*change, 1))

    with pytest.raises(BadExpectations) as caught:
        load_expectations(by_hand)
    assert says in caught.value.message
    assert f"{by_hand}, line {line}" == caught.value.where
    assert ExitCode.EXPECTATIONS_WRONG == caught.value.exit_code
    mend(caught.value)
    assert load_expectations(by_hand).waivers


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("\nx y\n", ", line 2", "Expected"),
        ("version = 1\n", "", "unknown key version"),
        ('waiver = [{ clause = "X", reason = "r", issue = "none" }]\n', "", "a table of its own"),
        ("\xff", "", "utf-8"),
    ],
)
def test_a_file_that_no_command_can_mend_is_opened_where_it_is_wrong(
    text: str, where: str, says: str, by_hand: Path
) -> None:
    by_hand.write_bytes(text.encode("latin-1"))

    with pytest.raises(BadExpectations) as caught:
        load_expectations(by_hand)
    assert says in caught.value.message
    assert f"{by_hand}{where}" == caught.value.where
    assert caught.value.hint.startswith("${EDITOR:-vi} ")


def test_an_edit_that_makes_a_malformed_waiver_is_refused_and_stores_nothing(by_hand: Path) -> None:
    with pytest.raises(ConformanceError, match="gives no reason"):
        open_waivers(by_hand).changed(["B-1"], {"reason": ""})
    assert BY_HAND == by_hand.read_text()


SIGNATURE = Signature("fcntl(F_GETFL)", "ok", "EINVAL & SIGXFSZ", "[0] POLLHUP", ("FD-EBADF",), "pipe.read")


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("fcntl(F_GETFL): ok -> EINVAL & SIGXFSZ", True),
        ("fcntl(*): * -> *", True),
        ("fcntl(F_GETFL) on pipe.*: ok -> E* at [0] *", True),
        ("fcntl(F_GETFL) on pipe: ok -> *", False),
        ("fcntl(F_GETF.): * -> *", False),
        ("*: ok -> EINVAL", False),
        ("*: * -> * at [1]*", False),
    ],
)
def test_a_pattern_covers_signatures(pattern: str, covered: bool) -> None:
    assert covered is read_pattern(pattern).matches(SIGNATURE)


def test_a_bucket_is_known_by_its_signature_without_clauses_and_a_clause_by_citation() -> None:
    signature = Signature("close", "EBADF", "ok", "", ("OTHER",), "pipe.read")

    assert WAIVER.covers(signature)
    assert not WAIVER.covers(replace(signature, tag="pipe.write"))
    assert replaced(WAIVER, bucket="", clause="OTHER").covers(signature)
    assert not replaced(WAIVER, bucket="", clause="FD-EBADF").covers(signature)


# Watching over them ----------------------------------------------------------------------------

FACTS = Facts((6, 18), "tmpfs", 0, root=True, machine="x86_64")
CLOSED = Signature("close", "EBADF", "ok", "", ("FD-EBADF",), "pipe.read")


def watch(path: Path, *waivers: Waiver) -> Watch:
    open_waivers(path).with_waivers(waivers).store()
    return Watch(load_expectations(path), FACTS, date(2026, 6, 1))


@pytest.mark.parametrize(
    ("waiver", "says"),
    [
        (Waiver("r", "none", clause="FD-EBADF", expires=date(2026, 5, 31)), "expired: FD-EBADF, "),
        (Waiver("r", "none", clause="FD-CLOSED"), "unmatched: FD-CLOSED, "),
        (Waiver("r", "none", pattern="shut: * -> *"), "unmatched: shut: * -> *, "),
    ],
)
def test_what_is_wrong_at_first_sight_is_told_with_its_line_and_its_mending(
    waiver: Waiver, says: str, by_hand: Path
) -> None:
    by_hand.unlink()
    watching = watch(by_hand, waiver)

    (note,) = watching.at_first_sight()
    assert "error" == note.level
    assert note.text.startswith(f"{says}{by_hand}, line 4: ")
    assert [waiver.name] == watching.wrong
    words = shlex.split(note.text.partition("\n  mend: ")[2])
    assert 0 == CliRunner().invoke(waiving.command, words[2:]).exit_code
    assert not list(Watch(load_expectations(by_hand), FACTS, date(2026, 6, 1)).at_first_sight())


def test_a_waiver_is_good_on_its_last_day(by_hand: Path) -> None:
    assert not list(watch(by_hand, Waiver("r", "none", clause="FD-EBADF", expires=date(2026, 6, 1))).at_first_sight())


def test_a_waiver_whose_condition_does_not_hold_excuses_nothing_and_is_never_stale(tmp_path: Path) -> None:
    waiver = Waiver("r", "none", pattern="close: * -> *", when="fs == 'ext4'")
    watching = watch(tmp_path / "toy.toml", waiver)

    assert watching.waiver_of(CLOSED) is None
    assert not list(watching.at_last({"close": 10**6}, {}))
    held = replaced(waiver, when="fs == 'tmpfs'")
    assert held == watch(tmp_path / "toy.toml", held).waiver_of(CLOSED)


@pytest.mark.parametrize(
    ("waiver", "ops", "clauses", "stale"),
    [
        (Waiver("r", "none", pattern="cl*: * -> *", chances=9), {"close": 5, "close_range": 4, "read": 9}, {}, True),
        (Waiver("r", "none", pattern="close: * -> *", chances=9), {"close": 8, "read": 9}, {}, False),
        (Waiver("r", "none", clause="FD-EBADF", chances=9), {"close": 9}, {"FD-EBADF": 9}, True),
        (Waiver("r", "none", clause="FD-EBADF", chances=9), {"close": 9}, {"FD-EBADF": 8}, False),
        (replaced(WAIVER, kind="flaky", when=""), {"close": 7}, {}, True),
        (replaced(WAIVER, kind="flaky", when=""), {"close": 6}, {}, False),
    ],
)
def test_what_is_not_met_is_stale_once_it_had_its_chances(
    waiver: Waiver, ops: dict[str, int], clauses: dict[str, int], stale: bool, tmp_path: Path
) -> None:
    watching = watch(tmp_path / "toy.toml", waiver)

    notes = list(watching.at_last(ops, clauses))
    assert stale is bool(notes)
    assert [waiver.name] * stale == watching.wrong
    if stale:
        assert f"unexpected conformance: not met in {waiver.chances} chances" in notes[0].text


def test_buckets_that_differ_in_their_clauses_alone_are_waived_once() -> None:
    def of(bucket: str, op: str, *clauses: str) -> Waiver:
        return Waiver("why", "none", bucket=bucket, op=op, predicted="0", observed="EIO", clauses=clauses)

    one, other, third = of("B-1", "read", "A"), of("B-2", "read", "B"), of("B-3", "write", "A")

    assert [one, third] == distinct([one, other, third])
