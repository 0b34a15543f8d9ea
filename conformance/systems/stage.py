# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""A stage for a system that needs mounts: namespaces of its own, so that nothing stays when it ends, however it ends.

The kernel ends every process of a process namespace with its first one, and takes down the mounts of a mount namespace
with its last process. A daemon that serves a file system is one of these, so neither outlives the system.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

PRIVATE = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"),
    "setsid",
)
"""It goes with whoever started it, who may be killed while the setup is waiting for something.
A session of its own beside: the leader of another cannot be named from within (getsid(2))."""
HIDDEN = ("posix_openpt",)
"""What cannot be asked on a stage. The worker waits until threads of the kernel have moved what a terminal holds, and
these are in no process namespace but the first."""
_COMMAND = '"$@"'
_END = "exit $?"
"""The shell stays until its command has ended: it is the first process of the namespace, and reaps what is left."""


def staged(command: Sequence[str], setup: Sequence[Sequence[str]]) -> list[str]:
    """The command, run after each command of ``setup`` has succeeded. Without any there is no need of a stage."""
    if not setup:
        return list(command)
    lines = [f"{shlex.join(step)} </dev/null >&2" for step in setup]
    return [*PRIVATE, "sh", "-ec", "\n".join((*lines, _COMMAND, _END)), "sh", *command]
