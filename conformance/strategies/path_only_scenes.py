# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes of imports that are opened again with O_PATH: what is asked of a descriptor that only names one.

Nearly all of it is refused. What shows is in which order, and by whom.
"""

from __future__ import annotations

from conformance.ops import Op
from conformance.strategies.import_scenes import HOST, IMPORT, imported, polled
from conformance.strategies.recipes import Make
from conformance.strategies.scenes import Scene, act
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import Source, pick
from reference.constants.memory import MAP_SHARED, PROT_READ
from reference.constants.open_flags import O_CREAT, O_DIRECTORY, O_NONBLOCK, O_PATH, O_RDWR
from reference.constants.readiness import EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLIN, POLLIN, POLLOUT
from reference.constants.sockets import AF_UNIX, SHUT_RD, SO_TYPE, SOCK_STREAM, SOL_SOCKET
from reference.constants.transfers import SYNC_FILE_RANGE_WAIT_AFTER, SYNC_FILE_RANGE_WAIT_BEFORE

_NAME = "name"
"""The part of the descriptor that only names the import."""
_EPOLL = "epoll"
_PEER = "peer"
_TOO_LONG = 2**47
"""More bytes than any buffer has."""
_UNKNOWN = 7
_QUESTIONS = (
    act("readv", _NAME, ((-1,), (_TOO_LONG,), ())),
    act("preadv2", _NAME, ((_TOO_LONG,), (1,)), (-2, -1, 0), (0,)),
    act("ftruncate", _NAME, (0, -1)),
    act("sync_file_range", _NAME, (0, 10), (0, -5), (0, SYNC_FILE_RANGE_WAIT_BEFORE, SYNC_FILE_RANGE_WAIT_AFTER)),
    act("readahead", _NAME, (0,), (0,)),
    act("sendfile", IMPORT, _NAME, (-1, 0, -5), (0, 1)),
    act("sendfile", _NAME, IMPORT, (-1,), (1,)),
    act("splice", _NAME, (-1, 0), IMPORT, (-1, 0), (1,), (0,)),
    act("getdents", _NAME, (0, 100)),
    act("mmap", _NAME, (4096,), (PROT_READ,), (MAP_SHARED, 0), (0,), out=(("mapping", "mapping"),)),
    polled(POLLIN, POLLOUT, part=_NAME),
    act("epoll_ctl", _EPOLL, (EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, _UNKNOWN), _NAME, (EPOLLIN,), (0,)),
    act("epoll_ctl", _NAME, (EPOLL_CTL_ADD,), IMPORT, (EPOLLIN,), (0,)),
    act("epoll_wait", _NAME, (1,), (0,)),
    act("shutdown", _NAME, (SHUT_RD,)),
    act("getsockopt", _NAME, (SOL_SOCKET,), (SO_TYPE,), (4,)),
    act("fsetxattr", _NAME, ("", "user.a"), (b"x",), (0, _UNKNOWN)),
    act("fgetxattr", IMPORT, ("", "user.a"), (0,)),
)


def _asked(source: Source, slots: SlotTable) -> Op | None:
    return pick(source, _QUESTIONS)(source, slots)


def _named(*made: Make) -> Scene:
    """The scene of one kind of import, which ``made`` makes."""
    return (
        *made,
        imported(),
        act("reopen", IMPORT, (O_PATH, O_PATH, O_PATH | O_DIRECTORY), out=((_NAME, "path"),)),
        act("epoll_create1", (0,), out=((_EPOLL, "epoll"),)),
        *(_asked,) * 4,
    )


FILES = _named(act("open", ("f", "g"), (O_RDWR | O_CREAT,), (0o600,), out=((HOST, "file"),)))
PIPES = _named(act("pipe2", (0, O_NONBLOCK), out=((HOST, "pipe.read"), (_PEER, "pipe.write"))))
SOCKETS = _named(
    act("socketpair", (AF_UNIX,), (SOCK_STREAM,), (0,), out=((HOST, "socket.stream"), (_PEER, "socket.stream")))
)
