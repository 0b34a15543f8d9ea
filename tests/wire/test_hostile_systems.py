# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Systems that misbehave: each ends within its deadline, with one clear message."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.grammar import read_program
from conformance.judging import NamedProgram, Result, Task
from conformance.subject_shard import SubjectShard
from conformance.subjects import Subject
from conformance.systems import process
from reference.linux.profile import Profile

SCRIPT = str(Path(__file__).with_name("hostile.py"))
DEADLINE_S = 1.0
ALL_S = 30.0
"""No behaviour takes longer, however often the system has to be started again on a busy machine."""
SHORT_LINE_BYTES_MAX = 2**20
MARKED = 1
TEXTS = (
    "r0, r1 = pipe2(0)\nclose(r0)\nclose(r0)",
    "r0, r1 = pipe2(0)\nr2 = dup(r1)\nclose(r2)",
    "r0, r1 = pipe2(0)\nclose(r1)\nr2, r3 = pipe2(0)",
)
PROGRAMS: tuple[NamedProgram, ...] = tuple(
    (f"program-{place}", read_program(text).ops) for place, text in enumerate(TEXTS)
)

pytestmark = pytest.mark.once

BREACHES = {
    "hello-never": "did not answer within 1 s instead of saying hello",
    "hello-leaves": "ended with exit status 0 instead of saying hello",
    "hello-dies": "ended with exit status 7 instead of saying hello; it wrote to standard error: no such device",
    "hello-killed": "was killed by signal 11 instead of saying hello",
    "hello-half": """wrote half a line: b'{"message":"hel'""",
    "hello-half-and-dies": "ended with exit status 7, but wrote half a line",
    "hello-protocol": "speaks protocol 99, and this fdconform speaks 1",
    "hello-protocol-text": "wrong shape: Expected `int`, got `str` - at `$.protocol`",
    "hello-no-name": "wrong shape: Object missing required field `name`",
    "hello-banner": "not JSON",
    "hello-utf8": "not UTF-8",
    "hello-observed": "opened with an observed message instead of a hello",
    "hello-bye": "opened with a bye message instead of a hello",
    "hello-endless": "wrote more than 1048576 bytes without the end of a line",
    "hello-closes": "closed its output instead of saying hello",
    "hello-noise": "did not answer within 1 s",
    "hello-empty": "not JSON",
    "hello-deep": "wrong shape",
    "hello-trickle": "did not answer within 1 s",
    "hello-nan": "not JSON",
    "hello-huge": "wrong shape",
    "hello-ops-text": "wrong shape: Expected `array | null`, got `str`",
    "hello-ops-numbers": "wrong shape: Expected `str`, got `int`",
    "hello-kernel-text": "wrong shape: Expected `array | null`, got `str`",
    "hello-kernel-short": "wrong shape: Expected `array` of length 2",
    "hello-nul": "not JSON",
    "hello-bom": "not JSON",
    "hello-stops": "did not answer within 1 s instead of saying hello",
    "hello-list": "wrong shape",
    "hello-twice": "answered with a hello message",
    "deaf": "did not answer within 1 s",
    "answer-never": "did not answer within 1 s",
    "answer-dies": "ended with exit status 7",
    "answer-half-and-dies": "ended with exit status 7, but wrote half a line",
    "answer-half": "but wrote half a line",
    "answer-trickle": "did not answer within 1 s",
    "answer-endless": "without the end of a line",
    "answer-wrong-id": "answered for 'elsewhere'",
    "answer-swapped": "was asked for program 0 and answered for '2'",
    "answer-too-few": "gave 2 observations for the 3 ops of program 0",
    "answer-too-many": "gave 4 observations for the 3 ops of program 0",
    "answer-none": "gave 0 observations for the 3 ops of program 0",
    "answer-twice": "was asked for program 1 and answered for '0'",
    "answer-prints": "not JSON",
    "answer-hello": "answered with a hello message",
    "answer-bye": "answered with a bye message",
    "answer-id-number": "wrong shape: Expected `str`, got `int` - at `$.program`",
    "answer-two-in-a-line": "not JSON",
    "answer-nul": "not JSON",
    "answer-late": "did not answer within 1 s",
    "answer-unknown": "wrong shape: Invalid value 'progress'",
    "answer-nan": "not JSON",
    "answer-infinity": "not JSON",
    "answer-1e999": "wrong shape: Number out of range",
    "answer-deep": "nested too deeply",
    "answer-utf8": "not UTF-8",
    "child-and-dies": "did not answer within 1 s",
    "value-text": "program 0, op 1, pipe2: value: expected an array, got '3'",
    "value-one": "expected 2 members, got 1",
    "value-null": "value: expected an array, got None",
    "value-bool": "value[1]: expected a whole number, got True",
    "value-float": "value[1]: expected a whole number, got 4.0",
    "value-huge": "wrong shape: Integer value out of range",
    "value-large": "value[1]: expected a whole number of at most 96 bits",
    "value-none": "expected one of value, errno, blocked, refused, unsupported, broken, got none of them",
    "value-two": "got value and errno",
    "value-more": "wrong shape: Object contains unknown field `colour`",
    "errno-zero": "errno: expected Linux's number, from 1 to 4095, got 0",
    "errno-huge": "errno: expected Linux's number",
    "errno-name": "wrong shape: Expected `int`",
    "signals-none": "signals: expected numbers from 1 to 64, got 0",
    "signals-twice": "signals: expected each once",
    "blocked-false": "blocked: expected true",
    "marked-capabilities": "says hello differently when started again",
    "marked-changes": "says hello differently when started again",
    "bye-never": "was sent a bye and did not answer within 1 s",
    "bye-dies": "was sent a bye and ended with exit status 7",
    "bye-count": "says that it answered 4 programs, and answered 3",
    "bye-no-count": "says that it answered 0 programs, and answered 3",
    "bye-observed": "was sent a bye and answered with an observed message",
    "bye-huge": "wrong shape",
    "bye-late": "was sent a bye and did not answer within 1 s",
    "bye-word": "not JSON",
}


@pytest.fixture(autouse=True)
def short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end need not fill the memory to be cut off."""
    monkeypatch.setattr(process, "LINE_BYTES_MAX", SHORT_LINE_BYTES_MAX)


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < ALL_S


def subject(behaviour: str, *arguments: str) -> Subject:
    command = (sys.executable, SCRIPT, behaviour, *arguments)
    return Subject(behaviour, command, deadline_s=DEADLINE_S, hello_s=DEADLINE_S, bye_s=DEADLINE_S)


def run(tmp_path: Path, system: Subject, programs: tuple[NamedProgram, ...] = PROGRAMS) -> Result:
    """What the programs gave; a breach at the end counts as one of the batch."""
    task = Task(0, "stored", "1", Profile(), programs=programs)
    with SubjectShard(system, Profile(), tmp_path) as shard:
        result = shard.run(task)
        result.broken = result.broken or shard.finish().broken
    return result


def test_a_system_that_behaves_conforms(tmp_path: Path) -> None:
    result = run(tmp_path, subject("honest"))

    assert (3, 9, [], None) == (result.programs, result.ops, result.suspects, result.broken)


@pytest.mark.parametrize("behaviour", BREACHES)
def test_a_breach_of_the_protocol_ends_in_one_clear_message(behaviour: str, tmp_path: Path) -> None:
    result = run(tmp_path, subject(behaviour, str(tmp_path / "mark")))

    assert result.broken is not None
    message, where, hint = result.broken
    assert BREACHES[behaviour] in message
    assert behaviour == where
    assert hint


@pytest.mark.parametrize(
    "behaviour",
    [
        "marked-hangs",
        "marked-dies",
        "marked-closes",
        "marked-ignores-term",
        "marked-late",
        "marked-stops",
        "marked-closes-stdin",
        "marked-floods",
        "marked-ignores-all",
    ],
)
def test_a_program_that_the_system_does_not_survive_is_found_and_the_others_are_judged(
    behaviour: str, tmp_path: Path
) -> None:
    result = run(tmp_path, subject(behaviour))

    assert result.broken is None
    assert [PROGRAMS[MARKED][0]] == [suspect.seed for suspect in result.suspects]
    assert (3, 6) == (result.programs, result.ops)
    assert result.notes


@pytest.mark.parametrize("behaviour", ["closed-works", "wrong-number", "negative-number", "broken-all"])
def test_a_lie_about_what_an_op_gave_is_a_divergence(behaviour: str, tmp_path: Path) -> None:
    result = run(tmp_path, subject(behaviour))

    assert result.broken is None
    assert result.suspects
    assert {""} == {suspect.failure for suspect in result.suspects}


def test_what_a_system_does_not_offer_is_left_out_and_counted(tmp_path: Path) -> None:
    result = run(tmp_path, subject("unsupported-all"))

    assert ([], None) == (result.suspects, result.broken)
    assert {"pipe2"} == set(result.unsupported)


@pytest.mark.parametrize("behaviour", ["answer-crlf", "answer-noise", "fills-quota"])
def test_what_is_odd_but_no_breach_conforms(behaviour: str, tmp_path: Path) -> None:
    result = run(tmp_path, subject(behaviour))

    assert (3, 9, [], None) == (result.programs, result.ops, result.suspects, result.broken)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("behaviour", ["bye-stays", "bye-stays-deaf"])
def test_a_system_that_stays_after_its_bye_is_killed(behaviour: str, tmp_path: Path) -> None:
    assert run(tmp_path, subject(behaviour)).broken is None


def test_a_program_that_hangs_is_found_in_its_batch_and_the_system_is_started_again_for_the_rest(
    tmp_path: Path,
) -> None:
    batch = tuple((f"p{number}", PROGRAMS[MARKED if number == 5 else 0][1]) for number in range(12))
    result = run(tmp_path, subject("marked-hangs"), batch)

    assert result.broken is None
    assert ["p5"] == [suspect.seed for suspect in result.suspects]
    assert "did not answer within 1 s" in result.suspects[0].failure
    assert (12, 33) == (result.programs, result.ops)
    assert ["p5: did not answer within 1 s; it was run again, alone"] == result.notes


@pytest.mark.parametrize("behaviour", ["bye-child", "child-and-dies", "bye-daemon", "daemon-and-dies"])
def test_a_child_that_is_left_behind_is_killed(behaviour: str, tmp_path: Path) -> None:
    mark = tmp_path / "child"
    run(tmp_path, subject(behaviour, str(mark)))

    assert not Path(f"/proc/{mark.read_text()}/cmdline").exists() or is_gone(int(mark.read_text()))


def is_gone(pid: int) -> bool:
    """Whether a process has ended; the reaper of orphans may take its time."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/status").read_text().partition("State:\t")[2][:1] == "Z":
                return True
        except OSError:
            return True
        os.sched_yield()
    return False


def test_what_a_system_leaves_in_its_directory_is_removed(tmp_path: Path) -> None:
    assert run(tmp_path, subject("fills-disk")).broken is None
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [("/nonexistent/worker",), (__file__,)])
def test_a_command_that_cannot_be_started_is_said_to_be_so(command: tuple[str, ...], tmp_path: Path) -> None:
    result = run(tmp_path, Subject("process:nothing", command))

    assert result.broken is not None
    assert result.broken[0].startswith("cannot be started: ")


def test_a_system_that_does_not_read_is_given_up_on(tmp_path: Path) -> None:
    long = tuple((f"long-{number}", PROGRAMS[0][1] * 600) for number in range(10))
    result = run(tmp_path, subject("deaf"), long)

    assert result.broken is not None
    assert "did not read what it was sent within 1 s" in result.broken[0]
