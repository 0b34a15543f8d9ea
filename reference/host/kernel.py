# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The table of calls on imported descriptors, each in the module of its subject."""

from __future__ import annotations

from reference.host.calls_attributes import AttributeCalls
from reference.host.calls_descriptors import DescriptorCalls
from reference.host.calls_locks import LockCalls
from reference.host.calls_memory import MemoryCalls
from reference.host.calls_processes import ProcessCalls
from reference.host.calls_queries import QueryCalls
from reference.host.calls_readiness import ReadinessCalls
from reference.host.calls_socket_names import SocketNameCalls
from reference.host.calls_splice import SpliceCalls
from reference.host.calls_terminals import TerminalCalls
from reference.host.calls_transfer import TransferCalls
from reference.host.save import SavingCalls


class Host(
    TransferCalls,
    AttributeCalls,
    MemoryCalls,
    LockCalls,
    TerminalCalls,
    ProcessCalls,
    ReadinessCalls,
    QueryCalls,
    SpliceCalls,
    SavingCalls,
    SocketNameCalls,
    DescriptorCalls,
):
    """One process of a sandbox over a kernel that holds the host's descriptors."""
