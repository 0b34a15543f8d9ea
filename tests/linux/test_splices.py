# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""splice(2) and its relatives in the model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reference.constants.descriptors import F_ADD_SEALS, F_SETPIPE_SZ
from reference.constants.errors import EAGAIN, EBADF, EBUSY, EFBIG, EINVAL, EISDIR, EOVERFLOW, EPIPE, ESPIPE, EXDEV
from reference.constants.limits import RLIMIT_FSIZE
from reference.constants.memory import F_SEAL_WRITE, MFD_ALLOW_SEALING
from reference.constants.open_flags import O_APPEND, O_CREAT, O_DIRECT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.requests import FIONREAD, SIOCOUTQ
from reference.constants.signals import SIGPIPE, SIGXFSZ
from reference.constants.sockets import AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM
from reference.constants.transfers import RWF_NOWAIT, SEEK_CUR, SEEK_SET, SPLICE_F_NONBLOCK
from reference.linux.kernel import Linux
from reference.linux.profile import EXT4, TMPFS, Filesystem, Profile
from refusals import refusal, sleep

LIMIT = Profile().file_size_bytes_max
LARGEST_OFFSET = 2**63 - 1


def file(kernel: Linux, data: bytes = b"", name: str = "f") -> int:
    fd = kernel.open(name, O_RDWR | O_CREAT, 0o600)
    kernel.pwrite(fd, data, 0)
    return fd


def small_pipe(kernel: Linux, pages: int = 1) -> tuple[int, int]:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.fcntl(writer, F_SETPIPE_SZ, pages * 4096)
    return reader, writer


# Pages of files -----------------------------------------------------------------------------------


def test_a_pipe_shows_what_is_written_to_a_page_it_was_lent(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    fd = file(kernel, b"before")
    assert kernel.splice(fd, 0, writer, -1, 100, 0) == (6, 6, -1)
    kernel.pwrite(fd, b"after!", 0)
    assert kernel.read(reader, 100) == b"after!"


def test_a_page_that_the_file_gave_up_stays_as_it_was(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    fd = kernel.memfd_create("m", 0)
    kernel.pwrite(fd, b"kept", 0)
    kernel.splice(fd, 0, writer, -1, 4, 0)
    kernel.ftruncate(fd, 0)
    kernel.pwrite(fd, b"new!", 0)
    assert kernel.read(reader, 100) == b"kept"


def test_a_page_that_a_pipe_holds_keeps_the_seal_against_writes_off(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    fd = kernel.memfd_create("m", MFD_ALLOW_SEALING)
    kernel.pwrite(fd, b"held", 0)
    kernel.splice(fd, 0, writer, -1, 4, 0)
    assert (EBUSY, "SEAL-PINNED") == refusal(kernel.fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE)
    kernel.read(reader, 4)
    assert kernel.fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0


def test_what_a_file_cuts_off_within_a_page_is_zero_in_the_pipe_too(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    fd = file(kernel, b"abcd")
    kernel.splice(fd, 0, writer, -1, 4, 0)
    kernel.ftruncate(fd, 1)
    assert kernel.read(reader, 100) == b"a\0\0\0"


def test_a_hole_of_a_file_in_memory_has_no_page_to_lend() -> None:
    kernel = Linux(Profile(filesystem=TMPFS))
    reader, writer = kernel.pipe2(O_NONBLOCK)
    fd = file(kernel)
    kernel.ftruncate(fd, 100)
    kernel.splice(fd, 0, writer, -1, 4, 0)
    kernel.pwrite(fd, b"data", 0)
    assert kernel.read(reader, 100) == bytes(4)


@pytest.mark.parametrize("filesystem", [EXT4, replace(TMPFS, zero_pages=False)], ids=["a disk", "a daemon"])
def test_a_hole_before_a_disk_or_a_daemon_has_a_page_in_the_cache(filesystem: Filesystem) -> None:
    kernel = Linux(Profile(filesystem=filesystem))
    reader, writer = kernel.pipe2(O_NONBLOCK)
    fd = file(kernel)
    kernel.ftruncate(fd, 100)
    kernel.splice(fd, 0, writer, -1, 4, 0)
    kernel.pwrite(fd, b"data", 0)
    assert kernel.read(reader, 100) == b"data"


def test_each_page_that_is_touched_takes_a_slot(kernel: Linux) -> None:
    _, writer = small_pipe(kernel, pages=2)
    fd = file(kernel, bytes(20000))
    assert kernel.splice(fd, 100, writer, -1, 8192, 0) == (8092, 8192, -1)


def test_nothing_is_added_to_a_page_of_a_file(kernel: Linux) -> None:
    _, writer = small_pipe(kernel)
    kernel.splice(file(kernel, b"x"), 0, writer, -1, 1, 0)
    assert refusal(kernel.write, writer, b"y") == (EAGAIN, "PIPE-FULL")


def test_a_file_that_gets_its_own_page_a_little_further_on_is_filled_with_what_came_before(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    fd = file(kernel, b"abcdefgh")
    kernel.splice(fd, 0, writer, -1, 8, 0)
    assert kernel.splice(reader, -1, fd, 3, 8, 0) == (8, -1, 11)
    assert kernel.pread(fd, 100, 0) == b"abcabcabcab"


# Pipe to pipe -------------------------------------------------------------------------------------


def test_a_slot_that_went_over_whole_still_takes_small_writes(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    other_reader, other_writer = small_pipe(kernel)
    kernel.write(writer, b"whole")
    assert kernel.splice(reader, -1, other_writer, -1, 5, 0) == (5, -1, -1)
    assert kernel.write(other_writer, b"+") == 1
    assert kernel.read(other_reader, 100) == b"whole+"


def test_the_part_of_a_slot_that_went_over_takes_none(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    _, other_writer = small_pipe(kernel)
    kernel.write(writer, b"parts")
    kernel.splice(reader, -1, other_writer, -1, 2, 0)
    assert refusal(kernel.write, other_writer, b"+") == (EAGAIN, "PIPE-FULL")
    kernel.write(writer, b"+")
    assert kernel.read(reader, 100) == b"rts+"


def test_splice_leaves_the_rest_of_a_packet_where_it_is(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_DIRECT)
    other_reader, other_writer = kernel.pipe2(0)
    kernel.write(writer, b"packet")
    kernel.splice(reader, -1, other_writer, -1, 3, 0)
    assert [kernel.read(other_reader, 100), kernel.read(reader, 100)] == [b"pac", b"ket"]


def test_tee_leaves_the_data_in_the_first_pipe(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    other_reader, other_writer = kernel.pipe2(0)
    kernel.write(writer, b"shared")
    assert kernel.tee(reader, other_writer, 3, 0) == 3
    assert [kernel.read(other_reader, 100), kernel.read(reader, 100)] == [b"sha", b"shared"]


def test_a_pipe_that_was_spliced_knows_rwf_nowait_no_longer(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    refusal(kernel.splice, reader, -1, writer, -1, 1, 0)
    assert refusal(kernel.preadv2, reader, (1,), -1, RWF_NOWAIT)[1] == "XFER-FLAGS-NOWAIT"


@pytest.mark.parametrize("flags", [0, SPLICE_F_NONBLOCK])
def test_an_empty_pipe_is_waited_for_unless_the_call_may_not_wait(kernel: Linux, flags: int) -> None:
    reader, _ = kernel.pipe2(0)
    fd = file(kernel)
    if flags:
        assert refusal(kernel.splice, reader, -1, fd, -1, 1, flags) == (EAGAIN, "SPLICE-EMPTY")
    else:
        assert sleep(kernel.splice, reader, -1, fd, -1, 1, flags) == "SPLICE-WAITS-FOR-DATA"


def test_an_end_without_writer_moves_nothing(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.close(writer)
    assert kernel.splice(reader, -1, file(kernel), -1, 1, 0) == (0, -1, -1)


def test_a_pipe_without_reader_raises_sigpipe(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(0)
    kernel.close(reader)
    assert refusal(kernel.vmsplice, writer, (b"x",), 0) == (EPIPE, "SPLICE-EPIPE")
    assert kernel.signals == [SIGPIPE]


def test_vmsplice_waits_in_spite_of_o_nonblock(kernel: Linux) -> None:
    _, writer = small_pipe(kernel)
    assert kernel.vmsplice(writer, (b"one", b"two"), 0) == 3
    assert sleep(kernel.vmsplice, writer, (b"x",), 0) == "SPLICE-WAITS-FOR-ROOM"
    assert refusal(kernel.vmsplice, writer, (b"x",), SPLICE_F_NONBLOCK) == (EAGAIN, "SPLICE-FULL")


def test_vmsplice_of_a_reading_end_takes_across_packets(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_DIRECT)
    kernel.write(writer, b"one")
    kernel.write(writer, b"two")
    assert kernel.vmsplice(reader, (b"....", b"."), 0) == 5
    assert kernel.read(reader, 100) == b"o"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param((99, -1, 99, -1, 1, 16), (EINVAL, "SPLICE-FLAGS"), id="flags first"),
        pytest.param((99, -1, 99, -1, 1, 0), (EBADF, "FD-EBADF"), id="descriptors"),
        pytest.param((4, 0, 5, -1, 1, 0), (ESPIPE, "SPLICE-PIPE-OFFSET"), id="offset of a pipe"),
        pytest.param((4, -1, 5, -1, 1, 0), (EBADF, "SPLICE-ACCESS"), id="access"),
        pytest.param((3, -1, 4, -1, 1, 0), (EINVAL, "SPLICE-SAME-PIPE"), id="same pipe"),
        pytest.param((5, -1, 5, -1, 1, 0), (EINVAL, "SPLICE-NO-PIPE"), id="no pipe"),
        pytest.param((5, -2, 4, -1, 1, 0), (EINVAL, "SPLICE-SPAN"), id="below zero"),
        pytest.param((5, LARGEST_OFFSET, 4, -1, 1, 0), (EINVAL, "SPLICE-SPAN"), id="past the largest offset"),
        pytest.param((0, -1, 4, -1, 1, 0), (EINVAL, "SPLICE-SOURCE"), id="null device"),
        pytest.param((3, -1, 6, -1, 1, 0), (EINVAL, "SPLICE-APPEND"), id="append"),
    ],
)
def test_splice_refuses(kernel: Linux, arguments: tuple[int, ...], expected: tuple[int, str]) -> None:
    kernel.pipe2(O_NONBLOCK)
    kernel.open("f", O_RDWR | O_CREAT, 0o600)
    kernel.open("f", O_WRONLY | O_APPEND, 0o600)
    assert refusal(kernel.splice, *arguments) == expected


def test_splice_of_nothing_looks_at_nothing(kernel: Linux) -> None:
    assert kernel.splice(99, -1, 99, -1, 0, 64) == (0, -1, -1)


def test_splice_returns_what_went_before_the_limit_on_sizes(kernel: Linux) -> None:
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.write(writer, b"x" * 10)
    assert kernel.splice(reader, -1, file(kernel), LIMIT - 4, 10, 0) == (4, -1, LIMIT)
    assert kernel.signals == [SIGXFSZ]
    assert kernel.ioctl(reader, FIONREAD) == 6


# sendfile -----------------------------------------------------------------------------------------


def test_sendfile_moves_the_offset_given_or_else_the_position(kernel: Linux) -> None:
    source, target = file(kernel, b"abcdef"), file(kernel, name="g")
    assert kernel.sendfile(target, source, 1, 2) == (2, 3)
    assert kernel.sendfile(target, source, -1, 3) == (3, -1)
    assert kernel.lseek(source, 0, SEEK_CUR) == 3
    assert kernel.pread(target, 100, 0) == b"bcabc"


def test_sendfile_stands_behind_what_the_target_took(kernel: Linux) -> None:
    source, target = file(kernel, bytes(100000)), file(kernel, name="g")
    kernel.lseek(target, LIMIT - 70000, SEEK_SET)
    assert kernel.sendfile(target, source, 0, 100000) == (70000, 70000)
    assert kernel.signals == [SIGXFSZ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param((99, 4, 0, 1), (EBADF, "SPLICE-ACCESS"), id="source first"),
        pytest.param((99, 3, 0, 1), (ESPIPE, "SENDFILE-OFFSET"), id="offset of a pipe"),
        pytest.param((99, 5, -2, 1), (EINVAL, "SPLICE-SPAN"), id="below zero"),
        pytest.param((99, 5, 0, 1), (EBADF, "FD-EBADF"), id="target"),
        pytest.param((5, 5, 2**62, 0), (EOVERFLOW, "SENDFILE-LARGEST"), id="past the largest file"),
        pytest.param((6, 5, 0, 0), (EINVAL, "SENDFILE-APPEND"), id="append"),
        pytest.param((5, 3, -1, 1), (EINVAL, "SENDFILE-SOURCE"), id="pipe as a source"),
        pytest.param((4, 3, -1, 1), (EINVAL, "SPLICE-SOURCE"), id="pipe into itself"),
    ],
)
def test_sendfile_refuses(kernel: Linux, arguments: tuple[int, ...], expected: tuple[int, str]) -> None:
    kernel.pipe2(O_NONBLOCK)
    kernel.open("f", O_RDWR | O_CREAT, 0o600)
    kernel.open("f", O_WRONLY | O_APPEND, 0o600)
    assert refusal(kernel.sendfile, *arguments) == expected


# copy_file_range ----------------------------------------------------------------------------------


def test_copy_file_range_copies_within_a_file_while_the_ranges_keep_apart(kernel: Linux) -> None:
    fd = file(kernel, b"abcd")
    assert kernel.copy_file_range(fd, 0, fd, 4, 100, 0) == (4, 4, 8)
    assert kernel.pread(fd, 100, 0) == b"abcdabcd"
    assert refusal(kernel.copy_file_range, fd, 0, fd, 3, 4, 0) == (EINVAL, "COPYRANGE-OVERLAP")


def test_copy_file_range_looks_at_the_limit_before_it_finds_nothing_to_copy(kernel: Linux) -> None:
    fd = file(kernel)
    assert refusal(kernel.copy_file_range, fd, 0, fd, LIMIT, 1, 0) == (EFBIG, "FILE-LIMIT")
    assert kernel.copy_file_range(fd, 0, fd, 0, 1, 0) == (0, 0, 0)


def test_copy_file_range_looks_at_the_limit_as_it_is_now(kernel: Linux) -> None:
    fd = file(kernel, b"abcd")
    kernel.setrlimit(RLIMIT_FSIZE, 6)
    assert kernel.copy_file_range(fd, 0, fd, 4, 4, 0) == (2, 2, 6)
    assert kernel.signals == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param((5, 0, 5, 0, 1, 1), (EINVAL, "COPYRANGE-FLAGS"), id="flags"),
        pytest.param((3, -1, 7, -1, 1, 0), (EISDIR, "COPYRANGE-DIRECTORY"), id="directory"),
        pytest.param((3, -1, 5, -1, 1, 0), (EINVAL, "COPYRANGE-REGULAR"), id="pipe"),
        pytest.param((5, 0, 6, 0, 1, 0), (EBADF, "COPYRANGE-ACCESS"), id="append"),
        pytest.param((5, 0, 8, 0, 1, 0), (EXDEV, "COPYRANGE-FILESYSTEMS"), id="memory file"),
        pytest.param((5, 1, 5, 0, -1, 0), (EOVERFLOW, "COPYRANGE-OVERFLOW"), id="overflow"),
        pytest.param((5, -5, 5, 0, 1, 0), (EINVAL, "SPLICE-SPAN"), id="below zero"),
    ],
)
def test_copy_file_range_refuses(kernel: Linux, arguments: tuple[int, ...], expected: tuple[int, str]) -> None:
    kernel.pipe2(O_NONBLOCK)
    kernel.open("f", O_RDWR | O_CREAT, 0o600)
    kernel.open("f", O_WRONLY | O_APPEND, 0o600)
    kernel.open(".", O_RDONLY, 0)
    kernel.memfd_create("m", 0)
    assert refusal(kernel.copy_file_range, *arguments) == expected


# Sockets ------------------------------------------------------------------------------------------


def test_a_stream_holds_the_page_itself_and_is_charged_for_what_is_used_of_it(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_STREAM, 0)
    fd = file(kernel, b"before")
    kernel.sendfile(one, fd, 0, 6)
    kernel.pwrite(fd, b"after!", 0)
    assert kernel.ioctl(one, SIOCOUTQ) == 768 + 6
    assert kernel.read(other, 100) == b"after!"


def test_blocks_of_pages_of_a_stream_take_a_slot_each(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    reader, writer = small_pipe(kernel, pages=2)
    kernel.write(one, bytes(3776 + 2 * 4096))
    assert kernel.splice(other, -1, writer, -1, 2**20, 0) == (8192, -1, -1)
    kernel.read(reader, 3776)
    assert kernel.write(writer, b"x") == 1


def test_the_head_of_a_piece_takes_two_slots_where_the_block_of_copies_ends(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)
    reader, writer = kernel.pipe2(O_NONBLOCK)
    for _ in range(9):
        kernel.write(one, bytes(3776))
    kernel.splice(other, -1, writer, -1, 2**20, 0)
    ring = kernel.description(reader).object.ring  # type: ignore[attr-defined]
    assert [slot.left for slot in ring.slots] == [3776] * 8 + [2560, 1216]


def test_sixteen_slots_at_most_make_a_message(kernel: Linux) -> None:
    one, other = kernel.socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)
    reader, writer = kernel.pipe2(O_NONBLOCK)
    kernel.fcntl(writer, F_SETPIPE_SZ, 2**17)
    kernel.vmsplice(writer, (b"x",) * 17, 0)
    assert kernel.splice(reader, -1, one, -1, 100, 0) == (17, -1, -1)
    assert [kernel.read(other, 100), kernel.read(other, 100)] == [b"x" * 16, b"x"]
