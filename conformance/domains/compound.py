# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Domains made of others: lists, tuples, structures, and what may be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.domains.base import Domain, Resolver, Slot, text_of


@dataclass(frozen=True)
class ListOf(Domain):
    """Any number of values of one domain, in brackets."""

    item: Domain

    @property
    def resolver(self) -> Resolver | None:
        inner = self.item.resolver
        if inner is None:
            return None
        return lambda value, environment: tuple([inner(item, environment) for item in value])

    def text(self, value: Any) -> str:
        return "[" + ", ".join(text_of(self.item, item) for item in value) + "]"

    def check(self, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError(f"expected a list in brackets, got {value!r}")
        return tuple(self.item.check(item) for item in value)

    def slots(self, value: Any) -> tuple[Slot, ...]:
        return tuple(slot for item in value for slot in self.item.slots(item))

    def repoint(self, value: Any, renaming: Mapping[Slot, Slot]) -> Any:
        return tuple(self.item.repoint(item, renaming) for item in value)

    def simpler(self, value: Any) -> Iterator[Any]:
        if len(value) > 1:
            yield value[:1]
        if value:
            yield ()
        # All members as plain as can be, first: of a thousand that are alike, to drop the one is to drop the other.
        plain = tuple(next(self.item.simpler(member), member) for member in value)
        if plain != value:
            yield plain
        size = len(value) // 2
        while size:
            for start in range(0, len(value), size):
                yield value[:start] + value[start + size :]
            size //= 2
        yield from _with_simpler_members(value, (self.item,) * len(value))


@dataclass(frozen=True)
class TupleOf(Domain):
    """A fixed number of values, each of its own domain, in parentheses."""

    items: tuple[Domain, ...]

    @property
    def resolver(self) -> Resolver | None:
        inner = tuple(item.resolver for item in self.items)
        if not any(inner):
            return None
        return lambda value, environment: tuple(
            [
                part if resolve is None else resolve(part, environment)
                for part, resolve in zip(value, inner, strict=True)
            ]
        )

    def text(self, value: Any) -> str:
        return "(" + ", ".join(text_of(d, v) for d, v in zip(self.items, value, strict=True)) + ")"

    def check(self, value: Any) -> Any:
        if not isinstance(value, tuple) or len(value) != len(self.items):
            raise ValueError(f"expected {len(self.items)} values in parentheses, got {value!r}")
        return tuple(d.check(v) for d, v in zip(self.items, value, strict=True))

    def slots(self, value: Any) -> tuple[Slot, ...]:
        return tuple(slot for d, v in zip(self.items, value, strict=True) for slot in d.slots(v))

    def repoint(self, value: Any, renaming: Mapping[Slot, Slot]) -> Any:
        return tuple(d.repoint(v, renaming) for d, v in zip(self.items, value, strict=True))

    def simpler(self, value: Any) -> Iterator[Any]:
        return _with_simpler_members(value, self.items)


@dataclass(frozen=True)
class Maybe(Domain):
    """A value of a domain, or None for one that is not given. Only optional parameters are of such a domain."""

    item: Domain

    def text(self, value: Any) -> str:
        return "None" if value is None else self.item.text(value)

    def check(self, value: Any) -> Any:
        return self.item.check(value)

    def simpler(self, value: Any) -> Iterator[Any]:
        if value is not None:
            yield None
            yield from self.item.simpler(value)


@dataclass(frozen=True)
class Record(Domain):
    """A structure, written as a call with named fields. ``usual`` is the value that a reader need not look at."""

    name: str
    make: Callable[..., Any]
    fields: tuple[tuple[str, Domain], ...]
    usual: Any = None

    def text(self, value: Any) -> str:
        parts = (f"{name}={text_of(d, v)}" for (name, d), v in zip(self.fields, value, strict=True))
        return f"{self.name}({', '.join(parts)})"

    def check(self, value: Any) -> Any:
        if not isinstance(value, tuple) or len(value) != len(self.fields):
            raise ValueError(f"expected {self.name}(…), got {value!r}")
        return self.make(*(d.check(v) for (_, d), v in zip(self.fields, value, strict=True)))

    def simpler(self, value: Any) -> Iterator[Any]:
        if self.usual is None:
            for members in _with_simpler_members(tuple(value), tuple(domain for _, domain in self.fields)):
                yield self.make(*members)
        elif value != self.usual:
            yield self.usual
            for place, (one, other) in enumerate(zip(value, self.usual, strict=True)):
                for nearer in _nearer(one, other):
                    yield self.make(*value[:place], nearer, *value[place + 1 :])


def _with_simpler_members(value: tuple[Any, ...], domains: tuple[Domain, ...]) -> Iterator[tuple[Any, ...]]:
    for place, (member, domain) in enumerate(zip(value, domains, strict=True)):
        for simpler in domain.simpler(member):
            yield (*value[:place], simpler, *value[place + 1 :])


def _nearer(value: Any, usual: Any) -> Iterator[Any]:
    """The usual value, then values with one bit, or one byte, made as it usually is."""
    if value == usual:
        return
    yield usual
    if isinstance(value, int):
        different = value ^ usual
        while different & (different - 1):
            bit = different & -different
            yield value ^ bit
            different &= ~bit
        if different != value ^ usual:
            yield value ^ different
    elif isinstance(value, bytes) and len(value) == len(usual):
        places = [place for place, (one, other) in enumerate(zip(value, usual, strict=True)) if one != other]
        if len(places) > 1:
            yield from (value[:place] + usual[place : place + 1] + value[place + 1 :] for place in places)
