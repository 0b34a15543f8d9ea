# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""CTRF, the Common Test Report Format: JSON with a test for each op of each kind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from conformance.clauses import Clause
from conformance.reporting.card import card_text, environment_items
from conformance.reporting.points import Group, Point, groups
from conformance.reporting.run import RunReport
from conformance.reporting.text import printable

SPEC_VERSION = "1.0.0"
_NAME = "fdconform"
_STATUSES = {"passed": "passed", "failed": "failed", "broken": "failed", "skipped": "skipped"}


def ctrf_text(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The whole document. A run that is not whole has a failed test that says so."""
    header = report.header
    found = groups(report)
    tests = [_test(point, group, report, clauses) for group in found for point in group.points]
    counts = Counter(test["status"] for test in tests)
    start = _milliseconds(header.started)
    names = ("passed", "failed", "skipped", "pending", "other")
    summary: dict[str, Any] = {"tests": len(tests), **{name: counts[name] for name in names}}
    summary |= {
        "suites": len(found),
        "start": start,
        "stop": _milliseconds(report.footer.ended) if report.footer else start + round(report.seconds * 1000),
        "extra": {
            "verdict": report.verdict,
            "programs": report.programs,
            "ops": report.ops,
            "expected": {
                verdict: {"buckets": count, "programs": report.expected[verdict]}
                for verdict, count in report.expected_buckets.items()
            },
        },
    }
    facts = dict(environment_items(header))
    environment: dict[str, Any] = {
        "appName": printable(header.law),
        "osPlatform": "linux",
        "testEnvironment": ", ".join(map(printable, header.systems)),
        "extra": {"command": printable(header.command), "seed": printable(header.seed), **facts},
    }
    if "kernel" in facts:
        environment["osRelease"] = facts["kernel"]
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "reportId": str(uuid5(NAMESPACE_URL, f"{_NAME}/{header.run}")),
        "timestamp": printable(report.footer.ended if report.footer else header.started),
        "generatedBy": _NAME,
        "results": {"tool": {"name": _NAME}, "summary": summary, "tests": tests, "environment": environment},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _test(point: Point, group: Group, report: RunReport, clauses: Mapping[str, Clause]) -> dict[str, Any]:
    name = f"{group.name}: {point.name}"
    test: dict[str, Any] = {
        "id": str(uuid5(NAMESPACE_URL, f"{_NAME}/{report.header.law}/{printable(name)}")),
        "name": printable(name),
        "status": _STATUSES[point.status],
        "duration": 0,
        "suite": [_NAME, printable(group.name)],
        "rawStatus": point.standing,
        "type": "conformance",
    }
    if point.kind:
        test["tags"] = [printable(point.kind)]
    if point.notes:
        test["message"] = printable("\n".join(point.notes))
    if point.failing:
        test["trace"] = "\n".join(card_text(bucket, report.header, clauses) for bucket in point.failing)
    if point.buckets:
        test["extra"] = {"buckets": [printable(bucket.first.bucket) for bucket in point.buckets]}
    return test


def _milliseconds(moment: str) -> int:
    """The time of an event log since the epoch; 0 for a text that is no time."""
    try:
        return round(datetime.fromisoformat(moment).timestamp() * 1000)
    except ValueError:
        return 0
