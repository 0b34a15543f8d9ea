# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What imports, saves and restores are on the kernel we run on, which has no sandbox around it."""

from __future__ import annotations

from conformance.systems.native_calls.descriptors import NativeDescriptors


class NativeImports(NativeDescriptors):
    """import_fd, save, restore."""

    def import_fd(
        self, fd: int, readonly: int, owner: tuple[int, int] | None, tty: int, flags: int | None, savable: int
    ) -> int:
        return self.dup(fd)

    def save(self) -> int:
        return 0

    def restore(self) -> int:
        return 0
