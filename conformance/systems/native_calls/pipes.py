# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls: pipes."""

from __future__ import annotations

from conformance.systems.native_calls.state import NativeState


class NativePipes(NativeState):
    """To be written."""
