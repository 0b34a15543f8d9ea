# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""SARIF 2.1.0, as code scanning services read it: a rule for each clause that was broken, a result for each bucket.

A bucket has no source file of the project under test. Its reduced program is embedded in the log as an artefact of its
own, under the bucket's name, which stays the same from run to run as these services ask for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from conformance.clauses import Clause
from conformance.reporting.card import card_text, clause_notes, environment_items
from conformance.reporting.run import Bucket, RunReport
from conformance.reporting.summary import totals_line
from conformance.reporting.text import printable

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
NO_CLAUSE = "NO-CLAUSE"
_NAME = "fdconform"
_UNWRITTEN = "The model cited no clause here, or one that is written in no clause file."
_LEVELS = {"info": "note", "warning": "warning", "error": "error"}


def sarif_text(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The whole log. A run that is not whole says so as an execution that was not successful."""
    ids = list(dict.fromkeys(_rule_id(bucket) for bucket in report.buckets))
    artifacts = [_artifact(bucket) for bucket in report.buckets]
    header = report.header
    run: dict[str, Any] = {
        "tool": {"driver": {"name": _NAME, "rules": [_rule(name, clauses.get(name)) for name in ids]}},
        "automationDetails": {"id": f"{_NAME}/{quote('-'.join(header.systems))}/{quote(printable(header.run))}"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "artifacts": artifacts,
        "results": [_result(bucket, place, ids, report, clauses) for place, bucket in enumerate(report.buckets)],
        "properties": {
            "law": printable(header.law),
            "seed": printable(header.seed),
            "verdict": report.verdict,
            "totals": totals_line(report),
            "environment": dict(environment_items(header)),
        },
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _rule_id(bucket: Bucket) -> str:
    return printable(bucket.first.clauses[-1]) if bucket.first.clauses else NO_CLAUSE


def _rule(name: str, clause: Clause | None) -> dict[str, Any]:
    statement = printable(clause.statement) if clause else _UNWRITTEN
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": statement}, "fullDescription": {"text": statement}}
    if clause:
        rule["help"] = {"text": f"{statement}\n{printable(clause_notes(clause))}"}
        rule["properties"] = {"tags": [printable(clause.level)]}
    return rule


def _uri(bucket: Bucket) -> str:
    return f"{quote(printable(bucket.first.bucket), safe='')}.fd"


def _artifact(bucket: Bucket) -> dict[str, Any]:
    return {
        "location": {"uri": _uri(bucket)},
        "mimeType": "text/plain",
        "contents": {"text": printable(bucket.first.reduced)},
    }


def _line(bucket: Bucket) -> tuple[int, str]:
    """The number and the text of the line of the diverging op in the reduced program, counted from 1."""
    lines = printable(bucket.first.reduced).splitlines()
    ops = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    return ops[bucket.first.step] if bucket.first.step < len(ops) else (1, lines[0] if lines else "")


def _result(
    bucket: Bucket, place: int, ids: list[str], report: RunReport, clauses: Mapping[str, Clause]
) -> dict[str, Any]:
    first = bucket.first
    number, line = _line(bucket)
    rule = _rule_id(bucket)
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": ids.index(rule),
        "kind": "fail",
        "level": "error" if bucket.fails else "note",
        "message": {"text": f"{printable(first.title)}\n\n{card_text(bucket, report.header, clauses)}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(bucket), "index": place},
                    "region": {"startLine": number, "snippet": {"text": line}},
                },
                "logicalLocations": [
                    {"fullyQualifiedName": printable(f"{first.kind}.{first.op}"), "name": printable(first.op)}
                ],
            }
        ],
        "partialFingerprints": {"bucket/v1": printable(first.bucket)},
        "occurrenceCount": bucket.count,
        "properties": {
            "bucket": printable(first.bucket),
            "verdict": printable(first.verdict),
            "kind": printable(first.kind),
            "replay": printable(first.replay),
        },
    }
    if not bucket.fails:
        why = printable(f"{first.verdict}: {first.reason}" if first.reason else first.verdict)
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def _invocation(report: RunReport) -> dict[str, Any]:
    header, footer = report.header, report.footer
    notes = [("error", obstacle) for obstacle in report.obstacles]
    notes += [(_LEVELS.get(note.level, "note"), note.text) for note in report.notes]
    invocation: dict[str, Any] = {
        "executionSuccessful": not report.obstacles,
        "commandLine": printable(header.command),
        "startTimeUtc": _utc(header.started),
        "toolExecutionNotifications": [{"level": level, "message": {"text": printable(text)}} for level, text in notes],
    }
    if footer:
        invocation |= {"endTimeUtc": _utc(footer.ended), "exitCode": footer.exit_code}
    return invocation


def _utc(moment: str) -> str:
    """A time as SARIF writes it; event logs keep theirs in UTC."""
    return printable(moment).replace("+00:00", "Z")
