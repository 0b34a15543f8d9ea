# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import BadProgram, BadTrace
from conformance.grammar import program_text, read_program, read_trace, trace_text
from conformance.kinds import RECIPES
from conformance.program import Program
from conformance.strategies.examples import programs
from conformance.strategies.programs import seeded_program

TRACE = """\
#: kernel = 6.18
# SEEK-05: SEEK_CUR past the largest offset
r0 = open("f", O_RDWR | O_CREAT, 0o600) == 3
lseek(r0, 5, SEEK_SET) == 5
lseek(r0, 2**63 - 1, SEEK_CUR) == EINVAL
r1, r2 = pipe2(O_NONBLOCK) == (4, 5)

close(r1) == 0
# The reader is gone.
write(r2, b"x") == EPIPE & SIGPIPE
write(r2, pattern(70000, seed=3)) == EPIPE & SIGPIPE
poll([(r2, POLLIN | POLLOUT)], 0) == [POLLERR]
read(r0, 100) == zeros(40) + pattern(100, seed=3) + b"a\\"\\xff'"
ioctl(r0, TIOCSWINSZ, winsize(rows=1, cols=2, xpixel=3, ypixel=4)) == ENOTTY
read(r0, 1) == BLOCKED
read(r0, 1) == unsupported("no files")
dup(r0) == errno(512)
r3 = socket(AF_UNIX, SOCK_DGRAM, 0) == 6
bind(r3, "\\x00a") == 0
recvfrom(r3, 1, 0) == (b"x", None)
connect(r3, None) == 0
#: end
"""


def test_reading_a_trace_and_printing_it_gives_the_same_text() -> None:
    assert trace_text(read_trace(TRACE)) == TRACE


@pytest.mark.parametrize("kind", RECIPES)
@given(data=st.data())
def test_every_drawn_program_survives_printing_and_reading(kind: str, data: st.DataObject) -> None:
    program = data.draw(programs(RECIPES[kind]))

    assert program == read_program(program_text(program))


@pytest.mark.parametrize("kind", RECIPES)
def test_every_seeded_program_survives_printing_and_reading(kind: str) -> None:
    for seed in range(50):
        program = seeded_program(seed, RECIPES[kind])

        assert program == read_program(program_text(program))


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("read(r0, 1)", "op 1, read", "slot r0 is used before it is made"),
        ('r0 = open("f" O_RDONLY', "line 1, column 10", "not understood"),
        ('\nr0 = opn("f")', "line 2, column 6", "unknown op 'opn'"),
        ('r0 = open("../f", O_RDONLY, 0)', "line 1, column 11", "must stay in the program's directory"),
        ('r0 = open("/etc/passwd", O_RDONLY, 0)', "line 1, column 11", "must stay in the program's directory"),
        ("r0 = dup(1)", "line 1, column 10", "expected a slot such as r0"),
        ("r0, r1 = pipe2(O_FOO)", "line 1, column 16", "unknown constant O_FOO"),
        ("r0, r1 = pipe2(0, 1)", "op 1, pipe2", "takes 1 arguments, 2 given"),
        ("r0, r1 = pipe2(0)\nx = close(r0)", "op 2, close", "makes no descriptor to name"),
        ("import os", "line 1, column 1", "expected an op"),
        ("r0, r1 = pipe2(0)\nwrite(r1, pattern(2**60, seed=0))", "line 2", "a length is a whole number"),
        ("r0, r1 = pipe2(0)\nwrite(r1, pattern(3**60, seed=0))", "line 2", "only 2**0 to 2**64"),
        ("r0, r1 = pipe2(0)\nfcntl(r0, 999)", "line 2, column 1", "unknown op 'fcntl'"),
        ("r0, r1 = pipe2(0)\nread(r0, True)", "line 2, column 10", "not a value"),
    ],
)
def test_a_malformed_program_is_one_error_that_names_the_place(text: str, where: str, message: str) -> None:
    with pytest.raises(BadProgram) as caught:
        read_program(text)

    assert where in caught.value.where
    assert message in caught.value.message
    assert caught.value.hint


def test_a_trace_that_was_cut_in_half_is_refused() -> None:
    with pytest.raises(BadTrace, match="cut short"):
        read_trace(TRACE[: len(TRACE) // 2])


def test_a_trace_with_a_missing_observation_is_refused() -> None:
    with pytest.raises(BadTrace, match="3 ops but 2 observations"):
        read_trace("r0, r1 = pipe2(0) == (3, 4)\nclose(r0)\nclose(r1) == 0\n#: end\n")


def test_comments_do_not_take_part_in_equality() -> None:
    text = "# A pipe.\nr0, r1 = pipe2(0)\n"

    assert Program(read_program(text).ops) == read_program(text)
