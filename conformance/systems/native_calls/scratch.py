# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Buffers at known addresses.

The *scratch* buffer serves reads that ask for more than anyone would allocate.
Only its first ``SCRATCH_BYTES`` can be written. It lies low in the address space,
so that whether a huge count runs past the end of user memory does not depend on where the heap happens to be.

The *desk* is where data lies while a call moves it, each buffer at a page of its own:
whether a transfer with O_DIRECT is possible depends on addresses, and so it does not depend on Python's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from functools import cache

from conformance.systems.native_calls.libc import function
from reference.constants.limits import PAGE_SIZE
from reference.constants.memory import PROT_NONE, PROT_READ, PROT_WRITE

SCRATCH_BYTES = 2**22
DESK_BYTES = 2**24
_SCRATCH_ADDRESS = 2**32
_DESK_ADDRESS = 2**31
_RESERVED_BYTES = 2**33
_MAP_PRIVATE_ANONYMOUS_NORESERVE_AT = 0x2 | 0x20 | 0x4000 | 0x100000

_mmap = function(
    "mmap",
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_longlong,
    result=ctypes.c_void_p,
)
_mprotect = function("mprotect", ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def _buffer(address: int, reserved: int, usable: int) -> int:
    found: int = _mmap(address, reserved, PROT_NONE, _MAP_PRIVATE_ANONYMOUS_NORESERVE_AT, -1, 0)
    if found != address or _mprotect(found, usable, PROT_READ | PROT_WRITE):
        raise MemoryError("no room for a buffer")
    return found


@cache
def scratch_address() -> int:
    """The address of the scratch buffer, mapped at the first use."""
    return _buffer(_SCRATCH_ADDRESS, _RESERVED_BYTES, SCRATCH_BYTES)


@cache
def _desk() -> memoryview:
    address = _buffer(_DESK_ADDRESS, 2 * DESK_BYTES, DESK_BYTES)
    return memoryview((ctypes.c_char * DESK_BYTES).from_address(address)).cast("B")


def place(length: int) -> memoryview:
    """Room for one buffer on the desk. ``length`` is at most DESK_BYTES."""
    return _desk()[:length]


def places(lengths: Iterable[int]) -> list[memoryview] | None:
    """Room for several buffers, each at a page of its own; None when the desk is too small."""
    desk = _desk()
    views, position = [], 0
    for length in lengths:
        views.append(desk[position : position + length])
        position += -(-length // PAGE_SIZE) * PAGE_SIZE
    return views if position <= DESK_BYTES else None
