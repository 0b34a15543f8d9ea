# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""splice(2) and tee(2) between pipes of the sandbox's own and imports, over the model of Linux."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference.constants.descriptors import F_SETFL
from reference.constants.errors import EAGAIN, EBADF, EINVAL, EPIPE, ESPIPE
from reference.constants.open_flags import O_APPEND, O_CREAT, O_NONBLOCK, O_RDWR
from reference.constants.transfers import SEEK_CUR, SPLICE_F_NONBLOCK
from reference.host.kernel import Host
from reference.outcomes import Refused, Sleeps

UNKNOWN_FLAG = 0x80


@pytest.fixture
def own(host: Host) -> tuple[int, int]:
    """A pipe of the sandbox's own, with five bytes in it."""
    ends = host.kernel.pipe2(0)
    host.kernel.write(ends[1], b"hello")
    return ends


def imported(host: Host, fd: int, *, savable: int = 0) -> int:
    return host.import_fd(fd, 0, None, 0, None, savable)


def file_of(host: Host, flags: int = 0) -> int:
    """An import of a file with four bytes, at position 0."""
    fd = host.kernel.open("f", O_RDWR | O_CREAT | flags, 0o600)
    host.kernel.write(fd, b"0123")
    return imported(host, fd)


def refusal_of(call: Callable[[], object]) -> int | None:
    with pytest.raises(Refused) as refusal:
        call()
    return refusal.value.errno


@pytest.mark.parametrize("host_flags", [0, O_APPEND])
def test_a_target_that_appends_is_written_at_its_end(host: Host, own: tuple[int, int], host_flags: int) -> None:
    file = file_of(host, host_flags)
    host.fcntl(file, F_SETFL, O_APPEND)

    assert (2, -1, -1) == host.splice(own[0], -1, file, -1, 2, 0)
    assert 6 == host.lseek(file, 0, SEEK_CUR)
    assert b"0123he" == host.pread(file, 9, 0)
    assert b"llo" == host.read(own[0], 9)


def test_a_host_that_appends_does_so_at_every_offset(host: Host, own: tuple[int, int]) -> None:
    file = file_of(host, O_APPEND)

    assert (1, -1, 2) == host.splice(own[0], -1, file, 1, 1, 0)
    assert b"0123h" == host.pread(file, 9, 0)


def test_an_empty_pipe_is_waited_for_unless_somebody_is_not_to_wait(host: Host, own: tuple[int, int]) -> None:
    file = file_of(host)
    host.read(own[0], 5)

    with pytest.raises(Sleeps):
        host.splice(own[0], -1, file, -1, 1, 0)
    assert EAGAIN == refusal_of(lambda: host.splice(own[0], -1, file, -1, 1, SPLICE_F_NONBLOCK))
    host.fcntl(file, F_SETFL, O_NONBLOCK)
    assert EAGAIN == refusal_of(lambda: host.splice(own[0], -1, file, -1, 1, 0))
    host.close(own[1])
    assert (0, -1, -1) == host.splice(own[0], -1, file, -1, 1, 0)


def test_an_import_is_waited_for_though_the_host_never_waits(host: Host, own: tuple[int, int]) -> None:
    reader = imported(host, host.kernel.pipe2(0)[0])

    with pytest.raises(Sleeps):
        host.splice(reader, -1, own[1], -1, 1, 0)


def test_bytes_that_a_save_kept_are_spliced_first(host: Host, own: tuple[int, int]) -> None:
    read_end, write_end = host.kernel.pipe2(0)
    reader = imported(host, read_end, savable=1)
    host.kernel.write(write_end, b"ab")
    host.save()
    host.kernel.write(write_end, b"cd")

    assert (3, -1, -1) == host.splice(reader, -1, own[1], -1, 3, 0)
    assert b"helloabc" == host.read(own[0], 9)
    assert b"d" == host.read(reader, 9)


def test_a_pipe_without_readers_raises_no_signal(host: Host, own: tuple[int, int]) -> None:
    read_end, write_end = host.kernel.pipe2(0)
    writer = imported(host, write_end)
    host.kernel.close(read_end)

    assert EPIPE == refusal_of(lambda: host.splice(own[0], -1, writer, -1, 5, 0))
    assert [] == host.signals
    assert b"hello" == host.read(own[0], 9)


def test_null_has_nothing_to_splice(host: Host, own: tuple[int, int]) -> None:
    null = imported(host, host.kernel.open("/dev/null", O_RDWR, 0))

    assert (0, -1, -1) == host.splice(null, -1, own[1], -1, 5, 0)


def test_an_offset_is_looked_at_when_the_rights_are_there(host: Host, own: tuple[int, int]) -> None:
    reader, writer = (imported(host, end) for end in host.kernel.pipe2(0))

    assert ESPIPE == refusal_of(lambda: host.splice(own[0], -1, writer, 0, 1, 0))
    assert EINVAL == refusal_of(lambda: host.splice(own[0], -1, writer, -5, 1, 0))
    assert EBADF == refusal_of(lambda: host.splice(own[0], -1, reader, -5, 1, 0))


def test_tee_looks_at_length_flags_and_rights_before_the_pipes(host: Host) -> None:
    reader, writer = (imported(host, end) for end in host.kernel.pipe2(0))

    assert 0 == host.tee(writer, reader, 0, UNKNOWN_FLAG)
    assert EINVAL == refusal_of(lambda: host.tee(writer, reader, 2**63, 0))
    assert EBADF == refusal_of(lambda: host.tee(writer, reader, 1, 0))
    assert EINVAL == refusal_of(lambda: host.tee(reader, writer, 1, 0))
