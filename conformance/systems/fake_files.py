# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Speaks the wire protocol for pyfakefs: the functions of its module ``os``, on a file system in memory.

All is in one process, where nothing can be interrupted: only what touches files is offered.
"""

from __future__ import annotations

import json
import os
import resource
import time
from importlib import import_module
from importlib.metadata import version
from typing import Any, cast

from conformance.interpreter import Unreachable, execute
from conformance.ops import SPECS
from conformance.systems.python_worker import PROTOCOL, own_streams
from conformance.wire.codec import decode_op, encode_observation
from reference.constants.limits import UINT_MAX
from reference.outcomes import Choices
from reference.structures import NOW, Stat

HOME = "/program"
MEMORY_BYTES_MAX = 2**30
"""A file of terabytes is to be an error, and not the end of the machine."""
RETURN_NOTHING = frozenset("close ftruncate fsync fdatasync fchmod unlink link symlink mkdir".split())
"""What gives 0 in Linux gives None in Python."""
OFFERED = ("open", "dup", "dup2", "read", "write", "lseek", "fstat", *sorted(RETURN_NOTHING))
DESCRIPTORS_MAX = 4096
BLOCK_BYTES = 4096
"""The one field of a structure that pyfakefs does not tell: what its model would say."""


class FakeCalls:
    """The calls of one program, made of pyfakefs's ``os`` on a file system of its own."""

    def __init__(self, umask: int) -> None:
        self.signals: list[int] = []
        self.choices = Choices()
        self.cited: list[str] = []
        # Its devices are made with it: their times are of the program too, and the same in every report.
        self._started_ns = time.time_ns()
        filesystem: Any = import_module("pyfakefs.fake_filesystem").FakeFilesystem()
        filesystem.create_dir(HOME)
        filesystem.cwd = HOME
        filesystem.umask = umask
        self._os: Any = import_module("pyfakefs.fake_os").FakeOsModule(filesystem)

    def __getattr__(self, call: str) -> Any:
        """The function of ``os`` that has the name of a call, and its arguments."""
        function = getattr(self._os, call)

        def called(*arguments: Any) -> Any:
            try:
                value = function(*arguments)
            except NotImplementedError as limit:
                raise Unreachable(str(limit)) from None
            if value is None and call not in RETURN_NOTHING:
                raise TypeError("it returns None")
            return 0 if value is None else value

        return called

    def dup2(self, fd: int, newfd: int) -> int:
        """It has a list of descriptors that grows up to the number: that of the greatest would fill the machine."""
        if newfd > DESCRIPTORS_MAX:
            raise Unreachable("its list of descriptors would grow up to that number")
        made: int = self._os.dup2(fd, newfd)
        return made

    def mkdir(self, path: str, mode: int) -> int:
        """A mode is unsigned in C, and in Python too."""
        self._os.mkdir(path, mode & UINT_MAX)
        return 0

    def fstat(self, fd: int) -> Stat:
        """What its result has of a structure."""
        told = self._os.fstat(fd)
        times = [told.st_atime_ns, told.st_mtime_ns, told.st_ctime_ns]
        return Stat(
            *(told.st_mode, told.st_nlink, told.st_uid, told.st_gid, told.st_size, BLOCK_BYTES, told.st_blocks),
            *[NOW if at >= self._started_ns else at for at in times],
        )


def _say(target: int, message: dict[str, Any]) -> None:
    view = memoryview(json.dumps(message).encode() + b"\n")
    while view:
        view = view[os.write(target, view) :]


def _hello() -> dict[str, Any]:
    known = {spec.name for spec in SPECS}
    return {
        "message": "hello",
        "protocol": PROTOCOL,
        "name": "pyfakefs",
        "version": version("pyfakefs"),
        "capabilities": {"ops": [name for name in OFFERED if name in known]},
        "facts": {"filesystem": "tmpfs", "uid": os.getuid(), "gid": os.getgid(), "capable": os.getuid() == 0},
    }


def _observed(program: dict[str, Any], umask: int) -> dict[str, Any]:
    ops = tuple(map(decode_op, program["ops"]))
    seen = execute(ops, cast(Any, FakeCalls(umask)))
    observations = [encode_observation(op, each) for op, each in zip(ops, seen, strict=True)]
    return {"message": "observed", "program": program["id"], "observations": observations}


def main() -> None:
    """Speak on standard input and output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX,) * 2)
    source, target = own_streams()
    answered = 0
    _say(target, _hello())
    with os.fdopen(source, "rb") as lines:
        for line in lines:
            message = json.loads(line)
            if message["message"] == "bye":
                _say(target, {"message": "bye", "programs": answered})
                return
            for program in message["programs"]:
                _say(target, _observed(program, message["caller"]["umask"]))
                answered += 1


if __name__ == "__main__":
    main()
