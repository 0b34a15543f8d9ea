# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Paths, names, directories, devices and opening in the model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reference.constants.descriptors import F_GETFL
from reference.constants.errors import (
    EACCES,
    EBADF,
    EEXIST,
    EINVAL,
    EIO,
    EISDIR,
    ELOOP,
    ENAMETOOLONG,
    ENOENT,
    ENOSPC,
    ENOTDIR,
    ENXIO,
    EPERM,
    EXDEV,
)
from reference.constants.file_status import S_IFLNK, S_IFMT, S_ISGID
from reference.constants.open_flags import (
    O_APPEND,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_DSYNC,
    O_EXCL,
    O_LARGEFILE,
    O_NOATIME,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_SYNC,
    O_TMPFILE,
    O_TRUNC,
    O_WRONLY,
)
from reference.constants.requests import FIONREAD
from reference.constants.transfers import SEEK_END, SEEK_HOLE, SEEK_SET
from reference.linux.kernel import Linux
from reference.linux.profile import EXT4, TMPFS, Profile
from refusals import fails

USER = Profile(uid=1000, gid=1000, capable=False)


@pytest.fixture
def linux() -> Linux:
    return Linux(USER)


def make(linux: Linux, path: str = "f", mode: int = 0o600) -> int:
    return linux.open(path, O_RDWR | O_CREAT | O_EXCL, mode)


def test_the_umask_takes_bits_from_a_new_mode(linux: Linux) -> None:
    assert linux.fstat(make(linux, mode=0o666)).mode == 0o100644


def test_a_new_file_is_open_for_what_its_mode_does_not_grant(linux: Linux) -> None:
    assert linux.write(make(linux, mode=0o000), b"x") == 1


def test_permissions_are_asked_at_every_open(linux: Linux) -> None:
    make(linux, mode=0o400)
    linux.open("f", O_RDONLY, 0)
    with fails(EACCES):
        linux.open("f", O_WRONLY, 0)


def test_truncating_asks_for_permission_to_write(linux: Linux) -> None:
    make(linux, mode=0o400)
    with fails(EACCES):
        linux.open("f", O_RDONLY | O_TRUNC, 0)


def test_root_is_not_asked() -> None:
    linux = Linux()
    make(linux, mode=0)
    assert linux.open("f", O_RDWR, 0) == 4


def test_access_mode_three_asks_for_both_and_grants_neither(linux: Linux) -> None:
    make(linux)
    fd = linux.open("f", 3, 0)
    with fails(EBADF):
        linux.read(fd, 1)
    with fails(EBADF):
        linux.write(fd, b"x")


@pytest.mark.parametrize("path", ["", "missing", "missing/f", "d/missing"])
def test_what_is_missing_is_not_found(linux: Linux, path: str) -> None:
    linux.mkdir("d", 0o755)
    with fails(ENOENT):
        linux.open(path, O_RDONLY, 0)


def test_a_file_is_no_directory_to_walk_through(linux: Linux) -> None:
    make(linux)
    for path in ("f/g", "f/", "f/."):
        with fails(ENOTDIR):
            linux.open(path, O_RDONLY, 0)


def test_names_and_paths_have_a_longest_length(linux: Linux) -> None:
    make(linux, "x" * 255)
    with fails(ENAMETOOLONG):
        make(linux, "x" * 256)
    make(linux, "./" * 2047 + "f")
    with fails(ENAMETOOLONG):
        linux.open("./" * 2048, O_RDONLY, 0)


def test_lengths_are_counted_in_bytes(linux: Linux) -> None:
    make(linux, "é" * 127)
    with fails(ENAMETOOLONG):
        make(linux, "é" * 128)


def test_creating_behind_a_slash_is_creating_a_directory(linux: Linux) -> None:
    with fails(EISDIR):
        make(linux, "f/")


def test_o_excl_wants_to_be_first_even_over_a_dangling_link(linux: Linux) -> None:
    linux.symlink("missing", "l")
    with fails(EEXIST):
        make(linux, "l")


def test_creating_through_a_dangling_link_makes_its_target(linux: Linux) -> None:
    linux.symlink("target", "l")
    linux.open("l", O_RDWR | O_CREAT, 0o600)
    assert linux.open("target", O_RDONLY, 0) == 4


def test_a_link_to_itself_is_a_loop(linux: Linux) -> None:
    linux.symlink("l", "l")
    with fails(ELOOP):
        linux.open("l", O_RDONLY, 0)


def test_forty_links_are_followed_and_no_more(linux: Linux) -> None:
    make(linux, "l0")
    for number in range(41):
        linux.symlink(f"l{number}", f"l{number + 1}")
    linux.open("l40", O_RDONLY, 0)
    with fails(ELOOP):
        linux.open("l41", O_RDONLY, 0)


def test_a_link_that_is_not_followed_opens_only_as_a_path(linux: Linux) -> None:
    linux.symlink("missing", "l")
    with fails(ELOOP):
        linux.open("l", O_RDONLY | O_NOFOLLOW, 0)
    found = linux.fstat(linux.open("l", O_PATH | O_NOFOLLOW, 0))
    assert (found.mode & S_IFMT, found.size) == (S_IFLNK, 7)


def test_a_slash_follows_a_link_that_is_not_followed(linux: Linux) -> None:
    linux.mkdir("d", 0o755)
    linux.symlink("d", "l")
    assert linux.open("l/", O_RDONLY | O_NOFOLLOW, 0) == 3


def test_a_locked_directory_hides_its_names(linux: Linux) -> None:
    linux.mkdir("d", 0o600)
    with fails(EACCES):
        linux.open("d/f", O_RDONLY, 0)


def test_a_read_only_directory_keeps_its_names(linux: Linux) -> None:
    linux.mkdir("d", 0o755)
    make(linux, "d/f")
    linux.fchmod(linux.open("d", O_RDONLY, 0), 0o500)
    with fails(EACCES):
        make(linux, "d/g")
    with fails(EACCES):
        linux.unlink("d/f")
    with fails(EACCES):
        linux.link("d/f", "d/g")


def test_an_unlinked_file_lives_on_while_it_is_open(linux: Linux) -> None:
    fd = make(linux)
    linux.unlink("f")
    assert linux.fstat(fd).nlink == 0
    assert linux.write(fd, b"x") == 1


def test_links_are_counted(linux: Linux) -> None:
    fd = make(linux)
    linux.link("f", "g")
    assert linux.fstat(fd).nlink == 2


def test_directories_have_one_name_and_are_not_unlinked(linux: Linux) -> None:
    linux.mkdir("d", 0o755)
    with fails(EPERM):
        linux.link("d", "e")
    with fails(EISDIR):
        linux.unlink("d")


def test_a_directory_counts_its_subdirectories(linux: Linux) -> None:
    linux.mkdir("d", 0o755)
    linux.mkdir("d/e", 0o755)
    assert linux.fstat(linux.open("d", O_RDONLY, 0)).nlink == 3


def test_taken_names_are_taken_for_everyone(linux: Linux) -> None:
    make(linux)
    with fails(EEXIST):
        linux.mkdir("f", 0o755)
    with fails(EEXIST):
        linux.symlink("x", "f")
    with fails(EEXIST):
        linux.mkfifo("f", 0o600)


def test_only_a_directory_can_be_made_behind_a_slash(linux: Linux) -> None:
    linux.mkdir("d/", 0o755)
    with fails(ENOENT):
        linux.mkfifo("p/", 0o600)


def test_mkfifo_makes_no_other_type(linux: Linux) -> None:
    with fails(EINVAL):
        linux.mkfifo("p", 0o100600)


def test_a_setgid_directory_hands_its_group_down(linux: Linux) -> None:
    linux.directory.gid, linux.directory.mode = 5, linux.directory.mode | S_ISGID
    assert linux.fstat(make(linux)).gid == 5
    linux.mkdir("d", 0o755)
    found = linux.fstat(linux.open("d", O_RDONLY, 0))
    assert (found.gid, found.mode & S_ISGID) == (5, S_ISGID)


def test_an_executable_does_not_get_setgid_of_a_foreign_group(linux: Linux) -> None:
    linux.directory.gid, linux.directory.mode = 5, linux.directory.mode | S_ISGID
    assert linux.fstat(make(linux, mode=0o2755)).mode == 0o100755
    assert linux.fstat(make(linux, "g", mode=0o2644)).mode == 0o102644


def test_open_keeps_status_flags_only(linux: Linux) -> None:
    fd = linux.open("f", O_RDWR | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_SYNC | 1 << 30, 0o600)
    assert linux.fcntl(fd, F_GETFL) == O_RDWR | O_APPEND | O_SYNC | O_LARGEFILE


def test_a_lone_sync_bit_brings_o_dsync(linux: Linux) -> None:
    make(linux)
    assert linux.fcntl(linux.open("f", O_SYNC & ~O_DSYNC, 0), F_GETFL) == O_SYNC | O_LARGEFILE


def test_contradicting_flags_are_invalid(linux: Linux) -> None:
    for flags in (O_CREAT | O_DIRECTORY, O_TMPFILE, O_TMPFILE & ~O_DIRECTORY | O_RDWR, O_TMPFILE | O_CREAT | O_RDWR):
        with fails(EINVAL):
            linux.open(".", flags, 0o600)


def test_a_temporary_file_has_no_name(linux: Linux) -> None:
    fd = linux.open(".", O_TMPFILE | O_RDWR, 0o600)
    assert linux.fstat(fd).nlink == 0
    assert linux.directory.entries == {}


def test_only_the_owner_reads_without_access_times(linux: Linux) -> None:
    with fails(EPERM):
        linux.open("/dev/null", O_RDONLY | O_NOATIME, 0)


def test_a_directory_opens_for_reading_only(linux: Linux) -> None:
    for flags in (O_RDWR, O_WRONLY, O_TRUNC, O_CREAT):
        with fails(EISDIR):
            linux.open(".", flags, 0)
    with fails(EISDIR):
        linux.read(linux.open(".", O_RDONLY, 0), 1)


def test_where_a_directory_ends_is_the_file_systems_business(linux: Linux) -> None:
    assert linux.lseek(linux.open(".", O_RDONLY, 0), 0, SEEK_END) == 2**63 - 1
    other = Linux(Profile(filesystem=TMPFS))
    fd = other.open(".", O_RDONLY, 0)
    assert other.lseek(fd, 5, SEEK_SET) == 5
    with fails(EINVAL):
        other.lseek(fd, 0, SEEK_END)


def test_a_directory_may_end_farther_on_with_each_byte_of_its_names() -> None:
    linux = Linux(Profile(filesystem=replace(EXT4, directory_end=0, directory_name_end=2)))
    fd = linux.open(".", O_RDONLY, 0)
    linux.mkdir("d", 0o700)
    linux.symlink("d", "longer")

    assert linux.lseek(fd, 0, SEEK_END) == 2 * len("dlonger")
    assert linux.lseek(fd, 0, SEEK_HOLE) == 2 * len("dlonger")


@pytest.mark.parametrize(
    ("observed", "given"),
    [
        ((), ()),
        (("..", "f"), ("..", "f")),
        (("g",), (".", "..", "f")),
        (("f", "f"), (".", "..", "f")),
        (None, (".", "..", "f")),
    ],
)
def test_a_reader_between_names_gets_some_that_there_are(
    linux: Linux, observed: tuple[str, ...] | None, given: tuple[str, ...]
) -> None:
    linux.mkdir("d", 0o755)
    make(linux, "d/f")
    fd = linux.open("d", O_RDONLY, 0)
    linux.lseek(fd, 1, SEEK_SET)
    linux.choices.observed = observed
    assert linux.getdents(fd, 4096) == given


def test_a_failure_is_not_some_names(linux: Linux) -> None:
    linux.mkdir("d", 0o755)
    fd = linux.open("d", O_RDONLY, 0)
    linux.lseek(fd, 1, SEEK_SET)
    linux.choices.observed = OSError(EIO, "")
    assert linux.getdents(fd, 4096) == (".", "..")


def test_a_descriptor_can_be_opened_again_after_its_name_is_gone(linux: Linux) -> None:
    fd = make(linux)
    linux.write(fd, b"hello")
    linux.unlink("f")
    assert linux.read(linux.reopen(fd, O_RDONLY), 10) == b"hello"


def test_a_closed_number_has_no_link_in_proc(linux: Linux) -> None:
    with fails(ENOENT):
        linux.reopen(77, O_RDONLY)


def test_the_link_in_proc_tells_how_the_descriptor_may_be_used(linux: Linux) -> None:
    fd = linux.open("f", O_WRONLY | O_CREAT, 0o600)
    assert linux.fstat(linux.reopen(fd, O_PATH | O_NOFOLLOW)).mode == S_IFLNK | 0o300


def test_an_epoll_instance_is_roots_and_cannot_be_opened_again(linux: Linux) -> None:
    for system, number in ((linux, EACCES), (Linux(), ENXIO)):
        fd = system.epoll_create1(0)
        with fails(number):
            system.reopen(fd, O_RDONLY)
        assert system.fcntl(system.reopen(fd, O_PATH), F_GETFL) == O_PATH


def test_a_pipe_can_be_opened_again_in_the_other_direction(linux: Linux) -> None:
    read_end, _ = linux.pipe2(O_NONBLOCK)
    linux.write(linux.reopen(read_end, O_WRONLY), b"x")
    assert linux.read(read_end, 5) == b"x"


def test_truncate_takes_regular_files_only(linux: Linux) -> None:
    linux.mkdir("d", 0o755)
    linux.mkfifo("p", 0o600)
    for path, number in (("d", EISDIR), ("p", EINVAL), ("missing", ENOENT), ("/dev/null", EINVAL)):
        with fails(number):
            linux.truncate(path, 0)
    with fails(EINVAL):
        linux.truncate("missing", -1)


def test_a_name_stays_on_its_file_system(linux: Linux) -> None:
    with fails(EXDEV):
        linux.link("/dev/null", "n")


def test_null_swallows_and_full_is_full(linux: Linux) -> None:
    null, full = linux.open("/dev/null", O_RDWR, 0), linux.open("/dev/full", O_RDWR, 0)
    assert linux.write(null, b"x" * 100) == 100
    assert linux.read(null, 5) == b""
    assert linux.read(full, 5) == bytes(5)
    with fails(ENOSPC):
        linux.write(full, b"")


def test_random_bytes_are_as_many_as_were_asked_for_and_any_will_do(linux: Linux) -> None:
    random = linux.open("/dev/urandom", O_RDWR, 0)
    linux.choices.observed = b"seen!"
    assert linux.read(random, 5) == b"seen!"
    assert linux.pread(random, 4, 100) == bytes(4)
    assert linux.write(random, b"stirred in") == 10
    with fails(EINVAL):
        linux.ioctl(random, FIONREAD)


def test_devices_are_not_transferred_to_directly(linux: Linux) -> None:
    with fails(EINVAL):
        linux.open("/dev/zero", O_RDONLY | O_DIRECT, 0)
