# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The third law over the pure models: what explains a difference, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from conformance.clause_coverage import pure_comparer
from conformance.comparison import ASTRAY, UNPREDICTED, Comparer, Comparison
from conformance.differences import (
    CONSEQUENCE,
    RULE,
    STATE,
    UNEXPLAINED,
    Difference,
    Step,
    explain,
    first_uneven,
    without,
)
from conformance.grammar import read_program
from conformance.host_clauses import HostClause, Shows, load_host_clauses
from conformance.interpreter import System, execute
from conformance.laws import host_over_linux, linux
from conformance.observation import BLOCKED, Failure, Observation
from conformance.ops import Op
from conformance.systems.miniatures.wrong_host import over_linux, with_plain
from reference.constants.errors import EBADF, EINVAL, EIO, EOVERFLOW, EPERM
from reference.constants.requests import FIONREAD
from reference.host.description import PlainDescription
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.outcomes import Refused

CLAUSES = load_host_clauses()

FILE = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0)\n'


def program(text: str) -> tuple[Op, ...]:
    return read_program(text).ops


def compared(text: str) -> Comparison:
    return pure_comparer(Profile()).compare(program(text))


def hows(comparison: Comparison) -> list[tuple[int, str]]:
    return [(difference.index, difference.how) for difference in comparison.differences]


def held_against(make_host: Callable[[Profile], System], text: str) -> Comparison:
    """The comparison of a wrong host with Linux, where the right one predicts."""
    comparer = Comparer(
        Profile(), lambda ops: execute(ops, make_host(Profile())), lambda ops: execute(ops, linux(Profile()))
    )
    return comparer.compare(program(text))


# Explanations -------------------------------------------------------------------------------------


def test_a_rule_cited_at_the_op_explains_both_outcomes() -> None:
    comparison = compared(FILE + "lseek(r1, 1, SEEK_SET)\nlseek(r1, 2**63 - 1, SEEK_CUR)\n")

    assert [(3, RULE)] == hows(comparison)
    assert ("SEEK-05",) == comparison.differences[0].clauses


def test_a_state_that_an_earlier_op_left_explains_a_later_difference() -> None:
    comparison = compared(FILE + "fcntl(r1, F_SETFL, O_NONBLOCK)\nfcntl(r0, F_GETFL)\n")

    assert [3] == [difference.index for difference in comparison.differences]
    assert comparison.differences[0].how in (STATE, CONSEQUENCE)
    assert "FL-06" in comparison.differences[0].clauses


def test_two_sides_in_one_state_show_no_difference() -> None:
    assert compared(FILE + 'write(r1, b"x")\nfstat(r0)\n').differences == ()


def test_what_no_clause_says_is_unexplained() -> None:
    step = made_step(Failure(EIO), Failure(EINVAL))

    (difference,) = explain(step, {}, lambda index: Failure(EINVAL))

    assert (UNEXPLAINED, ()) == (difference.how, difference.clauses)


def test_a_clause_that_predicts_another_value_explains_nothing() -> None:
    clause = HostClause(
        *("SEEK-05", "seek", "A rule.", ("R",), "model", "seed: Seek", "quirk", "ran"),
        linux="EINVAL.",
        effect="value",
        shows=(Shows(("lseek",), "EOVERFLOW", "EINVAL"),),
    )
    right = made_step(Failure(EOVERFLOW), Failure(EINVAL), cited=("SEEK-05",))
    wrong = made_step(Failure(EOVERFLOW), Failure(EBADF), cited=("SEEK-05",))

    assert [RULE] == [found.how for found in explain(right, {"SEEK-05": clause}, never)]
    assert [UNEXPLAINED] == [found.how for found in explain(wrong, {"SEEK-05": clause}, never)]


def test_a_consequence_is_what_linux_gives_in_the_state_of_the_host() -> None:
    step = made_step(Failure(EOVERFLOW), Failure(EINVAL), standing=("FL-06",))

    assert [CONSEQUENCE] == [found.how for found in explain(step, CLAUSES, lambda index: Failure(EOVERFLOW))]
    assert [UNEXPLAINED] == [found.how for found in explain(step, CLAUSES, lambda index: Failure(EBADF))]


def test_a_rule_may_say_why_the_host_gives_another_thing_than_linux_in_its_state() -> None:
    step = made_step(Failure(EBADF), 3, cited=("A-1",), standing=("FL-06",))
    rule = HostClause(
        *("A-1", "seek", "A rule.", ("R",), "model", "seed: Seek", "quirk", "ran"),
        linux="EINVAL.",
        effect="value",
        shows=(Shows(("lseek",), "EBADF", "EINVAL"),),
    )
    clauses = {**CLAUSES, "A-1": rule}

    (by_both,) = explain(step, clauses, lambda index: Failure(EINVAL))
    (by_neither,) = explain(step, clauses, lambda index: Failure(EIO))

    assert (CONSEQUENCE, ("FL-06", "A-1")) == (by_both.how, by_both.clauses)
    assert UNEXPLAINED == by_neither.how


def test_what_a_save_has_taken_counts_as_held_by_the_pipe_that_is_read() -> None:
    comparison = compared(
        "r0, r1 = pipe2(O_NONBLOCK)\n"
        "r2 = import_fd(r0, savable=1)\n"
        'write(r1, b"abc")\n'
        "save()\n"
        "preadv2(r2, [3], -1, RWF_NOWAIT)\n"
        "read(r2, 3)\n"
    )

    assert comparison.unexplained is None
    assert (5, CONSEQUENCE) == hows(comparison)[-1]


def test_an_answer_that_was_not_given_shifts_the_numbers_of_later_ones() -> None:
    comparison = compared(
        "r0, r1 = pipe2(0)\nr2, r3 = pipe2(0)\nr4 = import_fd(r0)\nreadlink_fd(r4)\nreadlink_fd(r2)\n"
    )

    assert [(3, RULE), (4, CONSEQUENCE)] == hows(comparison)


def test_receiving_nothing_is_told_from_receiving_something() -> None:
    clause = HostClause(
        *("SCK-51", "socket", "A rule.", ("S",), "model", "seed: Recv", "quirk", "ran"),
        linux="Nothing.",
        effect="value",
        shows=(Shows(("recv",), "BLOCKED", "nothing"),),
    )
    op = program("r0, r1 = socketpair(AF_UNIX, SOCK_DGRAM, 0)\nrecv(r0, 1, 0)\n")[-1]

    def how(native: bytes) -> str:
        step = Step(1, op, BLOCKED, BLOCKED, native, ("SCK-51",), (), False)
        (difference,) = explain(step, {"SCK-51": clause}, never)
        return difference.how

    assert [RULE, UNEXPLAINED] == [how(b""), how(b"x")]


def made_step(
    host: Observation, native: Observation, cited: tuple[str, ...] = (), standing: tuple[str, ...] = ()
) -> Step:
    op = program(FILE + "lseek(r1, 1, SEEK_CUR)\n")[-1]
    return Step(2, op, host, host, native, cited, standing, False)


def never(index: int) -> Observation:
    raise AssertionError("nothing has to be asked")


# Wrong hosts --------------------------------------------------------------------------------------


class _SeekFails(PlainDescription):
    refused: ClassVar[int] = EIO

    def seek(self, host_fd: int, offset: int, whence: int) -> int:
        raise Refused(self.refused, "SEEK-05")


def test_a_host_that_strays_from_its_model_is_found() -> None:
    comparison = held_against(over_linux(with_plain(_SeekFails)), FILE + "lseek(r1, 1, SEEK_SET)\n")

    assert comparison.unexplained is not None
    assert UNPREDICTED == comparison.unexplained.field


class _CountsForbidden(Linux):
    def ioctl(self, fd: int, request: int, argument: Any = 0) -> Any:
        if request == FIONREAD:
            raise Refused(EPERM, "SOCK-FIONREAD")
        return super().ioctl(fd, request, argument)


def test_a_kernel_that_strays_from_its_model_is_found_though_a_clause_leaves_its_outcome_open() -> None:
    text = "r0, r1 = socketpair(AF_UNIX, SOCK_STREAM, 0)\nr2 = import_fd(r0)\nioctl(r2, FIONREAD)\n"
    comparer = Comparer(
        Profile(),
        lambda ops: execute(ops, host_over_linux(Profile())),
        lambda ops: execute(ops, cast(System, _CountsForbidden(Profile()))),
    )

    assert ("SCK-57",) == compared(text).differences[0].clauses
    unexplained = comparer.compare(program(text)).unexplained
    assert unexplained is not None
    assert (2, ASTRAY) == (unexplained.index, unexplained.field)


def test_the_right_host_is_not() -> None:
    assert held_against(host_over_linux, FILE + "lseek(r1, 1, SEEK_SET)\n").unexplained is None


# Descriptors that only one side has ---------------------------------------------------------------


def test_what_follows_a_descriptor_of_one_side_is_compared_without_it() -> None:
    refused = compared(FILE + "r2 = import_fd(r0, readonly=1)\nlseek(r2, 1, SEEK_SET)\nlseek(r1, 2, SEEK_SET)\n")

    assert [(2, RULE)] == hows(refused)
    assert ("IMP-03",) == refused.differences[0].clauses
    assert program(FILE + "lseek(r1, 2, SEEK_SET)\n") == refused.ops


def test_the_first_uneven_op_made_descriptors_on_one_side_only() -> None:
    ops = program("r0, r1 = pipe2(0)\nr2 = dup(r0)\nread(r2, 1)\n")

    assert first_uneven(ops, [(3, 4), 5, BLOCKED], [(3, 4), Failure(EBADF), BLOCKED]) == 1
    assert first_uneven(ops, [(3, 4), 5, BLOCKED], [(3, 4), 6, BLOCKED]) is None
    assert first_uneven(ops, [(3, 4), Failure(EBADF), BLOCKED], [(3, 4), Failure(EINVAL), BLOCKED]) is None


def test_an_op_goes_with_all_that_needs_what_it_made() -> None:
    ops = program("r0, r1 = pipe2(0)\nr2 = dup(r0)\nr3 = dup(r2)\nread(r3, 1)\nread(r0, 1)\n")

    assert (ops[0], ops[4]) == without(ops, 1)


def test_an_attribution_carries_what_was_cited() -> None:
    comparison = compared(FILE + "lseek(r1, 1, SEEK_SET)\nlseek(r1, 2**63 - 1, SEEK_CUR)\n")
    (difference,) = comparison.differences

    assert isinstance(difference, Difference)
    assert "SEEK-05" in difference.cited
    assert "SEEK-05" in comparison.cited
