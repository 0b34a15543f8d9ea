# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Domains of names: paths, extended attributes and the addresses of sockets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.domains.base import Domain, Slot

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom")
"""The devices that programs may name."""


TELLING_ATTRIBUTES = ("trusted.", "system.sockprotoname")
"""Names outside the namespace of users that nothing can be set by."""


@dataclass(frozen=True)
class Text(Domain):
    """Text that a system gave back, or a name that it is given."""

    def text(self, value: Any) -> str:
        text: str = value
        return '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'

    def check(self, value: Any) -> Any:
        if type(value) is not str or isinstance(value, Slot):
            raise ValueError(f"expected text in quotes, got {value!r}")
        return value


@dataclass(frozen=True)
class AttributeName(Text):
    """The name of an extended attribute that a program may set on anything: none that means something to the kernel."""

    def check(self, value: Any) -> Any:
        super().check(value)
        if value not in TELLING_ATTRIBUTES and value.startswith(("trusted.", "security.", "system.")):
            raise ValueError(f"a program keeps to user attributes, and to {', '.join(TELLING_ATTRIBUTES)}: {value!r}")
        return value


@dataclass(frozen=True)
class Path(Text):
    """A path below the program's directory or, where nothing is made or removed by it, one of a few devices."""

    devices: bool = True

    def check(self, value: Any) -> Any:
        super().check(value)
        if ".." in value.split("/") or (value.startswith("/") and not (self.devices and value.rstrip("/") in DEVICES)):
            allowed = f", or be one of {', '.join(DEVICES)}" if self.devices else ""
            raise ValueError(f"a path must stay in the program's directory{allowed}: {value!r}")
        return value

    def simpler(self, value: Any) -> Iterator[Any]:
        simplest = "/dev/null" if value.startswith("/") else "f"
        return iter(() if value == simplest else (simplest,))


@dataclass(frozen=True)
class SocketAddress(Domain):
    """The address of a Unix socket: a path of the program's own, an abstract name behind a NUL, nothing, or None."""

    def text(self, value: Any) -> str:
        return "None" if value is None else PATH.text(value)

    def check(self, value: Any) -> Any:
        if value is None or (type(value) is str and value.startswith("\0")):
            return value
        if type(value) is str and "\0" in value:
            raise ValueError(f"a path holds no NUL: {value!r}")
        return OWN_PATH.check(value)

    def simpler(self, value: Any) -> Iterator[Any]:
        return iter(() if value == "s" else ("s",))


TEXT = Text()


ATTRIBUTE_NAME = AttributeName()


PATH = Path()


OWN_PATH = Path(devices=False)


ADDRESS = SocketAddress()
