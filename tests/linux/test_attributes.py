# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Mode, owner and times of inodes in the model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reference.constants.errors import EACCES, EBADF, EINVAL, EOPNOTSUPP, EPERM
from reference.constants.file_status import (
    AT_STATX_DONT_SYNC,
    AT_STATX_FORCE_SYNC,
    STATX__RESERVED,
    STATX_ATIME,
    STATX_BASIC_STATS,
    STATX_BTIME,
    STATX_CTIME,
    STATX_DIOALIGN,
    STATX_MNT_ID,
    STATX_MTIME,
    STATX_NLINK,
    STATX_SIZE,
    UTIME_NOW,
    UTIME_OMIT,
)
from reference.constants.open_flags import O_CREAT, O_NOATIME, O_PATH, O_RDONLY, O_RDWR
from reference.linux.inode import Inode
from reference.linux.kernel import Linux
from reference.linux.profile import TMPFS, Profile
from reference.outcomes import Anything
from reference.structures import NOW
from refusals import fails

USER = Profile(uid=1000, gid=1000, capable=False)
NS_PER_S = 10**9
FUTURE = 2**32 * NS_PER_S


@pytest.fixture
def linux() -> Linux:
    return Linux(USER)


@pytest.fixture
def root() -> Linux:
    return Linux()


def make(linux: Linux, mode: int = 0o600) -> int:
    return linux.open("f", O_RDWR | O_CREAT, mode)


def inode_of(linux: Linux, fd: int) -> Inode:
    inode = linux.fds.lookup(fd).object
    assert isinstance(inode, Inode)
    return inode


def test_fchmod_sets_permissions_and_leaves_the_type(linux: Linux) -> None:
    fd = make(linux)
    linux.fchmod(fd, 0o140751)
    assert linux.fstat(fd).mode == 0o100751


def test_only_the_owner_changes_the_mode(linux: Linux) -> None:
    fd = make(linux)
    inode_of(linux, fd).uid = 5
    with fails(EPERM):
        linux.fchmod(fd, 0o600)


def test_a_foreign_group_does_not_give_setgid(linux: Linux) -> None:
    fd = make(linux)
    inode_of(linux, fd).gid = 5
    linux.fchmod(fd, 0o6755)
    assert linux.fstat(fd).mode == 0o104755


def test_an_owner_keeps_the_file(linux: Linux) -> None:
    fd = make(linux)
    linux.fchown(fd, 1000, 1000)
    linux.fchown(fd, -1, -1)
    for ids in ((0, -1), (-1, 0)):
        with fails(EPERM):
            linux.fchown(fd, *ids)


def test_root_gives_files_away(root: Linux) -> None:
    fd = make(root)
    root.fchown(fd, 5, 2**32 - 2)
    assert root.fstat(fd)[2:4] == (5, 2**32 - 2)


def test_fchown_takes_privileges_even_from_root(root: Linux) -> None:
    fd = make(root)
    root.fchmod(fd, 0o6755)
    root.fchown(fd, -1, -1)
    assert root.fstat(fd).mode == 0o100755


def test_fchown_leaves_setgid_that_nobody_can_execute_with(root: Linux) -> None:
    fd = make(root)
    root.fchmod(fd, 0o6644)
    root.fchown(fd, -1, -1)
    assert root.fstat(fd).mode == 0o102644


def test_writing_takes_privileges_from_an_ordinary_caller_only(linux: Linux, root: Linux) -> None:
    for system, mode in ((linux, 0o100755), (root, 0o106755)):
        fd = make(system)
        system.fchmod(fd, 0o6755)
        system.write(fd, b"x")
        assert system.fstat(fd).mode == mode


def test_set_times_are_kept_and_the_change_time_is_now(linux: Linux) -> None:
    fd = make(linux)
    linux.futimens(fd, -1, 7)
    assert linux.fstat(fd)[-3:] == (-1, 7, NOW)


def test_now_and_omit_stand_for_what_they_say(linux: Linux) -> None:
    fd = make(linux)
    linux.futimens(fd, 5, 7)
    linux.futimens(fd, -UTIME_OMIT, -UTIME_NOW)
    assert linux.fstat(fd)[-3:] == (5, NOW, NOW)


def test_omitting_both_times_needs_no_descriptor(linux: Linux) -> None:
    assert linux.futimens(77, -UTIME_OMIT, -UTIME_OMIT) == 0
    with fails(EBADF):
        linux.futimens(77, -UTIME_OMIT, 5)


def test_others_may_only_touch_what_they_may_write(linux: Linux) -> None:
    fd = make(linux, 0o644)
    inode = inode_of(linux, fd)
    inode.uid = inode.gid = 5
    with fails(EPERM):
        linux.futimens(fd, 5, -UTIME_NOW)
    with fails(EACCES):
        linux.futimens(fd, -UTIME_NOW, -UTIME_NOW)
    inode.mode |= 0o002
    assert linux.futimens(fd, -UTIME_NOW, -UTIME_NOW) == 0


def test_times_are_held_within_what_ext4_stores(linux: Linux) -> None:
    fd = make(linux)
    linux.futimens(fd, -(2**31) * NS_PER_S - 5, 2**40 * NS_PER_S)
    assert linux.fstat(fd)[-3:-1] == (-(2**31) * NS_PER_S, (2**34 - 2**31 - 1) * NS_PER_S)


def test_tmpfs_stores_any_time() -> None:
    linux = Linux(Profile(filesystem=TMPFS))
    fd = make(linux)
    linux.futimens(fd, -(2**40), 2**40 * NS_PER_S + 1)
    assert linux.fstat(fd)[-3:-1] == (-(2**40), 2**40 * NS_PER_S + 1)


@pytest.mark.parametrize(
    ("atime", "mtime", "after"),
    [(5, 7, NOW), (FUTURE, FUTURE, NOW), (FUTURE, FUTURE + 1, NOW), (FUTURE, FUTURE - 1, FUTURE), (FUTURE, 5, FUTURE)],
)
def test_a_read_takes_the_access_time_when_it_is_old_or_not_the_latest(
    linux: Linux, atime: int, mtime: int, after: object
) -> None:
    fd = make(linux)
    linux.write(fd, b"x")
    linux.futimens(fd, atime, mtime)
    linux.pread(fd, 1, 0)
    assert linux.fstat(fd).atime == after


def test_a_read_without_access_times_takes_none(linux: Linux) -> None:
    fd = make(linux)
    linux.futimens(fd, 5, 7)
    linux.read(linux.open("f", O_RDONLY | O_NOATIME, 0), 1)
    assert linux.fstat(fd).atime == 5


def test_names_leave_their_mark_on_times(linux: Linux) -> None:
    fd = make(linux)
    directory = linux.open(".", O_RDONLY, 0)
    linux.futimens(fd, 5, 7)
    linux.futimens(directory, 5, 7)
    linux.link("f", "g")
    assert linux.fstat(fd).mtime == 7
    assert linux.fstat(directory).mtime == NOW


def test_a_path_descriptor_tells_and_does_not_change(linux: Linux) -> None:
    make(linux)
    fd = linux.open("f", O_PATH, 0)
    assert linux.fstat(fd).nlink == 1
    with fails(EBADF):
        linux.fchmod(fd, 0o600)
    with fails(EBADF):
        linux.fchown(fd, -1, -1)
    with fails(EBADF):
        linux.futimens(fd, 0, 0)


def test_what_has_no_inode_of_its_own_cannot_be_changed(root: Linux) -> None:
    fd = root.epoll_create1(0)
    assert root.fstat(fd).mode == 0o600
    with fails(EOPNOTSUPP):
        root.fchmod(fd, 0o600)


def test_nobody_changes_a_device_of_the_machine(root: Linux) -> None:
    fd = root.open("/dev/null", O_RDWR, 0)
    with fails(EPERM):
        root.fchmod(fd, 0o600)
    with fails(EPERM):
        root.fchown(fd, 5, -1)
    with fails(EPERM):
        root.futimens(fd, 5, 5)
    assert root.futimens(fd, -UTIME_NOW, -UTIME_NOW) == root.fchown(fd, -1, -1) == 0


def test_statx_refuses_what_is_reserved(linux: Linux) -> None:
    fd = make(linux)
    with fails(EINVAL):
        linux.statx(fd, 0, STATX__RESERVED)
    with fails(EINVAL):
        linux.statx(fd, AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0)


def test_statx_leaves_out_change_times_that_nobody_asks_for(linux: Linux) -> None:
    fd = make(linux)
    found = linux.statx(fd, 0, STATX_ATIME)
    assert found.mask == (STATX_BASIC_STATS | STATX_MNT_ID) & ~(STATX_CTIME | STATX_MTIME)
    assert (found.atime, found.mtime, found.ctime) == (NOW, 0, 0)


def test_statx_gives_more_when_asked(linux: Linux) -> None:
    fd = make(linux)
    asked = STATX_BASIC_STATS | STATX_BTIME | STATX_DIOALIGN
    assert linux.statx(fd, 0, asked).mask == asked | STATX_MNT_ID
    pipe, _ = linux.pipe2(0)
    assert linux.statx(pipe, 0, asked).mask == STATX_BASIC_STATS | STATX_MNT_ID


@pytest.mark.parametrize(
    ("flags", "mask", "known"),
    [
        (0, STATX_NLINK, False),
        (0, STATX_SIZE, True),
        (AT_STATX_FORCE_SYNC, STATX_NLINK, True),
        (AT_STATX_FORCE_SYNC, 0, False),
        (AT_STATX_DONT_SYNC, STATX_SIZE, False),
    ],
)
def test_a_file_system_that_remembers_is_asked_anew_for_what_is_basic(flags: int, mask: int, known: bool) -> None:
    linux = Linux(Profile(filesystem=replace(TMPFS, remembers=True)))

    assert known == (linux.statx(make(linux), flags, mask).size != Anything())


def test_unknown_statx_flags_were_refused_before_linux_6_11() -> None:
    old = Linux(Profile(kernel=(6, 8)))
    with fails(EINVAL):
        old.statx(make(old), 1, 0)
    new = Linux()
    assert new.statx(make(new), 1, 0).nlink == 1
