# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""An import that is opened again with O_PATH, over the model of Linux: what is looked at before it says EBADF."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference.constants.errors import EBADF, EFAULT, EINVAL, ENOENT, ENOSYS, ENOTSOCK, EPERM, ERANGE
from reference.constants.memory import MAP_SHARED, PROT_READ
from reference.constants.open_flags import O_CREAT, O_PATH, O_RDWR
from reference.constants.readiness import EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN, POLLIN, POLLOUT
from reference.constants.sockets import SHUT_RD
from reference.constants.transfers import SYNC_FILE_RANGE_WAIT_AFTER, SYNC_FILE_RANGE_WAIT_BEFORE
from reference.host.kernel import Host
from reference.outcomes import Refused

TOO_LONG = 2**47
Call = Callable[[Host, int], object]
CALLS: dict[str, tuple[Call, int]] = {
    "read": (lambda host, name: host.read(name, 1), EBADF),
    "write": (lambda host, name: host.write(name, b""), EBADF),
    "length below zero": (lambda host, name: host.readv(name, (-1,)), EINVAL),
    "too long a buffer": (lambda host, name: host.readv(name, (TOO_LONG,)), EFAULT),
    "offset before buffers": (lambda host, name: host.preadv2(name, (TOO_LONG,), -2, 0), EINVAL),
    "offset": (lambda host, name: host.pread(name, 1, -1), EINVAL),
    "size": (lambda host, name: host.ftruncate(name, 0), EINVAL),
    "advice to read ahead": (lambda host, name: host.readahead(name, 0, 0), EINVAL),
    "wait before": (lambda host, name: host.sync_file_range(name, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE), ENOSYS),
    "wait after": (lambda host, name: host.sync_file_range(name, 0, 0, SYNC_FILE_RANGE_WAIT_AFTER), EBADF),
    "no way to share": (lambda host, name: host.mmap(name, 4096, PROT_READ, 0, 0), EINVAL),
    "mapping": (lambda host, name: host.mmap(name, 4096, PROT_READ, MAP_SHARED, 0), EBADF),
    "splice": (lambda host, name: host.splice(name, -1, name, -1, 1, 0), EBADF),
    "waiting on it": (lambda host, name: host.epoll_wait(name, 1, 0), EINVAL),
    "watching it": (lambda host, name: host.epoll_ctl(host.epoll_create1(0), EPOLL_CTL_ADD, name, EPOLLIN, 0), EPERM),
    "not watching it": (
        lambda host, name: host.epoll_ctl(host.epoll_create1(0), EPOLL_CTL_DEL, name, EPOLLIN, 0),
        ENOENT,
    ),
    "watching it with a pipe": (
        lambda host, name: host.epoll_ctl(host.kernel.pipe2(0)[0], EPOLL_CTL_ADD, name, EPOLLIN, 0),
        EINVAL,
    ),
    "shutdown": (lambda host, name: host.shutdown(name, SHUT_RD), ENOTSOCK),
    "attribute without a name": (lambda host, name: host.fsetxattr(name, "", b"", 0), ERANGE),
    "attribute": (lambda host, name: host.fsetxattr(name, "user.a", b"", 0), EBADF),
    "no room for an entry": (lambda host, name: host.getdents(name, 0), EINVAL),
    "directory": (lambda host, name: host.getdents(name, 100), EBADF),
}


@pytest.fixture
def name(host: Host) -> int:
    """A descriptor that only names an imported file."""
    return host.reopen(host.import_fd(host.kernel.open("f", O_RDWR | O_CREAT, 0o600), 0, None, 0, None, 0), O_PATH)


@pytest.mark.parametrize(("call", "error"), CALLS.values(), ids=CALLS.keys())
def test_arguments_and_kinds_are_looked_at_before_the_name(host: Host, name: int, call: Call, error: int) -> None:
    with pytest.raises(Refused) as refusal:
        call(host, name)

    assert error == refusal.value.errno


def test_a_name_is_always_ready(host: Host, name: int) -> None:
    assert (POLLIN | POLLOUT,) == host.poll(((name, POLLIN | POLLOUT),), 0)
    assert ((name,), (name,), ()) == host.select((name,), (name,), (name,), 0)


def test_where_there_is_no_need_to_wait_a_name_is_not_asked(host: Host, name: int) -> None:
    assert 0 == host.sync_file_range(name, 0, 0, 0)
