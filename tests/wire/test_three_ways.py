# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Model, this kernel and a system: where the system is as another Linux, every report says as which."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.clauses import load_clauses
from conformance.commands.run import command as run
from conformance.environment import kernel_release
from conformance.errors import ExitCode
from conformance.events import Batch, Divergence, Variation, read_events
from conformance.reporting.html import html_text
from conformance.reporting.markdown import markdown_text
from conformance.reporting.run import RunReport, read_run
from conformance.reporting.summary import summary_text

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(kernel_release() < (6, 11), reason="this kernel is itself the older one"),
]

OLD = """\
#: kernel = {kernel}
#: filesystem = {filesystem}
#: uid = 0
#: gid = 0
r0 = open("f", O_RDWR | O_CREAT, 0o600) == 3
close(r0) == 0
r1 = open("f", O_RDONLY, 0o600) == 3
{last}
#: end
"""
FLAGS = "statx(r1, 0x10000, STATX_TYPE) == EINVAL"
FAR = "lseek(r1, 2**62, SEEK_SET) == 2**62"
HERE = "{}.{}".format(*kernel_release())


def campaign(
    tmp_path: Path, last: str, kernel: str, filesystem: str = "tmpfs"
) -> tuple[int, list[Divergence], list[Variation], RunReport]:
    trace = tmp_path / "old" / "one.trace"
    trace.parent.mkdir()
    trace.write_text(OLD.format(kernel=kernel, filesystem=filesystem, last=last))
    reports = tmp_path / "reports"
    arguments = ["--on", f"recorded:{trace.parent}", "--jobs", "1", "--reports", str(reports)]
    done = CliRunner().invoke(run, arguments, standalone_mode=False, catch_exceptions=False)
    log = reports / "latest" / "events.jsonl"
    events = list(read_events(log))
    return (
        done.return_value,
        [event for event in events if isinstance(event, Divergence)],
        [event for event in events if isinstance(event, Variation)],
        read_run(log),
    )


def texts(report: RunReport) -> tuple[str, str, str]:
    clauses = load_clauses()
    return summary_text(report, clauses), markdown_text(report, clauses).replace("\\", ""), html_text(report, clauses)


def test_a_system_that_differs_from_its_release_and_equals_another_is_told_so_in_every_report(tmp_path: Path) -> None:
    code, (found,), variations, report = campaign(tmp_path, FLAGS, HERE)

    assert ExitCode.DIVERGES == code
    assert f"differs from Linux {HERE}, equals Linux 6.1 to 6.10" == found.stands
    assert [] == variations
    for text in texts(report):
        assert found.stands in text
    assert f"  stands            {found.stands}\n" in markdown_text(report, load_clauses())


def test_a_system_that_is_as_another_file_system_is_told_so(tmp_path: Path) -> None:
    code, (found,), _, _ = campaign(tmp_path, FAR, HERE, "ext4")

    assert ExitCode.DIVERGES == code
    assert found.stands.startswith("differs from ext4, equals ")
    assert "tmpfs" in found.stands


def test_a_system_that_is_as_no_linux_stands_nowhere(tmp_path: Path) -> None:
    _, (found,), _, report = campaign(tmp_path, "close(r1) == EIO", HERE)

    assert "" == found.stands
    assert "stands" not in markdown_text(report, load_clauses())


def test_what_a_system_does_as_its_own_release_does_is_no_divergence_and_told_beside_what_this_kernel_gives(
    tmp_path: Path,
) -> None:
    code, found, (variation,), report = campaign(tmp_path, FLAGS, "6.1")

    assert ExitCode.CONFORMS == code
    assert [] == found
    assert f"differs from Linux {HERE}, equals Linux 6.1" == variation.stands
    assert "EINVAL" == variation.theirs
    assert variation.ours.startswith("statx_result(")
    assert ("STATX-FLAGS",) == variation.clauses[:1]
    assert 2 == len(variation.program.splitlines()), "what is not needed to tell the releases apart is left out"
    for text in texts(report):
        assert variation.stands in text


def test_programs_that_are_as_both_releases_are_not_counted(tmp_path: Path) -> None:
    code, found, variations, report = campaign(tmp_path, "close(r1) == 0", "6.1")

    assert (ExitCode.CONFORMS, [], []) == (code, found, variations)
    assert () == report.variations


def test_variations_are_counted_by_batch(tmp_path: Path) -> None:
    campaign(tmp_path, FLAGS, "6.1")
    batches = [event for event in read_events(tmp_path / "reports/latest/events.jsonl") if isinstance(event, Batch)]

    assert [[1]] == [list(batch.varied.values()) for batch in batches]
