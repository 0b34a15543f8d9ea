# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of the messages: ``python -m conformance.wire.schemas`` writes them beside this module."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from conformance.wire.messages import FromHarness, FromSystem

FOLDER = Path(__file__).with_name("schemas")
MEND = "python -m conformance.wire.schemas"
_SIDES: dict[str, Any] = {"from_system": FromSystem, "from_harness": FromHarness}


def schema_texts() -> Iterator[tuple[Path, str]]:
    """The file of each side's messages, and the schema that belongs into it."""
    for name, side in _SIDES.items():
        schema = _cleaned(msgspec.json.schema(side))
        yield FOLDER / f"{name}.json", json.dumps(schema, indent=1, sort_keys=True) + "\n"


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
    FOLDER.mkdir(exist_ok=True)
    for path, text in schema_texts():
        path.write_text(text)
