# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The known divergences of gVisor, checked again by scripts outside the suite: the report, and what writes it."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.expectations import load_expectations
from conformance.named_systems import named_systems

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "reports" / "gvisor-rechecked.txt"
WRITER = Path(__file__).with_name("recheck.py")
SYSTEM = named_systems()["gvisor"]
ROW = re.compile(r"(B-[0-9a-f]{8})  (not asked|\S+ \S+) +(\d+) ops  (.+)")
OPS_MEDIAN_MAX = 6
BUCKETS_MIN = 400


def rows(text: str) -> list[tuple[str, str, int]]:
    """Bucket, verdict, and number of ops of each line of a report."""
    found = [ROW.fullmatch(line) for line in text.splitlines() if not line.startswith("#")]
    assert all(found)
    return [(match[1], match[2], int(match[3])) for match in found if match]


def test_the_report_has_no_bucket_that_a_script_does_not_show_and_its_programs_are_short() -> None:
    told = rows(REPORT.read_text(encoding="utf-8"))
    known = {waiver.bucket for waiver in load_expectations(ROOT / "fixtures/expectations/gvisor.toml").waivers}

    assert {"0 1"} == {verdict for _, verdict, _ in told} - {"not asked"}
    assert len(told) >= BUCKETS_MIN
    assert {bucket for bucket, _, _ in told} <= known
    assert statistics.median(ops for _, _, ops in told) <= OPS_MEDIAN_MAX


@pytest.mark.alternative
@pytest.mark.once
@pytest.mark.skipif(bool(SYSTEM.missing) or os.getuid() != 0, reason="needs root, and runsc")
def test_a_script_that_needs_only_a_python_shows_a_bucket_in_gvisor_and_not_on_this_kernel() -> None:
    done = subprocess.run([sys.executable, str(WRITER), "3"], capture_output=True, text=True, timeout=600, cwd=ROOT)

    assert (0, "") == (done.returncode, done.stderr)
    assert ["0 1"] * 3 == [verdict for _, verdict, _ in rows(done.stdout)]
