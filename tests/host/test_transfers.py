# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What moves data between imports, keeps it or maps it, over the model of Linux."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference.constants.errors import EAGAIN, EBADF, EFBIG, EINVAL, EOPNOTSUPP, EOVERFLOW, ESPIPE
from reference.constants.limits import LLONG_MAX, PAGE_SIZE, RLIMIT_FSIZE
from reference.constants.memory import MAP_PRIVATE, MAP_SHARED_VALIDATE, PROT_READ
from reference.constants.open_flags import O_CREAT, O_NONBLOCK, O_RDWR
from reference.constants.readiness import EPOLL_CTL_ADD, EPOLLIN, EPOLLOUT
from reference.constants.requests import FIONBIO
from reference.constants.signals import SIGXFSZ
from reference.constants.transfers import RWF_NOWAIT
from reference.host.calls_readiness import TOKENS_FROM
from reference.host.kernel import Host
from reference.outcomes import Refused, Sleeps


def imported(host: Host, fd: int, *, savable: int = 0) -> int:
    return host.import_fd(fd, 0, None, 0, None, savable)


def test_a_save_does_not_sleep_where_the_host_made_the_pipe_blocking_again(host: Host) -> None:
    read_end, write_end = host.kernel.pipe2(O_NONBLOCK)
    reader = imported(host, read_end, savable=1)
    host.kernel.write(write_end, b"abc")
    host.kernel.ioctl(read_end, FIONBIO, 0)

    assert 0 == host.save()

    assert b"abc" == host.read(reader, 3)


def test_data_that_looks_like_a_token_comes_back_as_it_was_given(host: Host) -> None:
    _, plain = host.kernel.pipe2(0)
    _, donated = host.kernel.pipe2(0)
    watched = imported(host, donated)
    epoll = host.kernel.epoll_create1(0)
    host.epoll_ctl(epoll, EPOLL_CTL_ADD, watched, EPOLLIN, 7)

    host.epoll_ctl(epoll, EPOLL_CTL_ADD, plain, EPOLLOUT, TOKENS_FROM)

    assert ((EPOLLOUT, TOKENS_FROM),) == host.epoll_wait(epoll, 8, 0)


def test_sendfile_into_a_full_pipe_would_block(host: Host) -> None:
    source = host.kernel.open("f", O_RDWR | O_CREAT, 0o600)
    host.kernel.pwrite(source, b"x", 0)
    _, write_end = host.kernel.pipe2(O_NONBLOCK)
    target = imported(host, write_end)
    host.write(target, bytes(2**16))

    with pytest.raises(Refused) as refusal:
        host.sendfile(target, source, 0, 1)

    assert EAGAIN == refusal.value.errno


def test_sendfile_sends_on_what_it_has_just_written(host: Host) -> None:
    source = host.kernel.open("f", O_RDWR | O_CREAT, 0o600)
    host.kernel.pwrite(source, b"ab", 0)
    target = imported(host, source)
    host.lseek(target, 2, 0)

    assert (10, 10) == host.sendfile(target, source, 0, 10)

    assert b"ab" * 6 == host.pread(target, 100, 0)


def test_sendfile_past_the_limit_raises_the_signal(host: Host) -> None:
    source = host.kernel.open("f", O_RDWR | O_CREAT, 0o600)
    host.kernel.pwrite(source, b"x", 0)
    target = imported(host, source)
    host.setrlimit(RLIMIT_FSIZE, 0)

    with pytest.raises(Refused) as refusal:
        host.sendfile(target, source, 0, 1)

    assert (EFBIG, [SIGXFSZ]) == (refusal.value.errno, host.signals)


@pytest.mark.parametrize(
    ("flags", "offset", "error"),
    [(MAP_SHARED_VALIDATE, 0, EINVAL), (MAP_PRIVATE, -PAGE_SIZE, EOVERFLOW), (MAP_PRIVATE, 1, EINVAL)],
)
def test_a_mapping_is_shared_or_private_and_begins_at_a_page_of_the_file(
    flags: int, offset: int, error: int, host: Host
) -> None:
    fd = imported(host, host.kernel.open("f", O_RDWR | O_CREAT, 0o600))

    with pytest.raises(Refused) as refusal:
        host.mmap(fd, 1, PROT_READ, flags, offset)

    assert error == refusal.value.errno


def test_where_a_vector_ends_is_looked_at_last(host: Host) -> None:
    read_end, write_end = (imported(host, end) for end in host.kernel.pipe2(0))
    beyond = LLONG_MAX - 1

    assert ESPIPE == refusal_of(lambda: host.preadv2(read_end, (10,), beyond, 0))
    assert EOPNOTSUPP == refusal_of(lambda: host.preadv2(read_end, (10,), beyond, RWF_NOWAIT))
    assert EBADF == refusal_of(lambda: host.preadv2(write_end, (10,), beyond, 0))
    assert EINVAL == refusal_of(lambda: host.pread(write_end, 10, beyond))


def test_a_read_of_kept_bytes_waits_where_the_host_does(host: Host) -> None:
    read_end, write_end = host.kernel.pipe2(0)
    reader = imported(host, read_end, savable=1)
    host.kernel.write(write_end, b"x")
    host.save()
    host.kernel.ioctl(read_end, FIONBIO, 0)

    with pytest.raises(Sleeps):
        host.read(reader, 2)


def test_a_range_may_end_before_it_begins(host: Host) -> None:
    file = imported(host, host.kernel.open("f", O_RDWR | O_CREAT, 0o600))

    assert 0 == host.sync_file_range(file, 10, -10, 0)
    assert EINVAL == refusal_of(lambda: host.sync_file_range(file, 10, -11, 0))


def refusal_of(call: Callable[[], object]) -> int | None:
    with pytest.raises(Refused) as refusal:
        call()
    return refusal.value.errno
