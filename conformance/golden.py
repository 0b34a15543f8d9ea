# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Golden traces: what a real kernel gave for the stored programs.

They are kept so that the model can be worked on where no Linux is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance.corpus import load
from conformance.environment import profile_name
from conformance.errors import BadTrace
from conformance.grammar import read_trace, trace_text
from conformance.program import Program, Trace
from conformance.systems.native_worker import NativeWorker
from conformance.undecided import canonical
from reference.linux.kernel import Linux
from reference.linux.profile import FILESYSTEMS, Profile

TRACE_SUFFIX = ".trace"
LIMITS = (
    "pipe_size_bytes_max",
    "socket_buffer_bytes_default",
    "socket_buffer_bytes_max",
    "datagram_queue_max",
    "listen_backlog_max",
    "timer_ticks_per_second",
)
"""What a machine is set up with, as far as programs see it."""


def stored_programs(fixtures: Path) -> Iterator[tuple[Path, Program]]:
    """Regressions first, then the fixture programs, each with its path below ``fixtures``."""
    for folder in ("regressions", "programs"):
        for stored in load(fixtures / folder):
            yield stored.path.relative_to(fixtures), stored.program


def record(program: Program, worker: NativeWorker, profile: Profile) -> Trace:
    """What the running kernel gives for a program, alone in a process of its own; a stand-in for what nothing decides.

    So a trace that is recorded again is the same, unless the kernel is another.
    """
    observed = canonical(program.ops, lambda: Linux(profile), worker.run_alone(program.ops))
    return Trace(program, tuple(observed), tuple(environment_of(profile).items()))


def environment_of(profile: Profile) -> dict[str, str]:
    """What a trace says of the machine it was recorded on: limits only where they are not what they mostly are."""
    usual = Profile()
    return {
        "kernel": f"{profile.kernel[0]}.{profile.kernel[1]}",
        "filesystem": profile.filesystem.name,
        "uid": str(profile.uid),
        "gid": str(profile.gid),
        **{name: str(getattr(profile, name)) for name in LIMITS if getattr(profile, name) != getattr(usual, name)},
    }


def write_golden(fixtures: Path, worker: NativeWorker, profile: Profile) -> Iterator[Path]:
    """Record every fixture program under ``golden/<profile>/``; yields each file written."""
    for path, program in stored_programs(fixtures):
        if path.parts[0] != "programs":
            continue
        target = fixtures / "golden" / profile_name(profile) / path.relative_to("programs").with_suffix(TRACE_SUFFIX)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(trace_text(record(program, worker, profile)))
        yield target


def read_golden(path: Path) -> tuple[Trace, Profile]:
    """A golden trace, with the profile it was recorded under. BadTrace when its environment is incomplete."""
    trace = read_trace(path.read_text(), str(path))
    named = dict(trace.environment)
    try:
        major, minor = named["kernel"].split(".")
        uid = int(named["uid"])
        profile = Profile(
            kernel=(int(major), int(minor)),
            filesystem=FILESYSTEMS[named["filesystem"]],
            uid=uid,
            gid=int(named["gid"]),
            capable=uid == 0,
        )
        limits: dict[str, Any] = {name: int(named[name]) for name in LIMITS if name in named}
        profile = replace(profile, **limits)
    except (KeyError, ValueError) as error:
        raise BadTrace(f"the environment is incomplete: {error}", where=str(path), hint="record it again") from None
    return trace, profile
