# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls: files."""

from __future__ import annotations

from conformance.systems.native_calls.state import NativeState


class NativeFiles(NativeState):
    """To be written."""
