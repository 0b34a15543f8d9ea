# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The worker in which native programs run: isolation, blocking, death, limits."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.environment import profile_for, working_base
from conformance.grammar import read_program
from conformance.judging import Task
from conformance.observation import BLOCKED, Failure, Signalled
from conformance.ops import Op
from conformance.shard import Shard
from conformance.systems.c_binary import CannotBuild, chosen_worker
from conformance.systems.native import Native
from conformance.systems.native_calls import descriptors
from conformance.systems.native_worker import NATIVE_CALLS, NativeWorker, WorkerDied
from conformance.systems.native_workers import native_worker
from conformance.systems.sleeping import LOOK_INTERVAL_MS, LOOKS_UNSURE, UNSURE, Look, SleepWatch
from conformance.systems.worker import GIVE_UP, NUDGE, empty_directory
from reference.constants.descriptors import F_GET_SEALS
from reference.constants.errors import EBADF, ENOENT, EPIPE
from reference.constants.signals import SIGPIPE
from reference.linux.profile import Profile


def ops(text: str) -> tuple[Op, ...]:
    return read_program(text).ops


Make = Callable[[Profile, Path], NativeWorker]


@pytest.fixture(scope="module", params=("python", "c"))
def make(request: pytest.FixtureRequest) -> Make:
    """Either worker: what is said here holds of both."""
    try:
        binary = chosen_worker(request.param).binary
    except CannotBuild as problem:
        pytest.skip(str(problem))
    return lambda profile, base: native_worker(NATIVE_CALLS, profile, base, binary)


@pytest.fixture(scope="module")
def native(make: Make, profile: Profile) -> Iterator[NativeWorker]:
    with make(profile, working_base(None)) as made:
        yield made


@pytest.fixture
def worker(make: Make, profile: Profile) -> Iterator[NativeWorker]:
    with make(profile, working_base(None)) as made:
        yield made


def test_programs_are_handed_descriptors_from_three_on_and_share_nothing(native: NativeWorker) -> None:
    program = ops('r0 = open("f", O_RDWR | O_CREAT | O_EXCL, 0o600)\nwrite(r0, b"x")')

    assert native.run([program] * 5) == [[3, 1]] * 5


def test_a_slot_whose_maker_failed_is_a_bad_descriptor(native: NativeWorker) -> None:
    observed = native.run([ops('r0 = open("missing", O_RDONLY, 0o0)\nread(r0, 1)\nfcntl(r0, F_GETFL)')])

    assert [Failure(EBADF), Failure(EBADF)] == observed[0][1:]


def test_a_signal_is_recorded_with_the_op_that_raised_it(native: NativeWorker) -> None:
    observed = native.run([ops('r0, r1 = pipe2(0)\nclose(r0)\nwrite(r1, b"x")\nclose(r1)')])

    assert [(3, 4), 0, Signalled(Failure(EPIPE), (SIGPIPE,)), 0] == observed[0]


def test_a_call_that_sleeps_is_interrupted_and_counts_as_blocked(native: NativeWorker) -> None:
    observed = native.run([ops('r0, r1 = pipe2(0)\nread(r0, 1)\nwrite(r1, b"x")\nread(r0, 1)')])

    assert observed[0] == [(3, 4), BLOCKED, 1, b"x"]


def test_a_blocking_write_that_moved_something_returns_what_it_moved(native: NativeWorker) -> None:
    observed = native.run([ops('r0, r1 = pipe2(0)\nwrite(r1, pattern(100000, seed=0))\nwrite(r1, b"x")')])

    assert observed[0] == [(3, 4), 65536, BLOCKED]


def test_closing_every_number_leaves_the_worker_alive(native: NativeWorker) -> None:
    observed = native.run([ops("close_range(0, 2**32 - 1, 0)\nr0, r1 = pipe2(0)"), ops("r0, r1 = pipe2(0)")])

    assert observed == [[0, (0, 1)], [(3, 4)]]


def test_a_worker_killed_in_the_middle_of_a_batch_says_where_it_was(worker: NativeWorker, profile: Profile) -> None:
    worker.run([ops("r0, r1 = pipe2(0)")])
    sleeping = ops("r0, r1 = pipe2(0)\nread(r0, 1)")
    killer = threading.Timer(0.05, os.kill, (worker._pid, signal.SIGKILL))
    killer.start()

    with pytest.raises(WorkerDied, match="killed or crashed"):
        worker.run([sleeping] * 10_000)
    killer.join()


def test_a_batch_whose_worker_was_killed_is_run_again_and_nothing_is_lost(
    worker: NativeWorker, profile: Profile
) -> None:
    worker.run([ops("r0, r1 = pipe2(0)")])
    named = tuple((f"p{number}", ops("r0, r1 = pipe2(0)\nread(r0, 1)")) for number in range(30))
    pid = worker._pid
    killer = threading.Timer(0.05, os.kill, (pid, signal.SIGKILL))
    killer.start()
    result = Shard(worker).run(Task(0, "stored", "0", profile, programs=named))
    killer.join()

    assert result.programs == 30
    assert result.ops == 60
    assert result.suspects == []
    assert len(result.notes) == 1
    assert "run again" in result.notes[0]


def test_a_program_that_takes_longer_than_it_may_is_killed_with_its_worker(worker: NativeWorker) -> None:
    worker._deadline_s = 0
    with pytest.raises(WorkerDied, match="made no progress for 0 s and was killed"):
        worker.run([ops("r0, r1 = pipe2(0)\nread(r0, 1)")] * 10)
    worker._deadline_s = 10

    assert worker.run([ops("r0, r1 = pipe2(0)")]) == [[(3, 4)]]


def test_a_name_that_goes_by_itself_while_a_directory_is_cleared_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").mkdir(mode=0o100)
    (tmp_path / "f").touch()
    remove = os.unlink

    def removed_twice(path: str) -> None:
        remove(path)
        remove(path)

    monkeypatch.setattr(os, "unlink", removed_twice)
    empty_directory(str(tmp_path))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can leave something that another user cannot remove")
@pytest.mark.parametrize("way", ["alone", "batch"])
def test_a_directory_that_cannot_be_emptied_is_left_for_another(way: str) -> None:
    base = working_base(None)
    left = ops('r0 = open("h", O_CREAT | O_RDWR, 0o600)')
    with NativeWorker(profile_for(base, 65534), base) as worker:
        worker.run([()])
        first = worker._directory
        assert first is not None
        (first / "d").mkdir(mode=0o755)
        (first / "d" / "f").touch()

        assert [3] == (worker.run_alone(left) if way == "alone" else worker.run_one(left))
        assert [Failure(ENOENT)] == worker.run_one(ops('truncate("h", 0)'))
        assert first != worker._directory
        assert not first.exists()


def test_a_program_does_not_find_what_one_that_was_killed_left_behind(worker: NativeWorker) -> None:
    worker._deadline_s = 0
    with pytest.raises(WorkerDied):
        worker.run([ops('r0 = open("h", O_CREAT | O_RDWR, 0o600)\nr1, r2 = pipe2(0)\nread(r1, 1)')])
    worker._deadline_s = 10

    assert worker.run([ops('truncate("h", 0)')]) == [[Failure(ENOENT)]]


def test_a_call_that_goes_to_sleep_again_when_it_was_woken_is_given_up_on() -> None:
    watch = SleepWatch()

    asked = [watch.signal_for(Look(0, 3, 99, "S", switches)) for switches in (7, 7, 8, 8)]
    assert asked == [None, NUDGE, None, GIVE_UP]


def test_a_call_that_waits_in_short_sleeps_is_not_given_up_on_though_it_oversleeps_twice() -> None:
    watch = SleepWatch()

    asked = [watch.signal_for(Look(0, 3, 99, "S", switches)) for switches in (7, 7, 30, 31, 50, 50, 70)]
    assert asked == [None, NUDGE, None, None, None, NUDGE, None]


def test_who_was_put_aside_on_its_way_to_sleep_is_left_alone_until_it_stays_so_for_long() -> None:
    watch = SleepWatch()
    aside = Look(0, 3, 99, UNSURE, 7)

    assert [watch.signal_for(aside) for _ in range(LOOKS_UNSURE)] == [None] * (LOOKS_UNSURE - 1) + [NUDGE]
    assert [watch.signal_for(look) for look in (aside, aside, aside._replace(switches=8), aside)] == [None] * 4


def test_seals_that_are_all_set_are_an_answer_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "_fcntl", lambda fd, command, argument: -1)

    assert Native().fcntl(3, F_GET_SEALS) == -1


class Patient(Native):
    """A kernel whose lseek is answered from elsewhere, which takes as long as many looks."""

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        with self.waiting():
            time.sleep(50 * LOOK_INTERVAL_MS / 1000)
        return 7


def test_a_call_that_waits_for_another_system_is_not_given_up_on(profile: Profile) -> None:
    with NativeWorker(profile, working_base(None), f"{__name__}:Patient") as worker:
        observed = worker.run_one(ops("r0, r1 = pipe2(0)\nlseek(r0, 0, SEEK_CUR)\nread(r0, 1)"))

    assert observed == [(3, 4), 7, BLOCKED]


def test_who_runs_or_has_gone_on_is_left_alone() -> None:
    watch = SleepWatch()
    looks = [Look(0, 3, 99, "R", 7), Look(0, 3, 99, "R", 7), Look(0, 3, 99, "S", 7), Look(0, 4, 99, "S", 7)]

    assert [watch.signal_for(look) for look in looks] == [None] * 4


LEADING = "setsid()\np0 = spawn()\np1 = descend()\ngetsid(0)"


def processes_in(directory: Path) -> list[str]:
    """The processes that live in a directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == directory:
                found.append(process.name)
        except OSError:
            continue
    return found


def test_a_program_that_leads_a_session_leaves_the_worker_as_it_was(native: NativeWorker) -> None:
    observed = native.run([ops(LEADING), ops('r0 = open("f", O_RDWR | O_CREAT, 0o600)'), ops(LEADING)])

    assert observed == [[1, 2, 3, 1], [3], [1, 2, 3, 1]]
    assert native.run_alone(ops(LEADING)) == [1, 2, 3, 1]


def test_a_sleeping_child_of_a_program_is_interrupted(native: NativeWorker) -> None:
    (observed,) = native.run([ops('r0, r1 = pipe2(0)\np0 = descend()\nread(r0, 1)\nwrite(r1, b"x")\nread(r0, 1)')])

    assert observed == [(3, 4), 2, BLOCKED, 1, b"x"]


def test_no_process_of_a_program_outlives_it_or_its_worker(make: Make, profile: Profile, tmp_path: Path) -> None:
    with make(profile, tmp_path) as worker:
        worker.run([ops('r0 = open("f", O_RDWR | O_CREAT, 0o600)')])
        (directory,) = tmp_path.iterdir()
        pid = worker._pid
        before = processes_in(directory)
        worker.run([ops(LEADING)])
        assert processes_in(directory) == before
        assert str(pid) in before
        assert len(before) <= 2, "the worker, and in Python the process that programs are forked from"

        def kill_beside_a_program() -> None:
            while worker._pid in (0, pid) or worker._progress[0] < 2:
                time.sleep(0)
            os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_beside_a_program)
        killer.start()
        with pytest.raises(WorkerDied):
            worker.run([ops(LEADING)] * 10_000)
        killer.join()
        while processes_in(directory):
            time.sleep(0)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can change to another user")
def test_a_ring_that_a_program_leaves_behind_has_nothing_in_flight_in_the_following_ones(make: Make) -> None:
    many = ", ".join(["r1"] * 253)
    ring = ops(f'r0, r1 = socketpair(AF_UNIX, SOCK_STREAM, 0)\nsendmsg(r0, [b"x"], [{many}], 0)')
    following = ops(
        "r0, r1 = socketpair(AF_UNIX, SOCK_STREAM, 0)\n"
        'sendmsg(r0, [b"x"], [r0, r0, r0, r0], 0)\nsendmsg(r0, [b"x"], [r0], 0)'
    )
    base = working_base(None)
    with make(profile_for(base, 65534), base) as worker:
        observed = worker.run([ring, following] * 50)

    assert [[(3, 4), 1, 1]] * 50 == observed[1::2]


def test_nothing_is_left_behind(make: Make, profile: Profile, tmp_path: Path) -> None:
    with make(profile, tmp_path) as worker:
        worker.run([ops('r0 = open("f", O_RDWR | O_CREAT, 0o600)')])
        worker.run_alone(ops('r0 = open("g", O_RDWR | O_CREAT, 0o600)'))
        (directory,) = tmp_path.iterdir()

        assert [] == list(directory.iterdir())
    assert [] == list(tmp_path.iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can change to another user")
def test_programs_run_as_an_ordinary_user_when_the_profile_says_so(make: Make) -> None:
    base = working_base(None)
    profile = profile_for(base, 65534)
    with make(profile, base) as worker:
        (observed,) = worker.run([ops('r0 = open("f", O_RDWR | O_CREAT, 0o600)\nfstat(r0)')])

    assert observed[1].uid == 65534
