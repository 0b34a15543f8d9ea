# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Pipes and FIFOs in the model."""

from __future__ import annotations

import pytest

from reference.constants.descriptors import F_GETFL, F_GETPIPE_SZ, F_SETFL, F_SETPIPE_SZ
from reference.constants.errors import EAGAIN, EBADF, EBUSY, EINVAL, ENOMEM, ENXIO, EPERM, EPIPE, ESPIPE
from reference.constants.file_status import S_IFIFO
from reference.constants.open_flags import O_DIRECT, O_LARGEFILE, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.readiness import POLLERR, POLLHUP, POLLIN, POLLOUT
from reference.constants.requests import FIONREAD
from reference.constants.signals import SIGPIPE
from reference.constants.transfers import RWF_NOSIGNAL, RWF_NOWAIT, SEEK_CUR
from reference.linux.kernel import Linux
from reference.linux.profile import Profile
from reference.structures import NOW
from refusals import refusal, sleep

CAPACITY = 65536


def ready(kernel: Linux, fd: int) -> int:
    return kernel.poll(((fd, POLLIN | POLLOUT),), 0)[0]


def watched(kernel: Linux, fd: int) -> list[int]:
    """The wake-ups that a watcher of a descriptor hears, from now on."""
    heard: list[int] = []
    description = kernel.fds.lookup(fd)
    for queue in description.object.wait_queues(description) or ():
        queue.watchers.append(heard.append)
    return heard


def test_bytes_come_out_in_the_order_they_went_in(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.write(writer, b"hello ")
    kernel.writev(writer, (b"wor", b"ld"))
    assert kernel.read(reader, 4) == b"hell"
    assert kernel.readv(reader, (3, 100)) == b"o world"


def test_small_writes_share_a_page(kernel: Linux) -> None:
    _reader, writer = kernel.pipe2(O_NONBLOCK)
    assert sum(kernel.write(writer, b"x" * 64) for _ in range(CAPACITY // 64)) == CAPACITY
    assert refusal(kernel.write, writer, b"x") == (EAGAIN, "PIPE-FULL")


def test_writes_of_more_than_half_a_page_fill_the_slots_early(kernel: Linux) -> None:
    _reader, writer = kernel.pipe2(O_NONBLOCK)
    for _ in range(16):
        kernel.write(writer, b"x" * 2049)
    assert refusal(kernel.write, writer, b"x" * 2049) == (EAGAIN, "PIPE-FULL")
    assert kernel.write(writer, b"x" * 2047) == 2047


def test_room_that_was_read_inside_a_page_is_not_room(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.write(writer, b"x" * CAPACITY)
    kernel.read(reader, 4095)
    assert refusal(kernel.write, writer, b"y") == (EAGAIN, "PIPE-FULL")
    kernel.read(reader, 1)
    assert kernel.write(writer, b"y") == 1


def test_a_large_write_goes_in_as_far_as_it_fits(kernel: Linux) -> None:
    _reader, writer = kernel.pipe2(O_NONBLOCK)
    assert kernel.write(writer, b"x" * (CAPACITY + 5000)) == CAPACITY


def test_the_odd_bytes_of_a_write_join_the_last_slot_first(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.fcntl(writer, F_SETPIPE_SZ, 4096)
    kernel.write(writer, b"hello")
    assert kernel.write(writer, b"odd" + b"x" * 4096) == 3
    assert kernel.read(reader, 100) == b"helloodd"


def test_a_write_that_waits_sleeps_only_when_nothing_fits(kernel: Linux) -> None:
    _reader, writer = kernel.pipe2(0)
    assert kernel.write(writer, b"x" * (CAPACITY + 1)) == CAPACITY
    assert sleep(kernel.write, writer, b"x") == "PIPE-WRITE-WAITS"


def test_an_empty_pipe_with_a_writer_has_nothing_yet(kernel: Linux) -> None:
    reader, _ = kernel.pipe2(0)
    assert sleep(kernel.read, reader, 1) == "PIPE-READ-WAITS"
    kernel.fcntl(reader, F_SETFL, O_NONBLOCK)
    assert refusal(kernel.read, reader, 1) == (EAGAIN, "PIPE-EMPTY")


def test_an_empty_pipe_without_a_writer_has_ended(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.write(writer, b"last")
    kernel.close(writer)
    assert [kernel.read(reader, 10), kernel.read(reader, 10)] == [b"last", b""]


def test_a_write_to_a_pipe_without_reader_raises_sigpipe(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.close(reader)
    assert refusal(kernel.write, writer, b"x") == (EPIPE, "PIPE-EPIPE")
    assert kernel.signals == [SIGPIPE]


def test_rwf_nosignal_spares_the_signal(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.close(reader)
    assert refusal(kernel.pwritev2, writer, (b"x",), -1, RWF_NOSIGNAL) == (EPIPE, "PIPE-EPIPE")
    assert kernel.signals == []


def test_writing_nothing_is_nothing_even_without_reader(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.close(reader)
    assert kernel.write(writer, b"") == 0
    assert kernel.signals == []


def test_rwf_nowait_makes_one_call_not_wait(kernel: Linux) -> None:
    reader, _ = kernel.pipe2(0)
    assert refusal(kernel.preadv2, reader, (1,), -1, RWF_NOWAIT) == (EAGAIN, "PIPE-EMPTY")


def test_a_read_takes_one_packet_and_loses_the_rest_of_it(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_DIRECT | O_NONBLOCK)
    for packet in (b"one", b"two", b"three"):
        kernel.write(writer, packet)
    assert [kernel.read(reader, 100), kernel.read(reader, 1), kernel.read(reader, 100)] == [b"one", b"t", b"three"]


def test_a_packet_holds_at_most_a_page(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_DIRECT)
    kernel.write(writer, b"x" * 5000)
    assert [len(kernel.read(reader, 10000)) for _ in range(2)] == [4096, 904]


def test_a_packet_write_joins_a_plain_slot(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.write(writer, b"plain")
    kernel.fcntl(writer, F_SETFL, O_DIRECT)
    kernel.write(writer, b"joined")
    assert kernel.read(reader, 100) == b"plainjoined"


def test_a_plain_write_does_not_join_a_packet(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_DIRECT)
    kernel.write(writer, b"packet")
    kernel.fcntl(writer, F_SETFL, 0)
    kernel.write(writer, b"plain")
    assert [kernel.read(reader, 100), kernel.read(reader, 100)] == [b"packet", b"plain"]


def test_packet_mode_belongs_to_the_write_end(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_DIRECT | O_NONBLOCK)
    assert kernel.fcntl(reader, F_GETFL) == O_RDONLY | O_NONBLOCK
    assert kernel.fcntl(writer, F_GETFL) == O_WRONLY | O_NONBLOCK | O_DIRECT


@pytest.mark.parametrize(
    ("size", "got"), [(0, 4096), (1, 4096), (4096, 4096), (4097, 8192), (12289, 16384), (2**20, 2**20)]
)
def test_a_size_is_rounded_up_to_a_power_of_two_of_pages(kernel: Linux, size: int, got: int) -> None:
    reader, writer = kernel.pipe2(0)
    assert kernel.fcntl(writer, F_SETPIPE_SZ, size) == got
    assert kernel.fcntl(reader, F_GETPIPE_SZ) == got


@pytest.mark.parametrize("size", [2**31 + 1, -1])
def test_a_size_beyond_the_range_is_refused(kernel: Linux, size: int) -> None:
    _, writer = kernel.pipe2(0)
    assert refusal(kernel.fcntl, writer, F_SETPIPE_SZ, size) == (EINVAL, "PIPE-SIZE-RANGE")


def test_growing_beyond_the_maximum_needs_the_capability() -> None:
    kernel = Linux()
    _, writer = kernel.pipe2(0)
    assert refusal(kernel.fcntl, writer, F_SETPIPE_SZ, 2**20 + 1) == (EPERM, "PIPE-SIZE-MAX")
    kernel = Linux(Profile(resource_capable=True))
    _, writer = kernel.pipe2(0)
    assert kernel.fcntl(writer, F_SETPIPE_SZ, 2**20 + 1) == 2**21


def test_nobody_gets_more_slots_than_one_allocation_lists() -> None:
    kernel = Linux(Profile(resource_capable=True))
    _, writer = kernel.pipe2(0)
    assert refusal(kernel.fcntl, writer, F_SETPIPE_SZ, 2**31) == (ENOMEM, "PIPE-SIZE-MEMORY")


def test_a_pipe_does_not_shrink_below_its_data(kernel: Linux) -> None:
    _, writer = kernel.pipe2(0)
    kernel.write(writer, b"x" * 4097)
    assert refusal(kernel.fcntl, writer, F_SETPIPE_SZ, 4096) == (EBUSY, "PIPE-SIZE-BUSY")
    assert kernel.fcntl(writer, F_GETPIPE_SZ) == CAPACITY


def test_a_device_has_no_pipe_size(kernel: Linux) -> None:
    fd = kernel.open("/dev/null", O_RDWR, 0)
    assert refusal(kernel.fcntl, fd, F_GETPIPE_SZ) == (EBADF, "PIPE-SIZE-OTHER")


def test_fionread_counts_on_both_ends(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.write(writer, b"x" * 5000)
    kernel.read(reader, 10)
    assert [kernel.ioctl(fd, FIONREAD) for fd in (reader, writer)] == [4990, 4990]


def test_a_pipe_has_no_position(kernel: Linux) -> None:
    reader, _ = kernel.pipe2(0)
    assert refusal(kernel.lseek, reader, 0, SEEK_CUR) == (ESPIPE, "OBJ-SEEK")
    assert refusal(kernel.pread, reader, 1, 0) == (ESPIPE, "OBJ-POSITION")


def test_a_pipe_belongs_to_its_maker() -> None:
    kernel = Linux(Profile(uid=1000, gid=100, capable=False))
    reader, _ = kernel.pipe2(0)
    assert kernel.fstat(reader) == (S_IFIFO | 0o600, 1, 1000, 100, 0, 4096, 0, NOW, NOW, NOW)


@pytest.mark.parametrize(("release", "times"), [((6, 18), (5, 7)), ((6, 12), (NOW, NOW))])
def test_data_that_passes_leaves_the_times_alone_on_kernels_that_spare_them(
    release: tuple[int, int], times: tuple[object, object]
) -> None:
    kernel = Linux(Profile(kernel=release))
    reader, writer = kernel.pipe2(0)
    kernel.futimens(reader, 5, 7)
    kernel.write(writer, b"x")
    kernel.read(reader, 1)
    assert kernel.fstat(reader)[-3:-1] == times


def test_data_that_passes_moves_the_times_of_a_fifo(kernel: Linux) -> None:
    kernel.mkfifo("p", 0o600)
    both = kernel.open("p", O_RDWR, 0)
    kernel.futimens(both, 5, 7)
    kernel.write(both, b"x")
    assert kernel.fstat(both)[-3:] == (5, NOW, NOW)
    kernel.read(both, 1)
    assert kernel.fstat(both)[-3:] == (NOW, NOW, NOW)


def test_an_end_can_be_opened_again_the_other_way(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    other = kernel.reopen(reader, O_WRONLY)
    assert kernel.fcntl(other, F_GETFL) == O_WRONLY | O_LARGEFILE
    kernel.close(writer)
    kernel.write(other, b"x")
    assert kernel.read(reader, 1) == b"x"
    kernel.close(other)
    assert kernel.read(reader, 1) == b""


def test_an_end_is_not_opened_again_in_packet_mode(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    assert refusal(kernel.reopen, reader, O_RDWR | O_DIRECT) == (EINVAL, "OPEN-DIRECT")
    kernel.close(writer)
    assert kernel.read(reader, 1) == b""


def test_an_end_is_not_opened_for_nothing(kernel: Linux) -> None:
    reader, _ = kernel.pipe2(0)
    assert refusal(kernel.reopen, reader, O_WRONLY | O_RDWR) == (EINVAL, "PIPE-OPEN-MODE")


def test_poll_sees_data_room_and_the_other_end(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    assert [ready(kernel, fd) for fd in (reader, writer)] == [0, POLLOUT]
    kernel.write(writer, b"x" * CAPACITY)
    assert [ready(kernel, fd) for fd in (reader, writer)] == [POLLIN, 0]
    kernel.close(writer)
    assert ready(kernel, reader) == POLLIN | POLLHUP


def test_poll_of_a_writer_without_reader_is_an_error(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.close(reader)
    assert ready(kernel, writer) == POLLOUT | POLLERR


def test_a_write_wakes_readers_of_an_empty_pipe_only_until_it_is_polled(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    heard = watched(kernel, reader)
    kernel.write(writer, b"x")
    kernel.write(writer, b"y")
    assert len(heard) == 1
    ready(kernel, reader)
    kernel.write(writer, b"z")
    assert len(heard) == 2


def test_a_read_wakes_writers_of_a_full_pipe_only_when_it_makes_room(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.write(writer, b"x" * CAPACITY)
    heard = watched(kernel, writer)
    kernel.read(reader, 1)
    assert heard == []
    kernel.read(reader, 4095)
    assert len(heard) == 1
    kernel.read(reader, 4096)
    assert len(heard) == 1


def test_the_last_close_of_an_end_wakes_the_other(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    copy = kernel.dup(writer)
    heard = watched(kernel, reader)
    kernel.close(writer)
    assert heard == []
    kernel.close(copy)
    assert heard == [0]


def test_a_fifo_reader_is_let_in_alone_when_it_does_not_wait(kernel: Linux) -> None:
    kernel.mkfifo("p", 0o600)
    assert sleep(kernel.open, "p", O_RDONLY, 0) == "FIFO-READER-WAITS"
    reader = kernel.open("p", O_RDONLY | O_NONBLOCK, 0)
    assert kernel.read(reader, 1) == b""


def test_an_interrupted_opening_wakes_nobody(kernel: Linux) -> None:
    kernel.mkfifo("p", 0o600)
    reader = kernel.open("p", O_RDONLY | O_NONBLOCK, 0)
    kernel.close(kernel.open("p", O_WRONLY | O_NONBLOCK, 0))
    heard = watched(kernel, reader)
    assert sleep(kernel.open, "p", O_RDONLY, 0) == "FIFO-READER-WAITS"
    assert heard == []


def test_a_fifo_writer_alone_waits_or_is_refused(kernel: Linux) -> None:
    kernel.mkfifo("p", 0o600)
    assert sleep(kernel.open, "p", O_WRONLY, 0) == "FIFO-WRITER-WAITS"
    assert refusal(kernel.open, "p", O_WRONLY | O_NONBLOCK, 0) == (ENXIO, "FIFO-ENXIO")


def test_an_opening_for_both_directions_is_its_own_partner(kernel: Linux) -> None:
    kernel.mkfifo("p", 0o600)
    both = kernel.open("p", O_RDWR, 0)
    kernel.write(both, b"echo")
    assert kernel.read(both, 10) == b"echo"


def test_a_fifo_forgets_its_data_with_its_last_description(kernel: Linux) -> None:
    kernel.mkfifo("p", 0o600)
    both = kernel.open("p", O_RDWR, 0)
    kernel.fcntl(both, F_SETPIPE_SZ, 4096)
    kernel.write(both, b"lost")
    kernel.close(both)
    both = kernel.open("p", O_RDWR, 0)
    assert kernel.ioctl(both, FIONREAD) == 0
    assert kernel.fcntl(both, F_GETPIPE_SZ) == CAPACITY


def test_a_lone_fifo_reader_sees_no_hang_up_before_a_writer_came_and_went(kernel: Linux) -> None:
    kernel.mkfifo("p", 0o600)
    reader = kernel.open("p", O_RDONLY | O_NONBLOCK, 0)
    assert ready(kernel, reader) == 0
    kernel.close(kernel.open("p", O_WRONLY | O_NONBLOCK, 0))
    assert ready(kernel, reader) == POLLHUP


def test_an_unlinked_fifo_lives_on_in_its_descriptions(kernel: Linux) -> None:
    kernel.mkfifo("p", 0o600)
    both = kernel.open("p", O_RDWR, 0)
    kernel.unlink("p")
    kernel.write(both, b"still here")
    assert kernel.read(both, 100) == b"still here"
    assert kernel.fstat(both).nlink == 0
