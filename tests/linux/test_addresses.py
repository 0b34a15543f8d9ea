# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Names of Unix sockets, and how a name is found, in the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reference.constants.descriptors import F_GETFD, F_GETFL, FD_CLOEXEC
from reference.constants.errors import (
    EACCES,
    EADDRINUSE,
    EAFNOSUPPORT,
    EBADF,
    ECONNREFUSED,
    EINVAL,
    ENOENT,
    ENOTDIR,
    ENOTSOCK,
    ENXIO,
    EPROTOTYPE,
)
from reference.constants.file_status import S_IFSOCK
from reference.constants.open_flags import O_CREAT, O_NONBLOCK, O_PATH, O_RDWR
from reference.constants.sockets import AF_INET, AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM
from reference.linux.kernel import Linux
from reference.syscalls import AUTOMATIC_NAME
from refusals import refused
from unix_sockets import make, server

# Names ----------------------------------------------------------------------------------------


def test_a_new_socket_has_the_lowest_number_and_the_flags_of_its_type(kernel: Linux) -> None:
    assert 3 == kernel.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    assert O_RDWR | O_NONBLOCK == kernel.fcntl(3, F_GETFL)
    assert FD_CLOEXEC == kernel.fcntl(3, F_GETFD)


@pytest.mark.parametrize("domain", [0, AF_INET, 16, 100, -1])
def test_no_other_domain_has_sockets(kernel: Linux, domain: int) -> None:
    refused(EAFNOSUPPORT, kernel.socket, domain, SOCK_STREAM, 0)


def test_flags_of_a_new_socket_are_looked_at_before_its_domain(kernel: Linux) -> None:
    refused(EINVAL, kernel.socket, 100, SOCK_STREAM | 16, 0)


def test_a_socket_without_a_name_has_an_address_without_one(kernel: Linux) -> None:
    assert "" == kernel.getsockname(make(kernel, SOCK_STREAM))


def test_both_ends_of_a_pair_have_no_name(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    assert ["", ""] == [kernel.getpeername(one), kernel.getsockname(other)]


def test_binding_makes_a_file_with_the_mode_of_the_socket(kernel: Linux) -> None:
    fd = make(kernel, SOCK_DGRAM)
    kernel.fchmod(fd, 0o666)
    kernel.bind(fd, "s")
    found = kernel.fstat(kernel.open("s", O_PATH, 0))
    assert (S_IFSOCK | 0o644, 1, 0) == (found.mode, found.nlink, found.size)
    assert "s" == kernel.getsockname(fd)


def test_the_file_of_a_socket_cannot_be_opened(kernel: Linux) -> None:
    make(kernel, SOCK_DGRAM, "s")
    refused(ENXIO, kernel.open, "s", O_RDWR, 0)


def test_a_name_that_exists_is_in_use_even_when_its_socket_is_closed(kernel: Linux) -> None:
    kernel.close(make(kernel, SOCK_DGRAM, "s"))
    refused(EADDRINUSE, kernel.bind, make(kernel, SOCK_DGRAM), "s")
    refused(EADDRINUSE, kernel.bind, make(kernel, SOCK_DGRAM), ".")


def test_a_second_name_is_refused_and_its_file_is_gone(kernel: Linux) -> None:
    fd = make(kernel, SOCK_DGRAM, "s")
    refused(EINVAL, kernel.bind, fd, "t")
    refused(ENOENT, kernel.open, "t", O_PATH, 0)
    refused(EADDRINUSE, kernel.bind, fd, "s")
    assert "s" == kernel.getsockname(fd)


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("missing/s", ENOENT),
        ("t/", ENOENT),
        ("f/s", ENOTDIR),
        (None, EINVAL),
        ("x" * 109, EINVAL),
        ("é" * 55, EINVAL),
        ("\0" + "x" * 108, EINVAL),
    ],
)
def test_a_name_that_cannot_be_made_is_refused(kernel: Linux, address: str | None, number: int) -> None:
    kernel.open("f", O_RDWR | O_CREAT, 0o600)
    refused(number, kernel.bind, make(kernel, SOCK_DGRAM), address)


def test_a_name_may_have_108_bytes(kernel: Linux) -> None:
    assert "x" * 108 == kernel.getsockname(make(kernel, SOCK_DGRAM, "x" * 108))


def test_a_directory_that_may_not_be_written_takes_no_name(user: Linux) -> None:
    user.mkdir("d", 0o500)
    refused(EACCES, user.bind, make(user, SOCK_DGRAM), "d/s")


def test_abstract_names_are_apart_by_type_and_free_again_after_a_close(kernel: Linux) -> None:
    first = make(kernel, SOCK_DGRAM, "\0a")
    make(kernel, SOCK_STREAM, "\0a")
    refused(EADDRINUSE, kernel.bind, make(kernel, SOCK_DGRAM), "\0a")
    refused(EINVAL, kernel.bind, first, "\0b")
    kernel.close(first)
    assert "\0a" == kernel.getsockname(make(kernel, SOCK_DGRAM, "\0a"))


def test_the_kernel_chooses_a_name_where_none_is_given_and_keeps_one_that_is_there(kernel: Linux) -> None:
    fd, named = make(kernel, SOCK_DGRAM), make(kernel, SOCK_DGRAM, "s")
    assert [0, 0] == [kernel.bind(fd, ""), kernel.bind(named, "")]
    assert [AUTOMATIC_NAME, "s"] == [kernel.getsockname(fd), kernel.getsockname(named)]
    refused(ECONNREFUSED, kernel.connect, named, AUTOMATIC_NAME)


def test_only_sockets_have_names(kernel: Linux) -> None:
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (kernel.bind, ("s",)),
        (kernel.listen, (1,)),
        (kernel.connect, ("s",)),
        (kernel.accept4, (0,)),
        (kernel.getsockname, ()),
        (kernel.getpeername, ()),
        (kernel.sendto, (b"x", 0, "s")),
        (kernel.recvfrom, (1, 0)),
    ]
    for call, arguments in calls:
        refused(ENOTSOCK, call, 0, *arguments)
        refused(EBADF, call, 77, *arguments)


def test_a_name_longer_than_any_is_refused_before_the_socket_is_looked_at(kernel: Linux) -> None:
    refused(EINVAL, kernel.connect, 0, "x" * 127)
    refused(ENOTSOCK, kernel.connect, 0, "x" * 126)


# Finding --------------------------------------------------------------------------------------


def test_links_lead_to_the_socket_and_the_name_does_not_matter(kernel: Linux) -> None:
    server(kernel)
    kernel.link("s", "t")
    kernel.symlink("t", "l")
    kernel.unlink("s")
    fd = make(kernel, SOCK_STREAM)
    kernel.connect(fd, "l")
    assert "s" == kernel.getpeername(fd)


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("missing", ENOENT),
        (".", ECONNREFUSED),
        ("f", ECONNREFUSED),
        ("d", EPROTOTYPE),
        ("gone", ECONNREFUSED),
        ("\0s", ECONNREFUSED),
        ("", EINVAL),
        (None, EINVAL),
    ],
)
def test_where_no_stream_answers_connecting_fails(kernel: Linux, address: str | None, number: int) -> None:
    kernel.open("f", O_RDWR | O_CREAT, 0o600)
    make(kernel, SOCK_DGRAM, "d")
    kernel.close(make(kernel, SOCK_STREAM, "gone"))
    refused(number, kernel.connect, make(kernel, SOCK_STREAM), address)


def test_who_may_not_write_to_a_name_may_not_connect_to_it(user: Linux) -> None:
    fd = make(user, SOCK_DGRAM)
    user.fchmod(fd, 0o400)
    user.bind(fd, "s")
    refused(EACCES, user.connect, make(user, SOCK_DGRAM), "s")
