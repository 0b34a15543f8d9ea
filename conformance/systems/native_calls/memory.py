# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls: memory."""

from __future__ import annotations

from conformance.systems.native_calls.state import NativeState


class NativeMemory(NativeState):
    """To be written."""
