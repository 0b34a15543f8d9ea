# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Data, positions, sizes and storage of regular files in the model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference.constants.errors import EAGAIN, EBADF, EFAULT, EFBIG, EINVAL, ENODEV, ENXIO, EOPNOTSUPP, ESPIPE
from reference.constants.limits import LLONG_MAX
from reference.constants.open_flags import O_APPEND, O_CREAT, O_DIRECT, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.signals import SIGXFSZ
from reference.constants.transfers import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
    RWF_APPEND,
    RWF_NOAPPEND,
    RWF_NOWAIT,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_HOLE,
    SEEK_SET,
    SYNC_FILE_RANGE_WRITE,
)
from reference.linux.kernel import Linux
from reference.linux.profile import EXT4, TMPFS, Filesystem, Profile
from reference.outcomes import Between, NotModelled, Refused
from refusals import fails

LIMIT = 2**21
PAGE = 4096


@pytest.fixture
def linux() -> Linux:
    return Linux()


@pytest.fixture
def tmpfs() -> Linux:
    return Linux(Profile(filesystem=TMPFS))


def make(linux: Linux, data: bytes = b"", flags: int = O_RDWR) -> int:
    fd = linux.open("f", flags | O_CREAT, 0o600)
    if data:
        linux.pwrite(fd, data, 0)
    return fd


# Positions and transfers ------------------------------------------------------------------------


def test_reads_and_writes_move_the_position(linux: Linux) -> None:
    fd = make(linux)
    assert linux.write(fd, b"hello") == 5
    assert linux.lseek(fd, 1, SEEK_SET) == 1
    assert linux.read(fd, 2) == b"el"
    assert linux.lseek(fd, 0, SEEK_CUR) == 3


def test_a_positional_read_leaves_the_position(linux: Linux) -> None:
    fd = make(linux, b"hello")
    assert linux.pread(fd, 9, 2) == b"llo"
    assert linux.lseek(fd, 0, SEEK_CUR) == 0


def test_a_duplicate_shares_the_position(linux: Linux) -> None:
    fd = make(linux, b"hello")
    twin = linux.dup(fd)
    assert linux.read(fd, 2) == b"he"
    assert linux.read(twin, 2) == b"ll"


def test_a_write_past_the_end_leaves_zeros_between(linux: Linux) -> None:
    fd = make(linux, b"a")
    linux.pwrite(fd, b"b", 4)
    assert linux.pread(fd, 9, 0) == b"a\0\0\0b"


def test_reading_needs_read_access(linux: Linux) -> None:
    fd = make(linux, flags=O_WRONLY)
    with fails(EBADF):
        linux.read(fd, 1)


def test_a_negative_offset_is_refused_before_the_descriptor(linux: Linux) -> None:
    with fails(EINVAL):
        linux.pread(77, 1, -1)


def test_a_positional_read_of_a_pipe_is_refused_before_the_access_mode(linux: Linux) -> None:
    _, write_end = linux.pipe2(0)
    with fails(ESPIPE):
        linux.pread(write_end, 1, 0)


def test_a_vector_of_too_many_buffers_is_refused(linux: Linux) -> None:
    fd = make(linux)
    with fails(EINVAL):
        linux.writev(fd, (b"x",) * 1025)


def test_an_empty_vector_does_not_look_at_the_flags(linux: Linux) -> None:
    assert linux.preadv2(make(linux), (), 0, 1 << 20) == b""


def test_an_impossible_count_is_a_bad_address(linux: Linux) -> None:
    with fails(EFAULT):
        linux.read(make(linux), -1)


def test_a_read_that_would_pass_the_largest_offset_is_refused(linux: Linux) -> None:
    with fails(EINVAL):
        linux.pread(make(linux), 1, LLONG_MAX)


def test_append_wins_over_the_offset(linux: Linux) -> None:
    fd = make(linux, b"one", O_RDWR | O_APPEND)
    linux.pwrite(fd, b"two", 0)
    assert linux.pread(fd, 9, 0) == b"onetwo"


def test_noappend_lifts_append_for_one_call(linux: Linux) -> None:
    fd = make(linux, b"one", O_RDWR | O_APPEND)
    linux.pwritev2(fd, (b"ON",), 0, RWF_NOAPPEND)
    assert linux.pread(fd, 9, 0) == b"ONe"


def test_an_append_by_flag_moves_the_position_to_the_end(linux: Linux) -> None:
    fd = make(linux, b"one")
    linux.pwritev2(fd, (b"!",), -1, RWF_APPEND)
    assert linux.lseek(fd, 0, SEEK_CUR) == 4


def test_append_with_noappend_is_refused(linux: Linux) -> None:
    with fails(EINVAL):
        linux.pwritev2(make(linux), (b"x",), 0, RWF_APPEND | RWF_NOAPPEND)


def test_a_buffered_write_does_not_know_nowait(linux: Linux) -> None:
    with fails(EOPNOTSUPP):
        linux.pwritev2(make(linux), (b"x",), 0, RWF_NOWAIT)


def test_a_read_without_waiting_follows_what_was_seen_of_cold_pages(linux: Linux) -> None:
    fd = make(linux, bytes(3 * PAGE))
    linux.fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE)
    with fails(EAGAIN):
        linux.preadv2(fd, (10,), 0, RWF_NOWAIT)
    linux.choices.observed = bytes(10)
    assert linux.preadv2(fd, (10,), 0, RWF_NOWAIT) == bytes(10)


# Limits -----------------------------------------------------------------------------------------


def test_a_write_across_the_limit_is_cut(linux: Linux) -> None:
    assert linux.pwrite(make(linux), b"x" * 100, LIMIT - 10) == 10
    assert linux.signals == []


def test_a_write_at_the_limit_raises_sigxfsz(linux: Linux) -> None:
    with fails(EFBIG):
        linux.pwrite(make(linux), b"x", LIMIT)
    assert linux.signals == [SIGXFSZ]


def test_an_empty_write_past_the_limit_is_nothing(linux: Linux) -> None:
    assert linux.pwrite(make(linux), b"", LIMIT + 5) == 0


def test_growing_above_the_limit_raises_sigxfsz(linux: Linux) -> None:
    with fails(EFBIG):
        linux.ftruncate(make(linux), LIMIT + 1)
    assert linux.signals == [SIGXFSZ]


# Seeking ----------------------------------------------------------------------------------------


def test_seeking_below_zero_leaves_the_position(linux: Linux) -> None:
    fd = make(linux, b"hello")
    linux.lseek(fd, 3, SEEK_SET)
    with fails(EINVAL):
        linux.lseek(fd, -9, SEEK_END)
    assert linux.lseek(fd, 0, SEEK_CUR) == 3


@pytest.mark.parametrize(("profile", "largest"), [(Profile(), 2**44 - PAGE), (Profile(filesystem=TMPFS), LLONG_MAX)])
def test_the_file_system_bounds_positions(profile: Profile, largest: int) -> None:
    linux = Linux(profile)
    fd = make(linux)
    assert linux.lseek(fd, largest, SEEK_SET) == largest
    with fails(EINVAL):
        linux.lseek(fd, 1, SEEK_CUR)


def test_data_and_holes_are_found_by_page(linux: Linux) -> None:
    fd = make(linux)
    linux.pwrite(fd, b"x", 2 * PAGE + 5)
    assert linux.lseek(fd, 0, SEEK_DATA) == 2 * PAGE
    assert linux.lseek(fd, 2 * PAGE + 1, SEEK_HOLE) == 2 * PAGE + 6
    assert linux.lseek(fd, 7, SEEK_HOLE) == 7


def test_no_data_follows_the_last(linux: Linux) -> None:
    fd = make(linux, b"x")
    linux.ftruncate(fd, 3 * PAGE)
    with fails(ENXIO):
        linux.lseek(fd, PAGE, SEEK_DATA)


def test_reserved_storage_is_a_hole_until_it_may_have_been_read_ahead(linux: Linux) -> None:
    fd = make(linux)
    linux.fallocate(fd, 0, 0, 8 * PAGE)
    assert linux.lseek(fd, 0, SEEK_HOLE) == 0
    linux.pread(fd, 1, 0)
    linux.choices.observed = 4 * PAGE
    assert linux.lseek(fd, 0, SEEK_HOLE) == 4 * PAGE


# Size and storage -------------------------------------------------------------------------------


def test_cutting_and_growing_again_reads_zeros(linux: Linux) -> None:
    fd = make(linux, b"hello")
    linux.ftruncate(fd, 2)
    linux.ftruncate(fd, 4)
    assert linux.pread(fd, 9, 0) == b"he\0\0"


def test_a_descriptor_for_reading_cannot_truncate(linux: Linux) -> None:
    make(linux)
    fd = linux.open("f", O_RDONLY, 0)
    with fails(EINVAL):
        linux.ftruncate(fd, 0)


def test_only_files_are_truncated(linux: Linux) -> None:
    _, write_end = linux.pipe2(0)
    with fails(EINVAL):
        linux.ftruncate(write_end, 0)


def test_storage_past_the_end_counts_as_blocks(linux: Linux) -> None:
    fd = make(linux)
    linux.fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 * PAGE)
    assert (linux.fstat(fd).size, linux.fstat(fd).blocks) == (0, 16)


def test_many_blocks_may_need_some_for_their_index(linux: Linux) -> None:
    fd = make(linux, bytes(10 * PAGE))
    assert linux.fstat(fd).blocks == Between(80, 88, 80)


def test_punching_zeroes_edges_and_takes_whole_pages(linux: Linux) -> None:
    fd = make(linux, b"x" * 3 * PAGE)
    linux.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10, 2 * PAGE)
    assert linux.pread(fd, 3 * PAGE, 0) == b"x" * 10 + bytes(2 * PAGE) + b"x" * (PAGE - 10)
    assert linux.lseek(fd, 0, SEEK_HOLE) == PAGE


def test_punching_needs_keep_size(linux: Linux) -> None:
    with fails(EOPNOTSUPP):
        linux.fallocate(make(linux), FALLOC_FL_PUNCH_HOLE, 0, 1)


def test_collapsing_moves_what_follows_down(linux: Linux) -> None:
    fd = make(linux, b"a" * PAGE + b"b" * PAGE + b"c")
    linux.fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE)
    assert linux.pread(fd, 2 * PAGE, 0) == b"b" * PAGE + b"c"


def test_inserting_moves_what_follows_up(linux: Linux) -> None:
    fd = make(linux, b"a" * PAGE + b"b")
    linux.fallocate(fd, FALLOC_FL_INSERT_RANGE, PAGE, PAGE)
    assert linux.pread(fd, 9, 2 * PAGE - 1) == b"\0b"


def test_shifting_needs_whole_blocks(linux: Linux) -> None:
    with fails(EINVAL):
        linux.fallocate(make(linux, bytes(3 * PAGE)), FALLOC_FL_INSERT_RANGE, 1, PAGE)


def test_memory_file_systems_do_not_zero_or_shift(tmpfs: Linux) -> None:
    fd = make(tmpfs, bytes(3 * PAGE))
    for mode in (FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE):
        with fails(EOPNOTSUPP):
            tmpfs.fallocate(fd, mode, 0, PAGE)


def test_allocating_twice_makes_data_in_memory(tmpfs: Linux) -> None:
    fd = make(tmpfs)
    tmpfs.fallocate(fd, 0, 0, PAGE)
    assert tmpfs.lseek(fd, 0, SEEK_HOLE) == 0
    tmpfs.fallocate(fd, 0, 0, PAGE)
    assert tmpfs.lseek(fd, 0, SEEK_HOLE) == PAGE


def test_keep_size_does_not_lift_the_limit_in_memory(tmpfs: Linux) -> None:
    with fails(EFBIG):
        tmpfs.fallocate(make(tmpfs), FALLOC_FL_KEEP_SIZE, LIMIT, 1)


def test_devices_have_no_storage_to_allocate(linux: Linux) -> None:
    with fails(ENODEV):
        linux.fallocate(0, 0, 0, 1)


# Direct transfers and durability ----------------------------------------------------------------


def test_a_direct_write_wants_sectors(linux: Linux) -> None:
    fd = make(linux, flags=O_RDWR | O_DIRECT)
    with fails(EINVAL):
        linux.write(fd, b"x")
    assert linux.write(fd, bytes(512)) == 512


def test_a_direct_read_of_a_hole_wants_nothing(linux: Linux) -> None:
    fd = make(linux, flags=O_RDWR | O_DIRECT)
    linux.ftruncate(fd, 100)
    assert linux.pread(fd, 7, 3) == bytes(7)


def test_memory_file_systems_take_any_direct_write(tmpfs: Linux) -> None:
    assert tmpfs.write(make(tmpfs, flags=O_RDWR | O_DIRECT), b"x") == 1


def test_a_failed_direct_write_leaves_its_storage(linux: Linux) -> None:
    fd = make(linux, flags=O_RDWR | O_DIRECT)
    linux.ftruncate(fd, 8 * PAGE)
    with pytest.raises(Refused, match="FILE-DIRECT-ALIGNED"):
        linux.pwrite(fd, b"x", 100)
    assert linux.fstat(fd).blocks == 8


def test_pipes_cannot_be_synchronised(linux: Linux) -> None:
    read_end, _ = linux.pipe2(0)
    with fails(EINVAL):
        linux.fsync(read_end)
    with fails(ESPIPE):
        linux.sync_file_range(read_end, 0, 0, SYNC_FILE_RANGE_WRITE)


@pytest.mark.parametrize("filesystem", [EXT4, TMPFS], ids=["ext4", "tmpfs"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda linux, fd: linux.ftruncate(fd, 2**30 + 1),
        lambda linux, fd: linux.pwrite(fd, b"x", 2**43),
        lambda linux, fd: linux.fallocate(fd, 0, 0, 2**43),
        lambda linux, fd: linux.fallocate(fd, FALLOC_FL_KEEP_SIZE, PAGE, 2**43),
    ],
    ids=["ftruncate", "pwrite", "fallocate", "fallocate beyond the size"],
)
def test_a_file_larger_than_the_model_holds_is_told_in_one_sentence(
    ask: Callable[[Linux, int], int], filesystem: Filesystem
) -> None:
    linux = Linux(Profile(filesystem=filesystem, file_size_bytes_max=LLONG_MAX))

    with pytest.raises(
        NotModelled, match=r"^(a file up to byte \d+: the model keeps files|\d+ bytes of storage at once)"
    ):
        ask(linux, make(linux, b"xy"))


def test_storage_far_beyond_the_end_of_a_file_is_kept_like_any_other(linux: Linux) -> None:
    fd = make(linux)
    linux.fallocate(fd, FALLOC_FL_KEEP_SIZE, 2**40, 100)

    assert (0, PAGE // 512) == (linux.fstat(fd).size, linux.fstat(fd).blocks)
