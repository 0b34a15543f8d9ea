# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The table of calls: every system call the model knows, each in the module of its subject."""

from __future__ import annotations

from reference.constants.open_flags import O_RDWR
from reference.linux.calls_addresses import AddressCalls
from reference.linux.calls_advice import AdviceCalls
from reference.linux.calls_attributes import AttributeCalls
from reference.linux.calls_descriptors import DescriptorCalls
from reference.linux.calls_directories import DirectoryCalls
from reference.linux.calls_extended_attributes import ExtendedAttributeCalls
from reference.linux.calls_files import FileCalls
from reference.linux.calls_imports import ImportCalls
from reference.linux.calls_limits import LimitCalls
from reference.linux.calls_locks import LockCalls
from reference.linux.calls_memory import MemoryCalls
from reference.linux.calls_names import NameCalls
from reference.linux.calls_pipes import PipeCalls
from reference.linux.calls_processes import ProcessCalls
from reference.linux.calls_readiness import ReadinessCalls
from reference.linux.calls_sockets import SocketCalls
from reference.linux.calls_splice import SpliceCalls
from reference.linux.calls_terminals import TerminalCalls
from reference.linux.calls_transfer import TransferCalls
from reference.linux.profile import Profile


class Linux(
    TransferCalls,
    SpliceCalls,
    FileCalls,
    AddressCalls,
    DirectoryCalls,
    NameCalls,
    AttributeCalls,
    AdviceCalls,
    ExtendedAttributeCalls,
    LimitCalls,
    MemoryCalls,
    PipeCalls,
    SocketCalls,
    TerminalCalls,
    ProcessCalls,
    ReadinessCalls,
    LockCalls,
    ImportCalls,
    DescriptorCalls,
):
    """One program on a fresh Linux, in an empty directory, with descriptors 0 to 2 on /dev/null."""

    def __init__(self, profile: Profile | None = None) -> None:
        super().__init__(profile or Profile())
        null = self.open("/dev/null", O_RDWR, 0)
        for _ in range(2):
            self.dup(null)
        self.cited.clear()
