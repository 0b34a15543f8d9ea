# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A buffer for reads that ask for more than anyone would allocate.

Only its first ``SCRATCH_BYTES`` can be written. It lies low in the address space,
so that whether a huge count runs past the end of user memory does not depend on where the heap happens to be.
"""

from __future__ import annotations

import ctypes
from functools import cache

from conformance.systems.native_calls.libc import function
from reference.constants import PROT_NONE, PROT_READ, PROT_WRITE

SCRATCH_BYTES = 2**22
_SCRATCH_ADDRESS = 2**32
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


@cache
def scratch_address() -> int:
    """The address of the buffer, mapped at the first use."""
    address: int = _mmap(_SCRATCH_ADDRESS, _RESERVED_BYTES, PROT_NONE, _MAP_PRIVATE_ANONYMOUS_NORESERVE_AT, -1, 0)
    if address != _SCRATCH_ADDRESS or _mprotect(address, SCRATCH_BYTES, PROT_READ | PROT_WRITE):
        raise MemoryError("no room for the scratch buffer")
    return address
