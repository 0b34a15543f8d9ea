# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""The Linux twin of a sandbox: what Linux would answer, were its descriptors as the sandbox's are now.

The host model runs over the model of Linux up to an op. Then each number that was imported is given,
in the model below, a description with the sandbox's own flags and offset over the same inode.
A read finds in a pipe what a save has taken out of it into the sandbox.
The op is asked there.
"""

from __future__ import annotations

from collections.abc import Sequence

from conformance.domains.base import Slot
from conformance.interpreter import PLANS, SELECTED_PLANS, execute, perform
from conformance.laws import host_over_linux
from conformance.observation import Observation, Signalled, with_signals
from conformance.ops import Op, numbers_made
from reference.constants.open_flags import O_DIRECT, O_NOATIME, O_NONBLOCK
from reference.host.description import Description
from reference.host.kernel import Host
from reference.linux.description import OpenFileDescription
from reference.linux.epoll import Epoll
from reference.linux.kernel import Linux
from reference.linux.pipe import PipeEnds
from reference.linux.profile import Profile
from reference.linux.ring import Slot as RingSlot

_OF_THE_HOST = O_DIRECT | O_NOATIME
"""Status flags that the sandbox never keeps, while its reads and writes go through a host's description that may."""
_READING = frozenset(("read", "readv", "preadv2"))
"""Calls that serve what a save has kept. To all others only the host's pipe counts (SR-07)."""


def twin_outcome(ops: Sequence[Op], index: int, host: Sequence[Observation], profile: Profile) -> Observation:
    """What Linux gives for the op at ``index`` in the state that the host model has reached along ``host``."""
    model = host_over_linux(profile)
    execute(ops[:index], model, follow=host)
    assert isinstance(model, Host)
    below = model.kernel
    assert isinstance(below, Linux)
    _present(model.files, below)
    _leave_instances(model, below)
    call, arguments, _ = ops[index]
    resolve, _ = PLANS.get(call) or SELECTED_PLANS[call, arguments[1]]
    if resolve is not None:
        arguments = resolve(arguments, _environment(ops[:index], host))
    if call in _READING and arguments[0] in model.files:
        _return_saved(model.files[arguments[0]], below.fds.entries[arguments[0]])
    seen = host[index]
    below.choices.observed = seen.outcome if isinstance(seen, Signalled) else seen
    below.signals.clear()
    outcome = perform(below, call, arguments)
    if call == "epoll_wait" and isinstance(outcome, tuple):
        outcome = tuple((events, model.registered_data(data)) for events, data in outcome)
    return with_signals(outcome, below.signals)


def _present(files: dict[int, Description], below: Linux) -> None:
    """Give every imported number a description as the sandbox has it; numbers that shared one go on sharing.

    Where the host's description was made to wait, the sandbox waits with it, whatever its own flags say (FL-06).
    """
    twins: dict[Description, OpenFileDescription] = {}
    for fd, file in files.items():
        entry = below.fds.entries[fd]
        if file not in twins:
            flags = file.flags if entry.nonblocking else file.flags & ~O_NONBLOCK
            twin = OpenFileDescription(entry.object, flags | entry.flags & _OF_THE_HOST)
            twin.offset, twin.private = file.offset, entry.private
            twin.direct, twin.nowait = entry.direct, entry.nowait
            twins[file] = twin
        twins[file].references += 1
        below.fds.entries[fd] = twins[file]


def _leave_instances(model: Host, below: Linux) -> None:
    """Take descriptions that the sandbox has closed out of all epoll instances, whoever else holds the host's."""
    for instance in {entry.object for entry in below.fds.entries.values() if isinstance(entry.object, Epoll)}:
        for registration in tuple(instance.registrations.values()):
            if model.is_left(registration.data):
                registration.remove()


def _return_saved(file: Description, twin: OpenFileDescription) -> None:
    """Put what a save has kept of a pipe for an import before what the pipe holds by now."""
    if file.inode.saved:
        assert isinstance(twin.object, PipeEnds)
        twin.object.ring.slots.appendleft(RingSlot(file.inode.saved))


def _environment(ops: Sequence[Op], observations: Sequence[Observation]) -> dict[Slot, int]:
    numbers: dict[Slot, int] = {}
    for op, seen in zip(ops, observations, strict=False):
        numbers.update(zip(op.out, numbers_made(op, seen), strict=False))
    return numbers
