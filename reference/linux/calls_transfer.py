# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls: transfer."""

from __future__ import annotations

from reference.linux.state import KernelState


class TransferCalls(KernelState):
    """To be written."""
