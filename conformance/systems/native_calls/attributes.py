# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls on names and attributes of inodes."""

from __future__ import annotations

from conformance.systems.native_calls.state import NativeState


class NativeAttributes(NativeState):
    """To be written."""
