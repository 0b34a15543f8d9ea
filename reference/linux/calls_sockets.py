# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls: sockets."""

from __future__ import annotations

from reference.linux.state import KernelState


class SocketCalls(KernelState):
    """To be written."""
