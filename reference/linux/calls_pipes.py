# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls: pipes."""

from __future__ import annotations

from reference.linux.state import KernelState


class PipeCalls(KernelState):
    """To be written."""
