# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds what no program decides in what it gives: random bytes, numbers dealt out, times of the machine's own objects.

A report says of them that they may be anything, and writes a stand-in where it has to write a value:
the same campaign then has the same report, and a reproducer does not look for the random bytes of another day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conformance.interpreter import System, execute
from conformance.observation import Observation, Signalled
from conformance.ops import Op
from conformance.oracle import allows, predict
from reference.outcomes import AnyBytes, Anything

STAND_INS = (0x00, 0xFF)
"""Two bytes that no call takes for one another: what they change is what no program decides."""


def opened(ops: Sequence[Op], make_model: Callable[[], System], observed: Sequence[Observation]) -> list[Observation]:
    """What the model allows for each op along what was observed: :class:`AnyBytes` where data is random, and so on.

    Random bytes go far: from the device through a pipe into a file, and from there into a read. So the model runs
    with two stand-ins for them, and what is another each time came from them.
    """
    one, other = (_with_stand_in(ops, make_model(), observed, byte) for byte in STAND_INS)
    followed = predict(ops, make_model(), observed)
    return [_merged(*three) for three in zip(followed, one, other, strict=True)]


def canonical(
    ops: Sequence[Op], make_model: Callable[[], System], observed: Sequence[Observation]
) -> list[Observation]:
    """What was observed, with a stand-in for what nothing decides."""
    return [settled(allowed, seen) for allowed, seen in zip(opened(ops, make_model, observed), observed, strict=True)]


def settled(allowed: Any, seen: Any) -> Any:
    """What was seen, with a stand-in for what nothing decides: the same each time, and allowed as well.

    Where it was not allowed it stays as it was: that is what there is to look at.
    """
    if isinstance(allowed, AnyBytes | Anything) and allows(allowed, seen):
        return allowed.default
    if isinstance(allowed, Signalled) and isinstance(seen, Signalled):
        return Signalled(settled(allowed.outcome, seen.outcome), seen.signals)
    if isinstance(allowed, tuple) and type(allowed) is type(seen) and len(allowed) == len(seen):
        return _like(seen, [settled(a, s) for a, s in zip(allowed, seen, strict=True)])
    return seen


def _with_stand_in(ops: Sequence[Op], model: System, observed: Sequence[Observation], byte: int) -> list[Observation]:
    model.choices.stand_in = byte
    return execute(ops, model, follow=observed)


def _merged(followed: Any, one: Any, other: Any) -> Any:
    """The prediction, open where it differs between two stand-ins."""
    if one == other:
        return followed
    if isinstance(followed, bytes):
        return AnyBytes(len(followed))
    if isinstance(followed, int):
        return Anything(one)
    if not type(followed) is type(one) is type(other):
        return followed
    if isinstance(followed, Signalled):
        return Signalled(_merged(followed.outcome, one.outcome, other.outcome), followed.signals)
    if isinstance(followed, tuple) and len(followed) == len(one) == len(other):
        return _like(followed, [_merged(*three) for three in zip(followed, one, other, strict=True)])
    return followed


def _like(model: tuple[Any, ...], values: list[Any]) -> Any:
    """A tuple, or a named one, of the same kind."""
    make = getattr(type(model), "_make", tuple)
    return make(values)
