# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Memory files, seals and mappings in the model."""

from __future__ import annotations

import pytest

from reference.constants.descriptors import F_ADD_SEALS, F_GET_SEALS
from reference.constants.errors import (
    EACCES,
    EBADF,
    EBUSY,
    EFAULT,
    EINVAL,
    ENODEV,
    ENOMEM,
    EOPNOTSUPP,
    EOVERFLOW,
    EPERM,
)
from reference.constants.memory import (
    F_SEAL_EXEC,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MFD_ALLOW_SEALING,
    MFD_EXEC,
    MFD_NOEXEC_SEAL,
    MS_ASYNC,
    MS_SYNC,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
)
from reference.constants.open_flags import O_CREAT, O_RDONLY, O_RDWR
from reference.constants.transfers import FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, SEEK_DATA
from reference.linux.kernel import Linux
from refusals import fails

PAGE = 4096
READ_WRITE = PROT_READ | PROT_WRITE


@pytest.fixture
def linux() -> Linux:
    return Linux()


@pytest.fixture
def memory(linux: Linux) -> int:
    fd = linux.memfd_create("m", MFD_ALLOW_SEALING)
    linux.write(fd, b"x" * 5000)
    return fd


def seal(linux: Linux, fd: int, seals: int) -> None:
    linux.fcntl(fd, F_ADD_SEALS, seals)


# Memory files and seals -------------------------------------------------------------------------


def test_a_memory_file_has_no_name(linux: Linux, memory: int) -> None:
    assert linux.fstat(memory).nlink == 0


def test_a_long_name_is_refused(linux: Linux) -> None:
    with fails(EINVAL):
        linux.memfd_create("x" * 250, 0)


def test_exec_and_noexec_exclude_each_other(linux: Linux) -> None:
    with fails(EINVAL):
        linux.memfd_create("m", MFD_EXEC | MFD_NOEXEC_SEAL)


def test_a_memory_file_is_sealed_against_seals_unless_asked(linux: Linux) -> None:
    fd = linux.memfd_create("m", 0)
    assert linux.fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL
    with fails(EPERM):
        seal(linux, fd, F_SEAL_GROW)


def test_files_on_disk_have_no_seals(linux: Linux) -> None:
    fd = linux.open("f", O_RDWR | O_CREAT, 0o600)
    with fails(EINVAL):
        linux.fcntl(fd, F_GET_SEALS)


def test_a_sealed_size_does_not_change(linux: Linux, memory: int) -> None:
    seal(linux, memory, F_SEAL_GROW | F_SEAL_SHRINK)
    for size in (4999, 5001):
        with fails(EPERM):
            linux.ftruncate(memory, size)
    assert linux.ftruncate(memory, 5000) == 0


def test_a_growing_write_fills_the_pages_before(linux: Linux, memory: int) -> None:
    seal(linux, memory, F_SEAL_GROW)
    assert linux.pwrite(memory, b"y" * 9000, 0) == PAGE
    with fails(EPERM):
        linux.pwrite(memory, b"y", 5000)


@pytest.mark.parametrize("kind", [F_SEAL_WRITE, F_SEAL_FUTURE_WRITE])
def test_sealed_content_is_not_written(linux: Linux, memory: int, kind: int) -> None:
    seal(linux, memory, kind)
    with fails(EPERM):
        linux.pwrite(memory, b"y", 0)
    with fails(EPERM):
        linux.fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE)
    with fails(EPERM):
        linux.mmap(memory, PAGE, READ_WRITE, MAP_SHARED, 0)


def test_a_writable_mapping_stands_against_the_write_seal(linux: Linux, memory: int) -> None:
    mapping = linux.mmap(memory, PAGE, PROT_READ, MAP_SHARED, 0)
    with fails(EBUSY):
        seal(linux, memory, F_SEAL_WRITE)
    linux.munmap(mapping)
    seal(linux, memory, F_SEAL_WRITE)


def test_future_writes_are_sealed_and_old_mappings_live_on(linux: Linux, memory: int) -> None:
    mapping = linux.mmap(memory, PAGE, READ_WRITE, MAP_SHARED, 0)
    seal(linux, memory, F_SEAL_FUTURE_WRITE)
    assert linux.store(mapping, 0, b"still") == 5


def test_the_exec_seal_holds_the_execute_bits(linux: Linux) -> None:
    fd = linux.memfd_create("m", MFD_NOEXEC_SEAL)
    with fails(EPERM):
        linux.fchmod(fd, 0o700)
    assert linux.fchmod(fd, 0o600) == 0


def test_the_exec_seal_on_a_program_seals_all(linux: Linux, memory: int) -> None:
    seal(linux, memory, F_SEAL_EXEC)
    expected = F_SEAL_EXEC | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE
    assert linux.fcntl(memory, F_GET_SEALS) == expected


# Mappings ---------------------------------------------------------------------------------------


def test_a_shared_mapping_is_the_file(linux: Linux, memory: int) -> None:
    mapping = linux.mmap(memory, PAGE, READ_WRITE, MAP_SHARED, 0)
    linux.store(mapping, 1, b"yz")
    assert linux.pread(memory, 4, 0) == b"xyzx"
    linux.pwrite(memory, b"a", 0)
    assert linux.load(mapping, 0, 3) == b"ayz"


def test_a_private_mapping_copies_the_page_it_stores_to(linux: Linux, memory: int) -> None:
    mapping = linux.mmap(memory, 2 * PAGE, READ_WRITE, MAP_PRIVATE, 0)
    linux.store(mapping, 0, b"mine")
    linux.pwrite(memory, b"file" * 2, 0)
    linux.pwrite(memory, b"file", PAGE)
    assert linux.load(mapping, 0, 8) == b"minexxxx"
    assert linux.load(mapping, PAGE, 4) == b"file"
    assert linux.pread(memory, 4, 0) == b"file"


def test_cutting_the_file_takes_private_copies_away(linux: Linux, memory: int) -> None:
    mapping = linux.mmap(memory, PAGE, READ_WRITE, MAP_PRIVATE, 0)
    linux.store(mapping, 0, b"mine")
    linux.ftruncate(memory, 0)
    with fails(EFAULT):
        linux.load(mapping, 0, 1)
    linux.ftruncate(memory, 10)
    assert linux.load(mapping, 0, 4) == bytes(4)


def test_a_transfer_ends_at_the_last_page_of_the_file(linux: Linux, memory: int) -> None:
    mapping = linux.mmap(memory, 8 * PAGE, READ_WRITE, MAP_SHARED, 0)
    assert len(linux.load(mapping, PAGE, 3 * PAGE)) == PAGE
    with fails(EFAULT):
        linux.load(mapping, 2 * PAGE, 1)


def test_what_is_stored_past_the_end_shows_when_a_memory_file_grows(linux: Linux) -> None:
    fd = linux.memfd_create("m", 0)
    linux.write(fd, b"abc")
    linux.store(linux.mmap(fd, PAGE, READ_WRITE, MAP_SHARED, 0), 5, b"Z")
    linux.ftruncate(fd, 8)
    assert linux.pread(fd, 9, 0) == b"abc\0\0Z\0\0"


def test_a_disk_file_system_zeroes_it_instead(linux: Linux) -> None:
    fd = linux.open("f", O_RDWR | O_CREAT, 0o600)
    linux.write(fd, b"abc")
    linux.store(linux.mmap(fd, PAGE, READ_WRITE, MAP_SHARED, 0), 5, b"Z")
    linux.ftruncate(fd, 8)
    assert linux.pread(fd, 9, 0) == b"abc\0\0\0\0\0"


def test_looking_at_memory_gives_it_storage(linux: Linux) -> None:
    fd = linux.memfd_create("m", 0)
    linux.ftruncate(fd, PAGE)
    assert linux.load(linux.mmap(fd, PAGE, PROT_READ, MAP_PRIVATE, 0), 0, 1) == b"\0"
    assert linux.lseek(fd, 0, SEEK_DATA) == 0
    assert linux.fstat(fd).blocks == 8


def test_protection_is_checked_when_memory_is_touched(linux: Linux, memory: int) -> None:
    with fails(EFAULT):
        linux.load(linux.mmap(memory, PAGE, PROT_WRITE, MAP_SHARED, 0), 0, 1)
    with fails(EFAULT):
        linux.store(linux.mmap(memory, PAGE, PROT_READ, MAP_SHARED, 0), 0, b"x")


def test_a_mapping_outlives_its_descriptor(linux: Linux, memory: int) -> None:
    mapping = linux.mmap(memory, PAGE, PROT_READ, MAP_SHARED, 0)
    linux.close(memory)
    assert linux.load(mapping, 0, 1) == b"x"


def test_a_mapping_needs_the_access_that_it_gives(linux: Linux) -> None:
    linux.open("f", O_RDWR | O_CREAT, 0o600)
    fd = linux.open("f", O_RDONLY, 0)
    with fails(EACCES):
        linux.mmap(fd, PAGE, READ_WRITE, MAP_SHARED, 0)
    assert linux.mmap(fd, PAGE, READ_WRITE, MAP_PRIVATE, 0) == 0


@pytest.mark.parametrize(
    ("length", "flags", "offset", "number"),
    [
        (PAGE, MAP_SHARED, 1, EINVAL),
        (0, MAP_SHARED, 0, EINVAL),
        (2**47, MAP_SHARED, 0, ENOMEM),
        (PAGE, MAP_SHARED, -PAGE, EOVERFLOW),
        (PAGE, 0, 0, EINVAL),
        (PAGE, MAP_SHARED_VALIDATE | 1 << 25, 0, EOPNOTSUPP),
    ],
)
def test_impossible_mappings_are_refused(
    linux: Linux, memory: int, length: int, flags: int, offset: int, number: int
) -> None:
    with fails(number):
        linux.mmap(memory, length, PROT_READ, flags, offset)


def test_the_offset_is_checked_before_the_descriptor(linux: Linux) -> None:
    with fails(EINVAL):
        linux.mmap(77, PAGE, PROT_READ, MAP_SHARED, 1)
    with fails(EBADF):
        linux.mmap(77, 0, PROT_READ, MAP_SHARED, 0)


def test_pipes_have_no_memory_and_no_programs(linux: Linux) -> None:
    read_end, _ = linux.pipe2(0)
    with fails(ENODEV):
        linux.mmap(read_end, PAGE, PROT_READ, MAP_PRIVATE, 0)
    with fails(EPERM):
        linux.mmap(read_end, PAGE, PROT_EXEC, MAP_PRIVATE, 0)


def test_a_mapping_that_is_gone(linux: Linux, memory: int) -> None:
    mapping = linux.mmap(memory, PAGE, PROT_READ, MAP_SHARED, 0)
    with fails(EINVAL):
        linux.msync(mapping, MS_SYNC | MS_ASYNC)
    linux.munmap(mapping)
    with fails(EINVAL):
        linux.munmap(mapping)
    with fails(ENOMEM):
        linux.msync(mapping, MS_SYNC)
    with fails(EFAULT):
        linux.load(mapping, 0, 1)
