# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The vocabulary: every op, and what is known of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from conformance.domains.base import Slot
from conformance.errors import BadProgram
from conformance.observation import NO_VALUE, Observation, Signalled
from conformance.vocabulary import (
    descriptors,
    files,
    imports,
    jobs,
    locks,
    pipes,
    readiness,
    sockets,
    splices,
    terminals,
)
from conformance.vocabulary.spec import OpSpec


class Op(NamedTuple):
    """One call with symbolic slots: the method, its arguments, the slots that its result is named by."""

    call: str
    arguments: tuple[Any, ...]
    out: tuple[Slot, ...] = ()


SPECS: tuple[OpSpec, ...] = (
    *descriptors.OPS,
    *files.OPS,
    *pipes.OPS,
    *sockets.OPS,
    *terminals.OPS,
    *jobs.OPS,
    *readiness.OPS,
    *locks.OPS,
    *imports.OPS,
    *splices.OPS,
)

_BY_KEY: dict[str | tuple[str, int], OpSpec] = {
    spec.call if spec.selector is None else (spec.call, spec.selector[1]): spec for spec in SPECS
}
SELECTED_CALLS = frozenset(spec.call for spec in SPECS if spec.selector is not None)
"""Calls whose second argument picks the op: fcntl and ioctl."""
SPECS_BY_NAME: dict[str, OpSpec] = {spec.name: spec for spec in SPECS}


def spec_of(op: Op) -> OpSpec:
    """What is known of an op. BadProgram when its call, or its command, is not in the vocabulary."""
    call = op.call
    try:
        return _BY_KEY[call] if call not in SELECTED_CALLS else _BY_KEY[call, op.arguments[1]]
    except (KeyError, IndexError, TypeError):
        raise BadProgram(
            f"unknown op {call!r}" + (f" with command {op.arguments[1:2]}" if call in SELECTED_CALLS else ""),
            hint="`fdconform list ops` prints the vocabulary",
        ) from None


def slots_read(op: Op) -> tuple[Slot, ...]:
    """The slots that an op needs to have been made before it."""
    spec = spec_of(op)
    return tuple(
        slot
        for parameter, value in zip(spec.parameters, op.arguments, strict=True)
        for slot in parameter.domain.slots(value)
    )


def numbers_made(op: Op, seen: Observation) -> tuple[int, ...]:
    """The numbers behind the slots that an op made, where it gave ``seen``: none when it failed."""
    handles = spec_of(op).handles
    outcome = seen.outcome if isinstance(seen, Signalled) else seen
    return () if handles is None or type(outcome) in NO_VALUE else handles(outcome)
