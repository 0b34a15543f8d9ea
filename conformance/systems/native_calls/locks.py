# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls: locks."""

from __future__ import annotations

from conformance.systems.native_calls.state import NativeState


class NativeLocks(NativeState):
    """To be written."""
