# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line as a user meets it: output, exit codes, and one clear error for bad input."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.errors import ExitCode
from conformance.events import Batch, Footer, read_events

if TYPE_CHECKING:
    from .conftest import Fdconform

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "conformance.cli")
GOOD = 'r0, r1 = pipe2(O_NONBLOCK)\nclose(r0)\nwrite(r1, b"x")\n'


def test_replay_prints_the_trace_and_exits_0_when_the_model_agrees(fdconform: Fdconform) -> None:
    done = fdconform("replay", "-", stdin=GOOD)

    assert ExitCode.CONFORMS == done.returncode, done.stderr
    assert 'write(r1, b"x") == EPIPE & SIGPIPE' in done.stdout


def test_replay_runs_on_the_model_alone(fdconform: Fdconform) -> None:
    done = fdconform("replay", "--on", "linux", "-", stdin=GOOD)

    assert ExitCode.CONFORMS == done.returncode, done.stderr
    assert "r0, r1 = pipe2(O_NONBLOCK) == (3, 4)" in done.stdout


def test_replay_of_a_recorded_lie_marks_the_step_and_exits_1(fdconform: Fdconform, tmp_path: Path) -> None:
    lie = tmp_path / "lie.trace"
    lie.write_text(
        "#: kernel = 6.18\n#: filesystem = ext4\n#: uid = 0\n#: gid = 0\n"
        'r0, r1 = pipe2(O_NONBLOCK) == (3, 4)\nread(r0, 1) == b""\n#: end\n'
    )
    done = fdconform("replay", "--on", "recorded", str(lie))

    assert ExitCode.DIVERGES == done.returncode, done.stderr
    assert ">>> read(r0, 1)" in done.stdout
    assert "linux (model)  EAGAIN" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        (["replay", "-"], "r0 = open(\n", 64, "standard input, line 1, column"),
        (["replay", "-"], "r0 = opn()\n", 64, "unknown op 'opn'"),
        (["replay", "-"], "read(r0, 1)\n", 64, "slot r0 is used before it is made"),
        (["replay", "missing.fd"], "", 64, "cannot be read"),
        (["replay", "seed:1/nonsense/2/3"], "", 64, "unknown kind 'nonsense'"),
        (["run", "--budget", "soon"], "", 64, "not a budget: 'soon'"),
        (["run", "--kind", "nonsense"], "", 64, "nonsense"),
        (["run", "--budget", "1s", "--reports", "/proc/nowhere"], "", 64, "the report directory cannot be written"),
        (["run", "--budget", "1s", "--dir", "/proc"], "", 4, "the model does not know the file system proc"),
        (["show", "nothing", "--reports", "/nowhere"], "", 64, "no run named 'nothing'"),
        (["nonsense"], "", 64, "No such command"),
    ],
)
def test_bad_input_is_one_clear_error_with_its_exit_code(
    fdconform: Fdconform, arguments: list[str], stdin: str, code: int, message: str
) -> None:
    done = fdconform(*arguments, stdin=stdin)

    assert code == done.returncode
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_trace_cut_in_half_is_one_clear_error(fdconform: Fdconform, tmp_path: Path) -> None:
    path = tmp_path / "half.trace"
    path.write_text("#: kernel = 6.18\nr0, r1 = pipe2(0) == (3,")
    done = fdconform("replay", "--on", "recorded", str(path))

    assert ExitCode.USAGE == done.returncode
    assert "the trace is cut short" in done.stderr


def test_run_leaves_a_report_and_ends_with_a_plain_count(fdconform: Fdconform, tmp_path: Path) -> None:
    done = fdconform("run", "--budget", "3000ops", "--kind", "pipes", "--jobs", "1", "--reports", str(tmp_path))

    assert ExitCode.CONFORMS == done.returncode, done.stdout + done.stderr
    assert " passed, 0 failed" in done.stdout.splitlines()[-1]
    assert {"events.jsonl", "report.html", "junit.xml", "summary.md"} <= {
        p.name for p in (tmp_path / "latest").iterdir()
    }


def programs_of_a_run(fdconform: Fdconform, reports: Path, seed: str) -> list[tuple[int, dict[str, int]]]:
    """How many programs each batch held, and how often each op; where the kernel is free, outcomes may differ."""
    fdconform("run", "--budget", "8000ops", "--kind", "pipes", "--jobs", "1", "--seed", seed, "--reports", str(reports))
    batches = [event for event in read_events(reports / "latest" / "events.jsonl") if isinstance(event, Batch)]
    return [(batch.programs, {op: sum(seen.values()) for op, seen in batch.outcomes.items()}) for batch in batches]


@pytest.mark.once
def test_the_same_seed_gives_the_same_programs_and_another_seed_others(fdconform: Fdconform, tmp_path: Path) -> None:
    first = programs_of_a_run(fdconform, tmp_path / "a", "1")

    assert first
    assert first == programs_of_a_run(fdconform, tmp_path / "b", "1")
    assert first != programs_of_a_run(fdconform, tmp_path / "c", "2")


@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM"])
def test_ctrl_c_or_sigterm_ends_a_run_with_its_report_written(way: str, tmp_path: Path) -> None:
    running = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "conformance.cli",
            "run",
            "--budget",
            "5m",
            "--kind",
            "pipes",
            "--reports",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    log = tmp_path / "latest" / "events.jsonl"
    deadline = time.monotonic() + 60
    while (not log.exists() or log.read_bytes().count(b'"event":"batch"') < 3) and time.monotonic() < deadline:
        time.sleep(0.05)
    if way == "Ctrl-C":
        os.killpg(running.pid, signal.SIGINT)
    else:
        running.terminate()
    printed, errors = running.communicate(timeout=60)

    assert ExitCode.INCONCLUSIVE == running.returncode, errors
    assert "Traceback" not in errors
    assert "not green" in printed
    assert " passed, " in printed.splitlines()[-1]
    footer = list(read_events(log))[-1]
    assert isinstance(footer, Footer)
    assert footer.interrupted
    assert (log.parent / "report.html").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can hide a device from a process")
def test_a_machine_without_pseudoterminals_is_one_clear_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as nothing_to_open:
        nothing_to_open.bind(str(tmp_path / "ptmx"))
        hide = (
            f"mount --bind {tmp_path}/ptmx /dev/ptmx && exec {' '.join(COMMAND)} run --budget 1s --reports {tmp_path}/r"
        )
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", hide], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
        )

    assert ExitCode.INCONCLUSIVE == done.returncode
    assert "pseudoterminals: /dev/ptmx" in done.stderr
    assert "mount devpts" in done.stderr


def test_doctor_says_what_the_machine_offers(fdconform: Fdconform) -> None:
    done = fdconform("doctor")

    assert "pseudoterminals: /dev/ptmx opens" in done.stdout
    assert done.returncode in (ExitCode.CONFORMS, ExitCode.INCONCLUSIVE)


@pytest.mark.parametrize("what", ["ops", "kinds", "clauses", "host-clauses", "programs"])
def test_list_prints_what_there_is(fdconform: Fdconform, what: str) -> None:
    done = fdconform("list", what)

    assert ExitCode.CONFORMS == done.returncode
    assert len(done.stdout.splitlines()) > 4


def test_help_names_the_exit_codes(fdconform: Fdconform) -> None:
    assert "inconclusive" in fdconform("--help").stdout
