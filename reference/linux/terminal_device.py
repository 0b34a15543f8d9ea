# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""/dev/ptmx (pts(4)): every opening makes a new pseudoterminal and returns its master."""

from __future__ import annotations

from collections.abc import Hashable

from reference.linux.description import OpenFileDescription
from reference.linux.device import DEVICES, SharedDevice
from reference.linux.pseudoterminal import MULTIPLEXER, MULTIPLEXER_PATH, Master


class TerminalMultiplexer(SharedDevice):
    """The device node itself, of which only O_PATH gives a description."""

    number = MULTIPLEXER

    @property
    def identity(self) -> Hashable:
        return MULTIPLEXER

    def link_text(self, description: OpenFileDescription) -> str:
        self.kernel.cite("LINKFD-TERMINAL")
        return MULTIPLEXER_PATH

    def open(self, flags: int, created: bool = False) -> OpenFileDescription:
        self.kernel.cite("TTY-PTMX")
        return Master(self.kernel).open(flags, created)


DEVICES["ptmx"] = TerminalMultiplexer
