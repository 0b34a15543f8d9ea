# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What of a program can be run by donating descriptors to a sandbox."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.donation import Imports, donated
from conformance.grammar import program_text, read_program
from conformance.program import Program

IMPORTS = Imports(readonly=0, owner=(0, 0), flags=None, savable=1)
RESTORED = replace(IMPORTS, restored=True)


def left_of(text: str, imports: Imports = IMPORTS) -> list[str]:
    return program_text(Program(donated(read_program(text).ops, imports))).splitlines()


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


def test_a_sandbox_that_is_restored_is_saved_halfway_between_the_import_and_the_end() -> None:
    text = 'r0, r1 = pipe2(0)\nr2 = import_fd(r0, tty=1)\nwrite(r1, b"xy")\nread(r2, 1)\nread(r2, 1)\nclose(r2)'
    made = left_of(text, RESTORED)

    assert made == [
        "r0, r1 = pipe2(0)",
        "r2 = import_fd(r0, owner=(0, 0), savable=1)",
        'write(r1, b"xy")',
        "read(r2, 1)",
        "save()",
        "restore()",
        "read(r2, 1)",
        "close(r2)",
    ]
    assert made == left_of("\n".join(made), RESTORED)


def test_a_save_is_followed_by_its_restore_and_comes_behind_the_import() -> None:
    text = "save()\nr0, r1 = pipe2(0)\nr2 = import_fd(r0)\nsave()\nclose(r1)\nsave()\nrestore()"

    assert left_of(text, RESTORED)[2:] == ["save()", "restore()", "close(r1)", "save()", "restore()"]


def test_a_sandbox_that_is_restored_is_given_one_descriptor() -> None:
    text = "r0, r1 = pipe2(0)\nr2 = import_fd(r0)\nr3 = import_fd(r1)\nclose(r3)\nr4 = dup(r2)"

    assert [line.split("(")[0] for line in left_of(text, RESTORED)] == [
        "r0, r1 = pipe2",
        "r2 = import_fd",
        "save",
        "restore",
        "r4 = dup",
    ]
