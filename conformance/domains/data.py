# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Domains of data that a program sends or is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.domains.base import Domain, Resolver
from conformance.domains.numbers import INTEGER
from conformance.payload import Pattern, data_text, materialise

SPELLED_BYTES_MAX = 16
"""Data up to this length is reduced byte by byte."""


@dataclass(frozen=True)
class Payload(Domain):
    """Data that a program sends: bytes, or a pattern by name."""

    @property
    def resolver(self) -> Resolver:
        return lambda value, environment: materialise(value)

    def text(self, value: Any) -> str:
        return f"pattern({value.length}, seed={value.seed})" if isinstance(value, Pattern) else data_text(value)

    def check(self, value: Any) -> Any:
        if type(value) is not bytes and not isinstance(value, Pattern):
            raise ValueError(f"expected bytes or pattern(length, seed=n), got {value!r}")
        return value

    def simpler(self, value: Any) -> Iterator[Any]:
        return _simpler_pattern(value) if isinstance(value, Pattern) else _simpler_bytes(value)


@dataclass(frozen=True)
class Bytes(Domain):
    """Data that a system gave back."""

    def text(self, value: Any) -> str:
        return data_text(value)

    def check(self, value: Any) -> Any:
        if isinstance(value, Pattern):
            return materialise(value)
        if type(value) is not bytes:
            raise ValueError(f"expected bytes, got {value!r}")
        return value


def _simpler_pattern(value: Pattern) -> Iterator[Pattern | bytes]:
    yield b"x"
    if value.length <= SPELLED_BYTES_MAX:
        yield b"x" * value.length
    if value.seed:
        yield Pattern(value.length, 0)
    for length in INTEGER.simpler(value.length):
        yield Pattern(length, value.seed)


def _simpler_bytes(value: bytes) -> Iterator[Pattern | bytes]:
    if value in (b"", b"x"):
        return
    yield b"x"
    yield b""
    plain = b"x" * len(value)
    if len(value) > SPELLED_BYTES_MAX:
        yield Pattern(len(value), 0)
    elif value != plain:
        yield plain
    half = len(value) // 2
    if half:
        yield value[:half]
        yield value[half:]
    if len(value) <= SPELLED_BYTES_MAX:
        for place in range(len(value)):
            yield value[:place] + value[place + 1 :]
        for place in range(len(value)):
            if value[place] != plain[place]:
                yield value[:place] + b"x" + value[place + 1 :]


PAYLOAD = Payload()


BYTES = Bytes()
