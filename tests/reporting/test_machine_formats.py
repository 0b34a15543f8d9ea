# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The formats for other programs: each is held against a schema, or read back by a reader of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator, FormatChecker, ValidationError
from tap.line import Result
from tap.parser import Parser

from conformance.clauses import Clause
from conformance.commands.show import command
from conformance.events import Divergence, Event, EventLog
from conformance.reporting.artefacts import FORMATS
from conformance.reporting.badge import badge_json, badge_svg
from conformance.reporting.ctrf import ctrf_text
from conformance.reporting.ktap import ktap_text
from conformance.reporting.run import RunReport, fold
from conformance.reporting.sarif import sarif_text
from conformance.run_directory import EVENTS, make_run

SCHEMAS = Path(__file__).with_name("schemas")
SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<#\"'&\x00\x1b\ud800 ok 9 x\nnot ok 7 y # TODO"
RUNS = ("red", "green", "cut", "waived", "nasty")


@pytest.fixture
def reports(red: tuple[Event, ...], green: tuple[Event, ...], epipe: Divergence) -> dict[str, RunReport]:
    waived = msgspec.structs.replace(epipe, verdict="waived", reason="known: issue 4", clauses=())
    names = ("title", "kind", "op", "seed", "trace", "predicted", "observed", "replay", "reduced")
    nasty = msgspec.structs.replace(epipe, **dict.fromkeys(names, NASTY), clauses=(NASTY,), step=0)
    logs = {
        "red": red,
        "green": green,
        "cut": green[:-1],
        "waived": (*green[:-1], waived, green[-1]),
        "nasty": (red[0], nasty),
    }
    return {name: fold(log) for name, log in logs.items()}


def checked(name: str, text: str) -> Any:
    """The document, when it is as its format asks for."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    Draft7Validator.check_schema(schema)
    document = json.loads(text)
    Draft7Validator(schema, format_checker=FormatChecker()).validate(document)
    return document


# KTAP -----------------------------------------------------------------------------------------


class Level(NamedTuple):
    """What a reader finds between a version line and the end of a level: results, and the levels below them."""

    results: list[tuple[bool, int, str, str]]
    below: list[Level]


RESULT = re.compile(r"(not )?ok (\d+)(?: - )? ?([^#]*?)(?: # ?(.*))?")


def read_level(lines: list[str], indent: str = "") -> Level:
    """Reads a level by the rules of the kernel's documentation; a line that none of them allows is a mistake."""
    assert lines.pop(0) == f"{indent}KTAP version 1"
    found = Level([], [])
    planned = None
    while lines and lines[0].startswith(indent):
        line = lines[0].removeprefix(indent)
        if line == "  KTAP version 1":
            found.below.append(read_level(lines, f"{indent}  "))
            continue
        lines.pop(0)
        if line.startswith("#"):
            continue
        if line.startswith("1.."):
            assert planned is None
            planned = int(line[3:])
            continue
        match = RESULT.fullmatch(line)
        assert match, line
        found.results.append((match[1] is None, int(match[2]), match[3], match[4] or ""))
    assert [number for _, number, _, _ in found.results] == list(range(1, (planned or 0) + 1))
    return found


@pytest.mark.parametrize("name", RUNS)
def test_ktap_has_versions_plans_and_numbered_results_at_each_level(
    name: str, reports: dict[str, RunReport], clauses: Mapping[str, Clause]
) -> None:
    lines = ktap_text(reports[name], clauses).split("\n")
    assert lines.pop() == ""
    top = read_level(lines)

    assert [] == lines
    assert len(top.results) == len(top.below)
    assert (name in ("green", "waived")) is all(ok for ok, *_ in top.results)
    for (ok, *_), level in zip(top.results, top.below, strict=True):
        assert ok is all(good for good, *_ in level.results)


def test_ktap_says_what_failed_and_what_was_skipped(
    reports: dict[str, RunReport], clauses: Mapping[str, Clause]
) -> None:
    text = ktap_text(reports["red"], clauses)
    pipes = read_level(text.splitlines()).below[1]

    assert ("write", "") in [(name, end) for ok, _, name, end in pipes.results if not ok]
    assert ("fcntl(F_SETPIPE_SZ)", "SKIP not reached") in [(name, end) for ok, _, name, end in pipes.results if ok]
    assert '\n  # >>> write(r1, b"x") == 1\n' in text


@pytest.mark.parametrize("name", RUNS)
def test_a_reader_of_tap_reads_each_level_too(
    name: str, reports: dict[str, RunReport], clauses: Mapping[str, Clause]
) -> None:
    text = ktap_text(reports[name], clauses)
    top = read_level(text.splitlines())
    outer = [line for line in Parser().parse_text(text) if isinstance(line, Result)]
    inner_text = "\n".join(line[2:] for line in text.splitlines() if line.startswith("  "))
    inner = [line for line in Parser().parse_text(inner_text) if isinstance(line, Result)]

    assert [ok for ok, *_ in top.results] == [line.ok for line in outer]
    assert [end.startswith("SKIP") for level in top.below for *_, end in level.results] == [line.skip for line in inner]


# CTRF -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_ctrf_is_as_its_schema_asks_and_adds_up(
    name: str, reports: dict[str, RunReport], clauses: Mapping[str, Clause]
) -> None:
    results = checked("ctrf", ctrf_text(reports[name], clauses))["results"]
    summary, tests = results["summary"], results["tests"]

    assert len(tests) == summary["tests"] == sum(summary[status] for status in ("passed", "failed", "skipped"))
    assert summary["failed"] == sum(test["status"] == "failed" for test in tests)
    assert (name in ("green", "waived")) is (summary["failed"] == 0)
    assert len({test["id"] for test in tests}) == len(tests)
    assert summary["start"] <= summary["stop"]


def test_a_test_in_ctrf_has_the_card_of_its_bucket(
    reports: dict[str, RunReport], clauses: Mapping[str, Clause]
) -> None:
    tests = json.loads(ctrf_text(reports["red"], clauses))["results"]["tests"]
    (write,) = (test for test in tests if test["name"] == "pipes: write")

    assert write["message"] == "B-7f3a0001: write on pipe.write: model EPIPE & SIGPIPE, native 1 (3 programs)"
    assert '>>> write(r1, b"x") == 1' in write["trace"]
    assert write["extra"] == {"buckets": ["B-7f3a0001"]}


# SARIF ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_sarif_is_as_its_schema_asks_and_its_indices_hold(
    name: str, reports: dict[str, RunReport], clauses: Mapping[str, Clause]
) -> None:
    (run,) = checked("sarif", sarif_text(reports[name], clauses))["runs"]
    rules = run["tool"]["driver"]["rules"]

    assert len(reports[name].buckets) == len(run["results"])
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = (place["physicalLocation"] for place in result["locations"])
        artifact = run["artifacts"][location["artifactLocation"]["index"]]
        assert artifact["location"]["uri"] == location["artifactLocation"]["uri"]
        lines = artifact["contents"]["text"].splitlines()
        assert lines[location["region"]["startLine"] - 1] == location["region"]["snippet"]["text"]
    assert run["invocations"][0]["executionSuccessful"] is (name not in ("cut", "nasty"))


def test_a_result_in_sarif_points_into_the_reduced_program(
    reports: dict[str, RunReport], clauses: Mapping[str, Clause]
) -> None:
    (run,) = json.loads(sarif_text(reports["red"], clauses))["runs"]
    (result,) = (found for found in run["results"] if found["ruleId"] == "PIPE-EPIPE")

    assert result["level"] == "error"
    assert result["partialFingerprints"] == {"bucket/v1": "B-7f3a0001"}
    assert result["occurrenceCount"] == 3
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 4, "snippet": {"text": 'write(r1, b"x")'}}
    assert [result["ruleId"] for result in run["results"]] == ["PIPE-EPIPE", "SEEK-LOST"]


def test_a_waived_bucket_is_suppressed_with_its_reason(reports: dict[str, RunReport]) -> None:
    (run,) = json.loads(sarif_text(reports["waived"], {}))["runs"]
    (result,) = run["results"]

    assert (result["level"], result["ruleId"]) == ("note", "NO-CLAUSE")
    assert result["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "waived: known: issue 4"}
    ]


@pytest.mark.parametrize(
    ("name", "change"),
    [("sarif", lambda document: document["runs"][0].pop("tool")), ("ctrf", lambda document: document.pop("results"))],
)
def test_a_document_that_lacks_a_part_does_not_pass_its_schema(
    name: str, change: Any, reports: dict[str, RunReport]
) -> None:
    text = {"sarif": sarif_text, "ctrf": ctrf_text}[name](reports["red"], {})
    document = json.loads(text)
    change(document)

    with pytest.raises(ValidationError):
        checked(name, json.dumps(document))


# Badges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message", "colour"),
    [
        ("green", "conforms", "brightgreen"),
        ("waived", "conforms", "brightgreen"),
        ("red", "2 divergences", "red"),
        ("cut", "cut short", "lightgrey"),
    ],
)
def test_the_badges_say_the_verdict(name: str, message: str, colour: str, reports: dict[str, RunReport]) -> None:
    image = ElementTree.fromstring(badge_svg(reports[name], {}))
    served = json.loads(badge_json(reports[name], {}))

    assert ["fdconform", message] == [text.text for text in image.iter(f"{SVG}text")]
    assert f"fdconform: {message}" == image.get("aria-label")
    assert (1, "fdconform", message, colour) == tuple(
        served[key] for key in ("schemaVersion", "label", "message", "color")
    )
    assert served["isError"] is (name not in ("green", "waived"))
    # A badge service refuses a document with any other key.
    assert set(served) == {"schemaVersion", "label", "message", "color", "isError"}


# All of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("style", FORMATS)
def test_every_format_is_written_and_can_be_shown(style: str, tmp_path: Path, red: tuple[Event, ...]) -> None:
    with EventLog(make_run(tmp_path, "one") / EVENTS) as log:
        for event in red:
            log.write(event)

    shown = CliRunner().invoke(command, ["one", "--format", style, "--reports", str(tmp_path)])

    assert 0 == shown.exit_code, shown.output
    assert shown.output.strip()
    shown.output.encode()
