# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The committed JSON Schemas are those of the types, and a reader that knows only them understands what is written."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator

from conformance.baselines import Baseline, KnownBucket
from conformance.donation import Imports
from conformance.events import (
    Batch,
    Delta,
    DeltaRow,
    Divergence,
    Event,
    Footer,
    Header,
    Miniature,
    Note,
    Occurrence,
    Unmet,
    Variation,
)
from conformance.reporting.digest import ClauseDigest, Digest
from conformance.schemas import MEND, schema_texts
from conformance.wire.messages import (
    Bye,
    Caller,
    Capabilities,
    FromHarness,
    FromSystem,
    Hello,
    Observed,
    Run,
    WireObservation,
    WireOp,
    WireProgram,
)

SCHEMAS = list(schema_texts())
TEXTS = {path.stem: text for path, text in SCHEMAS}
EVENTS: tuple[Event, ...] = (
    Header(1, "one", "2026-01-01T00:00:00+00:00", "run", "1", "1s", "law", ("linux", "native"), ("pipes",), {"a": "b"}),
    Batch(0, "pipes", 1, 2, 0.5, {"read": {"ok": 2}}, {"C-1": 1}, {"C-1": {"rule": 1}}, {"C-1": ("7/pipes/1", 3)}),
    Divergence(
        *("B-1", "t", "diverges", "law", "pipes", "read", ("C-1",), "7", "p", "r", "t", 1, "0", "1"), (5, 5), 3, "x"
    ),
    Variation("V-1", "t", "read", ("C-1",), "7", "p", 0, "0", "1", "differs from Linux 6.18, equals Linux 6.1"),
    Occurrence("B-1", "8"),
    Miniature("m", "pipes", "what", None, 2, 2, True),
    Note("info", "text"),
    Unmet("w", 3, 5, "w, known.toml", "fdconform waive remove w"),
    Delta("main", (("kernel", "6.1", "6.18"),), (DeltaRow("new", "B-1", "t", news=True),), ("cut short",)),
    Footer("2026-01-01T00:00:01+00:00", 1.0, 2.0, 1, 2, 1, 1, False, 1),
)
FROM_SYSTEM: tuple[FromSystem, ...] = (
    Hello(1, "toy", "0.3", capabilities=Capabilities(("read",), Imports(0, (0, 0), None, 1)), environment={"a": "b"}),
    Observed("0", (WireObservation(value=[3, 4]), WireObservation(errno=9, signals=(13,)))),
    Bye(1),
)
FROM_HARNESS: tuple[FromHarness, ...] = (
    Run((WireProgram("0", (WireOp("pipe2", (2048,), ("r0", "r1")),)),), 10.0, Caller(256, 2097152, 18), alone=True),
    Bye(),
)
DIGEST = Digest(
    *(1, "one", "2026-01-01T00:00:00+00:00", "law", ("linux", "native"), "diverges", 1, 2, 1.0),
    *({"B-1": 1}, {}, {"C-1": ClauseDigest(1, 1, 0)}),
)
BASELINE = Baseline(
    *(1, "law", ("linux", "toy"), ("pipes",), "1", "1s", {"kernel": "6.18"}, 1, 2),
    (KnownBucket("B-1", "diverges", "t", "pipes", "read", ("read", "0"), ("C-1",), ("read(r0, 1)",), 1, (5, 5)),),
    {"read": {"ok": 2}},
)
SAMPLES: tuple[tuple[str, Any], ...] = (
    *(("event", event) for event in EVENTS),
    *(("from_system", message) for message in FROM_SYSTEM),
    *(("from_harness", message) for message in FROM_HARNESS),
    ("digest", DIGEST),
    ("baseline", BASELINE),
)


@pytest.mark.parametrize(("path", "text"), SCHEMAS, ids=[path.stem for path, _ in SCHEMAS])
def test_the_committed_schemas_are_those_of_the_types(path: Path, text: str) -> None:
    assert text == path.read_text(), f"mend: {MEND}"


def test_no_file_lies_among_the_schemas_that_belongs_to_no_type() -> None:
    folders = {path.parent for path, _ in SCHEMAS}
    assert {path for path, _ in SCHEMAS} == {path for folder in folders for path in folder.iterdir()}


@pytest.mark.parametrize("text", [text for _, text in SCHEMAS], ids=[path.stem for path, _ in SCHEMAS])
def test_each_is_a_schema_and_says_what_its_parts_are(text: str) -> None:
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)

    assert all(part.get("description") for part in schema["$defs"].values() if "properties" in part)


def test_there_is_a_sample_of_everything_that_has_a_schema() -> None:
    unions = ((Event, EVENTS), (FromSystem, FROM_SYSTEM), (FromHarness, FROM_HARNESS))
    for union, samples in unions:
        assert {type(sample) for sample in samples} == set(get_args(union))
    assert {name for name, _ in SAMPLES} == set(TEXTS)


@pytest.mark.parametrize(("name", "sample"), SAMPLES, ids=[f"{name}-{type(one).__name__}" for name, one in SAMPLES])
def test_every_sample_passes_its_schema_and_one_that_lacks_a_field_does_not(name: str, sample: object) -> None:
    schema = json.loads(TEXTS[name])
    validator = Draft202012Validator(schema)
    written = json.loads(msgspec.json.encode(sample))
    validator.validate(written)

    required = schema["$defs"][type(sample).__name__]["required"]
    assert required
    for key in required:
        lacking = copy.deepcopy(written)
        del lacking[key]
        assert not validator.is_valid(lacking), key
