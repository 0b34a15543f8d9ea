# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The committed JSON Schemas are those of the types, and a reader that knows only them understands what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from conformance.events import Batch, Divergence, Event, EventLog, Footer, Header, Miniature, Note, Occurrence
from conformance.schemas import MEND, schema_texts

SCHEMAS = list(schema_texts())
EVENTS: tuple[Event, ...] = (
    Header(1, "one", "2026-01-01T00:00:00+00:00", "run", "1", "1s", "law", ("linux", "native"), ("pipes",), {"a": "b"}),
    Batch(0, "pipes", 1, 2, 0.5, {"read": {"ok": 2}}, {"C-1": 1}, {"C-1": {"rule": 1}}, {"C-1": ("7/pipes/1", 3)}),
    Divergence(
        *("B-1", "t", "diverges", "law", "pipes", "read", ("C-1",), "7", "p", "r", "t", 1, "0", "1"), (5, 5), 3, "x"
    ),
    Occurrence("B-1", "8"),
    Miniature("m", "pipes", "what", None, 2, 2, True),
    Note("info", "text"),
    Footer("2026-01-01T00:00:01+00:00", 1.0, 2.0, 1, 2, 1, 1, False, 1),
)


@pytest.mark.parametrize(("path", "text"), SCHEMAS, ids=[path.stem for path, _ in SCHEMAS])
def test_the_committed_schemas_are_those_of_the_types(path: Path, text: str) -> None:
    assert text == path.read_text(), f"mend: {MEND}"


@pytest.mark.parametrize("text", [text for _, text in SCHEMAS], ids=[path.stem for path, _ in SCHEMAS])
def test_each_is_a_schema_and_says_what_its_parts_are(text: str) -> None:
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)

    assert all(part.get("description") for part in schema["$defs"].values() if "properties" in part)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_passes_the_schema_and_one_that_lacks_a_field_does_not(event: Event, tmp_path: Path) -> None:
    validator = Draft202012Validator(json.loads({path.stem: text for path, text in SCHEMAS}["event"]))
    with EventLog(tmp_path / "events.jsonl") as log:
        log.write(event)
    (line,) = (tmp_path / "events.jsonl").read_text().splitlines()
    written = json.loads(line)

    validator.validate(written)
    name = list(written)[1]
    del written[name]
    assert not validator.is_valid(written), name
