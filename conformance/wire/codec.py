# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops and observations as plain JSON values, and back.

The domains of the vocabulary say what a value is, so that nothing on the wire has to be guessed:

- a number is a number, text a string, a list or tuple an array, a structure an object with the names of its fields;
- data is ``{"base64": "eHk="}``; data that a program sends may be ``{"pattern": [length, seed]}``;
- a named result is ``{"slot": "r0"}``, ``{"mapping": "m0"}`` or ``{"process": "p0"}``.

Only the standard library is used: the Python worker carries this module with it.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import Any

from conformance.domains.base import Domain, Slot
from conformance.domains.compound import ListOf, Maybe, Record, TupleOf
from conformance.domains.data import Bytes, Payload
from conformance.domains.names import SocketAddress, Text
from conformance.domains.numbers import Time
from conformance.domains.slots import MappingName, Number, ProcessNumber, SlotName
from conformance.errors import BadProgram
from conformance.observation import BLOCKED, REFUSED, Failure, NotOffered, Observation, Signalled, Unsupported, failure
from conformance.ops import SELECTED_CALLS, Op, spec_of
from conformance.payload import Pattern

ERRNO_MAX = 4095
"""The kernel keeps error numbers within this bound."""
SIGNAL_MAX = 64
NUMBER_BITS_MAX = 96
"""Nanoseconds of a time whose seconds fill 64 bits need so many."""


def slot_key(domain: Domain) -> str:
    """What a named result is called on the wire where a value of this domain is wanted."""
    if isinstance(domain, MappingName):
        return "mapping"
    return "process" if isinstance(domain, ProcessNumber) else "slot"


# Values -------------------------------------------------------------------------------------------


def encode(domain: Domain, value: Any) -> Any:
    """The JSON value of a value of a domain."""
    if value is None:
        return None
    if isinstance(domain, Maybe):
        return encode(domain.item, value)
    if isinstance(domain, (ListOf, TupleOf)):
        items = domain.items if isinstance(domain, TupleOf) else (domain.item,) * len(value)
        return [encode(item, member) for item, member in zip(items, value)]  # noqa: B905
    if isinstance(domain, Record):
        return {name: encode(inner, member) for (name, inner), member in zip(domain.fields, value)}  # noqa: B905
    if isinstance(value, Slot):
        return {slot_key(domain): str(value)}
    if isinstance(value, Pattern):
        return {"pattern": list(value)}
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    return value


def decode(domain: Domain, value: Any, where: str) -> Any:
    """The value of a domain behind a JSON value. ValueError says what was expected, and where."""
    if isinstance(domain, Maybe):
        return None if value is None else decode(domain.item, value, where)
    if isinstance(domain, ListOf):
        members = _array(value, where)
        return tuple([decode(domain.item, member, f"{where}[{place}]") for place, member in enumerate(members)])
    if isinstance(domain, TupleOf):
        members = _array(value, where, len(domain.items))
        numbered = enumerate(zip(domain.items, members))  # noqa: B905
        return tuple([decode(inner, member, f"{where}[{place}]") for place, (inner, member) in numbered])
    if isinstance(domain, Record):
        return _record(domain, value, where)
    if isinstance(domain, (SlotName, Number)):
        return _slot_or_number(domain, value, where)
    if isinstance(domain, (Bytes, Payload)):
        return _data(value, where, patterns=isinstance(domain, Payload))
    if isinstance(domain, SocketAddress) and value is None:
        return None
    if isinstance(domain, (Text, SocketAddress)):
        return _expect(str, value, "a string", where)
    if isinstance(domain, Time) and value == "now":
        return value
    return _whole(value, where)


def _whole(value: Any, where: str) -> int:
    number: int = _expect(int, value, "a whole number", where)
    if number.bit_length() > NUMBER_BITS_MAX:
        raise ValueError(f"{where}: expected a whole number of at most {NUMBER_BITS_MAX} bits")
    return number


def _expect(kind: type, value: Any, name: str, where: str) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{where}: expected {name}, got {shown(value)}")
    return value


def shown(value: Any) -> str:
    """A JSON value as a message shows it."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 2**64 else "a very large number"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _array(value: Any, where: str, length: int | None = None) -> Any:
    _expect(list, value, "an array", where)
    if length is not None and len(value) != length:
        raise ValueError(f"{where}: expected {length} members, got {len(value)}")
    return value


def _record(domain: Record, value: Any, where: str) -> Any:
    _expect(dict, value, f"an object with the fields of {domain.name}", where)
    names = [name for name, _ in domain.fields]
    if set(value) != set(names):
        raise ValueError(f"{where}: expected the fields {', '.join(names)}, got {', '.join(value) or 'none'}")
    return domain.make(*[decode(inner, value[name], f"{where}.{name}") for name, inner in domain.fields])


def _slot_or_number(domain: Domain, value: Any, where: str) -> Any:
    key = slot_key(domain)
    if isinstance(value, dict) and list(value) == [key]:
        return Slot(_expect(str, value[key], "the name of a result", f"{where}.{key}"))
    if isinstance(domain, SlotName):
        raise ValueError(f'{where}: expected {{"{key}": name}}, got {shown(value)}')
    return _whole(value, where)


def _data(value: Any, where: str, *, patterns: bool) -> Any:
    if isinstance(value, dict) and list(value) == ["base64"]:
        text = _expect(str, value["base64"], "a string", f"{where}.base64")
        try:
            return b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"{where}.base64: not base64: {shown(text)}") from None
    if patterns and isinstance(value, dict) and list(value) == ["pattern"]:
        length, seed = _array(value["pattern"], f"{where}.pattern", 2)
        return Pattern(*[_expect(int, number, "a whole number", f"{where}.pattern") for number in (length, seed)])
    raise ValueError(f'{where}: expected {{"base64": text}}, got {shown(value)}')


# Ops ----------------------------------------------------------------------------------------------


def encode_op(op: Op) -> dict[str, Any]:
    """An op as the wire has it."""
    parameters = spec_of(op).parameters
    arguments = [encode(known.domain, value) for known, value in zip(parameters, op.arguments)]  # noqa: B905
    return {"call": op.call, "arguments": arguments, "out": [str(slot) for slot in op.out]}


def decode_op(wire: dict[str, Any]) -> Op:
    """The op behind a JSON value. ValueError for one that is none, or that the vocabulary does not know."""
    call, arguments = wire["call"], wire["arguments"]
    chosen = Op(call, tuple(arguments[:2]) if call in SELECTED_CALLS else ())
    try:
        parameters = spec_of(chosen).parameters
    except BadProgram as error:
        raise ValueError(error.message) from None
    if len(arguments) != len(parameters):
        raise ValueError(f"{call} takes {len(parameters)} arguments, got {len(arguments)}")
    decoded = tuple(
        [decode(known.domain, value, known.name) for known, value in zip(parameters, arguments)]  # noqa: B905
    )
    return Op(call, decoded, tuple([Slot(name) for name in wire["out"]]))


# Observations -------------------------------------------------------------------------------------


def encode_observation(op: Op, seen: Observation) -> dict[str, Any]:
    """An observation of an op as the wire has it."""
    if isinstance(seen, Signalled):
        return {**encode_observation(op, seen.outcome), "signals": list(seen.signals)}
    if isinstance(seen, Failure):
        return {"errno": seen.errno}
    if seen == BLOCKED:
        return {"blocked": True}
    if seen == REFUSED:
        return {"refused": True}
    if isinstance(seen, NotOffered):
        return {"unsupported": seen.reason}
    if isinstance(seen, Unsupported):
        return {"broken": seen.reason}
    return {"value": encode(spec_of(op).result, seen)}


def decode_observation(op: Op, wire: dict[str, Any]) -> Observation:
    """The observation behind a JSON object with exactly one outcome. ValueError says what is wrong with it."""
    kinds = [kind for kind in _OUTCOMES if kind in wire]
    if len(kinds) != 1:
        raise ValueError(f"expected one of {', '.join(_OUTCOMES)}, got {' and '.join(kinds) or 'none of them'}")
    outcome = _OUTCOMES[kinds[0]](op, wire[kinds[0]])
    signals = tuple([_signal(number) for number in wire.get("signals", ())])
    if sorted(set(signals)) != list(signals):
        raise ValueError(f"signals: expected each once, in rising order, got {list(signals)}")
    return Signalled(outcome, signals) if signals else outcome


def _signal(number: Any) -> int:
    if type(number) is not int or not 0 < number <= SIGNAL_MAX:
        raise ValueError(f"signals: expected numbers from 1 to {SIGNAL_MAX}, got {shown(number)}")
    return number


def _errno(op: Op, number: Any) -> Observation:
    if type(number) is not int or not 0 < number <= ERRNO_MAX:
        raise ValueError(f"errno: expected Linux's number, from 1 to {ERRNO_MAX}, got {shown(number)}")
    return failure(number)


def _only_true(outcome: Observation, name: str) -> Any:
    def given(op: Op, value: Any) -> Observation:
        if value is not True:
            raise ValueError(f"{name}: expected true, got {shown(value)}")
        return outcome

    return given


_OUTCOMES: dict[str, Any] = {
    "value": lambda op, value: decode(spec_of(op).result, value, "value"),
    "errno": _errno,
    "blocked": _only_true(BLOCKED, "blocked"),
    "refused": _only_true(REFUSED, "refused"),
    "unsupported": lambda op, reason: NotOffered(_expect(str, reason, "a reason", "unsupported")),
    "broken": lambda op, reason: Unsupported(_expect(str, reason, "a reason", "broken")),
}
