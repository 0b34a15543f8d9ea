# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Which ops of a program speak of things that can have to do with each other."""

from __future__ import annotations

from conformance.families import Families
from conformance.grammar import read_program
from conformance.interpreter import execute
from conformance.laws import linux
from reference.linux.profile import Profile


def related(text: str, one: int, other: int) -> bool:
    """Whether two ops of a program, by index, share a family."""
    ops = read_program(text).ops
    families = Families(ops, execute(ops, linux(Profile())))
    return not families.of(one).isdisjoint(families.of(other))


def test_what_an_op_makes_belongs_to_what_it_was_made_of() -> None:
    text = "r0, r1 = pipe2(0)\nr2 = dup(r0)\nr3, r4 = pipe2(0)\n"

    assert related(text, 0, 1)
    assert not related(text, 1, 2)


def test_a_bound_address_is_the_path_of_its_file() -> None:
    text = """\
r0 = socket(AF_UNIX, SOCK_DGRAM, 0)
bind(r0, "s")
r1 = socket(AF_UNIX, SOCK_DGRAM, 0)
sendto(r1, b"x", 0, "s")
recv(r0, 1, 0)
unlink("s")
"""

    assert related(text, 3, 4)
    assert related(text, 1, 5)


def test_paths_that_are_spelled_differently_are_one() -> None:
    text = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = open("./f", O_RDWR, 0)\nr2 = open("g", O_RDWR, 0)\n'

    assert related(text, 0, 1)
    assert not related(text, 0, 2)


def test_a_slot_speaks_of_what_its_number_means_by_now() -> None:
    text = "r0, r1 = pipe2(0)\nclose(r0)\nr2 = epoll_create1(0)\nfcntl(r0, F_GETFL)\nfcntl(r1, F_GETFL)\n"

    assert related(text, 2, 3)
    assert not related(text, 3, 4)


def test_a_number_that_is_replaced_is_closed() -> None:
    text = (
        "r0 = epoll_create1(0)\nr1 = epoll_create1(0)\nr2 = epoll_create1(0)\nr3 = dup2(r1, r0)\nfcntl(r2, F_GETFD)\n"
    )

    assert related(text, 0, 3)
    assert not related(text, 3, 4)


def test_a_range_of_numbers_that_is_closed_is_all_that_lie_in_it() -> None:
    text = "r0 = epoll_create1(0)\nr1 = epoll_create1(0)\nr2 = epoll_create1(0)\nclose_range(r1, -1, 0)\n"

    assert not related(text, 0, 3)
    assert related(text, 1, 3)
    assert related(text, 2, 3)
