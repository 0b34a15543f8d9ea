# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Systems that need mounts: where they get them, and that nothing of them stays, however a run ends."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from conformance.environment import filesystem_of, profile_for, working_base
from conformance.errors import ConformanceError
from conformance.grammar import read_program
from conformance.named_systems import subject_of
from conformance.runners import introduced, run_offered, started
from conformance.systems.process import AdapterFailed
from conformance.systems.sleeping import DAEMON_WAITS
from conformance.systems.stage import staged
from reference.linux.profile import TMPFS
from tests.wire.campaigns import campaign, processes_of

pytestmark = [
    pytest.mark.alternative,
    pytest.mark.once,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount"),
]

END_S = 30
MOUNTED = """
title = "a file system of its own"
setup = [
  ["mkdir", "{directory}/mount"],
  ["mount", "-t", "tmpfs", "tmpfs", "{directory}/mount"],
  %s
]
command = ["env", "FDCONFORM_DIRECTORY={directory}/mount", "{python}", "{worker}"]
kinds = ["files"]
freedoms = { file_size_bytes_max = 7 }
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    path = tmp_path / "mounted.toml"
    path.write_text(MOUNTED % "")
    return path


def test_what_is_mounted_for_a_system_is_seen_by_it_alone(system: Path, tmp_path: Path) -> None:
    subject = subject_of(str(system))
    assert subject is not None
    base = working_base(tmp_path)
    with started(subject, profile_for(base), base) as process:
        facts, offered = process.hello.facts, process.hello.capabilities.ops
        mounts = [filesystem_of(path) for path in base.glob("fdconform-system-*/mount")]
        _, observed = run_offered(process, read_program('r0 = open("f", O_RDWR | O_CREAT, 0o600)').ops)

    assert "tmpfs" == facts.filesystem
    assert offered is not None
    assert "open" in offered
    assert "posix_openpt" not in offered
    assert [filesystem_of(base)] == mounts
    assert [3] == observed
    assert [] == list(base.glob("fdconform-system-*"))


def test_what_a_system_makes_of_its_freedom_is_part_of_the_profile(system: Path, tmp_path: Path) -> None:
    subject = subject_of(str(system))
    assert subject is not None
    base = working_base(tmp_path)
    profile, _ = introduced(subject, profile_for(base), base)

    assert (TMPFS.magic, 7) == (profile.filesystem.magic, profile.filesystem.file_size_bytes_max)


def test_a_setup_that_fails_says_in_which_words(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(MOUNTED % '["sh", "-c", "echo no such luck; exit 7"],')
    subject = subject_of(str(path))
    assert subject is not None
    base = working_base(tmp_path)

    with pytest.raises(AdapterFailed, match=r"ended with exit status 7 .*no such luck"):
        introduced(subject, profile_for(base), base)


def test_a_command_that_needs_no_setup_is_run_as_it_is() -> None:
    assert ["true"] == staged(["true"], [])


def test_the_status_of_the_command_is_that_of_the_stage() -> None:
    done = subprocess.run(staged(["sh", "-c", "exit 9"], [["true"]]), check=False)

    assert 9 == done.returncode


def test_a_daemon_of_the_setup_does_not_outlive_the_command() -> None:
    daemon = ["sh", "-c", "echo started >&2; sleep 1000 &"]
    done = subprocess.run(staged(["true"], [daemon]), capture_output=True, timeout=END_S, check=True)

    # The daemon holds the write end of standard error: the end of the output says that it is gone.
    assert b"started\n" == done.stderr


@pytest.mark.skipif(shutil.which("bindfs") is None, reason="needs bindfs")
def test_a_call_that_waits_for_a_daemon_is_known_by_where_it_sleeps(tmp_path: Path) -> None:
    for name in ("source", "mount"):
        (tmp_path / name).mkdir()
    script = (
        "kill -STOP $(pgrep -x bindfs); stat mount/none 2>/dev/null & "
        "until grep -q request_wait_answer /proc/$!/wchan; do :; done; "
        "cat /proc/$!/wchan; kill -CONT $(pgrep -x bindfs); wait $!"
    )
    mount = [["bindfs", str(tmp_path / "source"), str(tmp_path / "mount")]]
    done = subprocess.run(
        staged(["sh", "-c", script], mount), cwd=tmp_path, capture_output=True, text=True, timeout=END_S, check=False
    )

    assert done.stdout in DAEMON_WAITS


def test_what_a_killed_run_left_is_gone_with_the_next(tmp_path: Path) -> None:
    """The run and all of its own processes are killed at once, so that nobody can clear up."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    telling = tmp_path / "telling.toml"
    telling.write_text(MOUNTED % f'["sh", "-c", "echo mounted > {fifo}"],')
    base = tmp_path / "base"
    base.mkdir()
    first = campaign(telling, base)
    # The first is asked for its hello only; the second belongs to a shard, and runs until the end.
    assert ["mounted\n"] * 2 == [fifo.read_text() for _ in range(2)]
    systems = list(processes_of(base))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    for system in systems:
        assert select.select([system], [], [], END_S)[0]
        os.close(system)
    left = list(base.glob("fdconform-*"))
    assert left
    assert str(base) not in Path("/proc/self/mountinfo").read_text()

    second = campaign(telling, base)
    assert "mounted\n" == fifo.read_text()
    assert not any(path.exists() for path in left)
    os.killpg(second.pid, signal.SIGKILL)
    second.wait()


def test_a_directory_names_the_kernel_on_its_file_system(tmp_path: Path) -> None:
    subject = subject_of(f"dir:{tmp_path}")
    assert subject is not None
    base = working_base(Path("/dev/shm"))
    profile, told = introduced(subject, profile_for(base), base)

    name = filesystem_of(tmp_path)
    assert [name, f"dir:{tmp_path}", tmp_path] == [subject.name, subject.on, subject.base]
    assert "files" in subject.kinds
    assert "pipes" not in subject.kinds
    assert told["system"].endswith(name)
    assert told["filesystem"].startswith(f"{name} (model: {profile.filesystem.name}")


def test_a_directory_that_is_none_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="names no directory"):
        subject_of(f"dir:{tmp_path}/none")
