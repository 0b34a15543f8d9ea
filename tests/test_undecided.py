# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What no program decides is the same in every report, and no reproducer looks for it."""

from __future__ import annotations

from ast import literal_eval

import pytest

from conformance.environment import working_base
from conformance.grammar import observation_text, read_program
from conformance.laws import linux
from conformance.observation import Observation
from conformance.ops import Op
from conformance.systems.native_worker import NativeWorker
from conformance.undecided import opened, settled
from reference.linux.profile import Profile

THROUGH_A_PIPE = """
r0 = open("/dev/urandom", O_RDONLY, 0o0)
r1, r2 = pipe2(O_NONBLOCK)
write(r2, b"known")
splice(r0, -1, r2, -1, 300, 0)
read(r1, 5)
read(r1, 16)
readv(r1, [2, 3])
r3 = open("f", O_RDWR | O_CREAT, 0o600)
splice(r1, -1, r3, -1, 100, 0)
fstat(r0)
pread(r3, 4, 0)
"""

Both = tuple[list[str], list[str]]


def told(ops: tuple[Op, ...], profile: Profile) -> Both:
    """What the model allows for each op, and what a trace of the kernel says of it."""
    with NativeWorker(profile, working_base(None)) as worker:
        seen = worker.run_alone(ops)
    allowed = opened(ops, lambda: linux(profile), seen)
    return (
        [observation_text(op, outcome) for op, outcome in zip(ops, allowed, strict=True)],
        [observation_text(op, settled(may, did)) for op, may, did in zip(ops, allowed, seen, strict=True)],
    )


def test_random_bytes_may_be_any_wherever_they_come_out(profile: Profile) -> None:
    ops = read_program(THROUGH_A_PIPE).ops
    (allowed, trace), (_, again) = told(ops, profile), told(ops, profile)

    assert ['b"known"', "any_bytes(16)", "any_bytes(5)"] == allowed[4:7]
    assert [b"known", bytes(16), bytes(5)] == [literal_eval(text) for text in trace[4:7]]
    assert "any_bytes(4)" == allowed[-1]
    assert again == trace


def test_the_number_of_a_terminal_is_that_of_the_machine(profile: Profile) -> None:
    ops = read_program(
        "r0 = posix_openpt(O_RDWR)\nr1 = posix_openpt(O_RDWR)\nioctl(r1, TIOCGPTN)\nioctl(r1, TIOCGDEV)"
    ).ops
    allowed, trace = told(ops, profile)

    assert ["anything()", "anything()"] == allowed[2:]
    assert ["0", str(136 << 8)] == trace[2:]


def test_times_that_the_machine_keeps_are_not_told(profile: Profile) -> None:
    ops = read_program('r0 = open("/dev/null", O_RDONLY, 0o0)\nfstat(r0)').ops
    allowed, trace = told(ops, profile)

    assert "atime=anything()" in allowed[1]
    assert "atime=0" in trace[1]


@pytest.mark.parametrize("seen", [b"short", 5])
def test_what_is_not_allowed_stays_as_it_was_seen(seen: Observation, profile: Profile) -> None:
    ops = read_program('r0 = open("/dev/urandom", O_RDONLY, 0o0)\nread(r0, 16)').ops
    allowed = opened(ops, lambda: linux(profile), [3, seen])

    assert seen == settled(allowed[1], seen)
