# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A real kernel 6.1, recorded: what it does otherwise than 6.18 the profile explains, and no waiver has to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.run import command as run
from conformance.environment import kernel_release
from conformance.errors import ExitCode
from conformance.events import Divergence, Variation, read_events
from conformance.golden import TRACE_SUFFIX, read_golden
from conformance.oracle import first_mismatch, predict
from reference.linux.kernel import Linux

RECORDED = Path(__file__).parents[1] / "fixtures" / "recorded" / "linux-6.1-tmpfs-root"
TRACES = sorted(RECORDED.rglob(f"*{TRACE_SUFFIX}"))
TRACES_MIN = 25
VARIATIONS_MIN = 12


def test_there_are_enough_recordings() -> None:
    assert len(TRACES) >= TRACES_MIN


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_the_model_of_6_1_predicts_what_6_1_gave_and_the_model_of_6_18_does_not(path: Path) -> None:
    trace, profile = read_golden(path)
    ops, seen = trace.program.ops, trace.observations
    newer = replace(profile, kernel=(6, 18))

    assert (6, 1) == profile.kernel
    assert first_mismatch(predict(ops, Linux(profile), seen), seen) is None
    assert first_mismatch(predict(ops, Linux(newer), seen), seen) is not None


@pytest.mark.once
@pytest.mark.skipif(kernel_release() < (6, 17), reason="this kernel is itself an older one")
def test_a_campaign_on_6_1_conforms_and_names_what_this_kernel_does_otherwise(tmp_path: Path) -> None:
    arguments = ["--on", f"recorded:{RECORDED}", "--jobs", "1", "--reports", str(tmp_path)]
    done = CliRunner().invoke(run, arguments, standalone_mode=False, catch_exceptions=False)
    events = list(read_events(tmp_path / "latest" / "events.jsonl"))
    found = [event for event in events if isinstance(event, Variation)]

    assert ExitCode.CONFORMS == done.return_value
    assert [] == [event for event in events if isinstance(event, Divergence)]
    assert len(found) >= VARIATIONS_MIN
    assert {"differs from Linux {}.{}, equals Linux 6.1".format(*kernel_release())} == {one.stands for one in found}
