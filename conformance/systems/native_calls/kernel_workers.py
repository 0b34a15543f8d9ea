# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Waiting until the kernel has done the work that it does on its own behalf.

Data written to one end of a pseudoterminal reaches the other on a kernel worker,
some microseconds after the write returned.
Work is queued by waking an idle worker, and waking is done before the write returns:
from then on that worker is no longer idle, until the work is done. So: when every worker is idle, no work is under way.

Two looks in a row must agree, because a worker may hand work to one that was looked at before.
Workers come and go; a new thread moves the number of the newest process (proc_loadavg(5)),
and then they are listed again.

Where the workers cannot be seen (a process namespace of its own) the only way left is to give them time.
"""

from __future__ import annotations

import os
import time

from conformance.systems.native_calls.private import private_descriptor

_IDLE = b") I "
"""How the state follows the name of an idle worker (proc_pid_stat(5))."""
_NAME = b"(kworker/u"
"""Workers that are bound to no processor; their work is what we wait for."""
_CHILDREN = "/proc/2/task/2/children"
"""Every kernel thread is a child of the second process."""
_LOOKS_AGREEING = 2
_UNSEEN_WAIT_S = 0.002
_STAT_BYTES = 64
_LIST_BYTES = 65536


class KernelWorkers:
    """The unbound workers: a descriptor for the state of each, by process id."""

    def __init__(self) -> None:
        self._visible = os.path.exists(_CHILDREN)
        self._others: set[bytes] = set()
        self._states: dict[bytes, int] = {}
        self._newest = b""
        if self._visible:
            self._load = private_descriptor("/proc/loadavg")
            self._children = private_descriptor(_CHILDREN)
            self._list()

    def wait_until_idle(self) -> None:
        """Return when no worker has anything to do.

        The wait gives up the processor and never sleeps: a sleeping worker process is what its parent looks for.
        """
        if not self._visible:
            until = time.monotonic() + _UNSEEN_WAIT_S
            while time.monotonic() < until:
                os.sched_yield()
            return
        agreeing = 0
        while agreeing < _LOOKS_AGREEING:
            if self._all_idle():
                agreeing += 1
            else:
                agreeing = 0
                os.sched_yield()

    def _all_idle(self) -> bool:
        newest = os.pread(self._load, _STAT_BYTES, 0).rpartition(b" ")[2]
        if newest != self._newest:
            self._list()
            self._newest = newest
            return False
        try:
            return all(_IDLE in os.pread(state, _STAT_BYTES, 0) for state in self._states.values())
        except OSError:
            # A worker ended. Who looks at its number next finds it gone from the list.
            self._newest = b""
            return False

    def _list(self) -> None:
        """Find the workers. A thread is a worker from its start to its end, or never."""
        running = set(os.pread(self._children, _LIST_BYTES, 0).split())
        for pid in self._states.keys() - running:
            os.close(self._states.pop(pid))
        self._others &= running
        for pid in running - self._others - self._states.keys():
            try:
                state = private_descriptor(b"/proc/%s/stat" % pid)
            except OSError:
                # It ended, or the program uses up every descriptor: looked at again when the list changes next.
                continue
            if _NAME in os.pread(state, _STAT_BYTES, 0):
                self._states[pid] = state
            else:
                self._others.add(pid)
                os.close(state)
