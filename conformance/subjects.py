# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What a campaign puts to the test beside the kernel we run on: a command that speaks the wire protocol."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conformance.donation import donated
from conformance.errors import ConformanceError
from conformance.ops import Op, slots_read, spec_of
from conformance.wire.messages import Hello
from reference.linux.profile import FILESYSTEMS, TMPFS, Profile

PROCESS = "process:"
DIRECTORY = "dir:"
ATTACHED = "attached:"
RECORDED = "recorded:"
DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A system under test: what reports call it, how it is started, and how long it may take, in seconds.

    ``deadline_s`` is for one program; a kernel has to boot before it says hello.
    ``filesystem`` names the model's file system that comes nearest to its own, where it does not say so itself,
    and ``freedoms`` what it makes of the freedom that file systems have, where that is something else;
    ``release`` and ``issues`` are what a report says of it, beside what it says of itself.
    ``law`` names the law whose model predicts it.
    ``setup`` holds commands that come before it, ``base`` where it gets its directory when that is part of the test,
    ``kinds`` the kinds of programs that say something about it (empty: all), ``on`` what ``--on`` called it.
    ``socket`` is where a system listens that its user started, and which is never ended: it has no command.
    ``kernel`` is the release that predicts it whatever it says itself,
    ``recording`` the traces that it answers from: they are all the programs that it knows.
    """

    name: str
    command: tuple[str, ...]
    deadline_s: float = DEADLINE_S
    hello_s: float = 60.0
    bye_s: float = 10.0
    filesystem: str = ""
    freedoms: tuple[tuple[str, Any], ...] = ()
    release: str = ""
    issues: str = ""
    law: str = "linux"
    setup: tuple[tuple[str, ...], ...] = ()
    base: Path | None = None
    kinds: tuple[str, ...] = ()
    on: str = ""
    socket: Path | None = None
    kernel: tuple[int, int] | None = None
    recording: Path | None = None

    @property
    def is_named(self) -> bool:
        """Whether there can be a file with what is known of it."""
        return not self.name.startswith((PROCESS, ATTACHED, RECORDED))


def subject_of_command(on: str, deadline_s: float = DEADLINE_S) -> Subject:
    """The subject of process:COMMAND. ConformanceError when that is no command."""
    try:
        command = tuple(shlex.split(on.removeprefix(PROCESS)))
    except ValueError as error:
        raise ConformanceError(f"not a command: {error}", where=on, hint="quote it as for a shell") from None
    if not command:
        raise ConformanceError("names no command", where=on, hint='for example --on "process:python3 worker.py"')
    return Subject(on, command, deadline_s, on=on)


def subject_of_socket(on: str, deadline_s: float = DEADLINE_S) -> Subject:
    """The subject of attached:SOCKET. ConformanceError when that is no socket."""
    path = Path(on.removeprefix(ATTACHED))
    if not path.is_socket():
        raise ConformanceError(
            "names no socket", where=on, hint="start the system first, and have it listen on a Unix socket of that name"
        )
    return Subject(f"{ATTACHED}{path.name}", (), deadline_s, on=on, socket=path.resolve())


def subject_of_recording(on: str, deadline_s: float = DEADLINE_S) -> Subject:
    """The subject of recorded:PATH, a trace or a directory of them. ConformanceError when there is nothing there."""
    path = Path(on.removeprefix(RECORDED))
    if not path.exists():
        raise ConformanceError(
            "names no recording", where=on, hint=f"for example --on {RECORDED}fixtures/golden/linux-6.18-ext4-root"
        )
    command = (sys.executable, "-m", "conformance.systems.recorded", str(path))
    return Subject(f"{RECORDED}{path.name}", command, deadline_s, on=on, recording=path)


def profile_of(subject: Subject, hello: Hello, native: Profile) -> Profile:
    """What the model predicts a system by: what it says of itself, and for the rest what this machine is like.

    A file system that the model does not know is held against tmpfs, which has the fewest rules of its own.
    """
    facts = hello.facts
    told = {
        name: value
        for name in facts.__struct_fields__
        if name != "filesystem" and (value := getattr(facts, name)) is not None
    }
    if subject.kernel is not None:
        told["kernel"] = subject.kernel
    filesystem = subject.filesystem or facts.filesystem
    if filesystem is not None:
        told["filesystem"] = replace(FILESYSTEMS.get(filesystem, TMPFS), **dict(subject.freedoms))
    return replace(native, **told)


def describe_subject(subject: Subject, hello: Hello, profile: Profile) -> dict[str, str]:
    """The environment of a system as a report shows it."""
    return {
        "system": subject.release or f"{hello.name} {hello.version}",
        **({"issues": subject.issues or hello.issues} if subject.issues or hello.issues else {}),
        "predicted as": f"Linux {release_text(profile.kernel)}",
        "filesystem": f"{hello.facts.filesystem or 'not told'} (model: {profile.filesystem.name})",
        "user": f"uid {profile.uid}{'' if profile.capable else ', without capabilities'}",
        **{f"system's {name}": text for name, text in hello.environment.items()},
    }


def release_text(kernel: tuple[int, int]) -> str:
    """A kernel release as it is written: ``6.18``."""
    return f"{kernel[0]}.{kernel[1]}"


def fitted(ops: Sequence[Op], hello: Hello) -> tuple[Op, ...]:
    """The program without what the system says it does not offer."""
    offered, imports = hello.capabilities.ops, hello.capabilities.imports
    left = tuple(ops)
    if offered is not None:
        known = frozenset(offered)
        left = kept(left, [spec_of(op).name in known for op in left])
    return left if imports is None else donated(left, imports)


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
