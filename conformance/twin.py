# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The Linux twin of a sandbox: what Linux would answer, were its descriptors as the sandbox's are now.

The host model runs over the model of Linux up to an op. Then each number that was imported is given,
in the model below, a description with the sandbox's own flags and offset over the same inode.
The op is asked there.
"""

from __future__ import annotations

from collections.abc import Sequence

from conformance.domains import Slot
from conformance.interpreter import PLANS, SELECTED_PLANS, execute, perform
from conformance.laws import host_over_linux
from conformance.observation import NO_VALUE, Observation, Signalled, with_signals
from conformance.ops import Op
from reference.host.description import Description
from reference.host.kernel import Host
from reference.linux.description import OpenFileDescription
from reference.linux.kernel import Linux
from reference.linux.profile import Profile


def twin_outcome(ops: Sequence[Op], index: int, host: Sequence[Observation], profile: Profile) -> Observation:
    """What Linux gives for the op at ``index`` in the state that the host model has reached along ``host``."""
    model = host_over_linux(profile)
    execute(ops[:index], model, follow=host)
    assert isinstance(model, Host)
    below = model.kernel
    assert isinstance(below, Linux)
    _present(model.files, below)
    call, arguments, _ = ops[index]
    resolve, _ = PLANS.get(call) or SELECTED_PLANS[call, arguments[1]]
    if resolve is not None:
        arguments = resolve(arguments, _environment(ops[:index], host))
    seen = host[index]
    below.choices.observed = seen.outcome if isinstance(seen, Signalled) else seen
    below.signals.clear()
    return with_signals(perform(below, call, arguments), below.signals)


def _present(files: dict[int, Description], below: Linux) -> None:
    """Give every imported number a description as the sandbox has it; numbers that shared one go on sharing."""
    twins: dict[Description, OpenFileDescription] = {}
    for fd, file in files.items():
        entry = below.fds.entries[fd]
        if file not in twins:
            twin = OpenFileDescription(entry.object, file.flags)
            twin.offset, twin.private = file.offset, entry.private
            twin.direct, twin.nowait = entry.direct, entry.nowait
            twins[file] = twin
        twins[file].references += 1
        below.fds.entries[fd] = twins[file]


def _environment(ops: Sequence[Op], observations: Sequence[Observation]) -> dict[Slot, int]:
    numbers: dict[Slot, int] = {}
    for op, seen in zip(ops, observations, strict=False):
        _, handles = PLANS.get(op.call) or SELECTED_PLANS[op.call, op.arguments[1]]
        outcome = seen.outcome if isinstance(seen, Signalled) else seen
        if op.out and handles is not None and type(outcome) not in NO_VALUE:
            numbers.update(zip(op.out, handles(outcome), strict=False))
    return numbers
