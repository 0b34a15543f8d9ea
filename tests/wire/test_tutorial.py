# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The adapters of the tutorial do what it says of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.adapter_kit.answers import answers
from conformance.adapter_kit.checks import Outcome
from conformance.commands.checking_adapter import command
from conformance.commands.replay import command as replay
from conformance.environment import profile_for, working_base
from conformance.errors import ExitCode
from conformance.runners import started
from conformance.subjects import Subject

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial"
PAGE = (TUTORIAL / "an-adapter-in-30-minutes.md").read_text()
TOY = TUTORIAL / "toy.py"
FOUND = 'r0, r1 = pipe2(O_NONBLOCK)\nwrite(r1, b"x")\nwrite(r1, pattern(65536, seed=0))\n'


def check(*words: str) -> Result:
    return CliRunner().invoke(command, ["--fixtures", str(ROOT / "fixtures"), *words], standalone_mode=False)


def test_the_adapter_in_python_is_ready() -> None:
    done = check(sys.executable, str(TOY))

    assert ExitCode.CONFORMS == done.return_value, done.output
    shown = [line.strip() for line in PAGE.splitlines() if line.strip().startswith(("known answers  ", "handshake  "))]
    assert shown
    assert set(shown) <= set(done.output.splitlines())


def test_the_adapter_in_c_is_ready(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    binary = tmp_path / "adapter"
    words = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", str(TUTORIAL / "adapter.c"), "-o", str(binary)]
    built = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert "" == built.stderr

    done = check(str(binary))

    assert ExitCode.CONFORMS == done.return_value, done.output


def test_the_conversation_by_hand_goes_as_it_is_shown() -> None:
    spoken = [line.strip() for line in PAGE.splitlines() if line.startswith('    {"message"')]
    sent = [line for line in spoken if line.startswith('{"message":"')]
    done = subprocess.run(
        [sys.executable, str(TOY)], input="\n".join(sent), capture_output=True, text=True, timeout=60, check=True
    )

    assert 2 == len(sent)
    assert [line for line in spoken if line not in sent] == done.stdout.splitlines()


def test_the_mistake_that_the_tutorial_plants_is_said_to_be_what_it_is(tmp_path: Path) -> None:
    wrong = tmp_path / "toy.py"
    wrong.write_text(TOY.read_text().replace("% 251", "% 256"))
    base = working_base(None)
    with started(Subject("toy", (sys.executable, str(wrong))), profile_for(base), base) as system:
        failures = [each for each in answers(system, lambda ops, seen: "") if each.outcome is Outcome.FAILED]

    assert "a pattern is made, and told as data" == failures[0].what
    assert failures[0].mend in PAGE
    assert re.search(r"^read\(r0, 400\) gave .*, and Linux gives pattern\(300, seed=250\)$", failures[0].message)


def test_the_toy_counts_bytes_where_linux_counts_pages(tmp_path: Path) -> None:
    program = tmp_path / "found.fd"
    program.write_text(FOUND)
    done = CliRunner().invoke(replay, ["--on", f"process:{sys.executable} {TOY}", str(program)], standalone_mode=False)

    assert ExitCode.DIVERGES == done.return_value
    assert re.search(r"linux \(model\) +61440\n.*65535\n", done.output)
