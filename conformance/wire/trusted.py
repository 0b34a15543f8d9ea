# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations of a worker of our own as Python has them: :mod:`conformance.wire.codec` without its checks.

How a result is read is worked out once for each op. Most results are numbers, and need no reading at all.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from conformance.domains.base import Domain
from conformance.domains.compound import ListOf, Maybe, Record, TupleOf
from conformance.domains.data import Bytes, Payload
from conformance.observation import Observation, failure
from conformance.ops import SPECS, Op
from conformance.wire.codec import decode_observation

Reader = Callable[[Any], Any] | None
"""How a value is read; None where it is what JSON makes of it."""
_Wire = dict[str, Any]


def reader_of(domain: Domain) -> Reader:
    """How the values of a domain are read."""
    if isinstance(domain, Bytes | Payload):
        return lambda value: a2b_base64(value["base64"])
    if isinstance(domain, Maybe):
        return _unless_missing(reader_of(domain.item))
    if isinstance(domain, ListOf):
        return _list_of(reader_of(domain.item))
    if isinstance(domain, TupleOf):
        return _tuple_of([reader_of(item) for item in domain.items])
    if isinstance(domain, Record):
        members = itemgetter(*[name for name, _ in domain.fields])
        read = _tuple_of([reader_of(inner) for _, inner in domain.fields])
        make = domain.make
        return lambda value: make(*read(members(value)))
    return None


def _unless_missing(read: Reader) -> Reader:
    return read and (lambda value: None if value is None else read(value))


def _list_of(read: Reader) -> Callable[[Any], tuple[Any, ...]]:
    return (lambda value: tuple([read(member) for member in value])) if read else tuple


def _tuple_of(readers: Sequence[Reader]) -> Callable[[Any], tuple[Any, ...]]:
    if not any(readers):
        return tuple
    return lambda value: tuple([read(member) if read else member for read, member in zip(readers, value, strict=True)])


_READERS = {spec.call: reader_of(spec.result) for spec in SPECS if spec.selector is None}
_SELECTED_READERS = {
    (spec.call, spec.selector[1]): reader_of(spec.result) for spec in SPECS if spec.selector is not None
}


def observations_of(ops: Sequence[Op], answers: Sequence[_Wire]) -> list[Observation]:
    """The observation of each op of a program."""
    observations: list[Observation] = []
    for op, answer in zip(ops, answers, strict=True):
        value = answer.get("value")
        if len(answer) != 1:
            observations.append(decode_observation(op, answer))
        elif type(value) is int:
            observations.append(value)
        elif "errno" in answer:
            observations.append(failure(answer["errno"]))
        elif "value" in answer:
            call, arguments, _ = op
            read = _READERS[call] if call in _READERS else _SELECTED_READERS[call, arguments[1]]
            observations.append(read(value) if read else value)
        else:
            observations.append(decode_observation(op, answer))
    return observations
