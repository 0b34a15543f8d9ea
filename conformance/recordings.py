# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings: traces of one system, in a file or below a directory, that are asked in its stead.

What a recording knows is what was recorded: its programs, and their beginnings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.errors import BadTrace
from conformance.golden import TRACE_SUFFIX, read_golden
from conformance.judging import NamedProgram
from conformance.observation import Observation
from conformance.ops import Op
from conformance.program import Trace
from reference.linux.profile import Profile

RECORD_AGAIN = "record it again: fdconform record"


@dataclass(frozen=True, slots=True)
class Recording:
    """Traces by their names, and the profile that all of them were recorded under."""

    traces: Mapping[str, Trace]
    profile: Profile

    @property
    def programs(self) -> tuple[NamedProgram, ...]:
        """The programs, each by the name of its trace."""
        return tuple((name, trace.program.ops) for name, trace in self.traces.items())

    def answer(self, ops: tuple[Op, ...]) -> tuple[Observation, ...] | None:
        """What the ops gave in a program that begins with them; None when none does."""
        for trace in self.traces.values():
            if trace.program.ops[: len(ops)] == ops:
                return trace.observations[: len(ops)]
        return None


def read_recording(path: Path) -> Recording:
    """The recording in a trace, or in all traces below a directory.

    BadTrace, which names the file, for one that is cut short or no trace, for traces of more than one machine,
    and for two that do not agree on what a program gave.
    """
    files = sorted(path.rglob(f"*{TRACE_SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise BadTrace("holds no trace", where=str(path), hint=f"name a directory with files *{TRACE_SUFFIX}")
    traces: dict[str, Trace] = {}
    profiles: dict[Profile, str] = {}
    for file in files:
        try:
            traces[str(file)], profile = read_golden(file)
        except (OSError, UnicodeDecodeError) as error:
            raise BadTrace(f"cannot be read: {error}", where=str(file), hint=RECORD_AGAIN) from None
        profiles.setdefault(profile, str(file))
    if len(profiles) > 1:
        one, other, *_ = profiles.values()
        raise BadTrace(
            f"was recorded elsewhere than {one}: kernel, file system or user differ",
            where=other,
            hint="name the directory of one profile",
        )
    _check_agreement(traces)
    return Recording(traces, next(iter(profiles)))


def _check_agreement(traces: Mapping[str, Trace]) -> None:
    """A recording that says two things of one program lies about one of them."""
    known: dict[tuple[Op, ...], str] = {}
    for name, trace in traces.items():
        first = known.setdefault(trace.program.ops, name)
        if traces[first].observations != trace.observations:
            raise BadTrace(f"says of its program something else than {first}", where=name, hint="take one of them out")
