# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Which ops have to do with each other, and what follows from a state that differs."""

from __future__ import annotations

from conformance.clause_coverage import profiles, pure_comparer
from conformance.comparison import Comparison
from conformance.differences import CONSEQUENCE, RULE, Prediction, steps
from conformance.families import Families
from conformance.grammar import read_program
from conformance.host_clauses import load_host_clauses
from conformance.interpreter import execute
from conformance.laws import host_over_linux

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


# Families -----------------------------------------------------------------------------------------


def test_terminals_belong_to_processes_only_where_a_program_makes_sessions() -> None:
    apart = families(f"{TERMINAL}sigprocmask(SIG_BLOCK, [SIGINT])\n")
    together = families(f"{TERMINAL}sigprocmask(SIG_BLOCK, [SIGINT])\nsetsid()\n")

    assert apart.of(0).isdisjoint(apart.of(3))
    assert together.of(0) == together.of(3) == together.of(4)


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


def test_a_description_that_was_closed_is_watched_by_no_epoll_instance() -> None:
    program = f"{TERMINAL}r2 = import_fd(r1)\nr3 = dup(r2)\nr4 = epoll_create1(0)\n"
    program += "epoll_ctl(r4, EPOLL_CTL_ADD, r2, EPOLLOUT, 0)\nclose(r2)\nclose(r3)\nepoll_wait(r4, 1, 0)\n"

    assert last(program) == {"length": CONSEQUENCE}


def test_an_import_is_no_epoll_instance_even_where_the_host_only_names_its_file() -> None:
    program = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = reopen(r0, O_PATH)\nr2 = import_fd(r1)\n'

    assert last(f"{program}epoll_wait(r2, 1, 0)\n") == {"": RULE}
    assert last(f"{program}r3 = reopen(r2, O_RDONLY)\nepoll_wait(r3, 1, 0)\n") == {}


def test_a_state_of_one_file_explains_nothing_about_another() -> None:
    program = 'r0 = open("f", O_RDWR | O_CREAT, 0o600)\nr1 = import_fd(r0)\nr2 = open("g", O_RDWR | O_CREAT, 0o600)\n'
    program += "lseek(r1, 5, SEEK_SET)\nlseek(r2, 0, SEEK_CUR)\n"
    ops = read_program(program).ops
    run = execute(ops, host_over_linux(PROFILE))

    found = list(
        steps(ops, run, Prediction(run, [(), ("IMP-05",), (), (), ()], [False] * 5, 5), run, load_host_clauses())
    )

    assert found[3].standing == ("IMP-05",)
    assert found[4].standing == ()
