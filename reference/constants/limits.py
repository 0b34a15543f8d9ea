# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Limits of the kernel, and of its integers."""

# Limits (limits.h, pipe(7))
PIPE_BUF = 4096
PAGE_SIZE = 4096
IOV_MAX = 1024
INT_MAX = 2**31 - 1
UINT_MAX = 2**32 - 1
ULONG_MAX = 2**64 - 1
LLONG_MAX = 2**63 - 1
SIZE_MAX = 2**64 - 1
# The largest count one read(2) or write(2) moves: INT_MAX rounded down to a page.
MAX_RW_COUNT = 0x7FFFF000

# getrlimit(2)
RLIMIT_FSIZE = 1
