# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Picks the native worker for some calls: the one in C makes those of the kernel, and no others."""

from __future__ import annotations

from pathlib import Path

from conformance.errors import ConformanceError
from conformance.laws import Law
from conformance.systems.c_binary import IN_PYTHON, NativeChoice, chosen_worker
from conformance.systems.c_native_worker import CNativeWorker
from conformance.systems.native_worker import NATIVE_CALLS, NativeWorker
from reference.linux.profile import Profile


def native_worker(calls: str, profile: Profile, base: Path, binary: Path | None) -> NativeWorker:
    """A worker whose programs make the calls of a class; ``binary`` is the worker in C, where there is one."""
    if binary is not None and calls == NATIVE_CALLS:
        return CNativeWorker(binary, profile, base)
    return NativeWorker(profile, base, system=calls)


def worker_under(law: Law, choice: str) -> NativeChoice:
    """Which worker makes the kernel's calls under a law. ConformanceError where one in C is asked for and has none."""
    if NATIVE_CALLS in (law.native, law.beside):
        return chosen_worker(choice)
    if choice == "c":
        raise ConformanceError(f"the law {law.name!r} has no side that runs in C", hint="leave --native-worker out")
    return IN_PYTHON
