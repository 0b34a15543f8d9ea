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

_IDLE = ord("I")
_NAME = b"(kworker/u"
"""Workers that are bound to no processor; their work is what we wait for."""
_CHILDREN = "/proc/2/task/2/children"
"""Every kernel thread is a child of the second process."""
_LOOKS_AGREEING = 2
_LOOKS_BEFORE_SLEEPING = 50
_SLEEP_S = 0.0001
_UNSEEN_WAIT_S = 0.002
_STAT_BYTES = 96
_LIST_BYTES = 65536


class KernelWorkers:
    """The unbound workers, by process id: whether each is a worker."""

    def __init__(self) -> None:
        self._seen: dict[bytes, bool] = {}
        self._paths: tuple[bytes, ...] = ()
        self._newest = b""
        self._visible = os.path.exists(_CHILDREN)

    def wait_until_idle(self) -> None:
        """Return when no worker has anything to do."""
        if not self._visible:
            time.sleep(_UNSEEN_WAIT_S)
            return
        agreeing = looks = 0
        while agreeing < _LOOKS_AGREEING:
            if self._all_idle():
                agreeing += 1
                continue
            agreeing = 0
            looks += 1
            if looks < _LOOKS_BEFORE_SLEEPING:
                os.sched_yield()
            else:
                time.sleep(_SLEEP_S)

    def _all_idle(self) -> bool:
        newest = _content("/proc/loadavg", _STAT_BYTES).rpartition(b" ")[2]
        if newest != self._newest:
            self._newest = newest
            self._list()
            return False
        try:
            return all(_state(_content(path, _STAT_BYTES)) == _IDLE for path in self._paths)
        except OSError:
            self._newest = b""
            return False

    def _list(self) -> None:
        """Find the workers. A worker keeps its process id and the start of its name for life."""
        seen = {}
        for pid in _content(_CHILDREN, _LIST_BYTES).split():
            known = self._seen.get(pid)
            if known is None:
                try:
                    known = _NAME in _content(_path(pid), _STAT_BYTES)
                except OSError:
                    continue
            seen[pid] = known
        self._seen = seen
        self._paths = tuple(_path(pid) for pid, is_worker in seen.items() if is_worker)


def _path(pid: bytes) -> bytes:
    return b"/proc/%s/stat" % pid


def _state(stat: bytes) -> int:
    """The state letter, which follows the name in parentheses (proc_pid_stat(5))."""
    return stat[stat.rindex(b")") + 2]


def _content(path: str | bytes, count: int) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, count)
    finally:
        os.close(fd)
