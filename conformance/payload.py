# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Payloads that a program can name instead of spelling out.

``pattern(n, seed)`` is ``n`` bytes of a cycle of 251 values, entered at ``seed``.
251 is prime, so a page, a block or a buffer that lands in the wrong place shows,
and a slice of a pattern is again a pattern: data that comes back can be named too.
"""

from __future__ import annotations

from typing import NamedTuple

PERIOD_BYTES = 251
_CYCLE = bytes(range(PERIOD_BYTES))
_LONG_BYTES = 2**16
_LONG_CYCLE = _CYCLE * (_LONG_BYTES // PERIOD_BYTES + 2)
"""Nearly every payload is a slice of this."""
NAMED_RUN_BYTES_MIN = 32


class Pattern(NamedTuple):
    """``length`` bytes of the cycle, entered at ``seed``."""

    length: int
    seed: int


def materialise(payload: Pattern | bytes) -> bytes:
    """The bytes that a payload stands for."""
    if type(payload) is bytes:
        return payload
    length, seed = payload
    start = seed % PERIOD_BYTES
    if length <= _LONG_BYTES:
        return _LONG_CYCLE[start : start + length]
    repeats = (start + length) // PERIOD_BYTES + 1
    return (_CYCLE * repeats)[start : start + length]


def _pattern_run(data: bytes, start: int) -> int:
    """How many bytes from ``start`` follow the cycle, or 0 when too few to name."""
    first = data[start]
    if data[start : start + NAMED_RUN_BYTES_MIN] != materialise(Pattern(NAMED_RUN_BYTES_MIN, first)):
        return 0
    rest = data[start:]
    expected = materialise(Pattern(len(rest), first))
    if rest == expected:
        return len(rest)
    return next(i for i, (seen, named) in enumerate(zip(rest, expected, strict=True)) if seen != named)


def _zero_run(data: bytes, start: int) -> int:
    """How many zero bytes follow from ``start``, or 0 when too few to name."""
    if not data.startswith(bytes(NAMED_RUN_BYTES_MIN), start):
        return 0
    rest = data[start:]
    return len(rest) - len(rest.lstrip(b"\0"))


_ESCAPED = tuple(
    {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}.get(value)
    or (chr(value) if 32 <= value < 127 else f"\\x{value:02x}")
    for value in range(256)
)


def literal_text(data: bytes) -> str:
    """Bytes as a literal in double quotes."""
    return 'b"' + "".join([_ESCAPED[value] for value in data]) + '"'


def data_text(data: bytes) -> str:
    """Bytes as an expression: literals, ``zeros(n)`` and ``pattern(n, seed=s)`` joined by ``+``."""
    if len(data) < NAMED_RUN_BYTES_MIN:
        return literal_text(data)
    terms: list[str] = []
    literal_start = position = 0
    while position < len(data):
        zeros = _zero_run(data, position)
        run = zeros or _pattern_run(data, position)
        if not run:
            position += 1
            continue
        if literal_start < position:
            terms.append(literal_text(data[literal_start:position]))
        terms.append(f"zeros({run})" if zeros else f"pattern({run}, seed={data[position]})")
        position += run
        literal_start = position
    if literal_start < len(data):
        terms.append(literal_text(data[literal_start:]))
    return " + ".join(terms)
