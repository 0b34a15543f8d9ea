# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The vectors of fixtures/wire: every op and class of outcome, and what is malformed.

A vector is asked for by the stored program that leads to it. Its answer has to be well formed; that it is
Linux's answer is for a campaign to judge, and only noted here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.adapter_kit.checks import Check, Outcome, failed
from conformance.errors import ConformanceError, SystemFailed
from conformance.grammar import op_text, read_program, read_trace, trace_line
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import first_mismatch, predict
from conformance.runners import run_offered
from conformance.subjects import fitted
from conformance.systems.process import ProcessSystem
from conformance.wire.codec import decode_op
from reference.linux.kernel import Linux
from reference.linux.profile import Profile

PART = "vectors"
MALFORMED_PART = "malformed"
GOLDEN = Path("golden/linux-6.18-ext4-root")
PIPE = read_program("r0, r1 = pipe2(O_NONBLOCK)").ops


def read_vectors(path: Path) -> list[dict[str, Any]]:
    """The vectors of a file. ConformanceError when it cannot be read."""
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise ConformanceError(
            f"cannot be read: {error}", where=str(path), hint="name the project's fixtures with --fixtures"
        ) from None


def vectors(system: ProcessSystem, profile: Profile, fixtures: Path) -> Iterator[Check]:
    """Each vector, as the program that leads to it has it."""
    wanted = {vector["trace"] for vector in read_vectors(fixtures / "wire" / "vectors.jsonl")}
    for path in sorted((fixtures / GOLDEN).rglob("*.trace")):
        trace = read_trace(path.read_text(), str(path))
        met: dict[Op, list[str]] = defaultdict(list)
        for op, seen in zip(trace.program.ops, trace.observations, strict=True):
            line = trace_line(op, seen)
            if line in wanted:
                wanted.remove(line)
                met[op].append(line)
        if met:
            yield from _asked(system, profile, trace.program.ops, met)
    if wanted:
        raise ConformanceError(
            f"no stored program leads to {len(wanted)} vectors, of which one is {min(wanted)}",
            where=str(fixtures / GOLDEN),
            hint="python -m conformance.wire.vectors",
        )


def _asked(system: ProcessSystem, profile: Profile, ops: tuple[Op, ...], met: dict[Op, list[str]]) -> Iterator[Check]:
    try:
        run, observed = run_offered(system, ops)
    except SystemFailed as error:
        lines = [line for lines in met.values() for line in lines]
        yield failed(PART, lines[0], error.message, error.hint)
        return
    differing = _differing(run, observed, profile)
    for op, lines in met.items():
        for line in lines:
            if op not in run:
                yield Check(PART, line, Outcome.NOT_OFFERED)
            elif op in run[differing:]:
                yield Check(PART, line, Outcome.DIFFERS, trace_line(run[differing], observed[differing]))
            else:
                yield Check(PART, line)


def _differing(run: tuple[Op, ...], observed: list[Observation], profile: Profile) -> int:
    """The place of the first op that gave what Linux does not; behind the last when there is none."""
    mismatch = first_mismatch(predict(run, Linux(profile), observed), observed)
    return len(run) if mismatch is None else mismatch.index


def malformed(system: ProcessSystem, fixtures: Path) -> Iterator[Check]:
    """The ops for which there are malformed observations: what the adapter gives for them has to be well formed."""
    asked: set[Op] = set()
    for vector in read_vectors(fixtures / "wire" / "malformed.jsonl"):
        if "op" not in vector:
            continue
        op = decode_op(vector["op"])
        if op not in asked:
            asked.add(op)
            yield _well_formed(system, op)


def _well_formed(system: ProcessSystem, op: Op) -> Check:
    ops = (op,) if op.out else (*PIPE, op)
    what = f"a well-formed answer to {op_text(op)}"
    if fitted(ops, system.hello) != ops:
        return Check(MALFORMED_PART, what, Outcome.NOT_OFFERED)
    try:
        system.run_alone(ops)
    except SystemFailed as error:
        return failed(MALFORMED_PART, what, error.message, error.hint)
    return Check(MALFORMED_PART, what)
