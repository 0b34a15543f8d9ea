# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a campaign puts to the test beside the kernel we run on: a command that speaks the wire protocol."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conformance.errors import ConformanceError
from conformance.ops import Op, slots_read, spec_of
from conformance.wire.messages import Hello
from reference.linux.profile import FILESYSTEMS, TMPFS, Profile

PROCESS = "process:"


@dataclass(frozen=True, slots=True)
class Subject:
    """A system under test: what reports call it, how it is started, and how long it may take, in seconds.

    ``deadline_s`` is for one program; a kernel has to boot before it says hello.
    """

    name: str
    command: tuple[str, ...]
    deadline_s: float = 10.0
    hello_s: float = 60.0
    bye_s: float = 10.0


def subject_of(on: str, deadline_s: float = 10.0) -> Subject | None:
    """The subject that ``--on`` names: None for the kernel we run on. ConformanceError for a name that is none."""
    if on == "native":
        return None
    if not on.startswith(PROCESS):
        raise ConformanceError(f"unknown system {on!r}", hint="`fdconform systems` lists what there is")
    try:
        command = tuple(shlex.split(on.removeprefix(PROCESS)))
    except ValueError as error:
        raise ConformanceError(f"not a command: {error}", where=on, hint="quote it as for a shell") from None
    if not command:
        raise ConformanceError("names no command", where=on, hint='for example --on "process:python3 worker.py"')
    return Subject(on, command, deadline_s)


def profile_of(hello: Hello, native: Profile) -> Profile:
    """What the model predicts a system by: what it says of itself, and for the rest what this machine is like.

    A file system that the model does not know is held against tmpfs, which has the fewest rules of its own.
    """
    facts = hello.facts
    told = {
        name: value
        for name in facts.__struct_fields__
        if name != "filesystem" and (value := getattr(facts, name)) is not None
    }
    if facts.filesystem is not None:
        told["filesystem"] = FILESYSTEMS.get(facts.filesystem, TMPFS)
    return replace(native, **told)


def describe_subject(hello: Hello, profile: Profile) -> dict[str, str]:
    """The environment of a system as a report shows it."""
    return {
        "system": f"{hello.name} {hello.version}",
        **({"issues": hello.issues} if hello.issues else {}),
        "filesystem": f"{hello.facts.filesystem or 'not told'} (model: {profile.filesystem.name})",
        "user": f"uid {profile.uid}{'' if profile.capable else ', without capabilities'}",
        **{f"system's {name}": text for name, text in hello.environment.items()},
    }


def fitted(ops: Sequence[Op], hello: Hello) -> tuple[Op, ...]:
    """The program without what the system says it does not offer."""
    offered = hello.capabilities.ops
    if offered is None:
        return tuple(ops)
    known = frozenset(offered)
    return kept(ops, [spec_of(op).name in known for op in ops])


def kept(ops: Sequence[Op], wanted: Sequence[bool]) -> tuple[Op, ...]:
    """The program without the ops that are not wanted, and without those that name a slot which is then never made."""
    gone: set[str] = set()
    left: list[Op] = []
    for op, keep in zip(ops, wanted, strict=True):
        if keep and gone.isdisjoint(slots_read(op)):
            left.append(op)
            gone.difference_update(op.out)
        else:
            gone.update(op.out)
    return tuple(left)
