# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""File sealing (fcntl(2)): promises that a file in memory will not change in some way any more.

Each seal is looked at where it bites: in writes, sizes and storage (:mod:`reference.linux.regular`),
in new mappings (:mod:`reference.linux.calls_memory`), and in modes, here.
"""

from __future__ import annotations

from typing import Any

from reference.constants.descriptors import F_ADD_SEALS, F_GET_SEALS
from reference.constants.errors import EBUSY, EINVAL, EPERM
from reference.constants.limits import UINT_MAX
from reference.constants.memory import (
    F_SEAL_EXEC,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    MFD_ALLOW_SEALING,
    MFD_NOEXEC_SEAL,
)
from reference.linux.calls_descriptors import fcntl_command, int_argument
from reference.linux.description import OpenFileDescription
from reference.linux.directory import DELETED
from reference.linux.permissions import ANY_EXECUTE
from reference.linux.profile import MEMORY
from reference.linux.regular import RegularFile
from reference.linux.releases import EXECUTABLE_SEAL_SINCE
from reference.linux.state import KernelState
from reference.outcomes import Refused

ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC
CONTENT_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE
MODE_ANYBODY = 0o777


class MemoryFile(RegularFile):
    """A file of memfd_create(2): no directory has its name, and it has seals when it was asked for with them."""

    def __init__(self, kernel: KernelState, name: str, flags: int) -> None:
        mode = MODE_ANYBODY & ~ANY_EXECUTE if flags & MFD_NOEXEC_SEAL else MODE_ANYBODY
        super().__init__(kernel, mode, kernel.profile.uid, kernel.profile.gid, MEMORY)
        self.nlink = 0
        self._name = name
        if flags & MFD_NOEXEC_SEAL:
            self.seals = F_SEAL_EXEC
        elif flags & MFD_ALLOW_SEALING:
            self.seals = 0

    def link_text(self, description: OpenFileDescription) -> str:
        self.kernel.cite("LINKFD-MEMORY")
        return f"/memfd:{self._name}{DELETED}"

    def change_mode(self, mode: int) -> None:
        if (self.seals or 0) & F_SEAL_EXEC and self.owned() and (self.mode ^ mode) & ANY_EXECUTE:
            raise Refused(EPERM, "SEAL-EXEC")
        super().change_mode(mode)


@fcntl_command(F_ADD_SEALS)
def fcntl_add_seals(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_ADD_SEALS."""
    # RESOLVE
    description = kernel.description(fd)
    target = description.object
    # CHECK
    seals = int_argument(kernel, argument)
    if seals > UINT_MAX:
        raise Refused(EINVAL, "SEAL-KNOWN")
    if not description.writable:
        raise Refused(EPERM, "SEAL-ACCESS")
    known = ALL_SEALS if kernel.profile.kernel >= EXECUTABLE_SEAL_SINCE else ALL_SEALS & ~F_SEAL_EXEC
    if seals & ~known or not isinstance(target, RegularFile) or target.seals is None:
        raise Refused(EINVAL, "SEAL-KNOWN")
    if target.seals & F_SEAL_SEAL:
        raise Refused(EPERM, "SEAL-SEAL")
    if seals & F_SEAL_EXEC and target.mode & ANY_EXECUTE:
        kernel.cite("SEAL-EXEC-ALL")
        seals |= CONTENT_SEALS
    if seals & F_SEAL_WRITE & ~target.seals:
        if any(mapping.may_write for mapping in target.mappings):
            raise Refused(EBUSY, "SEAL-BUSY")
        if target.content.lent:
            raise Refused(EBUSY, "SEAL-PINNED")
    # CHANGE
    target.seals |= seals
    return 0


@fcntl_command(F_GET_SEALS)
def fcntl_get_seals(kernel: KernelState, fd: int, argument: Any) -> int:
    """F_GET_SEALS."""
    target = kernel.description(fd).object
    if not isinstance(target, RegularFile) or target.seals is None:
        raise Refused(EINVAL, "SEAL-KNOWN")
    return target.seals
