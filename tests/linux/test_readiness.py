# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""poll, select and epoll in the model."""

from __future__ import annotations

from itertools import pairwise

import pytest

from reference.constants.errors import EACCES, EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENXIO, EOPNOTSUPP, EPERM, ESPIPE
from reference.constants.file_status import UTIME_NOW
from reference.constants.limits import INT_MAX
from reference.constants.open_flags import O_CREAT, O_NONBLOCK, O_PATH, O_RDWR
from reference.constants.readiness import (
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLIN,
    EPOLLONESHOT,
    EPOLLOUT,
    EPOLLPRI,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLRDNORM,
)
from reference.constants.requests import FIONREAD
from reference.constants.transfers import SEEK_END
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.linux.waiting import WaitQueue, Watcher
from reference.outcomes import Sleeps
from refusals import fails


@pytest.fixture
def linux() -> Linux:
    return Linux()


def watching(linux: Linux, *wanted: tuple[int, int]) -> int:
    """An instance that watches (descriptor, events); the data is the number."""
    instance = linux.epoll_create1(0)
    for fd, events in wanted:
        linux.epoll_ctl(instance, EPOLL_CTL_ADD, fd, events, fd)
    return instance


def reported(linux: Linux, instance: int, events_max: int = 10) -> list[int]:
    """The data of what is reported without waiting."""
    return [data for _, data in linux.epoll_wait(instance, events_max, 0)]


# poll and select ------------------------------------------------------------------------------


def test_poll_returns_only_what_is_asked_for(linux: Linux) -> None:
    reader, writer = linux.pipe2(O_NONBLOCK)
    linux.write(writer, b"x")

    assert linux.poll(((reader, POLLIN), (reader, POLLRDNORM), (reader, POLLOUT), (writer, 0)), 0) == (
        POLLIN,
        POLLRDNORM,
        0,
        0,
    )


def test_errors_and_hang_ups_need_not_be_asked_for(linux: Linux) -> None:
    (reader, lost), (gone, writer) = linux.pipe2(0), linux.pipe2(0)
    linux.close(lost)
    linux.close(gone)

    assert linux.poll(((reader, 0), (writer, POLLOUT)), -1) == (POLLHUP, POLLERR | POLLOUT)


def test_a_closed_number_and_an_o_path_descriptor_are_not_valid(linux: Linux) -> None:
    path = linux.open("/dev/null", O_PATH, 0)

    assert linux.poll(((1000, POLLIN), (path, POLLIN)), 0) == (POLLNVAL, POLLNVAL)


def test_a_regular_file_is_always_ready_for_both(linux: Linux) -> None:
    fd = linux.open("f", O_RDWR | O_CREAT, 0o600)

    assert linux.poll(((fd, POLLIN | POLLOUT),), -1) == (POLLIN | POLLOUT,)


def test_poll_takes_no_more_entries_than_there_may_be_descriptors(linux: Linux) -> None:
    assert len(linux.poll(((0, POLLIN),) * 256, 0)) == 256
    with fails(EINVAL):
        linux.poll(((0, POLLIN),) * 257, 0)


@pytest.mark.parametrize("timeout", [-1, INT_MAX])
def test_waiting_for_ever_sleeps(linux: Linux, timeout: int) -> None:
    reader, _ = linux.pipe2(0)
    instance = watching(linux, (reader, EPOLLIN))

    for call in (linux.poll, linux.ppoll):
        with pytest.raises(Sleeps, match="READY-WAITS"):
            call(((reader, POLLIN),), timeout)
    with pytest.raises(Sleeps):
        linux.select((reader,), (), (), timeout)
    with pytest.raises(Sleeps):
        linux.epoll_wait(instance, 1, timeout)


def test_a_short_wait_for_nothing_ends(linux: Linux) -> None:
    reader, _ = linux.pipe2(0)

    assert linux.poll(((reader, POLLIN),), 1) == (0,)
    assert linux.select((reader,), (), (), 1) == ((), (), ())


def test_only_poll_and_epoll_wait_know_other_negative_timeouts(linux: Linux) -> None:
    with fails(EINVAL):
        linux.ppoll(((1, POLLOUT),), -2)
    with fails(EINVAL):
        linux.select((), (1,), (), -2)
    assert linux.poll(((1, POLLOUT),), -2) == (POLLOUT,)


def test_select_reports_each_set_in_order(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    linux.write(writer, b"x")

    assert linux.select((reader, writer, 1, 0), (writer, reader), (reader, 0), 0) == ((0, 1, reader), (writer,), ())


def test_select_refuses_a_closed_member_of_any_set(linux: Linux) -> None:
    with fails(EBADF):
        linux.select((1,), (), (1000,), 0)


def test_select_reports_an_o_path_descriptor_in_every_set(linux: Linux) -> None:
    path = linux.open("/dev/null", O_PATH, 0)

    assert linux.select((path,), (path,), (path,), 0) == ((path,), (path,), (path,))


# epoll: what is reported ----------------------------------------------------------------------


def test_level_triggered_registrations_are_reported_in_turn(linux: Linux) -> None:
    pairs = [linux.pipe2(0) for _ in range(3)]
    instance = watching(linux, *((reader, EPOLLIN) for reader, _ in pairs))
    for _, writer in pairs:
        linux.write(writer, b"x")
    first, second, third = (reader for reader, _ in pairs)

    assert reported(linux, instance, 2) == [first, second]
    assert reported(linux, instance, 2) == [third, first]
    assert reported(linux, instance) == [second, third, first]


def test_what_is_no_longer_ready_is_not_reported(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    instance = watching(linux, (reader, EPOLLIN))
    linux.write(writer, b"x")
    linux.read(reader, 1)

    assert reported(linux, instance) == []


def test_edge_triggered_registrations_are_reported_once_for_a_wake_up(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    instance = watching(linux, (reader, EPOLLIN | EPOLLET))
    linux.write(writer, b"x")

    assert reported(linux, instance) == [reader]
    assert reported(linux, instance) == []
    linux.write(writer, b"x")
    assert reported(linux, instance) == [reader]


def test_a_one_shot_registration_sleeps_until_it_is_changed(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    instance = watching(linux, (reader, EPOLLIN | EPOLLONESHOT))
    linux.write(writer, b"x")

    assert reported(linux, instance) == [reader]
    linux.close(writer)
    assert reported(linux, instance) == []
    linux.epoll_ctl(instance, EPOLL_CTL_MOD, reader, EPOLLIN | EPOLLONESHOT, 7)
    assert linux.epoll_wait(instance, 1, 0) == ((EPOLLIN | EPOLLHUP, 7),)


def test_adding_and_changing_look_at_once(linux: Linux) -> None:
    _, writer = linux.pipe2(0)
    instance = watching(linux, (writer, EPOLLOUT | EPOLLET))

    assert reported(linux, instance) == [writer]
    linux.epoll_ctl(instance, EPOLL_CTL_MOD, writer, EPOLLOUT | EPOLLET, 2**64 - 1)
    assert reported(linux, instance) == [2**64 - 1]


def test_who_came_last_hears_first_and_exclusive_ones_hear_last() -> None:
    queue = WaitQueue()
    heard: list[str] = []

    def watcher(name: str) -> Watcher:
        return lambda events: heard.append(name)

    for name, exclusive in (("a", False), ("x", True), ("b", False), ("y", True)):
        queue.add(watcher(name), exclusive)

    queue.wake(POLLIN)

    assert heard == ["b", "a", "x", "y"]


def test_a_wake_up_for_other_events_is_not_heard(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    instance = watching(linux, (reader, EPOLLPRI | EPOLLET))
    linux.write(writer, b"x")
    linux.epoll_ctl(instance, EPOLL_CTL_ADD, writer, EPOLLOUT, 1)

    assert reported(linux, instance) == [1]


# epoll: registrations -------------------------------------------------------------------------


def test_a_description_is_registered_once_for_each_number(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    duplicate = linux.dup(reader)
    instance = watching(linux, (reader, EPOLLIN), (duplicate, EPOLLIN))
    linux.write(writer, b"x")

    with fails(EEXIST):
        linux.epoll_ctl(instance, EPOLL_CTL_ADD, reader, EPOLLIN, 0)
    assert reported(linux, instance) == [duplicate, reader]


def test_a_registration_outlives_its_number_but_not_its_description(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    duplicate = linux.dup(reader)
    instance = watching(linux, (reader, EPOLLIN))
    linux.write(writer, b"x")
    linux.close(reader)

    assert reported(linux, instance) == [reader]
    with fails(EBADF):
        linux.epoll_ctl(instance, EPOLL_CTL_DEL, reader, 0, 0)
    with fails(ENOENT):
        linux.epoll_ctl(instance, EPOLL_CTL_DEL, duplicate, 0, 0)
    linux.close(duplicate)
    assert reported(linux, instance) == []


def test_a_deleted_registration_is_not_reported(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    instance = watching(linux, (reader, EPOLLIN))
    linux.write(writer, b"x")
    linux.epoll_ctl(instance, EPOLL_CTL_DEL, reader, 0, 0)

    assert reported(linux, instance) == []
    with fails(ENOENT):
        linux.epoll_ctl(instance, EPOLL_CTL_MOD, reader, EPOLLIN, 0)


@pytest.mark.parametrize("operation", [EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL])
def test_files_have_no_readiness_to_watch(linux: Linux, operation: int) -> None:
    fd = linux.open("f", O_RDWR | O_CREAT, 0o600)
    instance = linux.epoll_create1(0)

    for target in (fd, 0):
        with fails(EPERM):
            linux.epoll_ctl(instance, operation, target, EPOLLIN, 0)


def test_an_instance_cannot_watch_itself_nor_a_pipe_anything(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    instance = linux.epoll_create1(0)

    with fails(EINVAL):
        linux.epoll_ctl(instance, EPOLL_CTL_ADD, linux.dup(instance), EPOLLIN, 0)
    with fails(EINVAL):
        linux.epoll_ctl(reader, EPOLL_CTL_ADD, writer, EPOLLIN, 0)
    with fails(EINVAL):
        linux.epoll_ctl(instance, 4, writer, EPOLLIN, 0)


def test_exclusive_registrations_go_with_few_events_and_cannot_be_changed(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    instance = watching(linux, (reader, EPOLLIN | EPOLLEXCLUSIVE), (writer, EPOLLOUT))

    for events in (EPOLLPRI, EPOLLONESHOT):
        with fails(EINVAL):
            linux.epoll_ctl(instance, EPOLL_CTL_ADD, linux.dup(reader), events | EPOLLEXCLUSIVE, 0)
    with fails(EINVAL):
        linux.epoll_ctl(instance, EPOLL_CTL_MOD, reader, EPOLLIN, 0)
    with fails(EINVAL):
        linux.epoll_ctl(instance, EPOLL_CTL_MOD, writer, EPOLLOUT | EPOLLEXCLUSIVE, 0)
    with fails(EINVAL):
        linux.epoll_ctl(instance, EPOLL_CTL_ADD, linux.epoll_create1(0), EPOLLIN | EPOLLEXCLUSIVE, 0)


@pytest.mark.parametrize("events_max", [0, -1, INT_MAX // 12 + 1])
def test_epoll_wait_wants_a_number_of_events_that_can_be(linux: Linux, events_max: int) -> None:
    with fails(EINVAL):
        linux.epoll_wait(linux.epoll_create1(0), events_max, 0)


# epoll: instances that watch instances --------------------------------------------------------


def test_an_instance_is_readable_while_something_it_watches_is_ready(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    inner = watching(linux, (reader, EPOLLIN))
    outer = watching(linux, (inner, EPOLLIN))

    assert linux.poll(((inner, POLLIN), (outer, POLLIN)), 0) == (0, 0)
    linux.write(writer, b"x")
    assert linux.poll(((inner, POLLIN | POLLOUT), (outer, POLLIN)), 0) == (POLLIN, POLLIN)
    assert reported(linux, outer) == [inner]


def test_an_edge_reaches_the_outer_instance_at_every_wake_up(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    outer = watching(linux, (watching(linux, (reader, EPOLLIN)), EPOLLIN | EPOLLET))

    for _ in range(2):
        linux.write(writer, b"x")
        assert len(reported(linux, outer)) == 1
        assert reported(linux, outer) == []


def test_chains_end_at_five_instances_and_loops_are_refused(linux: Linux) -> None:
    chain = [linux.epoll_create1(0) for _ in range(6)]
    for outer, inner in pairwise(chain[:5]):
        linux.epoll_ctl(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 0)

    for outer, inner in ((chain[4], chain[5]), (chain[5], chain[0]), (chain[4], chain[0]), (chain[1], chain[0])):
        with fails(ELOOP):
            linux.epoll_ctl(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 0)


def test_at_most_ten_ways_of_five_instances_lead_up_from_a_description(linux: Linux) -> None:
    chain = [linux.epoll_create1(0) for _ in range(5)]
    for outer, inner in pairwise(chain):
        linux.epoll_ctl(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 0)
    reader, _ = linux.pipe2(0)
    for _ in range(10):
        linux.epoll_ctl(chain[4], EPOLL_CTL_ADD, linux.dup(reader), EPOLLIN, 0)

    with fails(EINVAL):
        linux.epoll_ctl(chain[4], EPOLL_CTL_ADD, linux.dup(reader), EPOLLIN, 0)


def test_closing_an_instance_lets_go_of_what_it_watched(linux: Linux) -> None:
    reader, writer = linux.pipe2(0)
    linux.close(watching(linux, (reader, EPOLLIN)))

    assert linux.write(writer, b"x") == 1


# What the descriptor of an instance answers ---------------------------------------------------


def test_an_instance_neither_reads_nor_writes_nor_seeks(linux: Linux) -> None:
    instance = linux.epoll_create1(0)

    with fails(EINVAL):
        linux.read(instance, 1)
    with fails(EINVAL):
        linux.write(instance, b"x")
    with fails(ESPIPE):
        linux.pread(instance, 1, 0)
    with fails(EINVAL):
        linux.ioctl(instance, FIONREAD)
    assert linux.lseek(instance, 5, SEEK_END) == 0


def test_an_instance_is_not_opened_again(linux: Linux) -> None:
    with fails(ENXIO):
        linux.reopen(linux.epoll_create1(0), O_RDWR)
    user = Linux(Profile(uid=1000, gid=1000, capable=False))
    with fails(EACCES):
        user.reopen(user.epoll_create1(0), O_RDWR)


def test_the_times_of_an_instance_are_not_set(linux: Linux) -> None:
    user = Linux(Profile(uid=1000, gid=1000, capable=False))

    with fails(EOPNOTSUPP):
        linux.futimens(linux.epoll_create1(0), -UTIME_NOW, -UTIME_NOW)
    with fails(EOPNOTSUPP):
        user.futimens(user.epoll_create1(0), 5, 5)
    with fails(EACCES):
        user.futimens(user.epoll_create1(0), -UTIME_NOW, -UTIME_NOW)
