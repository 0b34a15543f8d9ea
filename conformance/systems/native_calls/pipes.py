# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls that make pipes."""

from __future__ import annotations

import os

from conformance.systems.native_calls.state import NativeState


class NativePipes(NativeState):
    """pipe2."""

    def pipe2(self, flags: int) -> tuple[int, int]:
        return os.pipe2(flags)
