# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The kernel we run on, as a system: only ever used inside a worker process (:mod:`conformance.systems.worker`)."""

from __future__ import annotations

from conformance.systems.native_calls.addresses import NativeAddresses
from conformance.systems.native_calls.advice import NativeAdvice
from conformance.systems.native_calls.directories import NativeDirectories
from conformance.systems.native_calls.extended_attributes import NativeExtendedAttributes
from conformance.systems.native_calls.files import NativeFiles
from conformance.systems.native_calls.imports import NativeImports
from conformance.systems.native_calls.limits import NativeLimits
from conformance.systems.native_calls.locks import NativeLocks
from conformance.systems.native_calls.memory import NativeMemory
from conformance.systems.native_calls.pipes import NativePipes
from conformance.systems.native_calls.processes import NativeProcesses
from conformance.systems.native_calls.readiness import NativeReadiness
from conformance.systems.native_calls.splices import NativeSplices
from conformance.systems.native_calls.terminals import NativeTerminals


class Native(
    NativeImports,
    NativeFiles,
    NativeDirectories,
    NativeAdvice,
    NativeExtendedAttributes,
    NativeLimits,
    NativeMemory,
    NativePipes,
    NativeAddresses,
    NativeTerminals,
    NativeProcesses,
    NativeReadiness,
    NativeLocks,
    NativeSplices,
):
    """One program on the running kernel."""
