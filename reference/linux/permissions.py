# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What the mode of an inode lets a caller do (path_resolution(7), "Permissions")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.constants.file_status import S_IFDIR, S_IFMT

if TYPE_CHECKING:
    from reference.linux.profile import Profile

MAY_EXECUTE, MAY_WRITE, MAY_READ = 1, 2, 4
ANY_EXECUTE = 0o111


def mode_permits(profile: Profile, mode: int, uid: int, gid: int, wanted: int) -> bool:
    """Whether a mode grants the caller what is wanted (a union of MAY_*).

    One class counts, the first that the caller is in: owner, group, others.
    A capable caller may do everything, but execute only what somebody may execute, or search any directory.
    """
    if profile.capable:
        return not wanted & MAY_EXECUTE or mode & S_IFMT == S_IFDIR or bool(mode & ANY_EXECUTE)
    shift = 6 if profile.uid == uid else 3 if profile.gid == gid else 0
    return not wanted & ~(mode >> shift)
