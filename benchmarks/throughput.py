# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Throughput of the campaign path (generate, model, native, compare) beside a tight C loop doing the same calls.

    python benchmarks/throughput.py [--programs N] [--rounds N] [--seed S] [--kinds KIND ...]

Both are measured in one run, in turn, in processor time; the ratio is what holds on another machine.
The C loop asks for slaves through one call where the suite needs two, and leaves the attributes of inodes alone.
Kinds are those of the law ``linux``: programs that import have no C loop to be measured against.
Nothing here gates.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmarks.flatten import Flat
from conformance.environment import profile_for, working_base
from conformance.judging import Task
from conformance.kinds import LINUX_KINDS, RECIPES
from conformance.shard import Shard
from conformance.strategies.programs import seeded_program
from conformance.systems.native_worker import NativeWorker

SOURCE = Path(__file__).with_name("loop.c")
BATCH_PROGRAMS = 64


def main() -> None:
    """Measure every kind and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1024, help="programs of each kind in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", default="bench")
    parser.add_argument("--kinds", nargs="+", choices=LINUX_KINDS, default=LINUX_KINDS)
    options = parser.parse_args()
    base = working_base(None)
    head = f"{'kind':10} {'ops':>8} {'C ops/cpu-s':>12} {'campaign ops/cpu-s':>19} {'ratio':>6}"
    print(f"{head}   median of {options.rounds} rounds")
    with tempfile.TemporaryDirectory(dir=base) as scratch, NativeWorker(profile_for(base), base) as worker:
        loop = _build(Path(scratch))
        shard = Shard(worker)
        totals = [0.0, 0.0]
        for kind in options.kinds:
            ops, c_seconds, campaign_seconds = _measure(kind, options, Path(scratch), loop, shard)
            totals[0] += c_seconds / ops
            totals[1] += campaign_seconds / ops
            _row(kind, ops, c_seconds / ops, campaign_seconds / ops)
        _row("all kinds", 0, totals[0] / len(options.kinds), totals[1] / len(options.kinds))


def _row(kind: str, ops: int, c_seconds_per_op: float, campaign_seconds_per_op: float) -> None:
    ratio = c_seconds_per_op / campaign_seconds_per_op
    print(
        f"{kind:10} {ops or '':>8} {1 / c_seconds_per_op:>12,.0f} {1 / campaign_seconds_per_op:>19,.0f} {ratio:>6.2f}"
    )


def _build(scratch: Path) -> Path:
    loop = scratch / "loop"
    subprocess.run(["gcc", "-O2", "-rdynamic", "-o", loop, SOURCE, "-ldl"], check=True)
    return loop


def _measure(
    kind: str, options: argparse.Namespace, scratch: Path, loop: Path, shard: Shard
) -> tuple[int, float, float]:
    """Ops of a round, and the median processor seconds that each side needs for them."""
    profile = profile_for(scratch)
    tasks = [
        Task(index, kind, options.seed, profile, count=BATCH_PROGRAMS)
        for index in range(options.programs // BATCH_PROGRAMS)
    ]
    flat = Flat()
    for task in tasks:
        for number in range(task.count):
            flat.add(seeded_program(f"{task.seed}/{kind}/{task.index}/{number}", RECIPES[kind]).ops)
    image = scratch / f"{kind}.bin"
    image.write_bytes(flat.image())
    directory = scratch / kind
    directory.mkdir()
    c_seconds, campaign_seconds, ops = [], [], 0
    for _ in range(options.rounds):
        printed = subprocess.run([loop, image, directory], check=True, capture_output=True, text=True).stdout.split()
        c_seconds.append(float(printed[1]))
        results = [shard.run(task) for task in tasks]
        campaign_seconds.append(sum(result.cpu_seconds for result in results))
        ops = sum(result.ops for result in results)
    return ops, statistics.median(c_seconds), statistics.median(campaign_seconds)


if __name__ == "__main__":
    main()
