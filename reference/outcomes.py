# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""How a system call can end, other than by returning a value.

A call of the model returns a value, refuses with an error number, or sleeps for ever.
Where the kernel itself is free to choose,
the model says what is *allowed* and goes on from what was observed:
see :class:`Allowed` and :class:`Choices`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Refused(OSError):
    """A system call failed with an error number.

    Made from the Linux error number and the id of the rule that refused, which :class:`OSError` itself keeps:
    a refusal is made as often as a result, and costs no more than it must.
    """

    @property
    def clause(self) -> str:
        """The id of the rule that refused."""
        return str(self.strerror)


class Declined(Exception):
    """A request was refused without an error number: by an interface that is no system call, such as an import."""

    def __init__(self, clause: str) -> None:
        super().__init__(clause)
        self.clause = clause


class Sleeps(Exception):
    """The call would sleep, and nothing in a program of one actor can wake it.

    The harness interrupts such a call with a signal (signal(7): EINTR)
    and records it as blocked.
    """

    def __init__(self, clause: str) -> None:
        super().__init__(clause)
        self.clause = clause


class NotModelled(Exception):
    """A call asked for what the model leaves open: no outcome of a system call, but an answer to who asked.

    Its text says what was asked for and where the model ends. What the model would give afterwards means nothing.
    """


@dataclass(frozen=True, slots=True)
class Between:
    """Any whole number from ``low`` to ``high``, both included; ``default`` when nobody observed one."""

    low: int
    high: int
    default: int

    def allows(self, value: object) -> bool:
        """Whether the kernel may have given this value."""
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few values; the first is what is predicted when nobody observed one."""

    values: tuple[Any, ...]

    @property
    def default(self) -> Any:
        """The value predicted without an observation."""
        return self.values[0]

    def allows(self, value: object) -> bool:
        """Whether the kernel may have given this value."""
        return value in self.values


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value at all: the field is outside what the model predicts."""

    default: Any = 0

    def allows(self, value: object) -> bool:
        """Whether the kernel may have given this value: always."""
        return True


@dataclass(frozen=True, slots=True)
class SomeOf:
    """Some of these values, or none, each no more than once; all of them when nobody observed which."""

    default: tuple[Any, ...]

    def allows(self, value: object) -> bool:
        """Whether the kernel may have given these values."""
        return isinstance(value, tuple) and len(set(value)) == len(value) and set(value) <= set(self.default)


@dataclass(frozen=True, slots=True)
class AnyBytes:
    """So many bytes, whatever they are; zeros when nobody observed any."""

    length: int

    @property
    def default(self) -> bytes:
        """The value predicted without an observation."""
        return bytes(self.length)

    def allows(self, value: object) -> bool:
        """Whether the kernel may have given this value."""
        return isinstance(value, bytes) and len(value) == self.length

    def stand_in(self, byte: int) -> bytes:
        """Bytes that stand for those nobody can predict."""
        return bytes((byte,)) * self.length


@dataclass(frozen=True, slots=True)
class Dealt(Between):
    """A number that the machine deals out, such as that of a terminal: another one where others hold the first."""

    def stand_in(self, byte: int) -> int:
        """A number that stands for the one that was dealt out."""
        return self.default + byte


Allowed = Between | OneOf | SomeOf | Anything | AnyBytes


class Choices:
    """Follows what was observed where the kernel is free, and predicts where nothing was.

    Before each call the driver sets ``observed`` to what the other system gave,
    or leaves it ``None`` in a pure prediction. ``made`` counts how often the kernel was free.
    ``raced`` is the rule by which, for the first time, how fast the kernel was decided, and not the program alone;
    empty while there was none. What comes behind it may be another thing each time.
    ``stand_in`` is a byte that stands for each one that nobody can predict, and is added to numbers that are dealt out,
    whatever was observed, or None: what differs between two stand-ins is what no program decides.
    """

    __slots__ = ("made", "observed", "raced", "stand_in")

    def __init__(self) -> None:
        self.observed: object = None
        self.made = 0
        self.raced = ""
        self.stand_in: int | None = None

    def refused(self, number: int) -> bool:
        """Whether the other system failed with this error number: for calls that the kernel may refuse as it likes."""
        self.made += 1
        return getattr(self.observed, "errno", None) == number

    def choose(self, allowed: Allowed) -> Any:
        """The observed value if the rule allows it, else the predicted one."""
        self.made += 1
        if self.stand_in is not None and isinstance(allowed, AnyBytes | Dealt):
            return allowed.stand_in(self.stand_in)
        if self.observed is not None and allowed.allows(self.observed):
            return self.observed
        return allowed.default
