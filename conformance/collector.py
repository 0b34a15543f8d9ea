# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How often Python looks for garbage that hangs together in cycles."""

import gc

_OBJECTS_MAX = 30_000


def look_seldom() -> None:
    """What was imported lives for ever, and nearly all that programs make dies with them: look for cycles seldom."""
    gc.freeze()
    gc.set_threshold(_OBJECTS_MAX, 50, 1000)
