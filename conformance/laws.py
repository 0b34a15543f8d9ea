# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The laws that hold a system against a model: which model, over which calls of the worker, for which programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from conformance.errors import ConformanceError
from conformance.interpreter import System
from conformance.kinds import HOST_KINDS, LINUX_KINDS
from conformance.subjects import Subject
from reference.host.caller import Caller
from reference.host.kernel import Host
from reference.linux.kernel import Linux
from reference.linux.profile import Profile


def caller_of(profile: Profile) -> Caller:
    """The caller of a sandbox in which programs of a profile run."""
    return Caller(profile.uid, profile.gid, profile.capable, profile.descriptors_max, profile.file_size_bytes_max)


def host_over_linux(profile: Profile) -> System:
    """The host model over the model of Linux: a pure prediction."""
    return cast(System, Host(cast(System, Linux(profile)), caller_of(profile)))


def linux(profile: Profile) -> System:
    """The model of Linux."""
    return cast(System, Linux(profile))


@dataclass(frozen=True, slots=True)
class Law:
    """A model and the system that it predicts, or two systems whose differences are explained.

    ``statement`` is how reports name the law, ``systems`` the two sides. ``make_model`` makes the model,
    ``native`` names the class of the worker's calls, ``kinds`` the kinds of programs that speak about it.
    ``beside`` names the class of calls that ``native`` is compared with; empty where the model alone is.
    ``subject`` is the system under test where that is not the kernel we run on;
    ``binary`` is the worker in C, where that makes the kernel's calls.
    """

    name: str
    statement: str
    systems: tuple[str, str]
    make_model: Callable[[Profile], System]
    native: str
    kinds: tuple[str, ...]
    beside: str = ""
    subject: Subject | None = None
    binary: Path | None = None

    def on(self, subject: Subject | None) -> Law:
        """The law about a system under test instead of the kernel. ConformanceError where it speaks of no other."""
        if subject is None:
            return self
        if self.name != subject.law:
            raise ConformanceError(
                f"the law {self.name!r} does not speak of {subject.name}", hint="leave --law out, or leave --on out"
            )
        model = self.systems[0]
        return replace(self, statement=f"{model} == {subject.name}", systems=(model, subject.name), subject=subject)


DEFAULT_LAW = "linux"
LAWS = {
    law.name: law
    for law in (
        Law(
            "linux",
            "linux == native",
            ("linux", "native"),
            linux,
            "conformance.systems.native:Native",
            LINUX_KINDS,
        ),
        Law(
            "host",
            "host(linux) == host(native)",
            ("host(linux)", "host(native)"),
            host_over_linux,
            "conformance.systems.host_native:HostNative",
            HOST_KINDS,
        ),
        Law(
            "differences",
            "host(native) differs from native as its clauses say, and only so",
            ("host(native)", "native"),
            host_over_linux,
            "conformance.systems.host_native:HostNative",
            HOST_KINDS,
            beside="conformance.systems.native:Native",
        ),
    )
}


def chosen_law(name: str | None, subject: Subject | None = None) -> Law:
    """The law of a name about a subject, or about the kernel; without a name, the one that predicts it."""
    return law_of(name or (subject.law if subject else DEFAULT_LAW)).on(subject)


def law_of(name: str) -> Law:
    """The law of a name. ConformanceError for a name that is none."""
    try:
        return LAWS[name]
    except KeyError:
        raise ConformanceError(f"unknown law {name!r}", hint=f"choose among {', '.join(LAWS)}") from None


def dismantle(model: System) -> None:
    """Break the cycles of a model that is no longer used.

    Every object of a model knows its kernel: without this each model would be left for the collector.
    """
    below = vars(model).get("kernel")
    vars(model).clear()
    if below is not None:
        vars(below).clear()
