# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Explains each difference between the host model over the kernel and the kernel itself: the third law.

A clause that is *intended* or a *quirk* says how the host model differs from Linux: for which calls,
from which outcome to which, and in which part of a value. A difference at an op is explained

- by a *rule*: a clause that the host model cited at this op predicts both outcomes;
- by a *state* that differs since an earlier op: a clause cited there, on the same family of slots, says that later
  calls see it, and predicts both outcomes;
- as *free*: the kernel was free at this op, or at an earlier one on the same family, and took another way this time;
- as a *consequence* of such a state: asked about the state in which the host model is, Linux itself would give
  what the host model gave, or what clauses cited at this op say that it differs from.
  Then earlier clauses say why the states differ.

Anything else is unexplained, and fails.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from conformance.divergence import partings
from conformance.families import Families
from conformance.host_clauses import NOTHING, HostClause, Shows
from conformance.observation import NO_VALUE, Observation, Signalled, outcome_name
from conformance.ops import Op, slots_read, spec_of
from conformance.oracle import allows

RULE, STATE, CONSEQUENCE, FREE, UNEXPLAINED = "rule", "state", "consequence", "free", "unexplained"
EVERYTHING: Hashable = "everything"
"""The family that every op belongs to: a save, or a limit, reaches all of them."""
_EVENT_CALLS = frozenset(("poll", "ppoll", "select", "epoll_wait"))
_GLOBAL_CALLS = frozenset(("save", "restore", "setrlimit"))
_PICKED = frozenset(("ioctl(TIOCGPTN)", "ioctl(TIOCGDEV)"))
"""Ops whose value is a number that the kernel picks among the free ones: each side is held against its own model."""
_NUMBERING_CALLS = frozenset(("mapping_path", "readlink_fd", "statx"))
"""Calls that number what they meet in the order in which a program meets it."""

Twin = Callable[[int], Observation]
"""What Linux would give for the op at an index, asked about the state that the host model is in there."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the two sides differ.

    ``field`` is the part of the value that differs, empty where the classes of the outcomes do.
    ``how`` is RULE, STATE, CONSEQUENCE, FREE or UNEXPLAINED, ``clauses`` are the ids that explain it,
    ``cited`` those of all host clauses that were cited at the op.
    ``raced`` says that time had decided something by then, so that another run may not have it.
    """

    index: int
    host: Observation
    native: Observation
    field: str
    how: str
    clauses: tuple[str, ...]
    cited: tuple[str, ...] = ()
    raced: bool = False


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the pure host model says of each op: the outcomes it allows, the clauses it cites, where Linux is free.

    ``sure`` is how many ops come before the first where time decides.
    """

    outcomes: Sequence[Observation]
    cited: Sequence[Sequence[str]]
    free: Sequence[bool]
    sure: int


@dataclass(frozen=True, slots=True)
class Step:
    """One op with what both sides gave, and the host clauses that were cited at it and at earlier ones.

    ``predicted`` is what the pure host model allows, which may be more than what the host gave.
    ``cited`` are those of this op, ``standing`` those of earlier ops on its families that changed a state.
    ``free`` says that the kernel was free at this op or at an earlier one on its families.
    ``numbering`` are the clauses cited where earlier ops numbered what they met, and the two sides differed:
    they say why numbers differ from then on, and nothing else.
    """

    index: int
    op: Op
    host: Observation
    predicted: Observation
    native: Observation
    cited: tuple[str, ...]
    standing: tuple[str, ...]
    free: bool
    numbering: tuple[str, ...] = ()


def steps(
    ops: Sequence[Op],
    host: Sequence[Observation],
    prediction: Prediction,
    native: Sequence[Observation],
    clauses: Mapping[str, HostClause],
) -> Iterator[Step]:
    """The ops one by one, with the state clauses that have been met so far on the families of each."""
    families = Families(ops, host[: len(ops)])
    standing: dict[Hashable, dict[str, None]] = {}
    freed: set[Hashable] = set()
    numbering: dict[str, None] = {}
    for index, op in enumerate(ops):
        here = tuple(dict.fromkeys(clause for clause in prediction.cited[index] if clause in clauses))
        own = families.of(index)
        known = tuple(dict.fromkeys(clause for family in (EVERYTHING, *own) for clause in standing.get(family, ())))
        if prediction.free[index]:
            freed |= own
        yield Step(
            *(index, op, host[index], prediction.outcomes[index], native[index]),
            cited=here,
            standing=known,
            free=not freed.isdisjoint(own),
            numbering=tuple(numbering) if op.call in _NUMBERING_CALLS else (),
        )
        changing = [clause for clause in here if clauses[clause].effect == "state"]
        for family in (EVERYTHING,) if op.call in _GLOBAL_CALLS else own:
            standing.setdefault(family, {}).update(dict.fromkeys(changing))
        if op.call in _NUMBERING_CALLS and not allows(host[index], native[index]):
            numbering.update(dict.fromkeys(here))


def explain(step: Step, clauses: Mapping[str, HostClause], twin: Twin) -> Iterator[Difference]:
    """Every difference of a step, with its explanation; nothing where the two sides gave the same."""
    if allows(step.predicted, step.native) or _is_picked(step):
        return
    behind: tuple[str, ...] | None = None
    for field in _fields(step):
        how, ids = RULE, _predicting(step, field, step.cited, clauses)
        if not ids:
            how, ids = STATE, _predicting(step, field, step.standing, clauses)
        if not ids and (step.standing or step.numbering):
            if behind is None:
                behind = _behind(step, clauses, twin(step.index))
            how, ids = CONSEQUENCE, behind
        if not ids:
            how = FREE if step.free else UNEXPLAINED
        yield Difference(step.index, step.host, step.native, field, how, ids, step.cited)


def _is_picked(step: Step) -> bool:
    """Whether both sides gave a number that the kernel picked: that they are two numbers is no difference."""
    return spec_of(step.op).name in _PICKED and type(step.host) is int and type(step.native) is int


def _behind(step: Step, clauses: Mapping[str, HostClause], asked: Observation) -> tuple[str, ...]:
    """The clauses of earlier ops, and of this one, that explain a difference by way of what Linux said when asked.

    Earlier ones say why Linux says another thing in the state of the host model,
    those of this op why the host model then does not say the same. Empty when they leave something open.
    """
    earlier = (*step.standing, *step.numbering)
    if allows(asked, step.host):
        return earlier
    rest = replace(step, native=asked)
    rules = [_predicting(rest, field, rest.cited, clauses) for field in _fields(rest)]
    return (*earlier, *(rule for found in rules for rule in found)) if all(rules) else ()


def _fields(step: Step) -> list[str]:
    """The parts in which two values differ; one empty part where the outcomes are of different classes."""
    names = outcome_name(step.host), outcome_name(step.native)
    if names[0] != names[1] or not names[0].startswith("ok"):
        return [""]
    values = [seen.outcome if isinstance(seen, Signalled) else seen for seen in (step.predicted, step.native)]
    return [parting.field for parting in partings(spec_of(step.op).result, *values)]


def _predicting(step: Step, field: str, ids: Sequence[str], clauses: Mapping[str, HostClause]) -> tuple[str, ...]:
    return tuple(clause for clause in ids if any(_shows(shown, step, field) for shown in clauses[clause].shows))


def _shows(shown: Shows, step: Step, field: str) -> bool:
    name = spec_of(step.op).name
    if name not in shown.calls:
        return False
    if not _is_outcome(shown.host, step.host) or not _is_outcome(shown.native, step.native):
        return False
    return not field or any(_is_field(pattern, field, step.op.call) for pattern in shown.fields)


def _is_outcome(pattern: str, seen: Observation) -> bool:
    return pattern in ("any", outcome_name(seen)) or (pattern == NOTHING and _is_nothing(seen))


def _is_nothing(seen: Observation) -> bool:
    """Whether a call received no bytes: it gave them, a message, or bytes and who sent them."""
    data = seen[0] if isinstance(seen, tuple) and seen else seen
    return bool(data == b"")


def _is_field(pattern: str, field: str, call: str) -> bool:
    if pattern == "events":
        return call in _EVENT_CALLS
    if pattern == "flags":
        return "." not in field
    return pattern in field.split() or field.startswith((f"{pattern} ", f"{pattern}[")) or pattern == field


# Descriptors that only one side has ---------------------------------------------------------------


def first_uneven(ops: Sequence[Op], host: Sequence[Observation], native: Sequence[Observation]) -> int | None:
    """The first op that made a descriptor on one side only. From there on the two programs are not the same one."""
    for index, op in enumerate(ops):
        handles = spec_of(op).handles
        if handles is None:
            continue
        one, other = (_value(seen) for seen in (host[index], native[index]))
        if one is None or other is None:
            if one is not other:
                return index
            continue
        if len(handles(one)) != len(handles(other)):
            return index
    return None


def _value(seen: Observation) -> Observation | None:
    outcome = seen.outcome if isinstance(seen, Signalled) else seen
    return None if type(outcome) in NO_VALUE else outcome


def without(ops: Sequence[Op], index: int) -> tuple[Op, ...]:
    """The program without one op, and without those that name a slot which is then never made."""
    gone = set(ops[index].out)
    kept = list(ops[:index])
    for op in ops[index + 1 :]:
        if gone.isdisjoint(slots_read(op)):
            kept.append(op)
        else:
            gone.update(op.out)
    return tuple(kept)
