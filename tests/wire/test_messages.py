# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of the protocol: vectors in both directions, and malformed ones."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.domains.base import Slot
from conformance.grammar import read_trace, trace_line
from conformance.ops import Op
from conformance.systems.process import breach_of
from conformance.wire.codec import decode_observation, decode_op, encode_observation, encode_op
from conformance.wire.messages import WireObservation, fields_of, read_from_system

WIRE = Path(__file__).parents[2] / "fixtures" / "wire"
VECTORS = [json.loads(line) for line in (WIRE / "vectors.jsonl").read_text().splitlines()]
MALFORMED = [json.loads(line) for line in (WIRE / "malformed.jsonl").read_text().splitlines()]


def what(vector: dict[str, Any]) -> str:
    return str(vector["what"]).replace(" ", "-")


def test_the_vectors_say_on_the_wire_what_their_traces_say() -> None:
    for vector in VECTORS:
        op = decode_op(vector["op"])
        observation = msgspec.convert(vector["observation"], WireObservation)
        seen = decode_observation(op, fields_of(observation))

        assert vector["trace"] == trace_line(op, seen)
        assert vector["op"] == encode_op(op)
        assert vector["observation"] == encode_observation(op, seen)


@pytest.mark.parametrize("vector", [v for v in MALFORMED if "op" not in v], ids=what)
def test_a_malformed_message_is_a_breach_that_says_what_is_wrong(vector: dict[str, Any]) -> None:
    line = vector["line"].encode() if "line" in vector else b64decode(vector["base64"])

    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)) as caught:
        read_from_system(line)
    assert vector["says"] in breach_of(caught.value)


@pytest.mark.parametrize("vector", [v for v in MALFORMED if "op" in v], ids=what)
def test_a_malformed_observation_is_refused_with_what_was_expected(vector: dict[str, Any]) -> None:
    op = decode_op(vector["op"])

    with pytest.raises(ValueError, match=re.escape(vector["says"])):
        decode_observation(op, vector["observation"])


@pytest.mark.parametrize(
    ("wire", "says"),
    [
        ({"call": "fly", "arguments": [], "out": []}, "unknown op"),
        ({"call": "fcntl", "arguments": [{"slot": "r0"}, 12345], "out": []}, "unknown op"),
        ({"call": "close", "arguments": [], "out": []}, "takes 1 arguments, got 0"),
        ({"call": "close", "arguments": [3], "out": []}, "fd: expected"),
        ({"call": "load", "arguments": [{"slot": "m0"}, 0, 1], "out": []}, "mapping: expected"),
    ],
)
def test_a_malformed_op_is_refused_with_what_was_expected(wire: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        decode_op(wire)


def test_a_name_is_told_from_a_number_and_from_names_of_other_things() -> None:
    slots = Slot("r0"), Slot("m0"), Slot("p0")

    assert [{"slot": "r0"}, 7] == encode_op(Op("dup2", (slots[0], 7)))["arguments"]
    assert [{"mapping": "m0"}] == encode_op(Op("munmap", (slots[1],)))["arguments"]
    assert [{"process": "p0"}, 0] == encode_op(Op("setpgid", (slots[2], 0)))["arguments"]


def test_every_golden_trace_survives_the_wire() -> None:
    for path in sorted((WIRE.parent / "golden" / "linux-6.18-ext4-root").rglob("*.trace")):
        trace = read_trace(path.read_text(), str(path))
        for op, seen in zip(trace.program.ops, trace.observations, strict=True):
            assert op == decode_op(json.loads(json.dumps(encode_op(op))))
            assert seen == decode_observation(op, json.loads(json.dumps(encode_observation(op, seen))))
