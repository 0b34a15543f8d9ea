# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls: readiness."""

from __future__ import annotations

from conformance.systems.native_calls.state import NativeState


class NativeReadiness(NativeState):
    """To be written."""
