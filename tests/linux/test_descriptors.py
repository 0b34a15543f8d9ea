# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors in the model: numbers, and the flags of numbers and descriptions."""

from __future__ import annotations

import pytest

from reference.constants.descriptors import (
    CLOSE_RANGE_CLOEXEC,
    CLOSE_RANGE_UNSHARE,
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_SETFD,
    F_SETFL,
    FD_CLOEXEC,
)
from reference.constants.errors import EBADF, EINVAL, EMFILE, ENOTTY, EPERM
from reference.constants.open_flags import (
    O_APPEND,
    O_ASYNC,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_LARGEFILE,
    O_NOATIME,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
)
from reference.constants.readiness import EPOLL_CTL_ADD, EPOLLHUP
from reference.constants.requests import FIOASYNC, FIONBIO, FIONREAD
from reference.constants.transfers import SEEK_SET
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from refusals import refusal

NULL = "/dev/null"


def test_the_first_descriptor_of_a_program_is_3(kernel: Linux) -> None:
    assert kernel.open(NULL, O_RDWR, 0) == 3


def test_the_lowest_free_number_is_handed_out(kernel: Linux) -> None:
    for _ in range(3):
        kernel.open(NULL, O_RDWR, 0)
    kernel.close(4)
    assert kernel.dup(5) == 4


def test_closing_twice_is_refused(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    assert kernel.close(fd) == 0
    assert refusal(kernel.close, fd) == (EBADF, "FD-EBADF")


def test_no_number_is_left_below_the_limit() -> None:
    kernel = Linux(Profile(descriptors_max=5))
    kernel.open(NULL, O_RDWR, 0)
    kernel.dup(3)
    assert refusal(kernel.dup, 3) == (EMFILE, "FD-EMFILE")


def test_a_pipe_needs_two_numbers_and_takes_none_when_there_is_one() -> None:
    kernel = Linux(Profile(descriptors_max=4))
    assert refusal(kernel.pipe2, 0) == (EMFILE, "FD-EMFILE")
    assert kernel.open(NULL, O_RDWR, 0) == 3


def test_unknown_pipe_flags_are_refused_before_numbers_are_looked_for() -> None:
    kernel = Linux(Profile(descriptors_max=3))
    assert refusal(kernel.pipe2, O_APPEND) == (EINVAL, "PIPE-FLAGS")


def test_dup_shares_the_status_flags_and_not_close_on_exec(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR | O_CLOEXEC, 0)
    copy = kernel.dup(fd)
    kernel.fcntl(copy, F_SETFL, O_NONBLOCK)
    assert kernel.fcntl(fd, F_GETFL) == O_RDWR | O_NONBLOCK | O_LARGEFILE
    assert kernel.fcntl(fd, F_GETFD) == FD_CLOEXEC
    assert kernel.fcntl(copy, F_GETFD) == 0


def test_dup2_onto_itself_changes_nothing(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR | O_CLOEXEC, 0)
    assert kernel.dup2(fd, fd) == fd
    assert kernel.fcntl(fd, F_GETFD) == FD_CLOEXEC


def test_dup2_of_a_free_number_onto_itself_is_refused(kernel: Linux) -> None:
    assert refusal(kernel.dup2, 9, 9) == (EBADF, "FD-EBADF")


def test_dup2_closes_its_target(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.dup2(reader, writer)
    assert kernel.read(reader, 1) == b""


def test_dup2_onto_a_copy_keeps_the_description(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    copy = kernel.dup(writer)
    kernel.dup2(copy, writer)
    assert kernel.write(writer, b"x") == 1
    assert kernel.read(reader, 1) == b"x"


@pytest.mark.parametrize("number", [-1, 256, 2**31 - 1])
def test_dup2_onto_a_number_outside_the_limit_is_refused(kernel: Linux, number: int) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    assert refusal(kernel.dup2, fd, number) == (EBADF, "DUP-RANGE")


def test_dup3_refuses_equal_numbers_even_when_they_are_free(kernel: Linux) -> None:
    assert refusal(kernel.dup3, 9, 9, 0) == (EINVAL, "DUP-EQUAL")


def test_dup3_refuses_other_flags_than_close_on_exec(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    assert refusal(kernel.dup3, fd, 9, O_NONBLOCK) == (EINVAL, "DUP-FLAGS")


def test_dup3_sets_and_clears_close_on_exec_of_its_target(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    kernel.dup3(fd, 9, O_CLOEXEC)
    assert kernel.fcntl(9, F_GETFD) == FD_CLOEXEC
    kernel.dup3(fd, 9, 0)
    assert kernel.fcntl(9, F_GETFD) == 0


def test_f_dupfd_starts_at_its_argument(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    assert kernel.fcntl(fd, F_DUPFD, 10) == 10
    assert kernel.fcntl(fd, F_DUPFD_CLOEXEC, 10) == 11
    assert [kernel.fcntl(number, F_GETFD) for number in (10, 11)] == [0, FD_CLOEXEC]


@pytest.mark.parametrize("minimum", [256, -1, 2**31 - 1])
def test_f_dupfd_from_outside_the_limit_is_refused(kernel: Linux, minimum: int) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    assert refusal(kernel.fcntl, fd, F_DUPFD, minimum) == (EINVAL, "DUPFD-RANGE")


def test_f_dupfd_finds_no_number_above_the_last(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    kernel.fcntl(fd, F_DUPFD, 255)
    assert refusal(kernel.fcntl, fd, F_DUPFD, 255) == (EMFILE, "FD-EMFILE")


def test_f_setfd_stores_one_bit(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    kernel.fcntl(fd, F_SETFD, -1)
    assert kernel.fcntl(fd, F_GETFD) == FD_CLOEXEC
    kernel.fcntl(fd, F_SETFD, ~FD_CLOEXEC)
    assert kernel.fcntl(fd, F_GETFD) == 0


def test_f_setfl_leaves_access_mode_and_opening_flags(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_WRONLY, 0)
    kernel.fcntl(fd, F_SETFL, O_RDWR | O_CREAT | O_APPEND)
    assert kernel.fcntl(fd, F_GETFL) == O_WRONLY | O_APPEND | O_LARGEFILE


def test_f_setfl_refuses_o_direct_where_nothing_is_direct(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_WRONLY, 0)
    assert refusal(kernel.fcntl, fd, F_SETFL, O_DIRECT | O_APPEND) == (EINVAL, "SETFL-DIRECT")
    assert kernel.fcntl(fd, F_GETFL) == O_WRONLY | O_LARGEFILE


def test_f_setfl_refuses_o_noatime_to_a_stranger() -> None:
    kernel = Linux(Profile(uid=1000, gid=1000, capable=False))
    fd = kernel.open(NULL, O_RDONLY, 0)
    assert refusal(kernel.fcntl, fd, F_SETFL, O_NOATIME) == (EPERM, "SETFL-NOATIME")
    reader, _ = kernel.pipe2(0)
    assert kernel.fcntl(reader, F_SETFL, O_NOATIME) == 0


def test_o_async_is_stored_by_objects_that_announce(kernel: Linux) -> None:
    device = kernel.open(NULL, O_RDWR, 0)
    reader, _ = kernel.pipe2(0)
    for fd in (device, reader):
        kernel.fcntl(fd, F_SETFL, O_ASYNC)
    assert not kernel.fcntl(device, F_GETFL) & O_ASYNC
    assert kernel.fcntl(reader, F_GETFL) == O_RDONLY | O_ASYNC


def test_o_async_of_open_cannot_be_cleared(kernel: Linux) -> None:
    reader, _ = kernel.pipe2(0)
    fd = kernel.reopen(reader, O_RDWR | O_ASYNC)
    kernel.fcntl(fd, F_SETFL, 0)
    assert kernel.fcntl(fd, F_GETFL) == O_RDWR | O_ASYNC | O_LARGEFILE


def test_fionbio_switches_o_nonblock(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    kernel.ioctl(fd, FIONBIO, 1)
    assert kernel.fcntl(fd, F_GETFL) & O_NONBLOCK
    kernel.ioctl(fd, FIONBIO, 0)
    assert not kernel.fcntl(fd, F_GETFL) & O_NONBLOCK


def test_fioasync_on_a_device_without_announcements_fails_only_when_it_would_change_something(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    assert kernel.ioctl(fd, FIOASYNC, 0) == 0
    assert refusal(kernel.ioctl, fd, FIOASYNC, 1) == (ENOTTY, "IOCTL-FIOASYNC-NONE")


def test_a_device_without_a_count_refuses_fionread(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    assert refusal(kernel.ioctl, fd, FIONREAD) == (ENOTTY, "OBJ-IOCTL")


@pytest.mark.parametrize(
    ("offset", "waiting"), [(0, 5), (5, 0), (6, -1), (2**31 + 5, -(2**31)), (2**31 + 6, 2**31 - 1)]
)
def test_fionread_of_a_file_is_what_lies_ahead_of_the_offset(kernel: Linux, offset: int, waiting: int) -> None:
    fd = kernel.open("f", O_RDWR | O_CREAT, 0o600)
    kernel.write(fd, b"hello")
    kernel.lseek(fd, offset, SEEK_SET)
    assert kernel.ioctl(fd, FIONREAD) == waiting


def test_an_unknown_command_is_refused(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    assert refusal(kernel.fcntl, fd, 99) == (EINVAL, "FCNTL-COMMAND")


def test_a_path_descriptor_is_duplicated_and_asked_for_flags_only(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_PATH | O_CLOEXEC, 0)
    assert kernel.fcntl(fd, F_GETFL) == O_PATH
    assert kernel.dup(fd) == fd + 1
    for call in (
        lambda: kernel.fcntl(fd, F_SETFL, 0),
        lambda: kernel.fcntl(fd, 99),
        lambda: kernel.ioctl(fd, FIONBIO, 1),
        lambda: kernel.read(fd, 1),
    ):
        assert refusal(call) == (EBADF, "FD-OPATH")


def test_close_range_closes_what_is_open_between_two_numbers(kernel: Linux) -> None:
    for _ in range(4):
        kernel.open(NULL, O_RDWR, 0)
    assert kernel.close_range(4, 5, CLOSE_RANGE_UNSHARE) == 0
    assert sorted(kernel.fds.entries) == [0, 1, 2, 3, 6]


def test_close_range_takes_minus_1_for_the_largest_number(kernel: Linux) -> None:
    kernel.open(NULL, O_RDWR, 0)
    kernel.close_range(3, -1, 0)
    assert sorted(kernel.fds.entries) == [0, 1, 2]


def test_close_range_can_mark_instead_of_close(kernel: Linux) -> None:
    fd = kernel.open(NULL, O_RDWR, 0)
    kernel.close_range(fd, fd, CLOSE_RANGE_CLOEXEC)
    assert kernel.fcntl(fd, F_GETFD) == FD_CLOEXEC


def test_close_range_refuses_other_flags_and_a_reversed_range(kernel: Linux) -> None:
    assert refusal(kernel.close_range, 5, 3, 8) == (EINVAL, "CLR-FLAGS")
    assert refusal(kernel.close_range, 5, 3, 0) == (EINVAL, "CLR-ORDER")


def test_close_range_gives_up_the_highest_number_first(kernel: Linux) -> None:
    epoll = kernel.epoll_create1(0)
    readers = []
    for number in (100, 101):
        reader, writer = kernel.pipe2(0)
        readers.append(reader)
        kernel.epoll_ctl(epoll, EPOLL_CTL_ADD, reader, 0, number)
        kernel.dup2(writer, number)
        kernel.close(writer)
    kernel.close_range(100, 101, 0)
    assert kernel.epoll_wait(epoll, 8, 0) == ((EPOLLHUP, 101), (EPOLLHUP, 100))
