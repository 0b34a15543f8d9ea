# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that take a name: open(2) and what changes directories."""

from __future__ import annotations

from reference.constants import ENOENT
from reference.linux.description import OpenFileDescription
from reference.linux.device import NullDevice
from reference.linux.state import KernelState
from reference.outcomes import Refused


class NameCalls(KernelState):
    """open(2) and its like."""

    def open(self, path: str, flags: int, mode: int) -> int:
        """open(2)."""
        if path != "/dev/null":
            raise Refused(ENOENT, "OPEN-MISSING")
        return self.open_descriptor(OpenFileDescription(NullDevice(self), flags), flags)
