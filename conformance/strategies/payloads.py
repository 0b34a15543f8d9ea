# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Data that programs write: short literals, and patterns of every interesting length."""

from __future__ import annotations

from conformance.payload import PERIOD_BYTES, Pattern
from conformance.strategies.scalars import LENGTHS, length
from conformance.strategies.source import Source

LITERALS = (b"x", b"", b"hello", b"\0", b"a\nb", b"line\n", b"\xff\xfe", b"0123456789abcdef")
_BUFFERS_MAX = 4
_IOVEC_COUNTS_ODD = (0, 8, 9, 1024, 1025)
_LENGTHS_ODD = (-1, 2**47, 2**63 - 1, -(2**63))


def payload(source: Source, lengths: tuple[int, ...] = LENGTHS) -> bytes | Pattern:
    """Data of a length from a pool."""
    if source.below(3) == 0:
        return LITERALS[source.below(len(LITERALS))]
    return Pattern(lengths[source.below(len(lengths))], source.below(PERIOD_BYTES))


def buffers(source: Source, lengths: tuple[int, ...] = LENGTHS) -> tuple[bytes | Pattern, ...]:
    """Data in pieces; seldom none, or as many pieces as a call takes, or one more."""
    if source.below(24) == 23:
        return (b"y",) * _IOVEC_COUNTS_ODD[source.below(len(_IOVEC_COUNTS_ODD))]
    return tuple([payload(source, lengths) for _ in range(1 + source.below(_BUFFERS_MAX))])


def buffer_lengths(source: Source) -> tuple[int, ...]:
    """Lengths of the pieces that a call reads into; seldom none, or more than a call takes, or impossible ones."""
    odd = source.below(24)
    if odd == 23:
        return (1,) * _IOVEC_COUNTS_ODD[source.below(len(_IOVEC_COUNTS_ODD))]
    pieces = tuple([length(source) for _ in range(1 + source.below(_BUFFERS_MAX))])
    return (*pieces, _LENGTHS_ODD[source.below(len(_LENGTHS_ODD))]) if odd == 22 else pieces
