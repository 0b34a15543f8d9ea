# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Throughput of the campaign path (generate, model, native, compare) beside a tight C loop doing the same calls.

    python -m benchmarks.throughput [--programs N] [--rounds N] [--seed S] [--kinds KIND ...] [--workers WORKER ...]

Both are measured in one run, in turn, in processor time; the ratio is what holds on another machine.
Each native worker that is asked for gets a table of its own.
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
from conformance.collector import look_seldom
from conformance.environment import profile_for, working_base
from conformance.judging import Task
from conformance.kinds import LINUX_KINDS, RECIPES
from conformance.shard import Shard
from conformance.strategies.programs import seeded_program
from conformance.systems.c_binary import CHOICES, NativeChoice, chosen_worker
from conformance.systems.native_worker import NATIVE_CALLS
from conformance.systems.native_workers import native_worker

SOURCE = Path(__file__).with_name("loop.c")
BATCH_PROGRAMS = 64


def main() -> None:
    """Measure every kind and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1024, help="programs of each kind in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", default="bench")
    parser.add_argument("--kinds", nargs="+", choices=LINUX_KINDS, default=LINUX_KINDS)
    parser.add_argument("--workers", nargs="+", choices=CHOICES, default=["auto"], help="who runs programs natively")
    options = parser.parse_args()
    look_seldom()
    for choice in options.workers:
        _table(chosen_worker(choice), options)


def _table(worker: NativeChoice, options: argparse.Namespace) -> None:
    base = working_base(None)
    print(f"native worker: {worker.name}; median of {options.rounds} rounds")
    print(f"{'kind':10} {'ops':>8} {'C ops/cpu-s':>12} {'campaign ops/cpu-s':>19} {'ratio':>6}")
    with (
        tempfile.TemporaryDirectory(dir=base) as scratch,
        native_worker(NATIVE_CALLS, profile_for(base), base, worker.binary) as native,
    ):
        loop = _build(Path(scratch))
        shard = Shard(native)
        # A worker starts with its first batch, and that is not to be measured.
        shard.run(Task(0, options.kinds[0], options.seed, profile_for(base), count=1))
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
        f"{kind:10} {ops or '':>8} {1 / c_seconds_per_op:>12,.0f} {1 / campaign_seconds_per_op:>19,.0f} {ratio:>6.2f}",
        flush=True,
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
