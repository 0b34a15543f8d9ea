# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""All constants by their names, for what reads or writes them as text."""

from __future__ import annotations

from collections.abc import Mapping

from reference.constants import (
    descriptors,
    errors,
    file_status,
    limits,
    locks,
    memory,
    open_flags,
    readiness,
    requests,
    signals,
    sockets,
    terminals,
    transfers,
)

_SUBJECTS = (
    *(open_flags, descriptors, locks, file_status, transfers, memory, sockets, requests, terminals),
    *(readiness, signals, errors, limits),
)
NUMBERS: Mapping[str, int] = {
    name: value for subject in _SUBJECTS for name, value in vars(subject).items() if name.isupper()
}
"""The number of each constant of Linux that the project knows."""
