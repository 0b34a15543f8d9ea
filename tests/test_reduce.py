# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Reduction: needles in generated programs, slots that are given to others, and nothing but valid programs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.budget import read_budget
from conformance.divergence import diverge
from conformance.domains.base import Slot
from conformance.domains.slots import NUMBER, SLOT
from conformance.errors import BadProgram, Inconclusive, SystemFailed
from conformance.grammar import program_text, read_program
from conformance.interpreter import execute
from conformance.kinds import RECIPES
from conformance.ops import Op, slots_read, spec_of
from conformance.program import Program, validate
from conformance.reduce import any_bucket, reduce_program, renamed, same_bucket, without
from conformance.strategies.programs import seeded_program
from reference.constants.open_flags import O_CLOEXEC
from reference.constants.signals import SIGPIPE
from reference.linux.kernel import Linux

SIMPLIFICATIONS_MAX = 400


class NoSigpipe(Linux):
    """Forgets SIGPIPE."""

    def write(self, fd: int, data: bytes) -> int:
        try:
            return super().write(fd, data)
        finally:
            if SIGPIPE in self.signals:
                self.signals.remove(SIGPIPE)


def ops_of(text: str) -> tuple[Op, ...]:
    return read_program(text).ops


def reduced(text: str, still_diverges: Callable[[tuple[Op, ...]], bool]) -> str:
    return program_text(Program(reduce_program(ops_of(text), still_diverges).ops))


def calls(ops: tuple[Op, ...]) -> list[str]:
    return [op.call for op in ops]


def count_of(call: str, least: int = 1) -> Callable[[tuple[Op, ...]], bool]:
    return lambda ops: calls(ops).count(call) >= least


# Time -----------------------------------------------------------------------------------------------


def test_a_reduction_whose_time_is_up_gives_the_best_so_far_with_its_slots_named() -> None:
    looks = iter(range(100))
    program = ops_of('r7, r8 = pipe2(0)\nread(r7, 1)\nread(r7, 2)\nread(r7, 3)\nwrite(r8, b"x")')

    reduction = reduce_program(program, count_of("write"), time_is_up=lambda: next(looks) >= 2)
    assert reduction.tries == 4
    assert 2 <= reduction.after < reduction.before
    assert reduction.ops[0].out == (Slot("r0"), Slot("r1"))


@pytest.mark.parametrize(
    ("budget", "begun", "ends"),
    [("10m", 0, 60), ("10m", 500, 560), ("10m", 580, 600), ("10m", 598, 613), ("10m", 700, 715)],
)
def test_a_reduction_ends_with_the_budget_of_time_and_has_some_time_in_any_case(
    budget: str, begun: float, ends: float
) -> None:
    assert not read_budget(budget).ends_reduction(begun, ends - 1)
    assert read_budget(budget).ends_reduction(begun, ends)


def test_a_budget_of_ops_ends_no_reduction_so_that_it_is_the_same_each_time() -> None:
    assert not read_budget("1ops").ends_reduction(0, 10**6)


# Whole reductions -----------------------------------------------------------------------------------


def test_a_program_that_does_not_diverge_is_not_reduced() -> None:
    with pytest.raises(Inconclusive):
        reduce_program(ops_of("r0, r1 = pipe2(0)\n"), lambda ops: False)


def test_one_op_that_matters_is_all_that_is_left() -> None:
    assert (
        reduced('r0, r1 = pipe2(O_NONBLOCK)\nwrite(r1, b"abc")\nclose(r0)\n', count_of("pipe2"))
        == "r0, r1 = pipe2(0)\n"
    )


def test_the_makers_of_slots_stay_with_their_users() -> None:
    text = 'r0, r1 = pipe2(0)\nr2, r3 = pipe2(0)\nwrite(r3, b"abc")\nclose(r0)\n'

    assert reduced(text, count_of("write")) == 'r0, r1 = pipe2(0)\nwrite(r1, b"x")\n'


def test_the_users_of_a_dropped_slot_are_given_another_of_its_kind() -> None:
    text = 'r0, r1 = pipe2(0)\nr2 = dup(r1)\nr3 = dup(r2)\nclose(r0)\nwrite(r3, b"x")\n'

    def broken(ops: tuple[Op, ...]) -> bool:
        return SIGPIPE in [n for o in execute(ops, Linux()) for n in getattr(o, "signals", ())]

    assert reduced(text, broken) == 'r0, r1 = pipe2(0)\nclose(r0)\nwrite(r1, b"x")\n'


def test_ops_that_only_go_in_pairs_go_in_pairs() -> None:
    text = "r0, r1 = pipe2(0)\nfcntl(r0, F_SETFD, FD_CLOEXEC)\nfcntl(r0, F_SETFD, 0)\nclose(r0)\n"

    def balanced(ops: tuple[Op, ...]) -> bool:
        marks = [op.arguments[2] for op in ops if op.call == "fcntl"]
        return marks in ([], [1, 0]) and calls(ops)[-1:] == ["close"]

    assert reduced(text, balanced) == "r0, r1 = pipe2(0)\nclose(r0)\n"


def test_vectors_become_plain_calls() -> None:
    text = 'r0, r1 = pipe2(0)\nwritev(r1, [b"ab", b"c"])\nreadv(r0, [1, 2])\n'

    def three_bytes_come_out(ops: tuple[Op, ...]) -> bool:
        return any(isinstance(seen, bytes) and len(seen) == 3 for seen in execute(ops, Linux()))

    assert reduced(text, three_bytes_come_out) == 'r0, r1 = pipe2(0)\nwrite(r1, b"xxx")\nread(r0, 3)\n'


def test_paths_get_plain_names_everywhere() -> None:
    text = 'mkfifo("some/where", 0o644)\nr0 = open("some/where", O_RDWR, 0)\nclose(r0)\n'

    def one_name(ops: tuple[Op, ...]) -> bool:
        return calls(ops) == ["mkfifo", "open"] and ops[0].arguments[0] == ops[1].arguments[0]

    assert reduced(text + "", lambda ops: one_name(ops[:2])) == (
        'mkfifo("f", 0o600)\nr0 = open("f", O_RDONLY, 0o600)\n'
    )


def test_slots_are_named_in_the_order_they_are_made() -> None:
    ops = ops_of("b, a = pipe2(0)\nz = dup(a)\nm = mmap(z, 4096, PROT_READ, MAP_SHARED, 0)\nclose(b)\n")

    assert program_text(Program(renamed(ops))) == (
        "r0, r1 = pipe2(0)\nr2 = dup(r1)\nm0 = mmap(r2, 4096, PROT_READ, MAP_SHARED, 0)\nclose(r0)\n"
    )


def test_a_planted_bug_is_reduced_to_its_three_ops_in_its_bucket() -> None:
    def observe(ops: tuple[Op, ...]) -> list[object]:
        return execute(ops, NoSigpipe())

    found = 0
    for seed in range(60):
        ops = seeded_program(f"reduce/{seed}", RECIPES["pipes"]).ops
        divergence = diverge(ops, observe(ops), Linux)
        if divergence is None or divergence.signature.op != "write" or divergence.signature.tag != "pipe.write":
            continue
        found += 1
        judge = same_bucket(divergence.bucket, observe, Linux)
        assert program_text(Program(reduce_program(ops, judge).ops)) == (
            'r0, r1 = pipe2(0)\nclose(r0)\nwrite(r1, b"x")\n'
        )
    assert found >= 3


def test_nothing_can_be_dropped_from_a_result() -> None:
    def diverges(ops: tuple[Op, ...]) -> bool:
        return diverge(ops, execute(ops, NoSigpipe()), Linux) is not None

    for seed in range(25):
        ops = seeded_program(f"minimal/{seed}", RECIPES["mixed"]).ops
        if diverges(ops):
            result = reduce_program(ops, diverges).ops
            assert not any(diverges(c) for n in range(len(result)) for c in without(result, frozenset((n,))))


def test_a_candidate_that_the_system_does_not_survive_does_not_count() -> None:
    def observe(ops: tuple[Op, ...]) -> list[object]:
        if not any(op.call == "dup" for op in ops):
            raise SystemFailed("it died")
        return execute(ops, NoSigpipe())

    ops = ops_of('r0, r1 = pipe2(0)\nr2 = dup(r1)\nclose(r0)\nwrite(r1, b"x")\n')
    divergence = diverge(ops, observe(ops), Linux)
    assert divergence is not None

    assert reduce_program(ops, same_bucket(divergence.bucket, observe, Linux)).after == len(ops)


def test_any_bucket_is_content_with_another_divergence() -> None:
    def observe(ops: tuple[Op, ...]) -> list[object]:
        return [7 if op.call in ("close", "dup") else seen for op, seen in zip(ops, execute(ops, Linux()), strict=True)]

    ops = ops_of('r0 = open("/dev/null", O_RDWR, 0)\nr1 = dup(r0)\nclose(r1)\n')

    assert reduce_program(ops, any_bucket(observe, Linux)).after == 2


# The reducer with bugs of its own -------------------------------------------------------------------------


def check_planted_bug() -> None:
    """What the reducer owes us, on a program with a known needle. Raises when it falls short."""
    ops = ops_of(
        'r0, r1 = pipe2(0)\nr2, r3 = pipe2(O_NONBLOCK)\nr4 = dup(r3)\nwrite(r3, b"ab")\nfcntl(r4, F_GETFL)\n'
        'close(r2)\nread(r0, 0)\nwrite(r4, b"abc")\nclose(r1)\n'
    )

    def observe(candidate: tuple[Op, ...]) -> list[object]:
        validate(candidate)
        return execute(candidate, NoSigpipe())

    reduction = reduce_program(ops, any_bucket(observe, Linux))
    assert program_text(Program(reduction.ops)) == 'r0, r1 = pipe2(0)\nclose(r0)\nwrite(r1, b"x")\n'


def test_the_reducer_does_what_it_owes_us() -> None:
    check_planted_bug()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("_closed", lambda ops, dropped, renaming: tuple(op for n, op in enumerate(ops) if n not in dropped)),
        ("_Reducer._drop_chunks", lambda self: None),
        ("_Reducer._simplify", lambda self: None),
        ("_stand_ins", lambda *unused: []),
    ],
)
def test_a_bug_in_the_reducer_is_noticed(name: str, wrong: object, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "_Reducer._drop_chunks":
        monkeypatch.setattr("conformance.reduce._Reducer._drop_pairs", wrong)
        monkeypatch.setattr("conformance.reduce._Reducer._merge", wrong)
    if name == "_stand_ins":
        monkeypatch.setattr("conformance.reduce._Reducer._share_slots", lambda self: None)
    monkeypatch.setattr(f"conformance.reduce.{name}", wrong)

    with pytest.raises((AssertionError, BadProgram)):
        check_planted_bug()


# The budget and the order -----------------------------------------------------------------------------


def test_the_budget_of_tries_is_kept() -> None:
    ops = seeded_program("budget", RECIPES["pipes"]).ops
    reduction = reduce_program(ops, count_of("pipe2"), tries_max=5)

    assert reduction.tries <= 6
    assert reduction.before == len(ops)
    assert reduction.after == len(reduction.ops)


def test_a_list_that_has_to_be_long_costs_few_tries() -> None:
    lengths = ", ".join(str(4096 + number) for number in range(2000))
    ops = ops_of(f'r0 = open("f", O_RDONLY | O_CREAT, 0o600)\nreadv(r0, [{lengths}])\n')
    reduction = reduce_program(
        ops, lambda candidate: any(len(op.arguments[-1]) > 1024 for op in candidate if op.call == "readv")
    )

    assert [0] * 1025 == list(reduction.ops[-1].arguments[-1])
    assert reduction.tries < 200


def test_no_candidate_is_tried_twice() -> None:
    tried: list[tuple[Op, ...]] = []

    def judge(ops: tuple[Op, ...]) -> bool:
        tried.append(ops)
        return count_of("close", 2)(ops)

    ops = next(p for n in range(99) if count_of("close", 2)(p := seeded_program(f"twice/{n}", RECIPES["pipes"]).ops))
    reduction = reduce_program(ops, judge)

    assert len(set(tried)) == len(tried) == reduction.tries


def test_the_same_program_is_reduced_the_same_way() -> None:
    ops = seeded_program("same", RECIPES["pipes"]).ops
    wanted = ops[len(ops) // 2].call

    assert reduce_program(ops, count_of(wanted)) == reduce_program(ops, count_of(wanted))


# Properties -------------------------------------------------------------------------------------------


@given(kind=st.sampled_from(sorted(RECIPES)), seed=st.integers(0, 2**32), data=st.data())
def test_every_candidate_is_a_valid_program(kind: str, seed: int, data: st.DataObject) -> None:
    ops = seeded_program(seed, RECIPES[kind]).ops
    wanted = data.draw(st.sampled_from(ops)).call

    def judge(candidate: tuple[Op, ...]) -> bool:
        validate(candidate)
        text = program_text(Program(candidate))
        assert program_text(read_program(text)) == text
        return wanted in calls(candidate)

    reduction = reduce_program(ops, judge, tries_max=150)

    validate(reduction.ops)
    assert renamed(reduction.ops) == reduction.ops


@given(kind=st.sampled_from(sorted(RECIPES)), seed=st.integers(0, 2**32), data=st.data())
def test_dropping_any_ops_leaves_valid_programs(kind: str, seed: int, data: st.DataObject) -> None:
    ops = seeded_program(seed, RECIPES[kind]).ops
    dropped = data.draw(st.frozensets(st.integers(0, len(ops) - 1), max_size=6))

    for candidate in without(ops, dropped):
        validate(candidate)
        assert len(candidate) <= len(ops) - len(dropped)


@given(kind=st.sampled_from(sorted(RECIPES)), seed=st.integers(0, 2**32), data=st.data())
def test_simplifying_an_argument_comes_to_an_end(kind: str, seed: int, data: st.DataObject) -> None:
    op = data.draw(st.sampled_from([op for op in seeded_program(seed, RECIPES[kind]).ops if op.arguments]))
    place = data.draw(st.integers(0, len(op.arguments) - 1))
    domain = spec_of(op).parameters[place].domain
    value = op.arguments[place]
    for _ in range(SIMPLIFICATIONS_MAX):
        simpler = list(domain.simpler(value))
        assert value not in simpler
        # None leaves an optional parameter out.
        assert all(one is None or domain.check(one) == one for one in simpler)
        if not simpler:
            break
        value = data.draw(st.sampled_from(simpler))
    else:
        pytest.fail(f"{domain} does not come to an end")


def test_the_domains_leave_slots_alone() -> None:
    assert not list(SLOT.simpler(Slot("r0")))
    assert not list(NUMBER.simpler(Slot("r0")))
    assert list(NUMBER.simpler(1)) == [0]


def test_flags_are_dropped_one_by_one() -> None:
    text = 'r0 = open("/dev/null", O_RDWR | O_APPEND | O_CLOEXEC, 0o644)\n'

    def marked(ops: tuple[Op, ...]) -> bool:
        return any(op.call == "open" and op.arguments[1] & O_CLOEXEC for op in ops)

    assert reduced(text, marked) == 'r0 = open("/dev/null", O_RDONLY | O_CLOEXEC, 0o600)\n'


def test_reduced_programs_read_only_slots_that_they_make() -> None:
    ops = ops_of("r0, r1 = pipe2(0)\nr2 = dup(r0)\nclose(r2)\n")
    (first, *_) = without(ops, frozenset((0,)))

    assert first == ()
    assert all(slots_read(op) for candidate in without(ops, frozenset((1,))) for op in candidate[1:])
