# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Domains: what a parameter or a result may be, and how it is written.

A domain prints a value in the canonical text, checks a value that was read,
and, where the value names a slot or a payload, resolves it to what a system is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from conformance.payload import Pattern, data_text, materialise
from reference.constants.by_name import NUMBERS
from reference.constants.open_flags import O_ACCMODE
from reference.outcomes import AnyBytes, Anything, Between, OneOf

NEVER_OPENED = 1000
"""The number that a slot stands for when the call that should have made it failed.

It lies above the descriptor limit of a program, so no program can be handed it.
"""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom")
"""The devices that programs may name."""

TELLING_ATTRIBUTES = ("trusted.", "system.sockprotoname")
"""Names outside the namespace of users that nothing can be set by."""

MAPPINGS_FROM = 4096
"""Added to the handle of a mapping where slots are kept, so that no mapping is taken for a descriptor."""

PROCESSES_FROM = 8192
"""Added to the number of a process where slots are kept, as is MAPPINGS_FROM to that of a mapping."""

NAMED_POWER_MIN = 20
"""Integers next to 2**k are written so from this k on."""

SIMPLE_INTEGERS = (0, 1, 2, 16, 4096, 65536, 2**20, 2**31)
"""What a number is first tried to be reduced to: boundaries that a reader knows."""

HALVED_INTEGER_MAX = 2**20
"""Larger numbers are only reduced to simple ones: a number halfway to nowhere tells a reader nothing."""

OWNER_ONLY_MODE = 0o600
"""The mode that a program gives a file when the mode does not matter."""

SPELLED_BYTES_MAX = 16
"""Data up to this length is reduced byte by byte."""

Environment = Mapping["Slot", int]
Resolver = Callable[[Any, Environment], Any]


class Slot(str):
    """The name of a result: ``r0`` for a descriptor, ``m0`` for a mapping, ``p0`` for a process."""

    __slots__ = ()


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
class ProcessNumber(Number):
    """A process or a group as an argument: a slot's, or a number that the program chooses."""

    @property
    def resolver(self) -> Resolver:
        return lambda value, environment: (
            environment.get(value, NEVER_OPENED) - PROCESSES_FROM if type(value) is Slot else value
        )


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


@dataclass(frozen=True)
class Payload(Domain):
    """Data that a program sends: bytes, or a pattern by name."""

    @property
    def resolver(self) -> Resolver:
        return lambda value, environment: materialise(value)

    def text(self, value: Any) -> str:
        return f"pattern({value.length}, seed={value.seed})" if isinstance(value, Pattern) else data_text(value)

    def check(self, value: Any) -> Any:
        if type(value) is not bytes and not isinstance(value, Pattern):
            raise ValueError(f"expected bytes or pattern(length, seed=n), got {value!r}")
        return value

    def simpler(self, value: Any) -> Iterator[Any]:
        return _simpler_pattern(value) if isinstance(value, Pattern) else _simpler_bytes(value)


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


@dataclass(frozen=True)
class Time(Domain):
    """A time stamp: nanoseconds since the epoch, or NOW."""

    def text(self, value: Any) -> str:
        return "NOW" if value == "now" else integer_text(value)

    def check(self, value: Any) -> Any:
        return value if value == "now" else INTEGER.check(value)


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


def _simpler_pattern(value: Pattern) -> Iterator[Pattern | bytes]:
    yield b"x"
    if value.length <= SPELLED_BYTES_MAX:
        yield b"x" * value.length
    if value.seed:
        yield Pattern(value.length, 0)
    for length in INTEGER.simpler(value.length):
        yield Pattern(length, value.seed)


def _simpler_bytes(value: bytes) -> Iterator[Pattern | bytes]:
    if value in (b"", b"x"):
        return
    yield b"x"
    yield b""
    plain = b"x" * len(value)
    if len(value) > SPELLED_BYTES_MAX:
        yield Pattern(len(value), 0)
    elif value != plain:
        yield plain
    half = len(value) // 2
    if half:
        yield value[:half]
        yield value[half:]
    if len(value) <= SPELLED_BYTES_MAX:
        for place in range(len(value)):
            yield value[:place] + value[place + 1 :]
        for place in range(len(value)):
            if value[place] != plain[place]:
                yield value[:place] + b"x" + value[place + 1 :]


INTEGER = Integer()
OCTAL = Octal()
SLOT = SlotName()
MAPPING = MappingName()
NUMBER = Number()
TEXT = Text()
ATTRIBUTE_NAME = AttributeName()
PROCESS = ProcessNumber()
PATH = Path()
OWN_PATH = Path(devices=False)
ADDRESS = SocketAddress()
PAYLOAD = Payload()
BYTES = Bytes()
TIME = Time()
