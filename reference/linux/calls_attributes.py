# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""System calls on the attributes of an inode: mode, owner, times, size on disk."""

from __future__ import annotations

from reference.linux.state import KernelState


class AttributeCalls(KernelState):
    """To be written."""
