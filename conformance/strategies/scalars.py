# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers that programs pass: small ones mostly, then both sides of every boundary that the kernel knows.

A pool is a tuple: repeating a number makes it more likely, and the first is the simplest.
"""

from __future__ import annotations

from conformance.strategies.source import Source
from reference.constants.limits import INT_MAX, LLONG_MAX, MAX_RW_COUNT, PAGE_SIZE, PIPE_BUF, UINT_MAX

LENGTH_BYTES_MAX = 2**21
"""No op moves more than this."""

_SMALL = (1, 0, 2, 3, 4, 5, 7, 8, 10, 16, 31, 64, 100, 255, 256, 511, 512, 513, 1000)
_TWO_PAGES = 2 * PAGE_SIZE
_PAGES = (PAGE_SIZE, PAGE_SIZE - 1, PAGE_SIZE + 1, _TWO_PAGES, _TWO_PAGES - 1, _TWO_PAGES + 1, 3 * PAGE_SIZE, 10000)
_PIPES = (PIPE_BUF, PIPE_BUF - 1, PIPE_BUF + 1, 65535, 65536, 65537)
_LARGE = (2**16 * 3, 2**18, 2**18 + 1, 2**20 - 1, 2**20, 2**20 + 1, LENGTH_BYTES_MAX - 1, LENGTH_BYTES_MAX)

LENGTHS = _SMALL * 6 + _PAGES * 3 + _PIPES * 2 + _LARGE
"""Lengths of data, in bytes: mostly small."""

HUGE_COUNTS = (INT_MAX, INT_MAX + 1, MAX_RW_COUNT, MAX_RW_COUNT + 1, UINT_MAX, UINT_MAX + 1, 2**40, 2**63 - 1, -1)
"""Counts that no buffer has. Only for objects that hold little data: what they move is still bounded by that."""

OFFSETS = _SMALL * 6 + _PAGES * 4 + _PIPES + _LARGE + (LENGTH_BYTES_MAX + 1, INT_MAX, INT_MAX + 1, UINT_MAX + 1)
"""Offsets into a file, in bytes."""

EXTREME_OFFSETS = (
    -1,
    LLONG_MAX,
    LLONG_MAX - 1,
    LLONG_MAX - PAGE_SIZE + 1,
    LLONG_MAX - PAGE_SIZE,
    2**44,
    2**44 - PAGE_SIZE,
    2**44 - PAGE_SIZE - 1,
    2**44 - 1,
    2**62,
    -2,
    -PAGE_SIZE,
    -INT_MAX - 1,
    -LLONG_MAX,
    -LLONG_MAX - 1,
)
"""Offsets at the ends of their type and of what file systems can hold, and below zero."""

ODD_FLAGS = (1 << 31, 1 << 30, 1 << 12, 1 << 20, 1 << 9)
"""Bits that hardly any flag word knows."""


def length(source: Source) -> int:
    """A length of data."""
    return LENGTHS[source.below(len(LENGTHS))]


def offset(source: Source, extreme_one_in: int = 16) -> int:
    """An offset; now and then one that no file reaches."""
    if source.below(extreme_one_in) == extreme_one_in - 1:
        return EXTREME_OFFSETS[source.below(len(EXTREME_OFFSETS))]
    return OFFSETS[source.below(len(OFFSETS))]
