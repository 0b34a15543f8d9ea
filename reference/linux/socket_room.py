# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a message costs its sender: the memory that Linux charges to a socket, not the bytes that were sent.

A message has a head, one block of memory of a power of two, and possibly whole pages behind it.
The head holds data and two bookkeeping structures; their sizes are those of 64-bit kernels.
The sum is exact, so how much fits into a socket is known, whatever the sizes of the messages.
"""

from __future__ import annotations

from reference.constants.limits import PAGE_SIZE

CACHE_LINE_BYTES = 64
DESCRIPTOR_BYTES = 256
"""The structure that describes a message, in whole cache lines."""
TRAILER_BYTES = 320
"""The structure behind the data of a head, in whole cache lines."""

PAGE_HEAD_BYTES = PAGE_SIZE - TRAILER_BYTES
"""The most data that the head of a piece of a stream holds: head and trailer fill one page."""
BLOCK_HEAD_BYTES = 4 * PAGE_SIZE - TRAILER_BYTES
"""The most data that the head of a datagram holds before pages are added."""
STREAM_PAGES_BYTES = 32768
DATAGRAM_PAGES_BYTES = 17 * PAGE_SIZE
STREAM_RESERVE_BYTES = 64
DATAGRAM_RESERVE_BYTES = 32


def _in_pages(size: int) -> int:
    return -(-size // PAGE_SIZE) * PAGE_SIZE


def _head_cost(size: int) -> int:
    """What a head with room for ``size`` bytes costs."""
    needed = -(-size // CACHE_LINE_BYTES) * CACHE_LINE_BYTES + TRAILER_BYTES
    return (1 << (needed - 1).bit_length()) + DESCRIPTOR_BYTES


URGENT_COST_BYTES = _head_cost(1)
"""What an out-of-band byte costs: it is a message of its own."""


def stream_piece(wanted: int, buffer_bytes: int) -> int:
    """How many of ``wanted`` bytes the next piece takes: at most half of the send buffer, less a reserve."""
    return min(wanted, buffer_bytes // 2 - STREAM_RESERVE_BYTES, PAGE_HEAD_BYTES + STREAM_PAGES_BYTES)


def stream_cost(size: int) -> int:
    """What a piece of a stream costs. When the head does not hold it all, the pages are filled first."""
    head = stream_head(size)
    return _head_cost(head) + _in_pages(size - head)


def stream_head(size: int) -> int:
    """How many bytes of a piece of a stream its head holds."""
    return size - min(size, _in_pages(max(size - PAGE_HEAD_BYTES, 0)))


def spliced_cost(size: int) -> int:
    """What a piece of a stream costs that took over pages: its head is empty, and pages count by what is used."""
    return _head_cost(0) + size


def datagram_cost(size: int) -> int:
    """What a datagram costs."""
    if size <= BLOCK_HEAD_BYTES:
        return _head_cost(size)
    paged = _in_pages(min(size - BLOCK_HEAD_BYTES, DATAGRAM_PAGES_BYTES))
    return _head_cost(size - paged) + paged
