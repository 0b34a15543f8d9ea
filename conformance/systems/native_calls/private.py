# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the worker's own, out of the reach of programs.

A program sees a limit on descriptor numbers, and the worker's own lie above it:
so programs are handed the numbers from 3 on, and cannot close or copy over what is not theirs.
"""

from __future__ import annotations

import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

PRIVATE_FD_MIN = 512
PRIVATE_FD_MAX = 1023


def make_private(fd: int) -> int:
    """A copy of a descriptor above the limit of programs; the original is closed."""
    with private_numbers():
        try:
            return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, PRIVATE_FD_MIN)
        finally:
            os.close(fd)


@contextmanager
def private_numbers() -> Iterator[None]:
    """While this lasts the worker's own numbers lie below the limit."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (PRIVATE_FD_MAX + 1, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def private_descriptor(path: str | bytes) -> int:
    """A file opened for reading, above the limit of programs."""
    return make_private(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
