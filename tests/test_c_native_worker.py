# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The native worker in C: built once for each text, and right about what the worker in Python is right about."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.environment import working_base
from conformance.errors import ConformanceError
from conformance.judging import Task
from conformance.kinds import LINUX_KINDS, recipes_of
from conformance.laws import LAWS
from conformance.observation import NotOffered
from conformance.oracle import predict
from conformance.shard import Shard
from conformance.strategies.programs import seeded_program
from conformance.systems import c_binary
from conformance.systems.c_binary import CannotBuild, chosen_worker
from conformance.systems.c_binary import c_binary as built
from conformance.systems.c_native_worker import CNativeWorker
from conformance.systems.native_worker import NativeWorker
from conformance.systems.native_workers import native_worker, worker_under
from corpus import corpus, timeless
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def binary() -> Path:
    try:
        return built()
    except CannotBuild as problem:
        pytest.skip(str(problem))


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "fdconform"


@pytest.fixture(scope="module")
def in_c(binary: Path, profile: Profile) -> Iterator[CNativeWorker]:
    with CNativeWorker(binary, profile, working_base(None)) as made:
        yield made


def test_either_worker_gives_the_same_for_every_stored_program_and_some_of_every_kind(
    in_c: CNativeWorker, native: NativeWorker, profile: Profile
) -> None:
    programs = list(corpus())
    batches = zip(in_c.run([ops for _, ops in programs]), native.run([ops for _, ops in programs]), strict=True)
    for (name, ops), (given, expected) in zip(programs, batches, strict=True):
        model = Linux(profile)
        predict(ops, model, expected)

        # Where the kernel is free, two runs of one worker may differ as well; the model holds each of them.
        if not model.choices.made:
            assert list(map(timeless, expected)) == list(map(timeless, given)), name
            assert list(map(type, expected)) == list(map(type, given)), name
        assert not any(isinstance(seen, NotOffered) for seen in given), name


def test_a_batch_is_judged_the_same_with_either_worker(
    in_c: CNativeWorker, native: NativeWorker, profile: Profile
) -> None:
    for kind in LINUX_KINDS:
        task = Task(0, kind, "either", profile, count=8)
        one, other = Shard(native).run(task), Shard(in_c).run(task)

        assert one.suspects == other.suspects == []
        assert (one.programs, one.ops) == (other.programs, other.ops)
        assert one.outcomes == other.outcomes
        assert one.clauses == other.clauses


def test_a_program_that_the_model_does_not_allow_is_a_suspect_up_to_where_they_part(
    in_c: CNativeWorker, native: NativeWorker, profile: Profile
) -> None:
    wrong = replace(profile, pipe_size_bytes_max=4096)
    task = Task(0, "pipes", "wrong", wrong, count=64)
    one, other = Shard(native).run(task), Shard(in_c).run(task)

    assert one.suspects == other.suspects != []
    assert one.ops == other.ops


def test_the_processor_time_of_the_worker_is_counted(in_c: CNativeWorker, profile: Profile) -> None:
    shard = Shard(in_c)
    shard.run(Task(0, "jobs", "time", profile, count=1))
    before = in_c.apart_cpu_us
    result = shard.run(Task(0, "jobs", "time", profile, count=32))

    assert 0 < (in_c.apart_cpu_us - before) / 10**6 < result.cpu_seconds


def test_answers_that_were_not_all_read_are_not_taken_for_those_of_other_programs(in_c: CNativeWorker) -> None:
    one, other = (seeded_program(f"left/{number}", recipes_of("files")).ops for number in range(2))
    answers = in_c._answers([one, other])
    next(answers)
    answers.close()

    assert in_c.run([other, one])[1] == in_c.run_alone(one)


def test_the_binary_is_built_once(binary: Path, cache: Path) -> None:
    first = built()
    stamp = first.stat().st_mtime_ns

    assert built() == first
    assert stamp == first.stat().st_mtime_ns
    assert [first] == list(cache.iterdir())


def test_another_text_is_another_binary(binary: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = c_binary.c_worker_text(c_binary.C_NATIVE_PARTS)
    monkeypatch.setattr(c_binary, "c_worker_text", lambda parts: text + "\n/* changed */\n")

    assert built().name != binary.name


def test_without_a_compiler_the_worker_is_the_one_in_python(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)

    assert chosen_worker("auto").binary is None
    assert chosen_worker("auto").name == "Python (no C compiler is found)"
    with pytest.raises(CannotBuild, match="no C compiler"):
        chosen_worker("c")


def test_a_text_that_does_not_compile_leaves_nothing_behind(
    binary: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c_binary, "c_worker_text", lambda parts: "no C at all")

    with pytest.raises(CannotBuild, match="does not build"):
        built()
    assert [] == list(cache.iterdir())


def test_a_cache_that_others_can_write_to_is_not_used(binary: Path, cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)

    with pytest.raises(CannotBuild, match="not ours alone"):
        built()


def test_on_another_machine_there_is_no_worker_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    with pytest.raises(CannotBuild, match="x86_64"):
        built()


def test_calls_that_are_not_the_kernels_own_are_made_in_python(binary: Path, profile: Profile, tmp_path: Path) -> None:
    with native_worker(LAWS["host"].native, profile, tmp_path, binary) as worker:
        assert not isinstance(worker, CNativeWorker)
    assert worker_under(LAWS["host"], "auto").binary is None
    assert worker_under(LAWS["differences"], "c").binary == binary
    with pytest.raises(ConformanceError, match="no side that runs in C"):
        worker_under(LAWS["host"], "c")
