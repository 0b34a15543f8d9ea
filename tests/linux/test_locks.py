# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""flock(2) and record locks in the model."""

from __future__ import annotations

import pytest

from reference.constants.descriptors import F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_SETLK
from reference.constants.errors import EAGAIN, EBADF, EINVAL, ENOLCK, EOVERFLOW
from reference.constants.limits import LLONG_MAX
from reference.constants.locks import F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN
from reference.constants.open_flags import O_CREAT, O_PATH, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.transfers import SEEK_CUR, SEEK_END, SEEK_SET
from reference.linux.kernel import Linux
from reference.linux.locks import Span, replaced
from reference.outcomes import Sleeps
from reference.structures import Flock
from refusals import fails

TRY_SHARED = LOCK_SH | LOCK_NB
TRY_EXCLUSIVE = LOCK_EX | LOCK_NB


@pytest.fixture
def linux() -> Linux:
    return Linux()


def opened(linux: Linux, flags: int = O_RDWR) -> int:
    return linux.open("f", flags | O_CREAT if not flags & O_PATH else flags, 0o600)


def read_lock(start: int = 0, length: int = 0, whence: int = SEEK_SET) -> Flock:
    return Flock(F_RDLCK, whence, start, length, 0)


def write_lock(start: int = 0, length: int = 0, whence: int = SEEK_SET) -> Flock:
    return Flock(F_WRLCK, whence, start, length, 0)


def no_lock(start: int = 0, length: int = 0) -> Flock:
    return Flock(F_UNLCK, SEEK_SET, start, length, 0)


# Whole-file locks -----------------------------------------------------------------------------


def test_two_descriptions_may_share_a_lock_but_not_an_exclusive_one(linux: Linux) -> None:
    first, second = opened(linux), opened(linux)

    assert linux.flock(first, TRY_SHARED) == 0
    assert linux.flock(second, TRY_SHARED) == 0
    with fails(EAGAIN):
        linux.flock(first, TRY_EXCLUSIVE)


def test_a_lock_without_lock_nb_sleeps_until_the_other_goes(linux: Linux) -> None:
    first, second = opened(linux), opened(linux)
    linux.flock(first, LOCK_EX)

    with pytest.raises(Sleeps, match="LOCK-WAITS"):
        linux.flock(second, LOCK_SH)


def test_duplicates_share_one_lock(linux: Linux) -> None:
    first = opened(linux)
    second, third = linux.dup(first), opened(linux)
    linux.flock(first, LOCK_EX)

    assert linux.flock(second, TRY_EXCLUSIVE) == 0
    assert linux.flock(second, LOCK_UN) == 0
    assert linux.flock(third, TRY_EXCLUSIVE) == 0


def test_a_failed_conversion_has_given_the_old_lock_up(linux: Linux) -> None:
    first, second = opened(linux), opened(linux)
    linux.flock(first, LOCK_SH)
    linux.flock(second, LOCK_SH)

    with fails(EAGAIN):
        linux.flock(first, TRY_EXCLUSIVE)
    assert linux.flock(second, TRY_EXCLUSIVE) == 0


def test_a_whole_file_lock_goes_with_the_last_descriptor(linux: Linux) -> None:
    first = opened(linux)
    duplicate, other = linux.dup(first), opened(linux)
    linux.flock(first, LOCK_EX)
    linux.close(first)

    with fails(EAGAIN):
        linux.flock(other, TRY_SHARED)
    linux.close(duplicate)
    assert linux.flock(other, TRY_SHARED) == 0


def test_both_ends_of_a_pipe_meet_on_one_inode(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    linux.flock(reader, LOCK_EX)

    with fails(EAGAIN):
        linux.flock(writer, TRY_EXCLUSIVE)


@pytest.mark.parametrize("operation", [0, LOCK_NB, LOCK_SH | LOCK_EX, LOCK_SH | LOCK_UN, 64])
def test_an_operation_that_is_not_exactly_one_is_refused_first_of_all(linux: Linux, operation: int) -> None:
    with fails(EINVAL):
        linux.flock(99, operation)


def test_the_former_mandatory_locks_are_accepted_even_on_nothing(linux: Linux) -> None:
    assert linux.flock(99, 32 | LOCK_EX) == 0


def test_a_description_without_access_can_only_unlock(linux: Linux) -> None:
    fd = opened(linux, O_WRONLY | O_RDWR)

    assert linux.flock(fd, LOCK_UN) == 0
    with fails(EBADF):
        linux.flock(fd, LOCK_SH)


def test_o_path_cannot_lock(linux: Linux) -> None:
    opened(linux)
    path = opened(linux, O_PATH)

    with fails(EBADF):
        linux.flock(path, LOCK_UN)
    with fails(EBADF):
        linux.fcntl(path, F_GETLK, read_lock())


@pytest.mark.parametrize("operation", [LOCK_SH, LOCK_EX])
def test_the_machines_own_inodes_are_not_locked(linux: Linux, operation: int) -> None:
    for fd in (linux.open("/dev/null", O_RDWR, 0), linux.epoll_create1(0)):
        assert linux.flock(fd, LOCK_UN) == 0
        with fails(ENOLCK):
            linux.flock(fd, operation)


# Record locks: owners -------------------------------------------------------------------------


def test_a_process_never_meets_its_own_record_locks(linux: Linux) -> None:
    first, second = opened(linux), opened(linux)
    linux.fcntl(first, F_SETLK, write_lock())

    assert linux.fcntl(second, F_SETLK, write_lock()) == 0
    assert linux.fcntl(second, F_GETLK, write_lock()).type == F_UNLCK


def test_a_description_meets_the_record_locks_of_the_process_and_of_others(linux: Linux) -> None:
    first, second, third = opened(linux), opened(linux), opened(linux)
    linux.fcntl(first, F_SETLK, write_lock(0, 10))
    linux.fcntl(first, F_OFD_SETLK, write_lock(10, 10))

    for start in (5, 15):
        with fails(EAGAIN):
            linux.fcntl(second, F_OFD_SETLK, read_lock(start, 1))
    assert linux.fcntl(third, F_OFD_SETLK, read_lock(20, 1)) == 0


def test_the_two_families_do_not_see_each_other(linux: Linux) -> None:
    first, second = opened(linux), opened(linux)
    linux.flock(first, LOCK_EX)

    assert linux.fcntl(second, F_OFD_SETLK, write_lock()) == 0


def test_a_query_names_the_process_1_and_a_description_minus_1(linux: Linux) -> None:
    first, second = opened(linux), opened(linux)
    linux.fcntl(first, F_SETLK, write_lock(5, 5))
    linux.fcntl(first, F_OFD_SETLK, read_lock(20))

    assert linux.fcntl(second, F_OFD_GETLK, read_lock()) == Flock(F_WRLCK, SEEK_SET, 5, 5, 1)
    assert linux.fcntl(second, F_GETLK, write_lock()) == Flock(F_RDLCK, SEEK_SET, 20, 0, -1)


def test_a_query_that_finds_nothing_changes_only_the_type(linux: Linux) -> None:
    fd = opened(linux)
    linux.write(fd, b"0123456789")

    assert linux.fcntl(fd, F_GETLK, Flock(F_WRLCK, SEEK_END, -5, 3, 77)) == Flock(F_UNLCK, SEEK_END, -5, 3, 77)


def test_an_ofd_query_for_no_lock_finds_the_descriptions_own(linux: Linux) -> None:
    first, second = opened(linux), opened(linux)
    linux.fcntl(first, F_OFD_SETLK, write_lock(10, 5))

    assert linux.fcntl(first, F_OFD_GETLK, no_lock()) == Flock(F_WRLCK, SEEK_SET, 10, 5, -1)
    assert linux.fcntl(second, F_OFD_GETLK, no_lock()).type == F_UNLCK


# Record locks: closing ------------------------------------------------------------------------


def test_closing_any_descriptor_of_the_inode_gives_up_the_locks_of_the_process(linux: Linux) -> None:
    first, unrelated, other = opened(linux), opened(linux, O_RDONLY), opened(linux)
    linux.fcntl(first, F_SETLK, write_lock())
    linux.close(unrelated)

    assert linux.fcntl(other, F_OFD_SETLK, write_lock()) == 0


def test_closing_an_o_path_descriptor_gives_nothing_up(linux: Linux) -> None:
    first, other = opened(linux), opened(linux)
    path = opened(linux, O_PATH)
    linux.fcntl(first, F_SETLK, write_lock())
    linux.close(path)

    with fails(EAGAIN):
        linux.fcntl(other, F_OFD_SETLK, write_lock())


def test_the_locks_of_a_description_stay_till_its_last_close(linux: Linux) -> None:
    first, other = opened(linux), opened(linux)
    duplicate = linux.dup(first)
    linux.fcntl(first, F_OFD_SETLK, write_lock())
    linux.close(first)

    with fails(EAGAIN):
        linux.fcntl(other, F_SETLK, read_lock())
    linux.close(duplicate)
    assert linux.fcntl(other, F_SETLK, read_lock()) == 0


# Record locks: ranges and refusals ------------------------------------------------------------


def test_a_write_lock_splits_a_read_lock() -> None:
    assert replaced([Span(F_RDLCK, 0, 99)], Span(F_WRLCK, 40, 49)) == [
        Span(F_RDLCK, 0, 39),
        Span(F_WRLCK, 40, 49),
        Span(F_RDLCK, 50, 99),
    ]


def test_locks_of_one_type_that_touch_become_one() -> None:
    held = replaced([Span(F_RDLCK, 0, 9), Span(F_RDLCK, 20, LLONG_MAX)], Span(F_RDLCK, 10, 19))

    assert held == [Span(F_RDLCK, 0, LLONG_MAX)]


def test_unlocking_takes_away_what_lies_in_the_range() -> None:
    held = [Span(F_RDLCK, 0, 9), Span(F_WRLCK, 10, 19), Span(F_RDLCK, 30, 39)]

    assert replaced(held, Span(F_UNLCK, 5, 34)) == [Span(F_RDLCK, 0, 4), Span(F_RDLCK, 35, 39)]


def test_a_length_below_zero_covers_the_bytes_before(linux: Linux) -> None:
    first, second = opened(linux), opened(linux)
    linux.write(first, b"0123456789")
    linux.fcntl(first, F_OFD_SETLK, write_lock(0, -4, SEEK_CUR))

    assert linux.fcntl(second, F_OFD_GETLK, read_lock()) == Flock(F_WRLCK, SEEK_SET, 6, 4, -1)


@pytest.mark.parametrize(
    ("lock", "number"),
    [
        (Flock(F_RDLCK, 3, 0, 0, 0), EINVAL),
        (Flock(F_RDLCK, SEEK_SET, -1, 0, 0), EINVAL),
        (Flock(F_RDLCK, SEEK_SET, 5, -6, 0), EINVAL),
        (Flock(F_RDLCK, SEEK_SET, LLONG_MAX, 2, 0), EOVERFLOW),
        (Flock(F_RDLCK, SEEK_CUR, LLONG_MAX, 0, 0), EOVERFLOW),
        (Flock(3, SEEK_SET, 0, 0, 0), EINVAL),
    ],
)
def test_a_range_that_cannot_be_is_refused(linux: Linux, lock: Flock, number: int) -> None:
    fd = opened(linux)
    linux.write(fd, b"x")

    for command in (F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK):
        with fails(number):
            linux.fcntl(fd, command, lock)


def test_the_access_mode_bounds_the_type_of_lock(linux: Linux) -> None:
    writer, reader = opened(linux, O_WRONLY), opened(linux, O_RDONLY)

    for command in (F_SETLK, F_OFD_SETLK):
        with fails(EBADF):
            linux.fcntl(writer, command, read_lock())
        with fails(EBADF):
            linux.fcntl(reader, command, write_lock())
        assert linux.fcntl(reader, command, read_lock()) == 0


def test_ofd_commands_want_no_pid(linux: Linux) -> None:
    fd = opened(linux)

    for command in (F_OFD_SETLK, F_OFD_GETLK):
        with fails(EINVAL):
            linux.fcntl(fd, command, Flock(F_RDLCK, SEEK_SET, 0, 0, 5))


def test_a_range_from_the_end_of_a_directory_is_out_of_bounds(linux: Linux) -> None:
    directory = linux.open(".", O_RDONLY, 0)

    with fails(ENOLCK):
        linux.fcntl(directory, F_SETLK, read_lock(0, 0, SEEK_END))
    assert linux.fcntl(directory, F_SETLK, read_lock()) == 0
