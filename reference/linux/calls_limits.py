# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The limits that a process sets itself (getrlimit(2))."""

from __future__ import annotations

from reference.constants.errors import EINVAL
from reference.constants.limits import ULONG_MAX
from reference.linux.state import KernelState
from reference.outcomes import Refused


class LimitCalls(KernelState):
    """setrlimit(2), of RLIMIT_FSIZE."""

    def setrlimit(self, resource: int, soft: int) -> int:
        """setrlimit(2) with the hard limit left as it is."""
        soft &= ULONG_MAX
        # CHECK
        if soft > self.profile.file_size_bytes_max:
            raise Refused(EINVAL, "RLIMIT-HARD")
        # CHANGE
        self.cite("RLIMIT-SOFT")
        self.file_size_bytes_max = soft
        return 0
