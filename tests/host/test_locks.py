# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Locks on imported descriptors, over the model of Linux."""

from __future__ import annotations

from random import Random

import pytest

from reference.constants.descriptors import F_DUPFD, F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_SETLK
from reference.constants.errors import EAGAIN, EBADF, EINVAL, ESPIPE
from reference.constants.limits import LLONG_MAX
from reference.constants.locks import F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN
from reference.constants.open_flags import O_CREAT, O_PATH, O_RDONLY, O_RDWR, O_WRONLY
from reference.constants.transfers import SEEK_CUR, SEEK_END, SEEK_SET
from reference.host.kernel import Host
from reference.host.locks import LockSet, Owner, Range
from reference.linux.kernel import Linux
from reference.outcomes import Sleeps
from reference.structures import Flock
from refusals import fails

TRY_SHARED = LOCK_SH | LOCK_NB
TRY_EXCLUSIVE = LOCK_EX | LOCK_NB
FREE = Flock(F_UNLCK, 0, 0, 0, 0)


@pytest.fixture
def fd(host: Host) -> int:
    return imported(host, host.open("f", O_RDWR | O_CREAT, 0o600))


def imported(host: Host, fd: int, flags: int | None = None) -> int:
    return host.import_fd(fd, 0, None, 0, flags, 0)


def read_lock(start: int = 0, length: int = 0, whence: int = SEEK_SET, pid: int = 0) -> Flock:
    return Flock(F_RDLCK, whence, start, length, pid)


def write_lock(start: int = 0, length: int = 0, whence: int = SEEK_SET, pid: int = 0) -> Flock:
    return Flock(F_WRLCK, whence, start, length, pid)


def no_lock(start: int = 0, length: int = 0) -> Flock:
    return Flock(F_UNLCK, SEEK_SET, start, length, 0)


# Whole-file locks -----------------------------------------------------------------------------


def test_an_upgrade_that_fails_keeps_the_shared_lock(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.flock(fd, TRY_SHARED)
    host.flock(other, TRY_SHARED)

    with fails(EAGAIN):
        host.flock(fd, TRY_EXCLUSIVE)
    with fails(EAGAIN):
        host.flock(other, TRY_EXCLUSIVE)

    host.flock(fd, LOCK_UN)
    assert 0 == host.flock(other, TRY_EXCLUSIVE)


def test_duplicates_share_a_lock_and_the_last_of_them_gives_it_up(host: Host, fd: int) -> None:
    double, other = host.dup(fd), host.reopen(fd, O_RDONLY)
    host.flock(fd, TRY_EXCLUSIVE)
    host.flock(double, TRY_EXCLUSIVE)

    host.close(fd)
    with fails(EAGAIN):
        host.flock(other, TRY_SHARED)

    host.close(double)
    assert 0 == host.flock(other, TRY_SHARED)


def test_what_cannot_be_had_at_once_is_waited_for(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.flock(fd, LOCK_EX)

    with pytest.raises(Sleeps):
        host.flock(other, LOCK_SH)


@pytest.mark.parametrize("operation", [0, LOCK_NB, LOCK_SH | LOCK_EX, 32, 32 | LOCK_SH, -1])
def test_an_operation_is_one_of_three(host: Host, fd: int, operation: int) -> None:
    path = host.reopen(fd, O_PATH)

    for number in (fd, path):
        with fails(EINVAL):
            host.flock(number, operation)
    with fails(EBADF):
        host.flock(path, LOCK_UN)


def test_a_descriptor_that_was_not_imported_locks_the_hosts_file(host: Host) -> None:
    below, other = (host.open("f", O_RDWR | O_CREAT, 0o600) for _ in range(2))
    host.flock(below, TRY_EXCLUSIVE)

    with fails(EAGAIN):
        host.flock(other, TRY_SHARED)


def test_two_imports_of_a_file_do_not_see_each_others_locks(host: Host, fd: int) -> None:
    below = host.open("f", O_RDWR, 0)
    other = imported(host, below)

    for number in (fd, below, other):
        assert 0 == host.flock(number, TRY_EXCLUSIVE)
        assert 0 == host.fcntl(number, F_OFD_SETLK, write_lock())


def test_every_kind_can_be_locked(host: Host) -> None:
    for fd in (*host.pipe2(0), host.posix_openpt(O_RDWR), host.open("/dev/null", O_RDWR, 0)):
        number = imported(host, fd)

        assert 0 == host.flock(number, TRY_EXCLUSIVE)
        assert 0 == host.fcntl(number, F_SETLK, no_lock())
        assert FREE == host.fcntl(number, F_GETLK, write_lock())


# Record locks ---------------------------------------------------------------------------------


def test_an_ofd_lock_names_no_process_but_a_query_may(host: Host, fd: int) -> None:
    with fails(EINVAL):
        host.fcntl(fd, F_OFD_SETLK, write_lock(pid=1))

    assert 0 == host.fcntl(fd, F_SETLK, read_lock(pid=1))
    assert FREE == host.fcntl(fd, F_OFD_GETLK, read_lock(pid=1))


def test_a_range_is_looked_at_before_the_access_and_the_access_before_the_type(host: Host, fd: int) -> None:
    for access, forbidden in ((O_RDONLY, F_WRLCK), (O_WRONLY, F_RDLCK)):
        number = host.reopen(fd, access)

        with fails(EINVAL):
            host.fcntl(number, F_SETLK, Flock(forbidden, SEEK_SET, -1, 1, 0))
        with fails(EBADF):
            host.fcntl(number, F_SETLK, Flock(forbidden, SEEK_SET, 0, 1, 0))
        with fails(EINVAL):
            host.fcntl(number, F_SETLK, Flock(3, SEEK_SET, 0, 1, 0))
        assert 0 == host.fcntl(number, F_SETLK, no_lock())


def test_a_pipe_has_no_position_to_count_from(host: Host) -> None:
    read_end, _ = host.pipe2(0)
    pipe = imported(host, read_end)

    with fails(ESPIPE):
        host.fcntl(pipe, F_SETLK, read_lock(0, 1, SEEK_CUR))
    with fails(ESPIPE):
        host.fcntl(pipe, F_GETLK, read_lock(0, 1, SEEK_CUR))
    assert 0 == host.fcntl(pipe, F_SETLK, read_lock(0, 1, SEEK_END))
    with fails(EINVAL):
        host.fcntl(pipe, F_SETLK, read_lock(0, 1, 3))


def test_a_range_counts_from_the_offset_of_the_sandbox_or_the_size_of_the_file(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.write(fd, b"0123456789")
    host.lseek(fd, 4, SEEK_SET)
    host.fcntl(fd, F_OFD_SETLK, write_lock(1, 2, SEEK_CUR))
    host.fcntl(fd, F_OFD_SETLK, write_lock(-1, 1, SEEK_END))

    assert Flock(F_WRLCK, SEEK_SET, 5, 2, -1) == host.fcntl(other, F_OFD_GETLK, read_lock(0, 7))
    assert Flock(F_WRLCK, SEEK_SET, 9, 1, -1) == host.fcntl(other, F_OFD_GETLK, read_lock(7, 0))


@pytest.mark.parametrize(
    ("start", "length"), [(-1, 1), (0, -1), (5, -6), (0, -(2**63)), (LLONG_MAX, -(2**63)), (-(2**63), 1)]
)
def test_a_range_does_not_start_before_0(host: Host, fd: int, start: int, length: int) -> None:
    with fails(EINVAL):
        host.fcntl(fd, F_SETLK, write_lock(start, length))


def test_a_start_past_all_offsets_has_turned_negative(host: Host, fd: int) -> None:
    host.lseek(fd, 1, SEEK_SET)

    with fails(EINVAL):
        host.fcntl(fd, F_SETLK, write_lock(LLONG_MAX, 1, SEEK_CUR))


def test_an_end_past_all_offsets_is_as_good_as_any_other(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_OFD_SETLK, write_lock(LLONG_MAX, 2))

    assert Flock(F_WRLCK, SEEK_SET, LLONG_MAX, 2, -1) == host.fcntl(other, F_OFD_GETLK, read_lock(LLONG_MAX, 1))


def test_a_lock_to_the_end_of_the_file_reports_a_length_and_leaves_out_the_last_byte(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_OFD_SETLK, write_lock(5, 0))

    assert Flock(F_WRLCK, SEEK_SET, 5, LLONG_MAX - 5, -1) == host.fcntl(other, F_OFD_GETLK, write_lock(9, 1))
    assert 0 == host.fcntl(other, F_OFD_SETLK, write_lock(LLONG_MAX, 1))


def test_an_empty_range_locks_nothing_whoever_holds_what_is_there(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_OFD_SETLK, write_lock(LLONG_MAX - 1, 3))

    assert 0 == host.fcntl(other, F_OFD_SETLK, write_lock(LLONG_MAX, 0))
    assert 0 == host.fcntl(other, F_OFD_SETLK, no_lock(LLONG_MAX, 0))
    assert Flock(F_WRLCK, SEEK_SET, LLONG_MAX - 1, 3, -1) == host.fcntl(other, F_OFD_GETLK, write_lock(LLONG_MAX, 0))


def test_locks_of_the_process_and_of_descriptions_conflict(host: Host, fd: int) -> None:
    host.fcntl(fd, F_SETLK, write_lock(0, 10))

    with fails(EAGAIN):
        host.fcntl(fd, F_OFD_SETLK, read_lock(9, 1))
    assert 0 == host.fcntl(fd, F_OFD_SETLK, read_lock(10, 1))
    with fails(EAGAIN):
        host.fcntl(fd, F_SETLK, write_lock(0, 0))


def test_only_the_sole_reader_becomes_the_writer(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_OFD_SETLK, read_lock(0, 10))
    host.fcntl(other, F_OFD_SETLK, read_lock(5, 10))

    with fails(EAGAIN):
        host.fcntl(fd, F_OFD_SETLK, write_lock(0, 6))
    assert 0 == host.fcntl(fd, F_OFD_SETLK, write_lock(0, 5))
    assert 0 == host.fcntl(fd, F_OFD_SETLK, read_lock(0, 5))


# Queries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [F_GETLK, F_OFD_GETLK])
def test_a_query_asks_for_a_lock(host: Host, fd: int, command: int) -> None:
    for kind in (F_UNLCK, 3, -1):
        with fails(EINVAL):
            host.fcntl(fd, command, Flock(kind, SEEK_CUR, -1, 0, 0))


def test_a_free_range_is_told_with_nothing_else(host: Host, fd: int) -> None:
    assert FREE == host.fcntl(fd, F_GETLK, read_lock(3, 4, SEEK_END))
    assert FREE == host.fcntl(fd, F_OFD_GETLK, write_lock(3, 4))


def test_whose_lock_it_is_depends_on_who_asks(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(other, F_OFD_SETLK, write_lock(0, 1))
    host.fcntl(other, F_SETLK, write_lock(1, 1))

    assert Flock(F_WRLCK, SEEK_SET, 0, 1, 0) == host.fcntl(fd, F_GETLK, read_lock())
    assert Flock(F_WRLCK, SEEK_SET, 0, 1, -1) == host.fcntl(fd, F_OFD_GETLK, read_lock())
    assert Flock(F_WRLCK, SEEK_SET, 1, 1, 1) == host.fcntl(fd, F_OFD_GETLK, read_lock(1, 1))


def test_a_query_for_writing_tells_readers_of_its_own_sort_only(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(other, F_SETLK, read_lock(0, 2))

    assert FREE == host.fcntl(fd, F_OFD_GETLK, write_lock())

    host.fcntl(other, F_OFD_SETLK, read_lock(4, 2))
    assert FREE == host.fcntl(fd, F_GETLK, write_lock())
    assert Flock(F_RDLCK, SEEK_SET, 4, 2, -1) == host.fcntl(fd, F_OFD_GETLK, write_lock())
    assert FREE == host.fcntl(other, F_OFD_GETLK, write_lock())


def test_what_is_told_is_a_segment_and_segments_that_were_split_stay_so(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_OFD_SETLK, read_lock(0, 10))
    host.fcntl(fd, F_OFD_SETLK, read_lock(4, 2))

    assert Flock(F_RDLCK, SEEK_SET, 0, 4, -1) == host.fcntl(other, F_OFD_GETLK, write_lock())
    assert Flock(F_RDLCK, SEEK_SET, 4, 2, -1) == host.fcntl(other, F_OFD_GETLK, write_lock(5, 1))


def test_what_fills_a_gap_joins_what_it_touches(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_OFD_SETLK, write_lock(0, 4))
    host.fcntl(fd, F_OFD_SETLK, write_lock(6, 4))
    host.fcntl(fd, F_OFD_SETLK, write_lock(3, 5))

    assert Flock(F_WRLCK, SEEK_SET, 0, 3, -1) == host.fcntl(other, F_OFD_GETLK, read_lock())
    assert Flock(F_WRLCK, SEEK_SET, 3, 7, -1) == host.fcntl(other, F_OFD_GETLK, read_lock(3, 1))


# Closing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "dup2", "close_range"])
def test_closing_any_number_of_an_import_gives_up_the_locks_of_the_process(host: Host, fd: int, how: str) -> None:
    other, last = host.reopen(fd, O_RDONLY), host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_SETLK, write_lock())
    with fails(EAGAIN):
        host.fcntl(last, F_OFD_SETLK, write_lock())

    {
        "close": lambda: host.close(other),
        "dup2": lambda: host.dup2(last, other),
        "close_range": lambda: host.close_range(other, other, 0),
    }[how]()

    assert 0 == host.fcntl(last, F_OFD_SETLK, write_lock())


def test_closing_an_o_path_number_or_another_import_gives_up_nothing(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_SETLK, write_lock())
    host.close(host.reopen(fd, O_PATH))
    host.close(imported(host, fd))

    with fails(EAGAIN):
        host.fcntl(other, F_OFD_SETLK, write_lock())


def test_the_last_number_of_a_description_gives_up_its_record_locks(host: Host, fd: int) -> None:
    double, other = host.fcntl(fd, F_DUPFD, 0), host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_OFD_SETLK, write_lock())

    host.close(fd)
    with fails(EAGAIN):
        host.fcntl(other, F_OFD_SETLK, write_lock())

    host.close(double)
    assert 0 == host.fcntl(other, F_OFD_SETLK, write_lock())


def test_a_lock_that_begins_at_the_largest_offset_outlives_what_closing_gives_up(host: Host, fd: int) -> None:
    other = host.reopen(fd, O_RDWR)
    host.fcntl(fd, F_SETLK, write_lock(LLONG_MAX - 1, 2))

    host.close(fd)

    assert 0 == host.fcntl(other, F_OFD_SETLK, write_lock(LLONG_MAX - 1, 1))
    with fails(EAGAIN):
        host.fcntl(other, F_OFD_SETLK, write_lock(LLONG_MAX, 1))


def test_a_lock_set_means_what_a_map_of_bytes_means() -> None:
    random = Random(16)
    host = Host(Linux())
    first = host.files[imported(host, host.open("f", O_RDWR | O_CREAT, 0o600))]
    owners: tuple[Owner, ...] = (1, first)
    for _ in range(100):
        locks = LockSet()
        held: dict[tuple[Owner, int], int] = {}
        for _ in range(30):
            owner = owners[random.randrange(2)]
            other = owners[owner == 1]
            start = random.randrange(12)
            wanted = Range(start, start + random.randrange(6))
            kind = random.choice((F_RDLCK, F_WRLCK, F_UNLCK))
            if kind == F_UNLCK:
                locks.unlock(owner, wanted)
                for byte in range(*wanted):
                    held.pop((owner, byte), None)
                continue
            met = [held[other, byte] for byte in range(*wanted) if (other, byte) in held]
            assert any(F_WRLCK in (kind, type_) for type_ in met) == bool(locks.refusing(owner, kind, wanted))
            if not locks.refusing(owner, kind, wanted):
                locks.lock(owner, kind, wanted)
                held.update({(owner, byte): kind for byte in range(*wanted)})
        shown = {
            (holder, byte): segment.type
            for segment in locks.segments
            for holder in segment.holders
            for byte in range(segment.start, segment.end)
        }
        assert held == shown
