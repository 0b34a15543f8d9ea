# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""What each call of a log becomes: one op, some, or a reason why it cannot be told.

A call is known by its name; its handler is given a Telling, which knows descriptors and files.
Waiting is left out: every timeout is 0, for other processes do not act meanwhile in a program.
"""

from __future__ import annotations

from conformance.strace.call_names import CALLS_ON_NAMES
from conformance.strace.call_sockets import CALLS_ON_SOCKETS
from conformance.strace.call_terminals import CALLS_ON_TERMINALS
from conformance.strace.call_transfers import CALLS_ON_DESCRIPTORS
from conformance.strace.telling import Handler

HANDLERS: dict[str, Handler] = {
    **CALLS_ON_NAMES,
    **CALLS_ON_DESCRIPTORS,
    **CALLS_ON_SOCKETS,
    **CALLS_ON_TERMINALS,
}
UNTOLD_CALLS = frozenset(
    """
    access faccessat faccessat2 stat lstat statx statfs readlink chmod fchmodat fchmodat2 chown lchown fchownat
    utimensat rename renameat renameat2 rmdir preadv pwritev preadv2 pwritev2 sync_file_range syncfs fsetxattr
    fgetxattr flistxattr fremovexattr select pselect6 epoll_pwait2 sendmmsg recvmmsg getsockopt setsockopt
    vmsplice close_range signalfd4 signalfd eventfd eventfd2 timerfd_create timerfd_settime inotify_init1
    inotify_add_watch execveat openat2 pidfd_open
    """.split()
)
"""Calls on files and descriptors that are not told, beside those of the table that cannot be."""
