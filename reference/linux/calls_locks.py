# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls: locks."""

from __future__ import annotations

from reference.linux.state import KernelState


class LockCalls(KernelState):
    """To be written."""
