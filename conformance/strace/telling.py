# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What the handlers of calls know, and the values that they all read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.payload import Pattern
from conformance.strace.files import Untold
from conformance.strace.log import Call
from conformance.strace.values import Data, Words
from reference.constants.file_status import AT_FDCWD

HERE = AT_FDCWD
"""Stands for the current directory where a directory may be given."""
_PATTERN_SEED = 0


class Telling(Protocol):
    """What handlers know of a call, and what they may do."""

    call: Call

    def slot(self, fd: Any) -> Slot:
        """The slot of a descriptor. Untold for one that there is none of."""

    def keep(self, fd: int | None, *, closes: bool = False) -> Slot:
        """A new slot for a descriptor that the call made; for nobody when it failed."""

    def held(self, fd: Any) -> Slot | None:
        """The slot of a descriptor that is closed or replaced by the call, if it is the last of it."""

    def closes_on_exec(self, fd: Any, closes: bool) -> None:
        """A descriptor is closed by exec from now on, or no longer."""

    def path(self, value: Any, below: Any = HERE) -> str:
        """Where a path lies in the program's directory."""

    def there(self, place: str, *, directory: bool = False) -> None:
        """A file or a directory was there before."""

    def around(self, place: str) -> None:
        """The directories that a name lies in were there before."""

    def link_there(self, place: str, target: str) -> None:
        """A symbolic link was there before."""

    def made(self, place: str, *, gone: bool = False) -> None:
        """A name that the call made, or removed."""

    def terminal(self, number: int) -> Slot:
        """The master of a terminal by the number of its slave."""

    def opened(self, slot: Slot, place: str) -> None:
        """A slot is an open file, or directory, of a name."""

    def remark(self, why: str) -> None:
        """Say that a part of the call is not told."""

    def moved_to(self, place: str) -> None:
        """The process changed its directory."""

    def place_of(self, fd: Any) -> str:
        """The name that a descriptor was opened by."""

    def mapped(self) -> Slot:
        """A new slot for a mapping that the call made."""

    def mapping(self, address: Any) -> Slot:
        """The slot of a mapping."""


Handler = Callable[[Telling, list[Any]], Iterator[Op]]


def number(value: Any) -> int:
    """A value that must be a number."""
    if not isinstance(value, int):
        raise Untold(f"{shown(value)} is no number that is known")
    return value


def data(value: Any, length: int) -> bytes | Pattern:
    """What a program sends: the string of the log or, where that is cut, a pattern of its length."""
    if not isinstance(value, Data):
        return Pattern(max(length, 0), _PATTERN_SEED)
    return value.data if not value.cut and len(value.data) == length else Pattern(max(length, 0), _PATTERN_SEED)


def shown(value: Any) -> str:
    """A value as its text."""
    return value.text if isinstance(value, Data | Words) else str(value)


def succeeded(t: Telling) -> bool:
    """Whether the call did what it was asked."""
    return t.call.result is not None and t.call.result >= 0 and not t.call.error


def plain(call: str, *places: int) -> Handler:
    """A call of which the first argument is a descriptor, and those at ``places`` are numbers."""

    def tell(t: Telling, a: list[Any]) -> Iterator[Op]:
        yield Op(call, (t.slot(a[0]), *(number(a[place]) for place in places)))

    return tell


def pieces(value: Any) -> list[tuple[Any, int]]:
    """The buffers of a call: each with its length."""
    if not isinstance(value, list):
        raise Untold("the buffers are not in the log")
    return [(piece.get("iov_base"), number(piece.get("iov_len"))) for piece in value if isinstance(piece, dict)]
