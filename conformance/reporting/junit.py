# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""JUnit XML: one test case for each op of each kind, one failure for each bucket that it diverged in."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from conformance.clauses import Clause
from conformance.reporting.card import card_text, environment_items
from conformance.reporting.points import RUN_GROUP, SELFCHECK_GROUP, Group, Point, groups, seen
from conformance.reporting.run import RunReport
from conformance.reporting.summary import totals_line
from conformance.reporting.text import printable

_NAME = "fdconform"


def junit_text(report: RunReport, clauses: Mapping[str, Clause]) -> str:
    """The whole document. An op that never ran is a skipped test case; a run cut short is an error of its own."""
    root = Element("testsuites", name=_NAME)
    for group in groups(report):
        root.append(_suite(report, clauses, group))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{report.seconds:.3f}")
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(report: RunReport, clauses: Mapping[str, Clause], group: Group) -> Element:
    header = report.header
    name = _NAME if group.name == RUN_GROUP else f"{_NAME}.{group.name}"
    suite = Element("testsuite", name=printable(name), time=f"{group.seconds:.3f}", timestamp=printable(header.started))
    facts = (
        ("run", header.run),
        ("seed", header.seed),
        ("law", header.law),
        ("command", header.command),
        ("totals", totals_line(report)),
    )
    properties = SubElement(suite, "properties")
    for key, value in (*facts, *environment_items(header)):
        SubElement(properties, "property", name=printable(key), value=printable(value))
    for point in group.points:
        owner = f"{name}.{point.kind}" if group.name == SELFCHECK_GROUP else name
        case = SubElement(suite, "testcase", classname=printable(owner), name=printable(point.name), time="0.000")
        _results(case, point, report, clauses)
    suite.set("tests", str(len(group.points)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(len(suite.findall(f"testcase[{tag}]"))))
    return suite


def _results(case: Element, point: Point, report: RunReport, clauses: Mapping[str, Clause]) -> None:
    if point.status == "broken":
        for note in point.notes:
            _result(case, "error", note, kind="cut short" if report.footer is None else "inconclusive")
    elif point.status == "skipped":
        _result(case, "skipped", point.notes[0], "\n".join(point.notes[1:]), point.standing)
    elif point.failing:
        for bucket in point.failing:
            _result(case, "failure", seen(bucket), card_text(bucket, report.header, clauses), bucket.first.verdict)
    elif point.status == "failed":
        _result(case, "failure", point.notes[0], point.details, "missed")


def _result(case: Element, tag: str, message: str, text: str = "", kind: str = "") -> None:
    element = SubElement(case, tag, message=printable(message))
    if kind:
        element.set("type", printable(kind))
    element.text = printable(text) or None
