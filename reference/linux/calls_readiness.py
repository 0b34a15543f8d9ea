# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls: readiness."""

from __future__ import annotations

from reference.linux.state import KernelState


class ReadinessCalls(KernelState):
    """To be written."""
