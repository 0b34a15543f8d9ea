# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Readiness of imported sockets, over the model of Linux."""

from __future__ import annotations

import pytest

from imported_sockets import Pair, imported
from reference.constants.errors import EINVAL
from reference.constants.readiness import (
    EPOLL_CTL_ADD,
    EPOLLIN,
    EPOLLONESHOT,
    EPOLLRDHUP,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from reference.constants.sockets import AF_UNIX, MSG_OOB, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_NONBLOCK, SOCK_STREAM
from reference.host.kernel import Host
from reference.outcomes import Sleeps
from refusals import fails

EVERYTHING = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLWRNORM | POLLWRBAND | POLLRDHUP


def test_a_closed_peer_shows_as_data_only(host: Host, stream: Pair) -> None:
    fd, other = stream
    host.close(other)

    assert (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM,) == host.poll(((fd, EVERYTHING),), 0)
    assert (POLLIN,) == host.poll(((fd, POLLIN),), 0)
    assert (0,) == host.poll(((fd, POLLRDHUP),), 0)


def test_a_shutdown_of_its_own_shows_as_a_hang_up(host: Host) -> None:
    one, _ = host.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    fd, other = imported(host, one), imported(host, one)
    host.shutdown(fd, SHUT_RD)

    assert (POLLRDHUP, 0) == host.poll(((fd, POLLRDHUP), (other, POLLRDHUP)), 0)
    host.shutdown(fd, SHUT_WR)
    assert (POLLHUP, 0) == host.poll(((fd, 0), (other, 0)), 0)


def test_an_urgent_byte_does_not_show(host: Host, stream: Pair) -> None:
    fd, other = stream
    host.send(other, b"x", MSG_OOB)

    assert (POLLIN,) == host.poll(((fd, POLLIN | POLLPRI),), 0)
    assert ((), (), ()) == host.select((), (), (fd,), 0)


def test_more_entries_than_there_may_be_descriptors_are_refused(host: Host, stream: Pair) -> None:
    with fails(EINVAL):
        host.poll(((stream[0], 0),) * 257, 0)


def test_an_epoll_instance_reports_what_the_sandbox_would(host: Host, stream: Pair) -> None:
    fd, other = stream
    instance = host.epoll_create1(0)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, EPOLLRDHUP | EPOLLONESHOT, 1)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, other, EPOLLIN, 2)
    host.shutdown(other, SHUT_RDWR)
    hung_up = EPOLLIN | POLLHUP

    assert ((hung_up, 2),) == host.epoll_wait(instance, 1, 0)
    assert ((hung_up, 2),) == host.epoll_wait(instance, 9, 0)
    host.shutdown(fd, SHUT_RDWR)
    assert {(hung_up, 2), (POLLHUP | POLLRDHUP, 1)} == set(host.epoll_wait(instance, 9, 0))
    assert ((hung_up, 2),) == host.epoll_wait(instance, 9, 0)


def test_a_wait_for_what_the_sandbox_never_tells_has_no_end(host: Host, stream: Pair) -> None:
    fd, other = stream
    instance = host.epoll_create1(0)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, POLLPRI, 1)
    host.close(other)

    assert () == host.epoll_wait(instance, 1, 0)
    with pytest.raises(Sleeps):
        host.epoll_wait(instance, 1, -1)


def test_entries_of_the_hosts_own_that_look_the_same_are_all_reported(host: Host, stream: Pair) -> None:
    fd, other = stream
    instance = host.epoll_create1(0)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, POLLPRI, 1)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, other, POLLOUT, 2)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, host.dup(other), POLLOUT, 2)

    assert ((POLLOUT, 2), (POLLOUT, 2)) == host.epoll_wait(instance, 9, 0)


def test_a_description_that_is_gone_is_watched_no_longer(host: Host) -> None:
    one, _ = host.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    instance = host.epoll_create1(0)
    fd = imported(host, one)
    host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, EPOLLIN, 1)
    host.close(fd)

    assert () == host.epoll_wait(instance, 9, 0)
    assert fd == imported(host, one)
    assert 0 == host.epoll_ctl(instance, EPOLL_CTL_ADD, fd, EPOLLIN, 2)
    assert ((EPOLLIN, 2),) == host.epoll_wait(instance, 9, 0)
