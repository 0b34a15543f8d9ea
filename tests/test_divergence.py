# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Signatures, buckets and titles of divergences."""

from __future__ import annotations

from conformance.divergence import Divergence, diverge, part, slot_tags
from conformance.domains.base import Slot
from conformance.domains.data import BYTES
from conformance.grammar import read_program
from conformance.interpreter import execute
from conformance.observation import Failure, Signalled
from conformance.ops import Op
from conformance.vocabulary.readiness import OPS as READINESS
from conformance.vocabulary.structures import POLL_EVENTS, STAT
from reference.constants.errors import EPIPE
from reference.constants.readiness import POLLHUP, POLLIN
from reference.constants.signals import SIGPIPE
from reference.linux.kernel import Linux
from reference.outcomes import Between
from reference.structures import Stat

BROKEN_PIPE = 'r0, r1 = pipe2(0)\nclose(r0)\nwrite(r1, b"x")\n'


def ops_of(text: str) -> tuple[Op, ...]:
    return read_program(text).ops


def lie(text: str, index: int, observation: object) -> Divergence:
    """The divergence of a system that is right but for one op."""
    ops = ops_of(text)
    observed = execute(ops, Linux())
    observed[index] = observation
    divergence = diverge(ops, observed, Linux)
    assert divergence is not None
    return divergence


def test_a_system_that_is_right_does_not_diverge() -> None:
    ops = ops_of(BROKEN_PIPE)

    assert diverge(ops, execute(ops, Linux()), Linux) is None


def test_a_signature_names_op_outcomes_clause_and_kind() -> None:
    signature = lie(BROKEN_PIPE, 2, 1).signature

    assert (signature.op, signature.predicted, signature.observed) == ("write", "EPIPE & SIGPIPE", "ok")
    assert signature.clauses == ("PIPE-EPIPE",)
    assert signature.tag == "pipe.write"
    assert signature.field == ""


def test_the_first_divergence_counts() -> None:
    assert lie(BROKEN_PIPE, 1, Failure(9)).index == 1


def test_a_title_says_what_differs_in_one_line() -> None:
    assert lie(BROKEN_PIPE, 2, 1).title == "write on pipe.write: model EPIPE & SIGPIPE, native 1"


def test_a_missing_signal_is_a_divergence_of_its_own() -> None:
    assert lie(BROKEN_PIPE, 2, Failure(EPIPE)).signature.observed == "EPIPE"
    assert lie(BROKEN_PIPE, 2, Signalled(1, (SIGPIPE,))).signature.observed == "ok & SIGPIPE"


def test_the_bucket_of_a_signature_is_stable() -> None:
    assert lie(BROKEN_PIPE, 2, 1).bucket == "B-62761dcf"


def test_a_bucket_does_not_depend_on_numbers_data_and_names() -> None:
    other = "a, b = pipe2(0)\nc = dup(b)\nclose(a)\nwrite(c, pattern(100, seed=3))\n"

    assert lie(BROKEN_PIPE, 2, 1).bucket == lie(other, 3, 100).bucket


def test_a_bucket_depends_on_the_kind_of_descriptor() -> None:
    pipe = lie("r0, r1 = pipe2(0)\nread(r0, 0)\n", 1, Failure(EPIPE))
    device = lie('r0 = open("/dev/null", O_RDWR, 0)\nread(r0, 0)\n', 1, Failure(EPIPE))

    assert pipe.bucket != device.bucket


def test_a_field_of_a_structure_is_named() -> None:
    stat = Stat(0o600, 1, 0, 0, 3, 4096, 8, 1, 2, 3)
    parting = part(STAT, stat, stat._replace(size=4))

    assert parting is not None
    assert (parting.field, parting.predicted, parting.observed) == ("stat.size", "3", "4")


def test_what_the_prediction_allows_is_passed_over() -> None:
    stat = Stat(0o600, 1, 0, 0, 3, 4096, Between(0, 100, 0), 1, 2, 3)

    assert part(STAT, stat, stat._replace(blocks=8)) is None
    parting = part(STAT, stat, stat._replace(blocks=8, mtime=7))
    assert parting is not None
    assert parting.field == "stat.mtime"


def test_bits_that_differ_are_named() -> None:
    parting = part(POLL_EVENTS, POLLIN | POLLHUP, POLLIN)

    assert parting is not None
    assert parting.field == "POLLHUP"


def test_bits_in_a_list_are_named() -> None:
    poll = next(spec for spec in READINESS if spec.name == "poll")
    parting = part(poll.result, (POLLIN, POLLHUP), (POLLIN, 0))

    assert parting is not None
    assert parting.field == "[] POLLHUP"


def test_data_of_another_length_is_told_from_other_data() -> None:
    shorter, other = part(BYTES, b"xy", b"x"), part(BYTES, b"xy", b"xz")

    assert shorter is not None
    assert other is not None
    assert (shorter.field, other.field) == ("length", "data")


def test_outcomes_that_are_no_values_part_nowhere() -> None:
    assert part(BYTES, Failure(EPIPE), b"") is None


def test_slots_carry_the_kind_of_what_made_them() -> None:
    tags = slot_tags(
        ops_of(
            'mkfifo("p", 0o600)\n'
            'r0 = open("p", O_RDWR, 0)\n'
            "r1 = dup(r0)\n"
            'r2 = open(".", O_RDONLY, 0)\n'
            'r3 = open(".", O_RDWR | O_TMPFILE, 0o600)\n'
            "r4, r5 = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0)\n"
            "r6 = posix_openpt(O_RDWR)\n"
            "r7 = recvmsg(r4, [1], 1, 0)\n"
            "m0 = mmap(r0, 4096, PROT_READ, MAP_SHARED, 0)\n"
        )
    )

    assert {str(slot): tag for slot, tag in tags.items()} == {
        "r0": "fifo",
        "r1": "fifo",
        "r2": "directory",
        "r3": "file",
        "r4": "socket.seqpacket",
        "r5": "socket.seqpacket",
        "r6": "pty.master",
        "r7": "passed",
        "m0": "mapping",
    }
    assert Slot("r0") in tags
