# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The Linuxes that the model knows, as profiles: each differs from its neighbours in one thing only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from conformance.named_systems import named_filesystems
from reference.linux.profile import FILESYSTEMS, Filesystem, Profile

OLDEST, NEWEST = (6, 1), (6, 18)
"""The releases between which the model knows what changed."""


@cache
def known_filesystems() -> dict[str, Filesystem]:
    """The file systems of the model, and those that the files of systems describe by their freedoms."""
    return {**FILESYSTEMS, **named_filesystems()}


def neighbours(profile: Profile) -> Iterator[tuple[str, Profile]]:
    """Profiles that differ from one in its kernel, the newest first, in its file system, or in who calls."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        if (NEWEST[0], minor) != profile.kernel:
            yield f"Linux {NEWEST[0]}.{minor}", replace(profile, kernel=(NEWEST[0], minor))
    for name, filesystem in known_filesystems().items():
        if name != profile.filesystem.name:
            yield name, replace(profile, filesystem=filesystem)
    if profile.capable:
        yield "a caller without capabilities", replace(profile, capable=False, resource_capable=False)
    else:
        yield "root", replace(profile, capable=True)
