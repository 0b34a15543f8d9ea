# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings as systems: their programs run, their truth is looked at, and what they do not hold is not offered."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.replay import command as replay
from conformance.commands.run import command as run
from conformance.errors import BadTrace, ConformanceError, ExitCode, Inconclusive
from conformance.events import Divergence, Footer, Header, read_events
from conformance.grammar import read_program, read_trace
from conformance.judging import Task
from conformance.named_systems import subject_of
from conformance.recordings import read_recording
from conformance.subject_shard import SubjectShard
from conformance.systems.process import AdapterFailed
from reference.linux.profile import Profile

pytestmark = pytest.mark.once

HEAD = "#: kernel = 6.18\n#: filesystem = tmpfs\n#: uid = 0\n#: gid = 0\n"
BODY = "r0, r1 = pipe2(0) == (3, 4)\nclose(r0) == 0\nclose(r0) == EBADF\nwrite(r1, b'x') == EPIPE & SIGPIPE\n"
HONEST = f"{HEAD}{BODY}#: end\n"
LIE = HONEST.replace("close(r0) == EBADF", "close(r0) == 0")
OTHER = HONEST.replace("write(r1, b'x') == EPIPE & SIGPIPE\n", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "linux-6.18-tmpfs-root"
    made.mkdir()
    (made / "one.trace").write_text(HONEST)
    return made


def campaign(folder: Path, *more: str) -> tuple[int, Path]:
    reports = folder.parent / "reports"
    found = CliRunner().invoke(
        run, ["--on", f"recorded:{folder}", "--jobs", "1", "--reports", str(reports), *more], standalone_mode=False
    )
    if found.exception is not None:
        raise found.exception
    return found.return_value, reports / "latest" / "events.jsonl"


def test_the_programs_of_a_recording_are_held_against_the_model_and_no_others_are_made(folder: Path) -> None:
    code, log = campaign(folder)
    events = list(read_events(log))
    footer = next(event for event in events if isinstance(event, Footer))
    header = next(event for event in events if isinstance(event, Header))

    assert ExitCode.CONFORMS == code
    assert (1, 4) == (footer.programs, footer.ops)
    assert "Linux 6.18" == header.environment["predicted as"]


def test_a_recording_that_is_not_what_linux_does_diverges_and_is_cut_behind_the_step(folder: Path) -> None:
    (folder / "one.trace").write_text(LIE)
    code, log = campaign(folder)
    found = next(event for event in read_events(log) if isinstance(event, Divergence))

    assert ExitCode.DIVERGES == code
    assert ("EBADF", "0") == (found.predicted, found.observed)
    assert "r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)\n" == found.reduced
    assert found.trace.endswith("close(r0) == EBADF\n"), "what this kernel gives stands beside it"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HONEST.removesuffix("#: end\n"), "the trace is cut short"),
        (HONEST.replace("close(r0) == 0\n", "close(r0)\n"), "4 ops but 3 observations"),
        (HONEST.replace("== (3, 4)", "== 3"), "line 5"),
        (HONEST.replace("#: kernel = 6.18\n", ""), "the environment is incomplete: 'kernel'"),
        (HONEST.replace("tmpfs", "floppy"), "the environment is incomplete: 'floppy'"),
        ("", "the trace is cut short"),
    ],
)
def test_a_trace_that_is_cut_short_or_cannot_be_true_is_a_failure_of_the_adapter(
    folder: Path, text: str, says: str
) -> None:
    (folder / "one.trace").write_text(text)
    with pytest.raises(AdapterFailed, match=r"one\.trace") as failure:
        campaign(folder)

    assert says in failure.value.message
    assert ExitCode.ADAPTER_FAILED == failure.value.exit_code


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LIE, "says of its program something else than"),
        (HONEST.replace("uid = 0", "uid = 65534"), "was recorded elsewhere than"),
    ],
)
def test_traces_that_do_not_go_together_are_no_recording(folder: Path, text: str, says: str) -> None:
    (folder / "two.trace").write_text(text)

    with pytest.raises(BadTrace, match=r"two\.trace") as failure:
        read_recording(folder)
    assert says in failure.value.message


def test_a_directory_without_traces_and_a_trace_that_is_no_text_are_no_recordings(tmp_path: Path) -> None:
    with pytest.raises(BadTrace, match="holds no trace"):
        read_recording(tmp_path)
    (tmp_path / "bad.trace").write_bytes(b"\xff")
    with pytest.raises(BadTrace, match="cannot be read"):
        read_recording(tmp_path)


def test_a_recording_that_is_not_there_and_kinds_of_programs_are_mistakes_of_usage(folder: Path) -> None:
    with pytest.raises(ConformanceError, match="names no recording"):
        subject_of(f"recorded:{folder}/elsewhere")
    with pytest.raises(ConformanceError, match="has its own programs"):
        campaign(folder, "--kind", "pipes")


def test_a_recording_knows_its_programs_and_their_beginnings(folder: Path) -> None:
    recording = read_recording(folder / "one.trace")
    trace = read_trace(HONEST)

    assert trace.observations == recording.answer(trace.program.ops)
    assert trace.observations[:2] == recording.answer(trace.program.ops[:2])
    assert recording.answer(trace.program.ops[1:]) is None


def test_a_program_that_the_recording_does_not_hold_is_not_offered(folder: Path, tmp_path: Path) -> None:
    subject = subject_of(f"recorded:{folder}")
    assert subject is not None
    unknown = read_program("r0 = epoll_create1(0)\nclose(r0)").ops
    task = Task(0, "stored", "1", Profile(), programs=(("unknown", unknown), ("known", read_program(OTHER).ops)))
    with SubjectShard(subject, Profile(), tmp_path) as shard:
        result = shard.run(task)

    assert {"epoll_create1": 1} == dict(result.unsupported)
    assert (1, 3, None, []) == (result.programs, result.ops, result.broken, result.suspects)


def test_replaying_a_program_that_the_recording_does_not_hold_decides_nothing(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "unknown.fd"
    program.write_text("r0 = epoll_create1(0)\n")
    found = CliRunner().invoke(replay, [str(program), "--on", f"recorded:{folder}"])

    assert isinstance(found.exception, Inconclusive)
    assert "unsupported" in str(found.exception)
