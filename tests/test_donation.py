# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What of a program can be run by donating descriptors to a sandbox."""

from __future__ import annotations

import pytest

from conformance.donation import Imports, donated
from conformance.grammar import program_text, read_program
from conformance.program import Program

IMPORTS = Imports(readonly=0, owner=(0, 0), flags=None, savable=1)


def left_of(text: str) -> list[str]:
    return program_text(Program(donated(read_program(text).ops, IMPORTS))).splitlines()


def test_an_import_is_made_as_the_sandbox_makes_it() -> None:
    assert left_of('r0 = open("f", O_RDWR, 0o0)\nr1 = import_fd(r0, flags=O_RDWR, tty=1)') == [
        'r0 = open("f", O_RDWR, 0o0)',
        "r1 = import_fd(r0, owner=(0, 0), tty=1, savable=1)",
    ]


def test_a_program_that_imports_nothing_is_no_program_for_a_sandbox() -> None:
    assert left_of("r0, r1 = pipe2(0)\nclose(r0)") == []


@pytest.mark.parametrize(
    "op",
    [
        "poll([(r1, POLLIN), (r2, POLLIN)], 0)",
        "splice(r2, -1, r1, -1, 10, 0)",
        "r5 = import_fd(r2)",
        "m0 = mmap(r1, 4096, PROT_READ, MAP_SHARED, 0)",
    ],
)
def test_ops_on_descriptors_of_both_sides_are_left_out(op: str) -> None:
    text = "r0, r1 = pipe2(0)\nr2 = import_fd(r0, owner=(0, 0), savable=1)"
    after = 'write(r1, b"x")\nread(r2, 1)'

    assert left_of(f"{text}\n{op}\n{after}") == f"{text}\n{after}".splitlines()


def test_what_came_of_an_op_that_was_left_out_is_left_out() -> None:
    text = "r0, r1 = pipe2(0)\nr2 = import_fd(r0, owner=(0, 0), savable=1)"

    assert left_of(f"{text}\nr3 = import_fd(r2)\nread(r3, 1)") == text.splitlines()


def test_an_epoll_instance_is_on_the_side_of_what_it_watches_first() -> None:
    text = (
        "r0, r1 = pipe2(0)\nr2 = import_fd(r0, owner=(0, 0), savable=1)\nr3 = epoll_create1(0)\n"
        "epoll_ctl(r3, EPOLL_CTL_ADD, r2, EPOLLIN, 0)\nepoll_wait(r3, 1, 0)"
    )

    assert left_of(f"{text}\nepoll_ctl(r3, EPOLL_CTL_ADD, r1, EPOLLIN, 0)") == text.splitlines()
