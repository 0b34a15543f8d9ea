# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""User-mode Linux as a system: ``python -m conformance.systems.uml DIRECTORY tmpfs|hostfs`` speaks the protocol.

The kernel is a process of this machine, whose own files are the root of what runs in it (hostfs).
Programs get a tmpfs, or with ``hostfs`` a directory of this machine.
They are run by the C worker: in this kernel a process that is as large as Python takes long to fork.

What the kernel says goes nowhere, and its second console carries the conversation. A console whose reader falls behind
stops for good (``line_throttle`` in arch/um/drivers/line.c), so a message is put into a file, and the console says
which: that is a few bytes. Answers have no such bound, and reach whoever started this without a stop here.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from conformance.systems.native_calls.processes import die_with
from conformance.worker_bundle import c_worker_text

KERNEL = "linux.uml"
COMPILER = ("cc", "-O0", "-w")
INIT = Path(__file__).parent / "uml_guest" / "init.c"
FILESYSTEMS = ("tmpfs", "hostfs")
MEMORY_MB = 512
MEMORY_DIRECTORY = Path("/dev/shm")
STOP_S = 10.0
READ_BYTES = 2**20
_APART = ("unshare", "--pid", "--fork", "--kill-child")
"""The kernel and the processes that it makes of its own go together, however it ends."""


def build(directory: Path) -> None:
    """Make the first process and the worker of the kernel."""
    source = directory / "worker.c"
    source.write_text(c_worker_text())
    sources = {"init": INIT, "worker": source}
    compilers = [
        subprocess.Popen([*COMPILER, str(path), "-o", str(directory / name)], stdout=sys.stderr)
        for name, path in sources.items()
    ]
    if sum(compiler.wait() for compiler in compilers):
        raise SystemExit("the worker cannot be compiled")


def kernel_command(directory: Path, filesystem: str) -> list[str]:
    """The kernel, with its root on this machine's; all that it keeps is in the directory.

    What it does not know of its command line is the environment of its first process.
    """
    told = {
        "FDCONFORM_DIRECTORY": directory / "programs",
        "FDCONFORM_FILESYSTEM": filesystem,
        "FDCONFORM_WORKER": directory / "worker",
        "FDCONFORM_ERRORS": directory / "errors",
    }
    return [
        *(*_APART, KERNEL, f"mem={MEMORY_MB}M", "quiet", "rootfstype=hostfs", "rootflags=/", "rw"),
        *("con=null", "con1=fd:0,fd:1", f"uml_dir={directory}/", f"init={directory / 'init'}"),
        *[f"{name}={value}" for name, value in told.items()],
    ]


def memory_place(directory: Path) -> Path:
    """Where the kernel keeps its memory, in a file without a name: elsewhere than on a disk, if there is room."""
    if not MEMORY_DIRECTORY.is_dir() or os.statvfs(MEMORY_DIRECTORY).f_flag & os.ST_NOEXEC:
        return directory
    room = shutil.disk_usage(MEMORY_DIRECTORY).free
    return MEMORY_DIRECTORY if room >= MEMORY_MB * 2**20 else directory


def carry(source: int, kernel: subprocess.Popen[bytes], directory: Path) -> None:
    """Hand on messages, and the end of them, until there are no more, or the kernel has ended."""
    assert kernel.stdin is not None
    pending = bytearray()
    ended = os.pidfd_open(kernel.pid)
    poller = select.poll()
    for fd in (source, ended):
        poller.register(fd, select.POLLIN)
    carried = 0
    while ended not in dict(poller.poll()):
        part = os.read(source, READ_BYTES)
        if not part:
            kernel.stdin.write(b"\n")
            return
        *lines, rest = (pending + part).split(b"\n")
        pending = bytearray(rest)
        for line in lines:
            message = directory / f"message-{carried}"
            message.write_bytes(line + b"\n")
            kernel.stdin.write(b"%s\n" % os.fsencode(message))
            carried += 1


def main() -> None:
    """Speak on standard input and output."""
    directory, filesystem = Path(sys.argv[1]).resolve(), sys.argv[2]
    if filesystem not in FILESYSTEMS:
        raise SystemExit(f"expected one of {', '.join(FILESYSTEMS)}")
    if set(str(directory)) & set(' "\t\n'):
        raise SystemExit(f"the command line of a kernel cannot name {directory}: choose another with --dir")
    build(directory)
    (directory / "programs").mkdir()
    kernel = subprocess.Popen(
        kernel_command(directory, filesystem),
        bufsize=0,
        stdin=subprocess.PIPE,
        env={**os.environ, **dict.fromkeys(("TMP", "TEMP", "TMPDIR"), str(memory_place(directory)))},
        preexec_fn=partial(die_with, os.getpid()),
    )
    # Only the kernel holds standard output from here on: it ends with the kernel.
    os.dup2(2, 1)
    carry(0, kernel, directory)
    try:
        kernel.wait(STOP_S)
    except subprocess.TimeoutExpired:
        kernel.kill()
    said = directory / "errors"
    if said.exists():
        sys.stderr.write(said.read_text(errors="replace"))
    raise SystemExit(kernel.wait())


if __name__ == "__main__":
    main()
