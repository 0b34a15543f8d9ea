# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The kit for adapters: it finds nothing wrong with our own workers, and says what is wrong with those that err."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.adapter_kit.answers import KNOWN
from conformance.adapter_kit.checks import FAILED_MAX, Check, Outcome, table
from conformance.adapter_kit.kit import examine_adapter
from conformance.adapter_kit.vectors import read_vectors
from conformance.commands.checking_adapter import command
from conformance.environment import profile_for, working_base
from conformance.errors import ConformanceError, ExitCode
from conformance.expectations import load_expectations
from conformance.grammar import read_trace
from conformance.oracle import first_mismatch, predict
from conformance.subjects import Subject
from conformance.systems.process import DIRECTORY
from conformance.worker_bundle import worker_text
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
HOSTILE = Path(__file__).with_name("hostile.py")
OFFERED = ("pipe2", "dup", "close")
VECTORS = (FIXTURES / "wire" / "vectors.jsonl").read_text().splitlines(keepends=True)
MALFORMED = (FIXTURES / "wire" / "malformed.jsonl").read_text().splitlines(keepends=True)
MALFORMED_LINES = 3
MALFORMED_STEP = 4

WRONG = {
    "hello-banner": ("handshake", "wrote a line that is not JSON", "all else to standard error"),
    "hello-dies": ("handshake", "ended with exit status 7 instead of saying hello", "write a hello message first"),
    "hello-protocol": ("handshake", "speaks protocol 99, and this fdconform speaks 1", "have the adapter speak"),
    "answer-too-few": ("known answers", "observations for the 4 ops of program 0", "one observation for each op"),
    "answer-swapped": ("hostile input", "and answered for", "in their order"),
    "answer-prints": ("known answers", "not JSON", "all else to standard error"),
    "answer-never": ("known answers", "did not answer within 1 s", "replay the program"),
    "marked-dies": ("known answers", "ended with exit status 7", "replay the program"),
    "errno-zero": ("known answers", "errno: expected Linux's number, from 1 to 4095, got 0", "says what is expected"),
    "closed-works": ("known answers", "close(r0) gave 0, and Linux gives EBADF", "keep a table of names"),
    "dup-lies": ("known answers", "r2 = dup(r1) gave EBADF, and Linux gives 3", "start each program"),
    "wrong-number": ("known answers", "r0, r1 = pipe2(0) gave (3, 5), and Linux gives (3, 4)", "close all descriptors"),
    "bye-count": ("handshake", "says that it answered 1 programs, and answered 0", "count the observed messages"),
    "bye-stays": ("handshake", "stays for more than 1 s", "leave after the bye"),
    "bye-never": ("handshake", "was sent a bye and did not answer within 1 s", "answer {"),
}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fixtures that ask what the hostile systems offer, and not much more."""
    wanted = [line for line in VECTORS if json.loads(line)["op"]["call"] in OFFERED]
    return fixtures(tmp_path_factory.mktemp("few"), wanted, MALFORMED[:MALFORMED_LINES] + MALFORMED[-1:])


@pytest.fixture(scope="module")
def most(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All fixtures but some of the malformed lines: the worker is started again after each, which takes it long."""
    return fixtures(tmp_path_factory.mktemp("most"), VECTORS, MALFORMED[::MALFORMED_STEP])


def fixtures(folder: Path, vectors: Sequence[str], malformed: Sequence[str]) -> Path:
    """A directory of fixtures with these lines."""
    (folder / "wire").mkdir()
    for name in ("golden", "expectations"):
        (folder / name).symlink_to(FIXTURES / name)
    (folder / "wire" / "vectors.jsonl").write_text("".join(vectors))
    (folder / "wire" / "malformed.jsonl").write_text("".join(malformed))
    return folder


@pytest.fixture(scope="module")
def examined(few: Path) -> Callable[[str], list[Check]]:
    """All checks of a hostile system, made once: some are told of by several tests."""
    return cache(lambda behaviour: checked(hostile(behaviour), few))


def hostile(behaviour: str) -> Subject:
    words = (sys.executable, str(HOSTILE), behaviour)
    return Subject(behaviour, words, deadline_s=1.0, hello_s=1.0, bye_s=1.0)


def checked(subject: Subject, fixtures: Path) -> list[Check]:
    base = working_base(None)
    return list(examine_adapter(subject, profile_for(base), base, fixtures))


def fdconform(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def test_the_python_worker_is_ready_for_all_that_may_be_asked(most: Path, tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(worker_text())
    done = fdconform("--fixtures", str(most), f"{sys.executable} {worker}")

    assert ExitCode.CONFORMS == done.return_value, done.output
    assert f"known answers      {len(KNOWN)}       0" in done.output
    assert f"vectors           {len(read_vectors(FIXTURES / 'wire' / 'vectors.jsonl'))}       0" in done.output
    assert done.output.endswith(f"ready: fdconform run --on 'process:{sys.executable} {worker}'\n")


def test_a_system_that_behaves_is_ready_though_it_offers_little(examined: Callable[[str], list[Check]]) -> None:
    checks = examined("honest")

    assert [] == [check for check in checks if check.outcome in (Outcome.FAILED, Outcome.NOT_ASKED)]
    assert {"handshake", "known answers", "vectors", "malformed", "hostile input"} == {check.part for check in checks}


def test_the_command_of_an_adapter_has_its_directory_in_every_check(few: Path) -> None:
    in_directory = ("sh", "-c", 'cd "$0" && exec "$@"', DIRECTORY, sys.executable, str(HOSTILE), "honest")
    checks = checked(replace(hostile("honest"), command=in_directory), few)

    assert [] == [check for check in checks if check.outcome in (Outcome.FAILED, Outcome.NOT_ASKED)]


def test_what_is_known_of_a_system_is_no_fault_of_its_adapter(few: Path, tmp_path: Path) -> None:
    known = tmp_path / "toy.toml"
    known.write_text('[[waiver]]\npattern = "dup: ok -> EBADF"\nreason = "it has no copies"\nissue = "none"\n')
    base = working_base(None)
    checks = examine_adapter(hostile("dup-lies"), profile_for(base), base, few, load_expectations(known))

    excused = [check for check in checks if check.part == "known answers" and check.outcome is Outcome.DIFFERS]
    assert excused
    assert all(check.message.endswith("gave EBADF, and Linux gives 3: it has no copies") for check in excused[:1])


def test_a_named_system_is_checked_by_its_name(few: Path) -> None:
    pytest.importorskip("pyfakefs")
    done = fdconform("--fixtures", str(few), "pyfakefs")

    assert done.output.endswith("ready: fdconform run --on pyfakefs\n"), done.output


def test_a_limit_that_an_adapter_tells_itself_is_not_asked_of_it(examined: Callable[[str], list[Check]]) -> None:
    about = "the limit on the size of files is the caller's"
    outcomes = {
        told: next(check.outcome for check in examined(told) if check.what == about)
        for told in ("offers-files", "offers-files-of-a-size")
    }

    assert {"offers-files": Outcome.FAILED, "offers-files-of-a-size": Outcome.NOT_OFFERED} == outcomes


@pytest.mark.parametrize("behaviour", WRONG)
def test_what_an_adapter_does_wrong_is_said_with_how_to_mend_it(
    behaviour: str, examined: Callable[[str], list[Check]]
) -> None:
    part, message, mend = WRONG[behaviour]
    failures = [check for check in examined(behaviour) if check.outcome is Outcome.FAILED]

    assert any(part == check.part and message in check.message and mend in check.mend for check in failures), failures
    assert all(check.mend for check in failures)


def test_an_adapter_that_errs_ends_in_exit_3_with_a_table(few: Path) -> None:
    arguments = ("--fixtures", str(few), "--deadline", "1", sys.executable, str(HOSTILE), "closed-works")
    done = fdconform(*arguments)

    assert ExitCode.ADAPTER_FAILED == done.return_value
    assert "FAILED    known answers: a name stands for what its op gave last\n" in done.output
    assert "          mend: keep a table of names for each program" in done.output
    assert "part           passed  failed  differs  not offered\n" in done.output


def test_a_system_that_differs_from_linux_is_no_fault_of_its_adapter(examined: Callable[[str], list[Check]]) -> None:
    differing = [check for check in examined("honest") if check.outcome is Outcome.DIFFERS]

    assert ["r257, r258 = pipe2(O_APPEND) == (5, 6)"] == [check.message for check in differing]


def test_an_adapter_that_fails_everywhere_is_not_asked_everything(examined: Callable[[str], list[Check]]) -> None:
    checks = examined("answer-never")
    for part in ("known answers", "vectors"):
        of_part = [check for check in checks if check.part == part]

        assert FAILED_MAX == sum(check.outcome is Outcome.FAILED for check in of_part)
        assert Outcome.NOT_ASKED is of_part[-1].outcome


def test_the_known_answers_are_what_linux_gives() -> None:
    for known in KNOWN:
        trace = read_trace(f"{known.trace}\n#: end")
        model = Linux(replace(profile_for(working_base(None)), uid=0))

        assert first_mismatch(predict(trace.program.ops, model, trace.observations), trace.observations) is None, known


def test_the_caller_of_the_known_answers_is_the_one_that_adapters_are_told_of() -> None:
    assert (256, 2097152) == (Profile().descriptors_max, Profile().file_size_bytes_max)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("/nonexistent/adapter",), "cannot be started: No such file or directory"),
        (("true",), "ended with exit status 0"),
    ],
)
def test_what_is_no_adapter_fails_the_handshake_and_is_asked_nothing_else(words: tuple[str, ...], says: str) -> None:
    done = fdconform("--fixtures", str(FIXTURES), *words)

    assert ExitCode.ADAPTER_FAILED == done.return_value
    assert says in done.output
    assert "NOT ASKED handshake: the rest" in done.output


def test_fixtures_that_are_not_there_are_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError) as caught:
        checked(hostile("honest"), tmp_path)

    assert "--fixtures" in caught.value.hint


def test_the_table_counts_what_became_of_each_part() -> None:
    checks = [Check("a", "x"), Check("a", "y", Outcome.FAILED, "m", "h"), Check("long name", "z", Outcome.NOT_OFFERED)]

    assert [
        "part       passed  failed  differs  not offered",
        "a               1       1        0            0",
        "long name       0       0        0            1",
    ] == table(checks)
