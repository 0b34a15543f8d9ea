# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls: terminals."""

from __future__ import annotations

from conformance.systems.native_calls.state import NativeState


class NativeTerminals(NativeState):
    """To be written."""
