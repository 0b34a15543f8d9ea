# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What is owed after an import, and that programs pay it."""

from __future__ import annotations

import pytest

from conformance.ops import Op
from conformance.strategies.sequels import owe, sequel
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import SeededSource

PROGRAMS = 200


def _import(slots: SlotTable, tag: str, **options: object) -> Op:
    defaults = {"readonly": 0, "owner": None, "tty": 0, "flags": None, "savable": 0}
    return Op("import_fd", (slots.new(tag), *{**defaults, **options}.values()), (slots.new(tag),))


def _owed(tag: str, **options: object) -> set[str]:
    """The ops that ever follow such an import."""
    follow: set[str] = set()
    for seed in range(PROGRAMS):
        source, slots = SeededSource(seed), SlotTable()
        slots.new("pipe.write")
        owe(source, slots, _import(slots, tag, **options), tag)
        follow |= {op.call for _ in range(40) if (op := sequel(source, slots)) is not None}
    return follow


@pytest.mark.parametrize(
    ("tag", "options", "expected"),
    [
        ("file", {"owner": (5, 5)}, {"fchmod", "reopen", "write"}),
        ("file", {"readonly": 1, "flags": 2}, {"fallocate", "reopen"}),
        ("device", {}, {"write", "read", "lseek", "fcntl"}),
        ("pipe.read", {"savable": 1}, {"write", "save", "read", "close"}),
        ("socket.stream", {}, {"fallocate"}),
    ],
)
def test_an_import_is_followed_by_what_brings_it_out(tag: str, options: dict[str, object], expected: set[str]) -> None:
    assert expected <= _owed(tag, **options)


def test_a_plain_import_of_a_file_owes_no_more_than_looks_at_its_name_its_end_and_the_largest_offset() -> None:
    assert _owed("file") <= {"reopen", "pread", "pwrite", "lseek", "write", "read", "close"}


def test_an_import_that_was_closed_is_asked_for_an_offset_below_the_first() -> None:
    asked = set()
    for seed in range(PROGRAMS):
        source, slots = SeededSource(seed), SlotTable()
        made = _import(slots, "file")
        owe(source, slots, made, "file")
        owed = [op for _ in range(40) if (op := sequel(source, slots)) is not None]
        if Op("close", made.out) in owed:
            asked |= {(op.call, op.arguments[2]) for op in owed[owed.index(Op("close", made.out)) + 1 :]}

    assert {("pread", -1), ("pwrite", -1)} <= asked
