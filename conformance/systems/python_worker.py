# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Speaks the wire protocol for the kernel that it stands on: the program that is sent into another system.

``fdconform worker --emit python`` makes one file of this and of all it needs, for Python 3.8 and the standard library.
The same worker process as on our own machine runs the programs, and the same parent watches it,
so that here and there nothing but the kernel differs.
"""

from __future__ import annotations

import json
import os
import platform
import select
import socket
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.environment import (
    CAP_SYS_RESOURCE,
    filesystem_of,
    has_capability,
    kernel_release,
    timer_ticks_per_second,
)
from conformance.observation import NotOffered, Observation
from conformance.ops import SPECS, Op
from conformance.systems.apart import adopt_orphans
from conformance.systems.native_calls.libc import LIBC
from conformance.systems.native_calls.processes import PROCESS_CALLS
from conformance.systems.native_worker import NATIVE_CALLS, NativeWorker
from conformance.wire.codec import decode_op, encode_observation
from reference.linux.profile import Profile

PROTOCOL = 1
Unfit = Callable[[tuple[Op, ...]], str]
"""Why a program is not run; empty where it is."""
MEMORY_OPS = ("load", "store")
COLLECTED_MS = 500
LIMITS = {
    "pipe_size_bytes_max": "/proc/sys/fs/pipe-max-size",
    "datagram_queue_max": "/proc/sys/net/unix/max_dgram_qlen",
    "listen_backlog_max": "/proc/sys/net/core/somaxconn",
    "socket_buffer_bytes_default": "/proc/sys/net/core/wmem_default",
    "socket_buffer_bytes_max": "/proc/sys/net/core/wmem_max",
}


def _directory() -> Path:
    """Where programs get their directory."""
    return Path(os.environ.get("FDCONFORM_DIRECTORY", "."))


def _number_in(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None


def _filesystem() -> str | None:
    try:
        return filesystem_of(_directory())
    except OSError:
        return None


def _kernel() -> tuple[int, int] | None:
    try:
        return kernel_release()
    except ValueError:
        return None


def _facts() -> dict[str, Any]:
    """What this machine says of itself; what it does not tell is left out."""
    facts: dict[str, Any] = {name: _number_in(path) for name, path in LIMITS.items()}
    facts["kernel"], facts["filesystem"] = _kernel(), _filesystem()
    facts["timer_ticks_per_second"] = timer_ticks_per_second()
    facts["uid"], facts["gid"] = os.getuid(), os.getgid()
    facts["capable"] = os.getuid() == 0
    try:
        facts["resource_capable"] = os.getuid() == 0 and has_capability(CAP_SYS_RESOURCE)
    except (OSError, IndexError):
        facts["resource_capable"] = False
    return {name: value for name, value in facts.items() if value is not None}


def _adopts_orphans() -> bool:
    """Whether a process can become the reaper of its orphans, which clearing up behind a program of processes needs."""
    child = os.fork()
    if child == 0:
        os._exit(0 if adopt_orphans() == 0 else 1)
    return os.waitpid(child, 0)[1] == 0


def _collects_rings() -> bool:
    """Whether the kernel lets go of sockets that wait in each other's queues. What is left behind would never go."""
    one, other = socket.socketpair()
    reader, writer = os.pipe()
    other.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [one.fileno(), writer]))])
    os.close(writer)
    one.close()
    other.close()
    gone = select.poll()
    gone.register(reader, 0)
    collected = bool(gone.poll(COLLECTED_MS))
    os.close(reader)
    return collected


def _offered() -> list[str]:
    """The ops that can be run here: some have no call of their own, and are made of others that a kernel may lack."""
    nothing = (os.getpid(), None, 0, None, 0, 0)
    missing: set[str] = set()
    if min(LIBC.process_vm_readv(*nothing), LIBC.process_vm_writev(*nothing)) != 0:
        missing.update(MEMORY_OPS)
    if not _adopts_orphans():
        missing.update(PROCESS_CALLS)
    if not _collects_rings():
        missing.add("sendmsg")
    return [spec.name for spec in SPECS if spec.name not in missing]


def _hello() -> dict[str, Any]:
    return {
        "message": "hello",
        "protocol": PROTOCOL,
        "name": "python-worker",
        "version": f"{platform.system()} {platform.release()}",
        "capabilities": {"ops": _offered()},
        "facts": _facts(),
        "environment": {
            "kernel": f"{platform.release()} {platform.version()}",
            "machine": platform.machine(),
            "python": platform.python_version(),
        },
    }


class Front:
    """The side that speaks: reads messages from ``source``, a descriptor, and writes to another.

    ``system`` names the class of the calls that programs make; ``unfit`` says which programs are not run;
    ``caller`` is what programs run under whatever the harness says.
    """

    def __init__(
        self,
        source: int,
        target: int,
        system: str = NATIVE_CALLS,
        unfit: Unfit | None = None,
        caller: dict[str, int] | None = None,
    ) -> None:
        self._source = os.fdopen(source, "rb")
        self._target = target
        self._unfit = unfit
        self._caller = caller or {}
        self._worker = NativeWorker(Profile(uid=os.getuid(), gid=os.getgid()), _directory(), system, "")
        self._called = False
        self._answered = 0

    def serve(self, hello: dict[str, Any]) -> None:
        """Until the harness says bye, or goes away."""
        try:
            # Where all is slow, the process of the programs takes long to start: none of them is to be late for that.
            self._worker.start()
            self._say(hello)
            for line in self._source:
                message = json.loads(line)
                if message["message"] == "bye":
                    self._say({"message": "bye", "programs": self._answered})
                    return
                self._run(message)
        finally:
            self._worker.close()

    def _say(self, message: dict[str, Any]) -> None:
        view = memoryview(json.dumps(message).encode() + b"\n")
        while view:
            view = view[os.write(self._target, view) :]

    def _run(self, message: dict[str, Any]) -> None:
        programs = [(program["id"], tuple(map(decode_op, program["ops"]))) for program in message["programs"]]
        if not self._called:
            profile = Profile(uid=os.getuid(), gid=os.getgid(), **{**message["caller"], **self._caller})
            self._worker.serve_under(profile, message["deadline_s"])
            self._called = True
        observe = self._worker.run_alone if message["alone"] else self._worker.run_one
        for name, ops in programs:
            refusal = self._unfit(ops) if self._unfit else ""
            self._answer(name, ops, [NotOffered(refusal)] * len(ops) if refusal else observe(ops))

    def _answer(self, name: str, ops: tuple[Op, ...], observed: list[Observation]) -> None:
        observations = [encode_observation(op, seen) for op, seen in zip(ops, observed)]  # noqa: B905
        self._answered += 1
        self._say({"message": "observed", "program": name, "observations": observations})


def own_streams() -> tuple[int, int]:
    """Standard input and output under other numbers; what else is written there goes to standard error."""
    source, target = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    sys.stdout.flush()
    return source, target


def main() -> None:
    """Speak on standard input and output."""
    Front(*own_streams()).serve(_hello())


if __name__ == "__main__":
    main()
