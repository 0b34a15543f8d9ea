# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Who calls: the identity and the limits of the application's process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The effective ids of a process, whether it holds root's capabilities, and its limits.

    ``descriptors_max`` is RLIMIT_NOFILE, ``file_size_bytes_max`` the RLIMIT_FSIZE that a program starts with.
    """

    uid: int = 0
    gid: int = 0
    capable: bool = True
    descriptors_max: int = 256
    file_size_bytes_max: int = 2**21
