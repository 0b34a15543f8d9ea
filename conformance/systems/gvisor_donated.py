# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors donated to gVisor: ``python -m conformance.systems.gvisor_donated DIRECTORY`` speaks the protocol.

One container runs for all programs. It is a child that dies with this process, and all that runs in it dies with it;
what it keeps on disk is in DIRECTORY, which belongs to whoever started this.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from conformance.donation import Imports, donated
from conformance.ops import SPECS, Op
from conformance.systems.donated import EXEC, LOST
from conformance.systems.native_calls.processes import PROCESS_CALLS, die_with
from conformance.systems.python_worker import MEMORY_OPS, PROTOCOL, Front, own_streams
from reference.constants.open_flags import O_APPEND, O_DSYNC, O_SYNC

RUNSC = "/usr/bin/runsc"
DONATED = "conformance.systems.donated:Donated"
STOP_S = 10.0
IMPORTS = Imports(readonly=0, owner=(0, 0), flags=None, savable=1)
"""How this version imports what a process is started with: always with a virtual owner, the user of the process."""
_LATER = frozenset(("fcntl(F_OFD_GETLK)", "fcntl(F_OFD_SETLK)", "fcntl(F_OFD_SETLKW)"))
"""What later versions offer: this one knows no locks of descriptions beside those of flock(2)."""
LOST_FLAGS = O_APPEND | O_DSYNC | O_SYNC
"""This version drops them before the host file is asked to open (kernfs/filesystem.go, OpenAt)."""
CALLER = {"file_size_bytes_max": 2**30}
"""The signal of a limit would end the process of the sandbox, so it has none: that of programs is out of the way."""
_OF_A_SESSION = frozenset(("ioctl(TIOCGPGRP)", "ioctl(TIOCSPGRP)"))
"""A terminal belongs to the session of the process that it was donated to, which only passes it on."""
_REFUSED_BY_US = frozenset(("ioctl(TIOCCONS)", "ioctl(TIOCSTI)", "ioctl(TIOCVHANGUP)"))
"""What the worker never asks of a kernel, and answers itself."""
NOT_OFFERED = _LATER | _OF_A_SESSION | _REFUSED_BY_US | PROCESS_CALLS | {"save", "restore", "setrlimit", *MEMORY_OPS}
_CAPABILITY_SETS = ("bounding", "effective", "permitted", "inheritable")
_CAPABILITIES = tuple(
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SYS_ADMIN SYS_RESOURCE".split()
)
"""What root may do on an ordinary machine, as far as it matters to descriptors."""
ROOM = "conformance.systems.room"
ROOM_NAME = "fdconform-room"
_SENDER = 'import _socket,sys;s=_socket.socket(1,1);s.connect("\\0"+sys.argv[1]);s.sendmsg([b"x"],[(1,1,bytes(4))])'
"""Passes on standard input, by numbers of Linux: the modules that know their names take long to import."""
_SENDING = [os.path.realpath(sys.executable), "-I", "-S", "-c", _SENDER, ROOM_NAME]


def runsc(directory: Path) -> list[str]:
    """The client, with its state in a directory."""
    return [
        *(RUNSC, "--rootless=false", "--network=none", "--ignore-cgroups", "--platform=ptrace"),
        *("--overlay2=root:memory", f"--root={directory / 'state'}"),
        # The sandbox runs as we do. As another user it would have to be given what is donated, and that would show.
        "--TESTONLY-unsafe-nonroot",
    ]


def bundle(directory: Path, command: list[str]) -> dict[str, Any]:
    """Describe a container in a directory, whose first process is a command; as what it describes it."""
    path = directory / "bundle"
    path.mkdir()
    subprocess.run([RUNSC, "spec", "--", *command], cwd=path, check=True)
    config: dict[str, Any] = json.loads((path / "config.json").read_text())
    config["root"] = {"path": "/", "readonly": False}
    process: dict[str, Any] = config["process"]
    process["terminal"] = False
    process["cwd"] = os.getcwd()
    process["env"] = [f"{name}={value}" for name, value in os.environ.items()]
    process["capabilities"] = {each: [f"CAP_{name}" for name in _CAPABILITIES] for each in _CAPABILITY_SETS}
    (path / "config.json").write_text(json.dumps(config))
    return process


class Container:
    """A container whose root is that of this machine, with what is written to it kept in memory.

    ``commands`` start a process in it. Use as a context manager.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # Containers of one name would share a control socket, wherever they keep their state.
        self._id = f"fdconform-{os.getpid()}"
        self._terminal = directory / "terminal.json"
        self._runsc = runsc(directory)

    @property
    def commands(self) -> dict[str, list[str]]:
        """What :data:`conformance.systems.donated.EXEC` asks for."""
        executing = [*self._runsc, "exec"]
        return {
            "room": [*executing, f"--cwd={os.getcwd()}", self._id, sys.executable, "-m", ROOM, ROOM_NAME],
            "plain": [*executing, self._id, *_SENDING],
            # Only the file of a process can say that its standard input is a terminal.
            "tty": [*executing, f"--process={self._terminal}", self._id],
        }

    def __enter__(self) -> Container:
        process = bundle(self._directory, ["/bin/sh", "-c", "echo ready; exec sleep infinity"])
        self._terminal.write_text(json.dumps({**process, "terminal": True, "args": _SENDING}))
        self._process = subprocess.Popen(
            [*self._runsc, "run", f"--bundle={self._directory / 'bundle'}", self._id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=partial(die_with, os.getpid()),
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the container did not start: exit status {self._process.wait()}")
        return self

    def __exit__(self, *unused: object) -> None:
        self._process.kill()
        self._process.wait()
        subprocess.run([*self._runsc, "delete", "--force", self._id], check=False, timeout=STOP_S, capture_output=True)


def _unfit(ops: tuple[Op, ...]) -> str:
    return "" if donated(ops, IMPORTS) == ops else "imports are made in one way only, and ops name one side only"


def _release() -> str:
    said = subprocess.run([RUNSC, "--version"], capture_output=True, text=True, check=True).stdout
    return said.partition("\n")[0].removeprefix("runsc version ").strip()


def hello(name: str, missing: Collection[str], imports: Imports) -> dict[str, Any]:
    """What is offered: all but some calls or ops."""
    offered = [spec.name for spec in SPECS if not {spec.call, spec.name} & set(missing)]
    return {
        "message": "hello",
        "protocol": PROTOCOL,
        "name": name,
        "version": _release(),
        "facts": CALLER,
        "capabilities": {"ops": offered, "imports": asdict(imports)},
    }


def main() -> None:
    """Speak on standard input and output; what else is written there goes to standard error."""
    front = Front(*own_streams(), DONATED, _unfit, CALLER)
    with Container(Path(sys.argv[1])) as container:
        os.environ[EXEC] = json.dumps(container.commands)
        os.environ[LOST] = str(LOST_FLAGS)
        front.serve(hello("gvisor-donated", NOT_OFFERED, IMPORTS))


if __name__ == "__main__":
    main()
