# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks the known divergences of gVisor again, without the suite: ``python tests/gvisor/recheck.py [HOW_MANY]``.

The reduced program of each bucket becomes the script that ``fdconform show BUCKET --as python`` prints, which needs
nothing but a Python. It runs on the kernel of this machine, where it has to end in 0, and inside ``runsc do``, where it
has to end in 1: then the divergence is gVisor's, and no artefact of how programs are run here. The first bucket of each
op comes first. All that runs inside gVisor does so in one start of it. It ends in 1 when a script did not say so.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from conformance.environment import profile_for
from conformance.expectations import Waiver, load_expectations
from conformance.laws import linux
from conformance.observation import outcome_name
from conformance.oracle import predict
from conformance.program import Program, Trace
from conformance.reproducers.case import Case, case_of_trace
from conformance.reproducers.python_script import python_text
from conformance.systems.native_worker import NativeWorker

ROOT = Path(__file__).parents[2]
WAIVERS = ROOT / "fixtures" / "expectations" / "gvisor.toml"
MEMORY = Path("/dev/shm")
"""The waivers are against the model of a file system in memory, so the kernel of this machine is asked on one."""
RUNSC = ("runsc", "--rootless=false", "--network=none", "--ignore-cgroups", "--platform=ptrace")
LOOP = 'for script in "$1"/*.py; do "$0" -I "$script" >/dev/null 2>&1; echo "$(basename "$script" .py) $?"; done'
DEADLINE_S = 3600
HEADER = """\
# Each known divergence of gVisor's own objects that has a reduced program, checked by a script outside the suite:
# how it ended on the kernel of this machine, where 0 says that all is as Linux has it, and inside `runsc do`, where 1
# says that the divergence is present.
# Written by `python tests/gvisor/recheck.py > reports/gvisor-rechecked.txt`.
# {release}; of {buckets} buckets of {ops} ops: {present} present in gVisor and absent on Linux, {other} otherwise,
# {unasked} not asked, where the kernel is free to choose, or this machine is not allowed what would show it.
# A reduced program has {median:g} ops in the median, and {most} at most.
"""


def by_op(waivers: Sequence[Waiver]) -> Iterator[Waiver]:
    """The buckets among some waivers, the first of each op before the second of any."""
    place: dict[str, int] = {}
    ranked = [(place.setdefault(each.op, 0), place.update({each.op: place[each.op] + 1}), each) for each in waivers]
    yield from (each for *_, each in sorted(ranked, key=lambda one: one[0]))


def cases_of(waivers: Sequence[Waiver], base: Path) -> Iterator[Case | None]:
    """What the model allows of the program of each; None where that is not one thing, or is gVisor's here."""
    profile = profile_for(base, None)
    with NativeWorker(profile, base) as worker:
        for waiver in waivers:
            model = linux(profile)
            predicted = predict(waiver.ops, model, worker.run_alone(waiver.ops))
            trace = Trace(Program(waiver.ops), tuple(predicted), (("uid", str(profile.uid)),))
            elsewhere = bool(model.choices.made) or waiver.predicted != outcome_name(predicted[-1]) == waiver.observed
            yield None if elsewhere else replace(case_of_trace(trace, waiver.title), bucket=waiver.bucket)


def ended(command: Sequence[str], home: Path, base: Path | None) -> dict[str, str]:
    """The exit status of each script, by its bucket. Programs of the kernel of this machine get directories in base.

    Standard input is a pipe: runsc gives its standard streams to the user of its sandbox, and /dev/null is everybody's.
    """
    told = {} if base is None else {"FDCONFORM_DIR": str(base)}
    done = subprocess.run(
        [*command, "/bin/sh", "-c", LOOP, os.path.realpath(sys.executable), str(home)],
        env={**os.environ, **told},
        # runsc gives the streams that it is started with to the user of its sandbox: /dev/null is not ours to give.
        input="",
        capture_output=True,
        timeout=DEADLINE_S,
        check=True,
        text=True,
    )
    return dict(line.split() for line in done.stdout.splitlines())


def release() -> str:
    """The first line of what runsc says of itself."""
    done = subprocess.run([RUNSC[0], "--version"], capture_output=True, text=True, check=True)
    return done.stdout.partition("\n")[0]


def main(how_many: int | None) -> int:
    """Write the report; 1 when it has a bucket that is not as it should be."""
    waivers = list(by_op([each for each in load_expectations(WAIVERS).waivers if each.bucket]))[:how_many]
    with tempfile.TemporaryDirectory(dir=MEMORY) as base, tempfile.TemporaryDirectory() as home:
        asked = list(cases_of(waivers, Path(base)))
        for case in asked:
            if case is not None:
                Path(home, f"{case.bucket}.py").write_text(python_text(case), encoding="utf-8")
        native = ended([], Path(home), Path(base))
        with tempfile.TemporaryDirectory() as state:
            gvisor = ended([*RUNSC, f"--root={state}", "do"], Path(home), None)
    rows, present = [], 0
    for waiver, case in zip(waivers, asked, strict=True):
        verdict = "not asked" if case is None else f"{native[case.bucket]} {gvisor[case.bucket]}"
        present += verdict == "0 1"
        rows.append(f"{waiver.bucket}  {verdict:9}  {len(waiver.ops):2} ops  {waiver.title}")
    sizes = [len(waiver.ops) for waiver in waivers]
    unasked = asked.count(None)
    heading = HEADER.format(
        release=release(),
        buckets=len(waivers),
        ops=len({waiver.op for waiver in waivers}),
        present=present,
        other=len(waivers) - present - unasked,
        unasked=unasked,
        median=statistics.median(sizes),
        most=max(sizes),
    )
    print(heading + "\n".join(rows))
    return int(present + unasked < len(waivers))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else None))
