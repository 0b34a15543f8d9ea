# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls on sockets, and calls that ask what is ready."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.strace.files import Untold
from conformance.strace.telling import Handler, Telling, data, number, pieces, plain, succeeded
from conformance.strace.values import Data
from reference.constants.open_flags import O_CLOEXEC
from reference.constants.readiness import EPOLL_CLOEXEC
from reference.constants.sockets import AF_UNIX, SCM_RIGHTS

_SOCKET_CLOEXEC = O_CLOEXEC


def _poll(t: Telling, a: list[Any]) -> Iterator[Op]:
    asked: list[tuple[Slot, int]] = []
    for entry in a[0]:
        if number(entry["fd"]) < 0:
            continue
        try:
            asked.append((t.slot(entry["fd"]), number(entry["events"])))
        except Untold as reason:
            t.remark(f"told without one entry: {reason}")
    if asked:
        yield Op("poll", (tuple(asked), 0))


def _epoll_create(t: Telling, a: list[Any]) -> Iterator[Op]:
    flags = number(a[0]) if t.call.name == "epoll_create1" else 0
    yield Op("epoll_create1", (flags,), (t.keep(t.call.result, closes=bool(flags & EPOLL_CLOEXEC)),))


def _epoll_ctl(t: Telling, a: list[Any]) -> Iterator[Op]:
    event = a[3] if isinstance(a[3], dict) else {}
    events = number(event.get("events", 0))
    yield Op("epoll_ctl", (t.slot(a[0]), number(a[1]), t.slot(a[2]), events, number(a[2])))


def _epoll_wait(t: Telling, a: list[Any]) -> Iterator[Op]:
    yield Op("epoll_wait", (t.slot(a[0]), number(a[2]), 0))


def _unix(domain: Any) -> int:
    if number(domain) != AF_UNIX:
        raise Untold("a socket of another domain than AF_UNIX")
    return AF_UNIX


def _socket(t: Telling, a: list[Any]) -> Iterator[Op]:
    domain, kind = _unix(a[0]), number(a[1])
    yield Op("socket", (domain, kind, number(a[2])), (t.keep(t.call.result, closes=bool(kind & _SOCKET_CLOEXEC)),))


def _socketpair(t: Telling, a: list[Any]) -> Iterator[Op]:
    domain, kind = _unix(a[0]), number(a[1])
    ends = a[3] if succeeded(t) else [None, None]
    out = tuple(t.keep(end, closes=bool(kind & _SOCKET_CLOEXEC)) for end in ends)
    yield Op("socketpair", (domain, kind, number(a[2])), out)


def _address(t: Telling, value: Any) -> str | None:
    if value is None or not isinstance(value, dict):
        return None
    path = value.get("sun_path")
    if not isinstance(path, Data):
        return ""
    return f"\0{path.text}" if path.abstract else t.path(path)


def _bind(t: Telling, a: list[Any]) -> Iterator[Op]:
    slot, address = t.slot(a[0]), _address(t, a[1])
    if succeeded(t) and address and not address.startswith("\0"):
        t.around(address)
        t.made(address)
    yield Op("bind", (slot, address))


def _connect(t: Telling, a: list[Any]) -> Iterator[Op]:
    yield Op("connect", (t.slot(a[0]), _address(t, a[1])))


def _accept(t: Telling, a: list[Any]) -> Iterator[Op]:
    flags = number(a[3]) if len(a) > 3 else 0
    yield Op("accept4", (t.slot(a[0]), flags), (t.keep(t.call.result, closes=bool(flags & _SOCKET_CLOEXEC)),))


def _sendto(t: Telling, a: list[Any]) -> Iterator[Op]:
    head = (t.slot(a[0]), data(a[1], number(a[2])), number(a[3]))
    yield Op("send", head) if a[4] is None else Op("sendto", (*head, _address(t, a[4])))


def _recvfrom(t: Telling, a: list[Any]) -> Iterator[Op]:
    head = (t.slot(a[0]), number(a[2]), number(a[3]))
    yield Op("recv" if a[4] is None else "recvfrom", head)


def _sendmsg(t: Telling, a: list[Any]) -> Iterator[Op]:
    slot, message = t.slot(a[0]), _message(a[1])
    rights = tuple(t.slot(fd) for part in message.get("msg_control") or () for fd in part.get("cmsg_data", ()))
    buffers = tuple(data(base, length) for base, length in pieces(message.get("msg_iov") or []))
    yield Op("sendmsg", (slot, buffers, rights, number(a[2])))


def _recvmsg(t: Telling, a: list[Any]) -> Iterator[Op]:
    slot, message = t.slot(a[0]), _message(a[1])
    came = [fd for part in message.get("msg_control") or () for fd in part.get("cmsg_data", ())]
    lengths = tuple(length for _, length in pieces(message.get("msg_iov") or []))
    out = tuple(t.keep(number(fd)) for fd in came)
    yield Op("recvmsg", (slot, lengths, len(out), number(a[2])), out)


def _message(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Untold("the message is not in the log")
    if any(isinstance(part, dict) and part.get("cmsg_type") != SCM_RIGHTS for part in value.get("msg_control") or ()):
        raise Untold("of what comes with messages, programs have descriptors only")
    return value


CALLS_ON_SOCKETS: dict[str, Handler] = {
    "poll": _poll,
    "ppoll": _poll,
    "epoll_create": _epoll_create,
    "epoll_create1": _epoll_create,
    "epoll_ctl": _epoll_ctl,
    "epoll_wait": _epoll_wait,
    "epoll_pwait": _epoll_wait,
    "socket": _socket,
    "socketpair": _socketpair,
    "bind": _bind,
    "listen": plain("listen", 1),
    "connect": _connect,
    "accept": _accept,
    "accept4": _accept,
    "sendto": _sendto,
    "recvfrom": _recvfrom,
    "sendmsg": _sendmsg,
    "recvmsg": _recvmsg,
    "shutdown": plain("shutdown", 1),
    "getsockname": plain("getsockname"),
    "getpeername": plain("getpeername"),
}
