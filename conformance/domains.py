# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Domains: what a parameter or a result may be, and how it is written.

A domain prints a value in the canonical text, checks a value that was read,
and, where the value names a slot or a payload, resolves it to what a system is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from conformance.payload import Pattern, data_text, materialise
from reference import constants
from reference.outcomes import Anything, Between, OneOf

NEVER_OPENED = 1000
"""The number that a slot stands for when the call that should have made it failed.

It lies above the descriptor limit of a program, so no program can be handed it.
"""

NAMED_POWER_MIN = 20
"""Integers next to 2**k are written so from this k on."""

Environment = Mapping["Slot", int]
Resolver = Callable[[Any, Environment], Any]


class Slot(str):
    """The name of a result: ``r0`` for a descriptor, ``m0`` for a mapping."""

    __slots__ = ()


def constant(name: str) -> int:
    """The number of a Linux constant."""
    value: int = getattr(constants, name)
    return value


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


class Domain:
    """Base: what all domains do. The default has nothing to resolve."""

    resolver: ClassVar[Resolver | None] = None

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


def text_of(domain: Domain, value: Any) -> str:
    """The text of a value that may be a prediction: an allowed set is written out."""
    if isinstance(value, Between):
        return f"between({value.low}, {value.high})"
    if isinstance(value, OneOf):
        return f"one_of({', '.join(text_of(domain, v) for v in value.values)})"
    if isinstance(value, Anything):
        return "anything()"
    return domain.text(value)


@dataclass(frozen=True)
class Integer(Domain):
    """A whole number."""

    def text(self, value: Any) -> str:
        return integer_text(value)

    def check(self, value: Any) -> Any:
        if type(value) is not int:
            raise ValueError(f"expected a whole number, got {value!r}")
        return value


@dataclass(frozen=True)
class Enumeration(Domain):
    """One of some named constants; another number is written as a number."""

    names: tuple[str, ...]
    _names: dict[int, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", {constant(name): name for name in reversed(self.names)})

    def text(self, value: Any) -> str:
        return self._names.get(value) or integer_text(value)

    def check(self, value: Any) -> Any:
        return INTEGER.check(value)


@dataclass(frozen=True)
class Flags(Domain):
    """Named bits joined by ``|``. ``zero`` names the absence of all (O_RDONLY), ``field_mask`` a field inside (O_ACCMODE)."""

    names: tuple[str, ...]
    zero: str = ""
    _bits: tuple[tuple[int, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        bits = sorted(((constant(n), n) for n in self.names), key=lambda bit: -bit[0].bit_count())
        object.__setattr__(self, "_bits", tuple(bits))

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
        if self.zero and not value & constants.O_ACCMODE:
            terms.insert(0, self.zero)
        if rest or not terms:
            terms.append(hex(rest) if rest else "0")
        return " | ".join(terms)

    def check(self, value: Any) -> Any:
        return INTEGER.check(value)


@dataclass(frozen=True)
class Octal(Domain):
    """A file mode."""

    def text(self, value: Any) -> str:
        return f"0o{value:o}" if value >= 0 else str(value)

    def check(self, value: Any) -> Any:
        return INTEGER.check(value)


@dataclass(frozen=True)
class SlotName(Domain):
    """A named result, given to a system as its number."""

    resolver = staticmethod(lambda value, environment: environment.get(value, NEVER_OPENED))

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
class Number(Domain):
    """A descriptor number as an argument: a slot's, or one that the program chooses."""

    resolver = staticmethod(
        lambda value, environment: environment.get(value, NEVER_OPENED) if type(value) is Slot else value
    )

    def text(self, value: Any) -> str:
        return str(value) if type(value) is Slot else integer_text(value)

    def check(self, value: Any) -> Any:
        return value if isinstance(value, Slot) else INTEGER.check(value)

    def slots(self, value: Any) -> tuple[Slot, ...]:
        return (value,) if type(value) is Slot else ()

    def repoint(self, value: Any, renaming: Mapping[Slot, Slot]) -> Any:
        return renaming.get(value, value) if type(value) is Slot else value


@dataclass(frozen=True)
class Path(Domain):
    """A path below the program's directory, or a device."""

    def text(self, value: Any) -> str:
        return '"' + value.encode("unicode_escape").decode().replace('"', '\\"') + '"'

    def check(self, value: Any) -> Any:
        if type(value) is not str or isinstance(value, Slot):
            raise ValueError(f"expected a path in quotes, got {value!r}")
        if ".." in value.split("/") or (value.startswith("/") and not value.startswith("/dev/")):
            raise ValueError(f"a path must stay in the program's directory, or be a device: {value!r}")
        return value


@dataclass(frozen=True)
class Payload(Domain):
    """Data that a program sends: bytes, or a pattern by name."""

    resolver = staticmethod(lambda value, environment: materialise(value))

    def text(self, value: Any) -> str:
        return f"pattern({value.length}, seed={value.seed})" if isinstance(value, Pattern) else data_text(value)

    def check(self, value: Any) -> Any:
        if type(value) is not bytes and not isinstance(value, Pattern):
            raise ValueError(f"expected bytes or pattern(length, seed=n), got {value!r}")
        return value


@dataclass(frozen=True)
class Bytes(Domain):
    """Data that a system gave back."""

    def text(self, value: Any) -> str:
        return data_text(value)

    def check(self, value: Any) -> Any:
        if isinstance(value, Pattern):
            return materialise(value)
        if type(value) is not bytes:
            raise ValueError(f"expected bytes, got {value!r}")
        return value


@dataclass(frozen=True)
class ListOf(Domain):
    """Any number of values of one domain, in brackets."""

    item: Domain

    @property
    def resolver(self) -> Resolver | None:  # type: ignore[override]
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


@dataclass(frozen=True)
class TupleOf(Domain):
    """A fixed number of values, each of its own domain, in parentheses."""

    items: tuple[Domain, ...]

    @property
    def resolver(self) -> Resolver | None:  # type: ignore[override]
        inner = tuple(item.resolver for item in self.items)
        if not any(inner):
            return None
        return lambda value, environment: tuple(
            [part if resolve is None else resolve(part, environment) for part, resolve in zip(value, inner, strict=True)]
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


@dataclass(frozen=True)
class Record(Domain):
    """A structure, written as a call with named fields."""

    name: str
    make: Callable[..., Any]
    fields: tuple[tuple[str, Domain], ...]

    def text(self, value: Any) -> str:
        parts = (f"{name}={text_of(d, v)}" for (name, d), v in zip(self.fields, value, strict=True))
        return f"{self.name}({', '.join(parts)})"

    def check(self, value: Any) -> Any:
        if not isinstance(value, tuple) or len(value) != len(self.fields):
            raise ValueError(f"expected {self.name}(…), got {value!r}")
        return self.make(*(d.check(v) for (_, d), v in zip(self.fields, value, strict=True)))


@dataclass(frozen=True)
class Time(Domain):
    """A time stamp: nanoseconds since the epoch, or NOW."""

    def text(self, value: Any) -> str:
        return "NOW" if value == "now" else integer_text(value)

    def check(self, value: Any) -> Any:
        return value if value == "now" else INTEGER.check(value)


INTEGER = Integer()
OCTAL = Octal()
SLOT = SlotName()
NUMBER = Number()
PATH = Path()
PAYLOAD = Payload()
BYTES = Bytes()
TIME = Time()
