# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Plainer ops for an op: calls that leave the same slots behind, or none, and do much the same.

The reducer tries them, and keeps one only when the program still diverges.
Every chain of them comes to an end: a plainer op is never replaced by the op it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.payload import NAMED_RUN_BYTES_MIN, Pattern, materialise
from reference.constants.descriptors import F_DUPFD, F_DUPFD_CLOEXEC
from reference.constants.open_flags import O_CREAT, O_RDWR
from reference.constants.requests import TIOCGPTPEER
from reference.constants.sockets import SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

_Alternatives = Callable[[Op], Iterator[Op]]
_SOCKET_TYPE_MASK = 0xF
_SOCKET_TYPES = (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET)
_OWNER_ONLY_MODE = 0o600


def plainer(op: Op) -> Iterator[Op]:
    """Plainer ops to try in place of this one, the plainest first."""
    alternatives = _PLAINER.get(op.call)
    return iter(()) if alternatives is None else alternatives(op)


def joined(payloads: Sequence[Pattern | bytes]) -> Pattern | bytes:
    """The data of some payloads as one, and as a pattern where its text would be one: it reads back the same."""
    data = b"".join([materialise(payload) for payload in payloads])
    if len(data) < NAMED_RUN_BYTES_MIN:
        return data
    pattern = Pattern(len(data), data[0])
    return pattern if materialise(pattern) == data else data


def _read_all(op: Op) -> Iterator[Op]:
    yield Op("read", (op.arguments[0], sum(length for length in op.arguments[1] if length > 0)))


def _write_all(op: Op) -> Iterator[Op]:
    yield Op("write", (op.arguments[0], joined(op.arguments[1])))


def _pread_all(op: Op) -> Iterator[Op]:
    slot, lengths, offset, _ = op.arguments
    count = sum(length for length in lengths if length > 0)
    yield Op("read", (slot, count)) if offset == -1 else Op("pread", (slot, count, offset))


def _pwrite_all(op: Op) -> Iterator[Op]:
    slot, buffers, offset, _ = op.arguments
    data = joined(buffers)
    yield Op("write", (slot, data)) if offset == -1 else Op("pwrite", (slot, data, offset))


def _recvmsg(op: Op) -> Iterator[Op]:
    slot, lengths, _, flags = op.arguments
    if not op.out:
        yield Op("recv", (slot, sum(length for length in lengths if length > 0), flags))


def _sendmsg(op: Op) -> Iterator[Op]:
    slot, buffers, rights, flags = op.arguments
    if not rights:
        yield Op("send", (slot, joined(buffers), flags))


def _recvfrom(op: Op) -> Iterator[Op]:
    yield Op("recv", op.arguments)


def _sendto(op: Op) -> Iterator[Op]:
    yield Op("send", op.arguments[:3])


def _without_flags(call: str) -> _Alternatives:
    def alternatives(op: Op) -> Iterator[Op]:
        if not op.arguments[2]:
            yield Op(call, op.arguments[:2])

    return alternatives


def _dup(op: Op) -> Iterator[Op]:
    """A duplicate with the lowest number; or, where only the number that it takes away matters, a close."""
    yield Op("dup", op.arguments[:1], op.out)
    if isinstance(op.arguments[1], Slot):
        yield Op("close", op.arguments[1:2])
    if op.call == "dup3":
        yield Op("dup2", op.arguments[:2], op.out)


def _fcntl(op: Op) -> Iterator[Op]:
    if op.arguments[1] in (F_DUPFD, F_DUPFD_CLOEXEC):
        yield Op("dup", op.arguments[:1], op.out)


def _ioctl(op: Op) -> Iterator[Op]:
    if op.arguments[1] == TIOCGPTPEER:
        yield Op("open_slave", (op.arguments[0], op.arguments[2]), op.out)


def _poll(op: Op) -> Iterator[Op]:
    yield Op("poll", op.arguments)


def _socket(op: Op) -> Iterator[Op]:
    domain, kind, protocol = op.arguments
    flags = kind & ~_SOCKET_TYPE_MASK
    for plain in _SOCKET_TYPES:
        if plain == kind & _SOCKET_TYPE_MASK:
            return
        yield Op(op.call, (domain, flags | plain, protocol), op.out)


def _named_file(op: Op) -> Iterator[Op]:
    yield Op("open", ("f", O_RDWR | O_CREAT, _OWNER_ONLY_MODE), op.out)


_PLAINER: Mapping[str, _Alternatives] = {
    "readv": _read_all,
    "writev": _write_all,
    "preadv2": _pread_all,
    "pwritev2": _pwrite_all,
    "recvmsg": _recvmsg,
    "sendmsg": _sendmsg,
    "recvfrom": _recvfrom,
    "sendto": _sendto,
    "recv": _without_flags("read"),
    "send": _without_flags("write"),
    "dup2": _dup,
    "dup3": _dup,
    "fcntl": _fcntl,
    "ioctl": _ioctl,
    "ppoll": _poll,
    "socketpair": _socket,
    "socket": _socket,
    "memfd_create": _named_file,
}
