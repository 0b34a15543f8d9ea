# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How differences between the host model and Linux are explained, and what stays unexplained."""

from __future__ import annotations

from conformance.clause_coverage import profiles, pure_comparer
from conformance.comparison import Comparison
from conformance.differences import CONSEQUENCE, RULE, UNEXPLAINED, Prediction, Step, explain, steps
from conformance.families import PROCESSES, Families
from conformance.grammar import read_program
from conformance.host_clauses import load_host_clauses
from conformance.interpreter import execute
from conformance.laws import host_over_linux
from conformance.observation import Observation, failure
from reference.constants import EBADF, EINVAL, EIO, EOVERFLOW
from reference.structures import Winsize

PROFILE = profiles()[0]
TERMINAL = """\
r0 = posix_openpt(O_RDWR | O_NONBLOCK)
unlockpt(r0)
r1 = open_slave(r0, O_RDWR | O_NONBLOCK)
"""


def compared(text: str) -> Comparison:
    return pure_comparer(PROFILE).compare(read_program(text).ops)


def families(text: str) -> Families:
    ops = read_program(text).ops
    return Families(ops, execute(ops, host_over_linux(PROFILE)))


def last(text: str) -> dict[str, str]:
    """How the fields of the last op's differences are explained."""
    comparison = compared(text)
    found = [seen for seen in comparison.differences if seen.index == len(comparison.ops) - 1]
    return {seen.field: seen.how for seen in found}


def explained(
    line: str, host: Observation, native: Observation, twin: Observation, **met: tuple[str, ...]
) -> list[str]:
    """How the differences of one op are explained, with clauses that were ``cited`` at it and those ``standing``."""
    op = read_program(f"r0 = epoll_create1(0)\n{line}\n").ops[1]
    step = Step(1, op, host, host, native, met.get("cited", ()), met.get("standing", ()), (), free=False)
    return [difference.how for difference in explain(step, load_host_clauses(), lambda index: twin)]


# Families -----------------------------------------------------------------------------------------


def test_a_slot_that_was_closed_means_what_has_its_number_now() -> None:
    program = 'r0, r1 = pipe2(0)\nclose(r0)\nr2 = open("f", O_RDWR | O_CREAT, 0o600)\n'
    found = families(f"{program}read(r0, 1)\nread(r1, 1)\n")

    assert found.of(3) == found.of(2)
    assert found.of(3) != found.of(4)


def test_what_a_number_meant_before_is_reached_by_a_replacement_and_not_joined() -> None:
    found = families("r0 = epoll_create1(0)\nr1 = epoll_create1(0)\nr2 = dup2(r1, 3)\nfcntl(r1, F_GETFL)\n")

    assert found.of(0) < found.of(2)
    assert found.of(0).isdisjoint(found.of(3))


def test_a_range_that_is_closed_reaches_everything_in_it() -> None:
    found = families("r0 = epoll_create1(0)\nr1 = epoll_create1(0)\nr2 = epoll_create1(0)\nclose_range(3, 4, 0)\n")

    assert found.of(3) == found.of(0) | found.of(1)


def test_terminals_belong_to_processes_only_where_a_program_makes_sessions() -> None:
    apart = families(f"{TERMINAL}sigprocmask(SIG_BLOCK, [SIGINT])\n")
    together = families(f"{TERMINAL}sigprocmask(SIG_BLOCK, [SIGINT])\nsetsid()\n")

    assert apart.of(0).isdisjoint(apart.of(3))
    assert together.of(0) == together.of(3) == together.of(4)
    assert PROCESSES not in apart.of(3)


# Consequences -------------------------------------------------------------------------------------


def test_a_signal_that_waits_because_of_a_request_that_was_refused_is_a_consequence() -> None:
    program = f"setsid()\n{TERMINAL}sigprocmask(SIG_BLOCK, [SIGWINCH])\nr2 = import_fd(r0)\n"
    program += "ioctl(r2, TIOCSWINSZ, winsize(rows=1, cols=0, xpixel=0, ypixel=0))\nsigprocmask(SIG_SETMASK, [])\n"

    assert last(program) == {"": CONSEQUENCE}


def test_what_an_epoll_instance_reports_is_compared_by_the_data_of_the_application() -> None:
    program = f"{TERMINAL}r2 = epoll_create1(0)\nr3 = import_fd(r1)\ntcflow(r3, TCOOFF)\n"
    program += "epoll_ctl(r2, EPOLL_CTL_ADD, r3, EPOLLOUT, 5)\nepoll_wait(r2, 1, 0)\n"

    assert last(program) == {"length": CONSEQUENCE}


def test_a_sandbox_waits_where_the_host_was_made_to_wait() -> None:
    program = f'{TERMINAL}r2 = import_fd(r0, flags=O_RDONLY)\nwrite(r2, b"x")\n'
    program += "ioctl(r0, FIONBIO, 0)\nioctl(r2, FIONBIO, 1)\nread(r2, 1)\n"

    assert last(program) == {"": CONSEQUENCE}


def test_a_consequence_may_differ_by_a_rule_as_well() -> None:
    program = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0)\nlseek(r1, 2**63 - 1, SEEK_SET)\n'
    program += "fcntl(r1, F_OFD_SETLK, flock(type=F_RDLCK, whence=SEEK_CUR, start=1, len=0, pid=0))\n"

    assert last(program) == {"": CONSEQUENCE}


def test_inodes_are_counted_otherwise_after_a_side_was_shown_one_more() -> None:
    program = "r0, r1 = pipe2(0)\nr2 = import_fd(r0)\nr3 = epoll_create1(0)\n"

    assert last(f"{program}readlink_fd(r2)\nstatx(r3, 0, STATX_BASIC_STATS)\n") == {"statx_result.ino": CONSEQUENCE}
    assert last(f"{program}readlink_fd(r3)\nstatx(r3, 0, STATX_BASIC_STATS)\n") == {}


# What stays unexplained ---------------------------------------------------------------------------


def test_what_linux_would_not_give_in_that_state_is_no_consequence() -> None:
    assert explained("fcntl(r0, F_GETFD)", failure(EIO), 0, 0, standing=("IMP-05",)) == [UNEXPLAINED]
    assert explained("fcntl(r0, F_GETFD)", failure(EIO), 0, failure(EIO), standing=("IMP-05",)) == [CONSEQUENCE]


def test_a_rule_that_does_not_lead_from_what_linux_would_give_explains_nothing() -> None:
    line = "fcntl(r0, F_OFD_GETLK, flock(type=F_UNLCK, whence=SEEK_CUR, start=1, len=0, pid=0))"
    met = {"standing": ("SEEK-04",), "cited": ("LCK-16",)}
    free, overflow, none = failure(EBADF), failure(EOVERFLOW), failure(EIO)

    assert explained(line, failure(EINVAL), free, overflow, **met) == [CONSEQUENCE]
    assert explained(line, failure(EINVAL), free, none, **met) == [UNEXPLAINED]
    assert explained(line, failure(EINVAL), overflow, none, **met) == [RULE]


def test_a_part_that_linux_would_give_otherwise_is_no_consequence() -> None:
    native, host = Winsize(1, 2, 3, 4), Winsize(1, 5, 6, 4)
    met = {"standing": ("IMP-05",)}

    assert explained("ioctl(r0, TIOCGWINSZ)", host, native, host, **met) == [CONSEQUENCE, CONSEQUENCE]
    assert explained("ioctl(r0, TIOCGWINSZ)", host, native, Winsize(1, 5, 3, 4), **met) == [CONSEQUENCE, UNEXPLAINED]


def test_a_state_of_one_file_explains_nothing_about_another() -> None:
    program = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0)\nr2 = open("g", O_RDWR | O_CREAT, 0o600)\n'
    program += "lseek(r1, 5, SEEK_SET)\nlseek(r2, 0, SEEK_CUR)\n"
    ops = read_program(program).ops
    run = execute(ops, host_over_linux(PROFILE))

    found = list(steps(ops, run, Prediction(run, [(), ("IMP-05",), (), (), ()], [False] * 5), run, load_host_clauses()))

    assert found[3].standing == ("IMP-05",)
    assert found[4].standing == ()
