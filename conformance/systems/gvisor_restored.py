# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""gVisor saved and restored in the middle of a program: ``python -m conformance.systems.gvisor_restored DIRECTORY``.

Each program has a container of its own, which is started with the descriptor that is donated. ``runsc checkpoint``
writes its image and ends it, and ``runsc restore`` makes another of the image, with the same descriptors.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from conformance.donation import donated
from conformance.ops import Op
from conformance.systems.donated import EXEC, LOST
from conformance.systems.gvisor_donated import (
    CALLER,
    IMPORTS,
    LOST_FLAGS,
    NOT_OFFERED,
    ROOM,
    bundle,
    hello,
    runsc,
)
from conformance.systems.python_worker import Front, own_streams
from conformance.systems.restored import DIRECTORY, RESTORE, RUN, SAVE

RESTORED = "conformance.systems.restored:Restored"
RESTORED_IMPORTS = replace(IMPORTS, restored=True)
_NOT_OFFERED = (NOT_OFFERED - {"save", "restore"}) | {"mmap", "munmap", "msync", "mapping_path"}
"""A mapping keeps what it maps, of which the host's side must know when nothing does any more."""


def commands(directory: Path) -> dict[str, list[str]]:
    """What :mod:`conformance.systems.restored` runs."""
    name, image, pid = (
        f"fdconform-{os.getpid()}",
        f"-image-path={directory / 'image'}",
        f"-pid-file={directory / 'pid'}",
    )
    started = ["-detach", pid, f"-bundle={directory / 'bundle'}"]
    client = [*runsc(directory), f"--log={directory / 'log'}"]
    return {
        RUN: [*client, "run", *started, name],
        SAVE: [*client, "checkpoint", image, name],
        RESTORE: [*client, "restore", image, *started, name],
    }


def _unfit(ops: tuple[Op, ...]) -> str:
    return "" if donated(ops, RESTORED_IMPORTS) == ops else "one import is made, saved and restored"


def main() -> None:
    """Speak on standard input and output; what else is written there goes to standard error."""
    front = Front(*own_streams(), RESTORED, _unfit, CALLER)
    directory = Path(sys.argv[1])
    bundle(directory, [sys.executable, "-m", ROOM])
    os.environ[EXEC] = json.dumps(commands(directory))
    os.environ[LOST] = str(LOST_FLAGS)
    os.environ[DIRECTORY] = str(directory)
    front.serve(hello("gvisor-restored", _NOT_OFFERED, RESTORED_IMPORTS))


if __name__ == "__main__":
    main()
