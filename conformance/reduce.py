# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes a program that diverges as small and as plain as it can be made while it still diverges.

Delta debugging on ops instead of characters: every candidate is a valid program again,
because the uses of a slot whose maker goes are given to another slot of the same kind, or go with it.
The passes run one after another until none of them finds anything to do:
drop ops (half the program at a time, then less, down to single ops and pairs), merge two ops into one,
replace an op by a plainer one, let slots be earlier ones, simplify arguments.
Nothing is drawn at random: the same program and the same judge give the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from conformance.divergence import MakeModel, diverge, slot_tags
from conformance.domains.base import Slot
from conformance.domains.names import Path
from conformance.domains.numbers import Enumeration
from conformance.errors import Inconclusive, SystemFailed
from conformance.observation import Observation
from conformance.ops import Op, slots_read, spec_of
from conformance.plainer import joined, plainer

REDUCTION_TRIES_MAX = 4000
SHORT_PROGRAM_OPS_MAX = 14
"""Pairs of ops, and slots of other kinds, are only tried on programs that are already short: there are many."""

StillDiverges = Callable[[tuple[Op, ...]], bool]
Observe = Callable[[tuple[Op, ...]], Sequence[Observation]]


@dataclass(frozen=True, slots=True)
class Reduction:
    """What came out: the ops, how many candidates were tried, and how many ops there were before and are left."""

    ops: tuple[Op, ...]
    tries: int
    before: int
    after: int


def reduce_program(
    ops: Sequence[Op],
    still_diverges: StillDiverges,
    tries_max: int = REDUCTION_TRIES_MAX,
    time_is_up: Callable[[], bool] = lambda: False,
) -> Reduction:
    """The smallest program found that ``still_diverges``, within a budget of candidates and until the time is up.

    Raises Inconclusive when the program does not diverge to begin with.
    """
    reducer = _Reducer(tuple(ops), still_diverges, tries_max, time_is_up)
    reducer.run()
    return Reduction(reducer.ops, reducer.tries, len(ops), len(reducer.ops))


def same_bucket(bucket: str, observe: Observe, make_model: MakeModel) -> StillDiverges:
    """A judge that asks for a divergence of one bucket. A candidate that the system does not survive is none."""

    def judge(ops: tuple[Op, ...]) -> bool:
        try:
            observed = observe(ops)
        except SystemFailed:
            return False
        divergence = diverge(ops, observed, make_model)
        return divergence is not None and divergence.bucket == bucket

    return judge


def any_bucket(observe: Observe, make_model: MakeModel) -> StillDiverges:
    """A judge that is content with any divergence."""
    return lambda ops: diverge(ops, observe(ops), make_model) is not None


class _SpentError(Exception):
    """The budget of tries, or of time, is used up."""


class _Reducer:
    """The best program so far, and the candidates that have been tried."""

    def __init__(
        self, ops: tuple[Op, ...], still_diverges: StillDiverges, tries_max: int, time_is_up: Callable[[], bool]
    ) -> None:
        self.ops = ops
        self.tries = 0
        self._still_diverges = still_diverges
        self._tries_max = tries_max
        self._time_is_up = time_is_up
        self._tried: set[tuple[Op, ...]] = set()

    def run(self) -> None:
        """All passes until a round changes nothing, or the budget is spent; then the slots are named in order."""
        if not self._accepts(self.ops):
            raise Inconclusive("the program to reduce does not diverge", hint="confirm it first: it may be flaky")
        try:
            changed = True
            while changed:
                before = self.ops
                self._drop_chunks()
                self._drop_pairs()
                self._merge()
                self._replace()
                self._share_slots()
                self._simplify()
                self._rename_paths()
                changed = self.ops != before
            self._accepts(renamed(self.ops))
        except _SpentError:
            self._settle_names()

    def _settle_names(self) -> None:
        """Name the slots in order with one try beyond the budget: the result is to be read."""
        self._tries_max, self._time_is_up = self.tries + 1, lambda: False
        self._accepts(renamed(self.ops))

    def _accepts(self, candidate: tuple[Op, ...]) -> bool:
        """Try a candidate, and go on from it when it diverges. A candidate is never tried twice."""
        if candidate in self._tried:
            return False
        if self.tries >= self._tries_max or (self.tries and self._time_is_up()):
            raise _SpentError
        self._tried.add(candidate)
        self.tries += 1
        if not self._still_diverges(candidate):
            return False
        self.ops = candidate
        return True

    def _first(self, candidates: Iterator[tuple[Op, ...]]) -> bool:
        return any(self._accepts(candidate) for candidate in candidates)

    def _drop_chunks(self) -> None:
        """Runs of ops, from the end, where the probes are, to the start."""
        size = max(len(self.ops) // 2, 1)
        while size:
            end = len(self.ops)
            while end > 0:
                start = max(end - size, 0)
                self._first(without(self.ops, frozenset(range(start, end))))
                end = min(start, len(self.ops))
            size //= 2

    def _drop_pairs(self) -> None:
        """Two ops that only go together, such as one that sets a thing up and one that undoes it."""
        changed = True
        while changed and len(self.ops) <= SHORT_PROGRAM_OPS_MAX:
            pairs = combinations(range(len(self.ops)), 2)
            changed = self._first(c for pair in pairs for c in without(self.ops, frozenset(pair)))

    def _merge(self) -> None:
        """Two calls of one kind on one slot by one of them."""
        changed = True
        while changed and len(self.ops) <= SHORT_PROGRAM_OPS_MAX:
            pairs = combinations(range(len(self.ops)), 2)
            changed = self._first(c for earlier, later in pairs for c in merged(self.ops, earlier, later))

    def _replace(self) -> None:
        """Ops by plainer ones. Users of a slot that is no longer made turn to what it was made from."""
        index = 0
        while index < len(self.ops):
            op = self.ops[index]
            origin = {slot: other for slot in op.out for other in op.arguments[:1] if isinstance(other, Slot)}
            others = (_replaced(self.ops, index, other) for other in plainer(op))
            if not self._first(_closed(candidate, frozenset(), origin) for candidate in others):
                index += 1

    def _share_slots(self) -> None:
        """Uses of a slot by an earlier slot of the same kind, so that its maker can go."""
        for index in range(len(self.ops) - 1, -1, -1):
            changed = True
            while changed and index < len(self.ops):
                op = self.ops[index]
                pairs = ((slot, other) for slot, others in _earlier_slots(self.ops, index).items() for other in others)
                changed = self._first(_replaced(self.ops, index, repointed(op, {slot: other})) for slot, other in pairs)

    def _simplify(self) -> None:
        """Arguments, each by the rules of its domain."""
        for index in range(len(self.ops)):
            while self._first(_replaced(self.ops, index, other) for other in _with_simpler_arguments(self.ops[index])):
                pass

    def _rename_paths(self) -> None:
        """The first path of the program becomes ``f`` everywhere, the next ``g`` …"""
        names = dict.fromkeys(path for op in self.ops for path in _paths(op) if not path.startswith("/"))
        for path, plain in zip(names, "fghijk", strict=False):
            if path != plain and plain not in names:
                self._accepts(tuple(_with_path(op, path, plain) for op in self.ops))


# Candidates ----------------------------------------------------------------------------------------


def without(ops: tuple[Op, ...], dropped: frozenset[int]) -> Iterator[tuple[Op, ...]]:
    """The program without some ops: its users dropped as well, or given other slots of the same kind, in turn.

    Every candidate is a valid program.
    """
    yield _closed(ops, dropped, {})
    lost = {slot: index for index in sorted(dropped) for slot in ops[index].out}
    wanted = {slot for index, op in enumerate(ops) if index not in dropped for slot in slots_read(op)}
    stand_ins = {slot: _stand_ins(ops, dropped, slot, maker) for slot, maker in lost.items() if slot in wanted}
    ranks = max((len(choices) for choices in stand_ins.values()), default=0)
    for rank in range(ranks):
        renaming = {slot: choices[min(rank, len(choices) - 1)] for slot, choices in stand_ins.items() if choices}
        yield _closed(ops, dropped, renaming)


def merged(ops: tuple[Op, ...], earlier: int, later: int) -> Iterator[tuple[Op, ...]]:
    """Programs in which one op does the work of two alike: one write of both data, or the later op as if it came first.

    The latter is for calls that tell making from changing by a named constant, such as epoll_ctl(2).
    """
    one, other = ops[earlier], ops[later]
    if one.call != other.call or one.arguments[:1] != other.arguments[:1] or one.out or other.out:
        return
    if one.call == "write":
        both = Op("write", (one.arguments[0], joined((one.arguments[1], other.arguments[1]))))
        yield _closed(_replaced(ops, later, both), frozenset((earlier,)), {})
        yield _closed(_replaced(ops, earlier, both), frozenset((later,)), {})
        return
    for place, parameter in enumerate(spec_of(other).parameters):
        if isinstance(parameter.domain, Enumeration):
            for simpler in parameter.domain.simpler(other.arguments[place]):
                changed = _with_argument(other, place, simpler)
                yield _closed(_replaced(ops, later, changed), frozenset((earlier,)), {})


def _stand_ins(ops: tuple[Op, ...], dropped: frozenset[int], slot: Slot, maker: int) -> list[Slot]:
    """Slots of the same kind: what the slot is a dup of, the oldest one, the newest one before it, the first after.

    In a short program slots of other kinds come behind these.
    """
    tags = slot_tags(ops)
    place = ops[maker].out.index(slot)
    made = [
        (index, at, other) for index, op in enumerate(ops) if index not in dropped for at, other in enumerate(op.out)
    ]
    kin = [one for one in made if tags[one[2]] == tags[slot]]
    kin = [one for one in kin if one[1] == place] or kin
    before = [other for index, _, other in kin if index < maker]
    after = [other for index, _, other in kin if index > maker]
    origin = [other for _, _, other in kin if other in ops[maker].arguments[:1]]
    strangers = [other for _, _, other in made] if len(ops) <= SHORT_PROGRAM_OPS_MAX else []
    return list(dict.fromkeys((*origin, *before[:1], *before[-1:], *after[:1], *strangers)))


def _closed(ops: tuple[Op, ...], dropped: frozenset[int], renaming: Mapping[Slot, Slot]) -> tuple[Op, ...]:
    """The ops that are kept, without those that would read a slot that nothing made."""
    made: set[Slot] = set()
    kept: list[Op] = []
    for index, op in enumerate(ops):
        if index in dropped:
            continue
        read = slots_read(op)
        if not made.issuperset(read):
            op = repointed(op, {slot: renaming[slot] for slot in read if slot in renaming and slot not in made})
            if not made.issuperset(slots_read(op)):
                continue
        made.update(op.out)
        kept.append(op)
    return tuple(kept)


def repointed(op: Op, renaming: Mapping[Slot, Slot]) -> Op:
    """An op that reads other slots; what it makes keeps its name."""
    parameters = spec_of(op).parameters
    return op._replace(
        arguments=tuple(p.domain.repoint(value, renaming) for p, value in zip(parameters, op.arguments, strict=True))
    )


def _replaced(ops: tuple[Op, ...], index: int, op: Op) -> tuple[Op, ...]:
    return (*ops[:index], op, *ops[index + 1 :])


def _earlier_slots(ops: tuple[Op, ...], index: int) -> dict[Slot, list[Slot]]:
    """For each slot that an op reads, the slots of the same kind made before it, the oldest first."""
    tags = slot_tags(ops[:index])
    order = list(tags)
    return {
        slot: [other for other in order[: order.index(slot)] if tags[other] == tags[slot]]
        for slot in slots_read(ops[index])
    }


def _with_simpler_arguments(op: Op) -> Iterator[Op]:
    for place, (parameter, value) in enumerate(zip(spec_of(op).parameters, op.arguments, strict=True)):
        for simpler in parameter.domain.simpler(value):
            yield _with_argument(op, place, simpler)


def _with_argument(op: Op, place: int, value: Any) -> Op:
    return op._replace(arguments=(*op.arguments[:place], value, *op.arguments[place + 1 :]))


_LETTERS = {"mmap": "m", "spawn": "p", "descend": "p"}


def renamed(ops: tuple[Op, ...]) -> tuple[Op, ...]:
    """The program with its slots named in the order they are made: r0, r1 …, mappings m0 …, processes p0 …"""
    names: dict[Slot, Slot] = {}
    counts = {"r": 0, "m": 0, "p": 0}
    result = []
    for op in ops:
        for slot in op.out:
            if slot not in names:
                letter = _LETTERS.get(op.call, "r")
                names[slot] = Slot(f"{letter}{counts[letter]}")
                counts[letter] += 1
        result.append(repointed(op, names)._replace(out=tuple(names[slot] for slot in op.out)))
    return tuple(result)


def _paths(op: Op) -> Iterator[str]:
    for parameter, value in zip(spec_of(op).parameters, op.arguments, strict=True):
        if isinstance(parameter.domain, Path):
            yield value


def _with_path(op: Op, path: str, plain: str) -> Op:
    parameters = spec_of(op).parameters
    arguments = (
        plain if isinstance(parameter.domain, Path) and value == path else value
        for parameter, value in zip(parameters, op.arguments, strict=True)
    )
    return op._replace(arguments=tuple(arguments))
