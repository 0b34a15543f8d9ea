# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How much of a large write a terminal takes is the kernel's choice, among what its ways of working allow."""

from __future__ import annotations

from conformance.grammar import read_program
from conformance.interpreter import execute
from conformance.laws import linux
from conformance.observation import BLOCKED, Observation, failure
from reference.constants.errors import EAGAIN
from reference.linux.profile import Profile
from reference.linux.pty_buffer import PtyBuffer
from reference.linux.pty_fill import AsIs, possible_fills
from reference.linux.pty_output import MARGIN

RING_ROOM_BYTES = 4095
OPENED = """r0 = posix_openpt(O_RDWR | O_NONBLOCK)
unlockpt(r0)
r1 = open_slave(r0, O_RDWR | O_NONBLOCK)
tcsetattr(r1, TCSANOW, termios(iflag=0, oflag=0, cflag=CS8 | CREAD | B38400, lflag=0, cc=b"\\x03\\x1c\\x7f\\x15\\x04\\x00\\x01\\x00\\x11\\x13\\x1a\\x00\\x12\\x0f\\x17\\x16\\x00\\x00\\x00"))
"""  # noqa: E501 - a line of a program cannot be broken.


def counts(queue: PtyBuffer, waits: bool = False) -> set[int]:
    return {way.taken for way in possible_fills(queue, bytes(65536), waits, AsIs(MARGIN), RING_ROOM_BYTES)}


def followed(program: str, *observed: Observation) -> list[Observation]:
    """What the model gives for the last ops of a program, when it follows what was observed of them."""
    ops = read_program(OPENED + program).ops
    known: list[Observation] = [None] * (len(ops) - len(observed))
    return execute(ops, linux(Profile()), follow=[*known, *observed])[len(known) :]


def test_a_write_into_an_empty_queue_is_taken_in_four_ways() -> None:
    # What three thousand writes on Linux 6.18 gave, and nothing else.
    assert counts(PtyBuffer()) == {11776, 13824, 15360, 15872}


def test_a_writer_that_sleeps_begins_no_step_behind_one_that_was_cut_short() -> None:
    assert counts(PtyBuffer(), waits=True) == {11776, 13824, 15872}


def test_a_write_that_only_one_history_allows_leaves_the_kernel_no_choice() -> None:
    model = linux(Profile())
    execute(read_program(OPENED + "write(r1, zeros(5000))\n").ops, model)
    assert not model.choices.made


def test_a_count_that_no_history_leads_to_is_not_allowed() -> None:
    assert followed("write(r1, zeros(65536))\n", 14000) != [14000]


def test_a_buffer_that_was_read_before_the_write_makes_room_when_the_next_one_follows() -> None:
    program = "write(r1, zeros(4095))\nwrite(r1, zeros(65536))\n"
    assert followed(program, 11776) == [11776]
    assert followed(program, 9728) == [9728]


def test_what_a_later_write_finds_tells_which_history_it_was() -> None:
    program = "write(r1, zeros(2047))\nwrite(r1, zeros(20000))\nwrite(r1, zeros(4095))\n"
    assert followed(program, 13824, 3584) == [13824, 3584]
    assert followed(program, 13824, failure(EAGAIN)) == [13824, failure(EAGAIN)]
    # A third result belongs to no history.
    assert followed(program, 13824, 4095) != [13824, 4095]


def test_the_history_that_was_found_out_is_kept() -> None:
    program = "write(r1, zeros(2047))\nwrite(r1, zeros(20000))\nwrite(r1, zeros(4095))\nwrite(r1, zeros(300))\n"
    refused = failure(EAGAIN)
    assert followed(program, 13824, refused, refused) == [13824, refused, refused]
    assert followed(program, 13824, refused, 300) == [13824, refused, refused]


def test_a_writer_may_sleep_where_another_history_would_have_left_room() -> None:
    program = "write(r1, zeros(2047))\nwrite(r1, zeros(20000))\nfcntl(r1, F_SETFL, O_RDWR)\nwrite(r1, zeros(4095))\n"
    assert followed(program, 13824, 0, BLOCKED) == [13824, 0, BLOCKED]


def test_whether_a_terminal_can_be_written_to_may_depend_on_the_history() -> None:
    program = "write(r1, zeros(12000))\npoll([(r1, POLLOUT)], 0)\n"
    for revents in (0, 4):
        assert followed(program, 12000, (revents,)) == [12000, (revents,)]
