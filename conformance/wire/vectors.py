# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Vectors for those who write an adapter: ops and outcomes of the vocabulary, as text and as the wire has them.

``python -m conformance.wire.vectors`` writes fixtures/wire/vectors.jsonl from the golden traces:
for every op and each class of outcome the first that is met.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.grammar import read_trace, trace_line
from conformance.observation import outcome_name
from conformance.ops import spec_of
from conformance.wire.codec import encode_observation, encode_op

VECTORS = Path("fixtures/wire/vectors.jsonl")
GOLDEN = Path("fixtures/golden/linux-6.18-ext4-root")
MEND = "python -m conformance.wire.vectors"
VECTOR_BYTES_MAX = 1000


def vectors(golden: Path = GOLDEN) -> Iterator[dict[str, Any]]:
    """A line of a trace, with its op and its observation as the wire has them."""
    met: set[tuple[str, str]] = set()
    for path in sorted(golden.rglob("*.trace")):
        trace = read_trace(path.read_text(), str(path))
        for op, seen in zip(trace.program.ops, trace.observations, strict=True):
            key = spec_of(op).name, outcome_name(seen)
            vector = {
                "trace": trace_line(op, seen),
                "op": encode_op(op),
                "observation": encode_observation(op, seen),
            }
            if key not in met and len(json.dumps(vector)) <= VECTOR_BYTES_MAX:
                met.add(key)
                yield vector


def vectors_text(golden: Path = GOLDEN) -> str:
    """Every vector, one a line, by its trace."""
    return "".join(f"{line}\n" for line in sorted(json.dumps(vector) for vector in vectors(golden)))


if __name__ == "__main__":
    VECTORS.parent.mkdir(exist_ok=True)
    VECTORS.write_text(vectors_text())
