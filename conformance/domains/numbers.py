# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Domains of numbers: whole numbers, named ones, sets of bits, modes and times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from conformance.domains.base import Domain
from reference.constants.by_name import NUMBERS
from reference.constants.open_flags import O_ACCMODE

NAMED_POWER_MIN = 20
"""Integers next to 2**k are written so from this k on."""


SIMPLE_INTEGERS = (0, 1, 2, 16, 4096, 65536, 2**20, 2**31)
"""What a number is first tried to be reduced to: boundaries that a reader knows."""


HALVED_INTEGER_MAX = 2**20
"""Larger numbers are only reduced to simple ones: a number halfway to nowhere tells a reader nothing."""


OWNER_ONLY_MODE = 0o600
"""The mode that a program gives a file when the mode does not matter."""


def constant(name: str) -> int:
    """The number of a Linux constant."""
    return NUMBERS[name]


def integer_text(value: int) -> str:
    """A whole number; next to a large power of two, as that power."""
    magnitude = abs(value)
    sign = "-" if value < 0 else ""
    for offset, suffix in ((0, ""), (-1, " - 1"), (1, " + 1")):
        base = magnitude - offset
        if base >= 2**NAMED_POWER_MIN and base & (base - 1) == 0:
            text = f"2**{base.bit_length() - 1}{suffix}"
            return f"-({text})" if sign and suffix else sign + text
    return str(value)


@dataclass(frozen=True)
class Integer(Domain):
    """A whole number."""

    def text(self, value: Any) -> str:
        return integer_text(value)

    def check(self, value: Any) -> Any:
        if type(value) is not int:
            raise ValueError(f"expected a whole number, got {value!r}")
        return value

    def simpler(self, value: Any) -> Iterator[Any]:
        if value < 0:
            yield from (number for number in (0, 1, -1) if number > value)
        yield from (number for number in SIMPLE_INTEGERS if number < value)
        if 2 < abs(value) <= HALVED_INTEGER_MAX:
            step = abs(value) // 2
            while step:
                yield value - step if value > 0 else value + step
                step //= 2


@dataclass(frozen=True)
class Enumeration(Domain):
    """One of some named constants; another number is written as a number, or refused when they are all there is."""

    names: tuple[str, ...]
    closed: bool = False
    _names: dict[int, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", {constant(name): name for name in reversed(self.names)})

    def text(self, value: Any) -> str:
        return self._names.get(value) or integer_text(value)

    def check(self, value: Any) -> Any:
        if self.closed and value not in self._names:
            raise ValueError(f"expected one of {', '.join(self.names)}, got {value!r}")
        return INTEGER.check(value)

    def simpler(self, value: Any) -> Iterator[Any]:
        for known in (constant(name) for name in self.names):
            if known == value:
                return
            yield known


@dataclass(frozen=True)
class OnlyThese(Enumeration):
    """One of some named constants, and no other number."""

    def check(self, value: Any) -> Any:
        if value not in self._names:
            raise ValueError(f"expected one of {', '.join(self.names)}, got {value!r}")
        return value


@dataclass(frozen=True)
class Flags(Domain):
    """Named bits joined by ``|``. ``zero`` is written first where no access mode is set (O_RDONLY)."""

    names: tuple[str, ...]
    zero: str = ""
    _bits: tuple[tuple[int, str], ...] = field(init=False, repr=False, compare=False)
    _union: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        bits = sorted(((constant(n), n) for n in self.names), key=lambda bit: -bit[0].bit_count())
        object.__setattr__(self, "_bits", tuple(bits))
        object.__setattr__(self, "_union", reduce(or_, (bit for bit, _ in bits), 0))

    def text(self, value: Any) -> str:
        if type(value) is not int or value < 0:
            return repr(value)
        terms = []
        rest = value
        for bits, name in self._bits:
            if bits and rest & bits == bits:
                terms.append(name)
                rest &= ~bits
        terms.sort(key=self.names.index)
        if self.zero and not value & O_ACCMODE:
            terms.insert(0, self.zero)
        if rest or not terms:
            terms.append(hex(rest) if rest else "0")
        return " | ".join(terms)

    def check(self, value: Any) -> Any:
        return INTEGER.check(value)

    def simpler(self, value: Any) -> Iterator[Any]:
        if not value:
            return
        yield 0
        if value > 0:
            known = [bits for bits, _ in self._bits if bits and value & bits == bits and value != bits]
            yield from (value & ~bits for bits in known)
            strange = value & ~self._union
            if strange and strange != value:
                yield value & ~strange


@dataclass(frozen=True)
class Octal(Domain):
    """A file mode."""

    def text(self, value: Any) -> str:
        return f"0o{value:o}" if value >= 0 else str(value)

    def check(self, value: Any) -> Any:
        return INTEGER.check(value)

    def simpler(self, value: Any) -> Iterator[Any]:
        return iter(() if value == OWNER_ONLY_MODE else (OWNER_ONLY_MODE,))


@dataclass(frozen=True)
class Time(Domain):
    """A time stamp: nanoseconds since the epoch, or NOW."""

    def text(self, value: Any) -> str:
        return "NOW" if value == "now" else integer_text(value)

    def check(self, value: Any) -> Any:
        return value if value == "now" else INTEGER.check(value)


INTEGER = Integer()


OCTAL = Octal()


TIME = Time()
