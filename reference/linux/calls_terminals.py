# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls: terminals."""

from __future__ import annotations

from reference.linux.state import KernelState


class TerminalCalls(KernelState):
    """To be written."""
