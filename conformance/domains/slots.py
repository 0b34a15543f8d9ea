# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Domains of what an earlier op of the program made: descriptors, mappings and processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.domains.base import NEVER_OPENED, Domain, Resolver, Slot
from conformance.domains.numbers import INTEGER, integer_text

MAPPINGS_FROM = 4096
"""Added to the handle of a mapping where slots are kept, so that no mapping is taken for a descriptor."""


PROCESSES_FROM = 8192
"""Added to the number of a process where slots are kept, as is MAPPINGS_FROM to that of a mapping."""


@dataclass(frozen=True)
class SlotName(Domain):
    """A named result, given to a system as its number."""

    @property
    def resolver(self) -> Resolver:
        return lambda value, environment: environment.get(value, NEVER_OPENED)

    def text(self, value: Any) -> str:
        return str(value)

    def check(self, value: Any) -> Any:
        if not isinstance(value, Slot):
            raise ValueError(f"expected a slot such as r0, got {value!r}")
        return value

    def slots(self, value: Any) -> tuple[Slot, ...]:
        return (value,)

    def repoint(self, value: Any, renaming: Mapping[Slot, Slot]) -> Any:
        return renaming.get(value, value)


@dataclass(frozen=True)
class MappingName(SlotName):
    """A named mapping, given to a system as its handle."""

    @property
    def resolver(self) -> Resolver:
        return lambda value, environment: environment.get(value, NEVER_OPENED) - MAPPINGS_FROM


@dataclass(frozen=True)
class Number(Domain):
    """A descriptor number as an argument: a slot's, or one that the program chooses."""

    @property
    def resolver(self) -> Resolver:
        return lambda value, environment: environment.get(value, NEVER_OPENED) if type(value) is Slot else value

    def text(self, value: Any) -> str:
        return str(value) if type(value) is Slot else integer_text(value)

    def check(self, value: Any) -> Any:
        return value if isinstance(value, Slot) else INTEGER.check(value)

    def slots(self, value: Any) -> tuple[Slot, ...]:
        return (value,) if type(value) is Slot else ()

    def repoint(self, value: Any, renaming: Mapping[Slot, Slot]) -> Any:
        return renaming.get(value, value) if type(value) is Slot else value

    def simpler(self, value: Any) -> Iterator[Any]:
        return iter(()) if type(value) is Slot else INTEGER.simpler(value)


@dataclass(frozen=True)
class ProcessNumber(Number):
    """A process or a group as an argument: a slot's, or a number that the program chooses."""

    @property
    def resolver(self) -> Resolver:
        return lambda value, environment: (
            environment.get(value, NEVER_OPENED) - PROCESSES_FROM if type(value) is Slot else value
        )


SLOT = SlotName()


MAPPING = MappingName()


NUMBER = Number()


PROCESS = ProcessNumber()
