# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What all domains do, and the text of a value that may be a prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reference.outcomes import AnyBytes, Anything, Between, OneOf

Environment = Mapping["Slot", int]


Resolver = Callable[[Any, Environment], Any]


NEVER_OPENED = 1000
"""The number that a slot stands for when the call that should have made it failed.

It lies above the descriptor limit of a program, so no program can be handed it.
"""


class Slot(str):
    """The name of a result: ``r0`` for a descriptor, ``m0`` for a mapping, ``p0`` for a process."""

    __slots__ = ()


class Domain:
    """Base: what all domains do. The default has nothing to resolve."""

    @property
    def resolver(self) -> Resolver | None:
        """A function from the value to what a system is given; None when that is the value itself."""
        return None

    def text(self, value: Any) -> str:
        """The canonical text of a value."""
        raise NotImplementedError

    def check(self, value: Any) -> Any:
        """The value as the domain holds it; ValueError says what is wrong with it."""
        raise NotImplementedError

    def slots(self, value: Any) -> tuple[Slot, ...]:
        """The slots that the value names."""
        return ()

    def repoint(self, value: Any, renaming: Mapping[Slot, Slot]) -> Any:
        """The value with its slots renamed."""
        return value

    def simpler(self, value: Any) -> Iterator[Any]:
        """Values that a reader finds simpler than this one, the simplest first; following them comes to an end."""
        return iter(())


def text_of(domain: Domain, value: Any) -> str:
    """The text of a value that may be a prediction: an allowed set is written out."""
    if isinstance(value, Between):
        return f"between({value.low}, {value.high})"
    if isinstance(value, OneOf):
        return f"one_of({', '.join(text_of(domain, v) for v in value.values)})"
    if isinstance(value, Anything):
        return "anything()"
    if isinstance(value, AnyBytes):
        return f"any_bytes({value.length})"
    return domain.text(value)
