# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls: sockets."""

from __future__ import annotations

from conformance.systems.native_calls.state import NativeState


class NativeSockets(NativeState):
    """To be written."""
