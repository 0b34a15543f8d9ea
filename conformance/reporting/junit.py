# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""JUnit XML: one test case for each op of each kind, one failure for each bucket that it diverged in."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from conformance.clauses import Clause
from conformance.reporting.card import card_text, environment_items
from conformance.reporting.reached import ops_of_kind
from conformance.reporting.run import Bucket, KindTotals, RunReport
from conformance.reporting.text import counted, printable

_NAME = "fdconform"


def junit_text(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The whole document. An op that never ran is a skipped test case; a run cut short is an error of its own."""
    root = Element("testsuites", name=_NAME)
    root.append(_run_suite(report))
    cases: dict[str, dict[str, list[Bucket]]] = {}
    for totals in report.kinds:
        cases[totals.kind] = {op: [] for op in dict.fromkeys((*ops_of_kind(totals.kind), *totals.outcomes))}
    for bucket in report.buckets:
        cases.setdefault(bucket.first.kind, {}).setdefault(bucket.first.op, []).append(bucket)
    totals_of = {totals.kind: totals for totals in report.kinds}
    for kind, ops in cases.items():
        root.append(_kind_suite(report, clauses, totals_of.get(kind, KindTotals(kind, 0, 0, 0.0, {})), ops))
    if report.miniatures:
        root.append(_miniature_suite(report))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{report.seconds:.3f}")
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(report: RunReport, name: str, seconds: float) -> Element:
    suite = Element(
        "testsuite", name=printable(name), time=f"{seconds:.3f}", timestamp=printable(report.header.started)
    )
    header = report.header
    facts = (("run", header.run), ("seed", header.seed), ("law", header.law), ("command", header.command))
    properties = SubElement(suite, "properties")
    for key, value in (*facts, *environment_items(header)):
        SubElement(properties, "property", name=printable(key), value=printable(value))
    return suite


def _case(suite: Element, group: str, name: str) -> Element:
    return SubElement(suite, "testcase", classname=printable(group), name=printable(name), time="0.000")


def _verdict(case: Element, tag: str, message: str, text: str = "", kind: str = "") -> None:
    element = SubElement(case, tag, message=printable(message))
    if kind:
        element.set("type", printable(kind))
    element.text = printable(text) or None


def _counted(suite: Element) -> Element:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
    return suite


def _run_suite(report: RunReport) -> Element:
    suite = _suite(report, _NAME, report.seconds)
    case = _case(suite, _NAME, "the run is whole")
    for obstacle in report.obstacles:
        _verdict(case, "error", obstacle, kind="cut short" if report.footer is None else "inconclusive")
    return _counted(suite)


def _kind_suite(
    report: RunReport, clauses: Mapping[str, Clause], totals: KindTotals, ops: dict[str, list[Bucket]]
) -> Element:
    suite = _suite(report, f"{_NAME}.{totals.kind}", totals.seconds)
    for op, buckets in ops.items():
        case = _case(suite, f"{_NAME}.{totals.kind}", op)
        for bucket in buckets:
            seen = f"{bucket.first.bucket}: {bucket.first.title} ({counted(bucket.count, 'program')})"
            if bucket.fails:
                _verdict(case, "failure", seen, card_text(bucket, report.header, clauses), bucket.first.verdict)
        if not any(bucket.fails for bucket in buckets) and (buckets or not totals.outcomes.get(op)):
            _verdict(case, "skipped", buckets[0].first.verdict if buckets else "not reached")
    return _counted(suite)


def _miniature_suite(report: RunReport) -> Element:
    suite = _suite(report, f"{_NAME}.selfcheck", 0.0)
    for miniature in report.miniatures:
        case = _case(suite, f"{_NAME}.selfcheck.{miniature.kind}", miniature.name)
        if not miniature.passed:
            found = miniature.found_after_programs
            what = (
                "never found"
                if found is None
                else f"found after {counted(found, 'program')}, not reduced to its minimum"
            )
            _verdict(case, "failure", f"the planted bug was {what}", miniature.what, "missed")
    return _counted(suite)
