# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The metamorphic laws find a planted bug each, and what they make of programs is what they say."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest

from conformance.grammar import program_text, read_program
from conformance.interpreter import System
from conformance.laws import host_over_linux
from conformance.metamorphic import in_pieces, saved_at, swapped, swaps, unsaved, unswapped
from conformance.ops import Op
from conformance.program import Program
from conformance.selfcheck import BUGS
from conformance.test_metamorphic import check_order, check_pieces, check_saving, on
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

SEEDS = range(12)


class StopsBehindTheFirstPiece(Linux):
    """A vector is read up to the end of its first piece."""

    def readv(self, fd: int, lengths: tuple[int, ...]) -> bytes:
        return super().readv(fd, tuple([length for length in lengths if length][:1]))


class WritesTheLastPieceTwice(Linux):
    """A vector is written with its last piece once more."""

    def writev(self, fd: int, buffers: tuple[bytes, ...]) -> int:
        return super().writev(fd, (*buffers, *buffers[1:][-1:]))


class OnePositionForAll(Linux):
    """Whoever writes, to a pipe even, moves the file that was opened first back to its beginning."""

    def write(self, fd: int, data: bytes) -> int:
        written = super().write(fd, data)
        self.fds.lookup(3).offset = 0
        return written


def ops_of(text: str) -> tuple[Op, ...]:
    return read_program(text).ops


def text_of(ops: tuple[Op, ...]) -> str:
    return program_text(Program(ops))


READS = ops_of('r0 = open("f", O_RDWR | O_CREAT, 0o600)\npwrite(r0, b"abcdef", 0)\nread(r0, 6)')
WRITES = ops_of('r0 = open("f", O_RDWR | O_CREAT, 0o600)\nwrite(r0, b"abcdef")')
APART = ops_of(
    'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1, r2 = pipe2(0)\nlseek(r0, 5, SEEK_SET)\nwrite(r2, b"x")\n'
    "lseek(r0, 0, SEEK_CUR)"
)
IMPORTED = ops_of(
    'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0, savable=1)\nlseek(r1, 5, SEEK_SET)\n'
    "lseek(r1, 0, SEEK_CUR)"
)


def making(system: type[Linux]) -> Callable[[Profile], System]:
    return lambda profile: cast(System, system(profile))


def breaks(check: Callable[..., None], *arguments: Any) -> bool:
    """Whether a law does not hold."""
    try:
        check(*arguments)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize(("ops", "bug"), [(READS, StopsBehindTheFirstPiece), (WRITES, WritesTheLastPieceTwice)])
def test_a_system_that_is_wrong_about_vectors_is_found(ops: tuple[Op, ...], bug: type[Linux]) -> None:
    assert any(breaks(check_pieces, ops, on(making(bug)), Random(seed)) for seed in SEEDS)
    assert not any(breaks(check_pieces, ops, on(making(Linux)), Random(seed)) for seed in SEEDS)


def test_a_system_in_which_one_descriptor_disturbs_another_is_found() -> None:
    assert breaks(check_order, APART, on(making(OnePositionForAll)))
    assert not breaks(check_order, APART, on(making(Linux)))


def test_a_system_that_forgets_a_position_when_it_is_saved_is_found() -> None:
    bug = next(bug for bug in BUGS if bug.name == "restore-resets-offset")

    assert bug.make is not None
    assert breaks(check_saving, IMPORTED, bug.make, 3)
    assert not breaks(check_saving, IMPORTED, host_over_linux, 3)


def test_the_pieces_of_a_transfer_are_the_whole() -> None:
    whole = ops_of('r0 = open("f", O_RDWR | O_CREAT, 0o600)\nwrite(r0, b"abcdef")\npread(r0, 6, 0)')
    for seed in SEEDS:
        pieces = in_pieces(whole, Random(seed))

        assert pieces is not None
        assert ["open", "writev", "preadv2"] == [op.call for op in pieces]
        assert b"abcdef" == b"".join(pieces[1].arguments[1])
        assert 6 == sum(pieces[2].arguments[1])


def test_a_program_that_asks_for_direct_transfers_is_left_alone() -> None:
    assert in_pieces(ops_of('r0 = open("f", O_RDWR | O_CREAT | O_DIRECT, 0o600)\nread(r0, 6)'), Random(1)) is None


def test_only_neighbours_with_nothing_in_common_change_places() -> None:
    assert [2, 3] == list(swaps(APART))
    assert text_of(swapped(APART, 2)).splitlines()[2:4] == ['write(r2, b"x")', "lseek(r0, 5, SEEK_SET)"]
    assert [0, 1, 2] == unswapped([1, 0, 2], 0)


@pytest.mark.parametrize(
    "text",
    [
        "r0, r1 = pipe2(0)\nread(r0, 1)\nwrite(r1, b'x')",
        "r0, r1 = pipe2(0)\nr2, r3 = pipe2(0)\nsplice(r0, -1, r3, -1, 1, 0)\nread(r2, 1)\nread(r0, 1)",
        "r0 = open('f', O_RDONLY, 0o0)\nr1 = open('g', O_RDONLY, 0o0)\nread(r0, 1)\nread(r1, 1)",
        "r0, r1 = pipe2(0)\nr2, r3 = pipe2(0)\nclose(r0)\nr4 = dup(r2)",
    ],
    ids=["one pipe", "a splice between", "two names", "a number that is handed out"],
)
def test_what_has_something_in_common_stays_in_its_place(text: str) -> None:
    ops = ops_of(text)

    assert len(ops) - 2 not in list(swaps(ops))


def test_a_save_is_put_before_an_op_and_taken_out_of_what_was_observed() -> None:
    assert ["open", "save", "restore", "import_fd"] == [op.call for op in saved_at(IMPORTED, 1)][:4]
    assert ["a", "b"] == unsaved(["a", 0, 0, "b"], 1)
