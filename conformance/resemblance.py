# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Which other Linux a system is like where it is not like the one that it is held to.

Three are compared: the model, this kernel, and the system. A difference that another kernel release, another file
system or another caller would make is said to be one: ``differs from Linux 6.18, equals Linux 6.1 to 6.10``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conformance.interpreter import System
from conformance.observation import Observation
from conformance.ops import Op
from conformance.oracle import allows, predict
from conformance.profiles import neighbours
from reference.linux.profile import Profile

Kernel = tuple[int, int]
MakeModel = Callable[[Profile], System]


@dataclass(frozen=True, slots=True)
class Resemblance:
    """The profiles beside one under which a model allows all that was observed, by what they differ in."""

    kernels: tuple[str, ...] = ()
    filesystems: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()

    def standing(self, profile: Profile) -> str:
        """As a report says it; empty when there are none."""
        sides = (
            (release_name(profile.kernel), self.kernels),
            (profile.filesystem.name, self.filesystems),
            ("root" if profile.capable else "a caller without capabilities", self.callers),
        )
        return "; ".join(f"differs from {one}, equals {', '.join(others)}" for one, others in sides if others)


def resembling(
    ops: Sequence[Op], observed: Sequence[Observation], profile: Profile, make_model: MakeModel
) -> Resemblance:
    """What a program gave, looked for among the neighbours of a profile."""
    kernels: list[Kernel] = []
    filesystems: list[str] = []
    callers: list[str] = []
    for name, other in neighbours(profile):
        if not all(map(allows, predict(ops, make_model(other), observed), observed)):
            continue
        if other.kernel != profile.kernel:
            kernels.append(other.kernel)
        else:
            (filesystems if other.filesystem != profile.filesystem else callers).append(name)
    return Resemblance(_spans(sorted(kernels)), tuple(filesystems), tuple(callers))


def _spans(kernels: Sequence[Kernel]) -> tuple[str, ...]:
    """Releases by name, those that follow each other as one: ``Linux 6.1 to 6.10``."""
    spans: list[list[Kernel]] = []
    for kernel in kernels:
        if spans and spans[-1][-1] == (kernel[0], kernel[1] - 1):
            spans[-1].append(kernel)
        else:
            spans.append([kernel])
    return tuple(
        release_name(span[0]) + (f" to {span[-1][0]}.{span[-1][1]}" if len(span) > 1 else "") for span in spans
    )


def release_name(kernel: Kernel) -> str:
    """A release as reports name it: ``Linux 6.18``."""
    return f"Linux {kernel[0]}.{kernel[1]}"


def standing_of_release(theirs: Kernel, ours: Kernel, *, same: bool) -> str:
    """How a report says that a system is as its own release is; ``same``: this kernel is so as well."""
    if same:
        return f"equals {release_name(theirs)}; so does this kernel, which is {release_name(ours)}: suspect the rule"
    return f"differs from {release_name(ours)}, equals {release_name(theirs)}"
