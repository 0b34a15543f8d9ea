# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls: files."""

from __future__ import annotations

from reference.linux.state import KernelState


class FileCalls(KernelState):
    """To be written."""
