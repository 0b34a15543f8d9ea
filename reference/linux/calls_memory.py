# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls: memory."""

from __future__ import annotations

from reference.linux.state import KernelState


class MemoryCalls(KernelState):
    """To be written."""
