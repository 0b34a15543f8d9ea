# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""``fdconform show BUCKET --as FORM`` prints a reproducer of a bucket of a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from conformance.commands.show import command
from conformance.errors import BadProgram
from conformance.events import Divergence, EventLog, Header
from conformance.reproducers.case import case_of_divergence
from conformance.reproducers.prose import forms
from conformance.run_directory import EVENTS, make_run


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("trace", 'write(r1, b"x") == EPIPE & SIGPIPE'),
        ("python", "signalled(error(EPIPE), SIGPIPE)"),
        ("pytest", "def test_write_on_pipe_write_b_7f3a0001():"),
        ("c", "failed_with(1UL << SIGPIPE, EPIPE)"),
        ("strace", "/* expected: -1 EPIPE (Broken pipe) */"),
        ("issue", "## Expected on Linux 6.18.44"),
    ],
)
def test_a_bucket_of_the_newest_run_is_shown_in_every_form(
    tmp_path: Path, header: Header, epipe: Divergence, form: str, line: str
) -> None:
    with EventLog(make_run(tmp_path, "one") / EVENTS) as log:
        log.write(header)
        log.write(epipe)

    shown = CliRunner().invoke(command, [epipe.bucket, "--as", form, "--reports", str(tmp_path)])

    assert 0 == shown.exit_code, shown.output
    assert line in shown.output


def test_a_form_without_a_bucket_is_a_mistake_of_usage(tmp_path: Path) -> None:
    shown = CliRunner().invoke(command, ["latest", "--as", "c", "--reports", str(tmp_path)])

    assert 2 == shown.exit_code
    assert "--as needs a BUCKET" in shown.output


@pytest.mark.parametrize("form", ["python", "c", "pytest", "issue"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"law": "host(linux) == host(native)"}, "the host model is no kernel that a script could call"),
        ({"predicted": "REFUSED"}, "REFUSED is nothing that a call gives"),
        ({"predicted": 'unsupported("pipe2")'}, "is nothing that a call gives"),
        (
            {
                "reduced": 'r0, r1 = pipe2(0)\nr0, r1 = pipe2(0)\nwrite(r1, b"x")\n',
                "allowed": ("(3, 4)", "(5, 6)", "1"),
            },
            "op 2, r0, r1 = pipe2(0): makes a slot again",
        ),
    ],
)
def test_what_no_script_can_show_is_one_clear_error(
    header: Header, epipe: Divergence, form: str, changes: dict[str, Any], message: str
) -> None:
    case = case_of_divergence(msgspec.structs.replace(epipe, **changes), header)

    with pytest.raises(BadProgram, match=re.escape(message)) as error:
        forms()[form](case)
    assert error.value.hint


def test_the_calls_before_may_give_what_the_model_allows(header: Header, epipe: Divergence) -> None:
    free = msgspec.structs.replace(epipe, allowed=("one_of((3, 4), (5, 6))", "0", "EPIPE & SIGPIPE"))

    assert "one_of((3, 4), (5, 6))" in forms()["python"](case_of_divergence(free, header))
    assert "(3, 4)" == case_of_divergence(epipe, header).steps[0].expected
