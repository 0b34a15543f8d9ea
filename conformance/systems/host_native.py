# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The host model over the kernel we run on: only ever used inside a worker process."""

from __future__ import annotations

import os
import resource
from typing import Any

from conformance.systems.native import Native
from reference.host.caller import Caller
from reference.host.kernel import Host


class HostNative(Host):
    """One process of a sandbox on the running kernel.

    ``reset`` gives the next program a sandbox of its own, whose caller is who the worker is by then.
    """

    def __init__(self, native: Native | None = None) -> None:
        self._native = native or Native()
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        size, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit = size if size != resource.RLIM_INFINITY else 2**63
        super().__init__(self._native, Caller(os.geteuid(), os.getegid(), os.geteuid() == 0, files, limit))

    def reset(self) -> None:
        """Forget everything of a program, above and below."""
        self._native.reset()
        self.__init__(self._native)  # type: ignore[misc]

    def settle(self, call: str, arguments: tuple[Any, ...]) -> None:
        """Wait for what the kernel does on its own behalf: the numbers of a program are the kernel's own."""
        self._native.settle(call, arguments)
