# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of what others read or write: ``python -m conformance.schemas`` writes them where they belong."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from conformance.baselines import Baseline
from conformance.events import Event
from conformance.reporting.digest import Digest
from conformance.wire.messages import FromHarness, FromSystem

MEND = "python -m conformance.schemas"
_FOLDER = Path(__file__).parent
_SCHEMAS: dict[str, Any] = {
    "wire/schemas/from_system.json": FromSystem,
    "wire/schemas/from_harness.json": FromHarness,
    "reporting/schemas/event.json": Event,
    "reporting/schemas/digest.json": Digest,
    "reporting/schemas/baseline.json": Baseline,
}


def schema_texts() -> Iterator[tuple[Path, str]]:
    """Each file, and the schema that belongs into it."""
    for name, kind in _SCHEMAS.items():
        schema = _cleaned(msgspec.json.schema(kind))
        yield _FOLDER / name, json.dumps(schema, indent=1, sort_keys=True) + "\n"


def _cleaned(schema: Any) -> Any:
    """The schema with descriptions as Python 3.13 gives them: older ones leave the indentation of docstrings in."""
    if isinstance(schema, dict):
        return {
            key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else _cleaned(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_cleaned(item) for item in schema]
    return schema


if __name__ == "__main__":
    for path, text in schema_texts():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
