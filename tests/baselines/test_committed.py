# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The baselines below reports/baselines/ are whole, canonical, small, and are those that the documents name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from conformance.baselines import FILE, FOLDER, baseline_names, baseline_path, baseline_text, load_baseline
from conformance.delta import delta_of
from conformance.grammar import read_program
from conformance.kinds import LINUX_KINDS

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "reports"
SCHEMA = ROOT / "conformance" / "reporting" / "schemas" / "baseline.json"
NAMES = baseline_names(REPORTS)
BYTES_MAX = 600_000


def test_there_is_one_of_the_kernel_and_one_of_a_sandbox() -> None:
    laws = {name: load_baseline(REPORTS, name).law for name in NAMES}
    assert laws["main"] == "linux == native"
    assert laws["gvisor"] == "linux == gvisor"


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_baseline_matches_the_present_format_and_is_canonical(name: str) -> None:
    text = baseline_path(REPORTS, name).read_text()
    baseline = load_baseline(REPORTS, name)
    assert text == baseline_text(baseline)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(text))
    assert len(text) < BYTES_MAX
    assert not baseline.obstacles
    assert set(baseline.kinds) <= set(LINUX_KINDS)
    assert all(read_program(bucket.text, bucket.bucket).ops for bucket in baseline.buckets)
    assert not re.search(r"/(tmp|work|home|root)/|\d{4}-\d\d-\d\dT\d\d", text)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_new_since_a_committed_baseline_itself(name: str) -> None:
    baseline = load_baseline(REPORTS, name)
    delta = delta_of(baseline, baseline, name)
    assert not delta.news
    assert not delta.environment
    assert {row.what for row in delta.rows} <= {"still", "flaky"}


def test_the_documents_name_only_baselines_that_there_are() -> None:
    texts = [path.read_text() for path in (*(ROOT / "docs").rglob("*.md"), ROOT / "tox.ini")]
    named = {name for text in texts for name in re.findall(r"--since-baseline[ =](\w+)", text)}
    stored = {name for text in texts for name in re.findall(rf"{FOLDER}/(\w+)/{FILE}", text)}
    assert {"gvisor"} <= named
    assert (named | stored) - {"NAME"} <= set(NAMES)
