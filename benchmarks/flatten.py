# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Programs as the flat file that ``loop.c`` runs.

Each op is a function of libc, or one of ``loop.c``, with numbers, slots and places in a blob.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.domains.base import Slot
from conformance.ops import Op
from conformance.payload import materialise
from conformance.systems.native_calls.addresses import ADDRESS_BYTES_MAX, NO_DOMAIN
from conformance.systems.native_calls.processes import PROCESS_CALLS
from conformance.systems.native_calls.splices import NO_OFFSET
from reference.constants.file_status import AT_EMPTY_PATH
from reference.constants.limits import PAGE_SIZE
from reference.constants.open_flags import O_NOCTTY
from reference.constants.requests import (
    TCGETS,
    TCSBRK,
    TCSBRKP,
    TCSETS,
    TIOCCBRK,
    TIOCCONS,
    TIOCGPTPEER,
    TIOCNOTTY,
    TIOCSBRK,
    TIOCSCTTY,
    TIOCSTI,
    TIOCVHANGUP,
)
from reference.constants.signals import SIG_IGN
from reference.constants.sockets import AF_UNIX, AF_UNSPEC, SCM_RIGHTS, SOL_SOCKET
from reference.structures import Flock, Termios, Winsize

NUMBER, SLOT, BLOB, SCRATCH = range(4)
NOTHING, RETURNED, PAIR = range(3)
DESCRIPTOR, ADDRESS = range(2)
DESCRIPTOR_NUMBER_MAX = 255
_BY_VALUE = frozenset((TCSBRK, TCSBRKP, TIOCSBRK, TIOCCBRK, TIOCSCTTY, TIOCNOTTY))
_FAR_REACHING = frozenset((TIOCVHANGUP, TIOCCONS, TIOCSTI))
"""Requests that the worker does not make of terminals either."""
_HEAD = struct.Struct("<4q")
_PROGRAM = struct.Struct("<3q")
_OP = struct.Struct("<6i6i6q")
_PATCH = struct.Struct("<3i")

Argument = tuple[int, int]


@dataclass
class Call:
    """One op on its way to the file."""

    function: str
    arguments: Sequence[Argument]
    digest: bool = False
    result: int = NOTHING
    patches: list[tuple[int, int, int]] = field(default_factory=list)


class Flat:
    """Collects programs; :meth:`image` is the file, ``functions`` the number of each function by its name."""

    def __init__(self) -> None:
        self.functions: dict[str, int] = {}
        self._blob = bytearray()
        self._places: dict[bytes, int] = {}
        self._ops = bytearray()
        self._programs = 0
        self._slots: dict[Slot, int] = {}

    def add(self, ops: Sequence[Op]) -> None:
        """Append one program."""
        self._slots = {}
        self._programs += 1
        head = len(self._ops)
        self._ops += bytes(_PROGRAM.size)
        for op in ops:
            self._write(op, _CALLS.get(op.call, _plain)(self, op))
        self._ops += bytes(-len(self._ops) % 8)
        apart = not PROCESS_CALLS.isdisjoint([op.call for op in ops])
        _PROGRAM.pack_into(self._ops, head, len(ops), len(self._ops) - head - _PROGRAM.size, apart)

    def image(self) -> bytes:
        """The whole file."""
        names = b"".join(name.encode() + b"\0" for name in self.functions)
        names += bytes(-len(names) % 8)
        ops_at = _HEAD.size + len(names)
        self._ops += bytes(-len(self._ops) % 8)
        head = _HEAD.pack(len(self.functions), self._programs, ops_at, ops_at + len(self._ops))
        return head + names + bytes(self._ops) + bytes(self._blob)

    def _write(self, op: Op, call: Call) -> None:
        function = self.functions.setdefault(call.function, len(self.functions))
        slots = [self.slot(name) for name in op.out[:2]]
        result = call.result if slots else NOTHING
        if call.result == PAIR and len(slots) < 2:
            result = NOTHING
        arguments = [*call.arguments, *[(NUMBER, 0)] * (6 - len(call.arguments))]
        self._ops += _OP.pack(
            function,
            call.digest,
            result,
            *[*slots, 0, 0][:2],
            len(call.patches),
            *(kind for kind, _ in arguments),
            *(_signed(value) for _, value in arguments),
        )
        for patch in call.patches:
            self._ops += _PATCH.pack(*patch)
        self._ops += bytes(-len(self._ops) % 4)

    def slot(self, name: Slot) -> int:
        """The number of a slot in this program."""
        return self._slots.setdefault(name, len(self._slots))

    def fd(self, value: Any) -> Argument:
        """A descriptor argument: a slot, or a number."""
        return (SLOT, self.slot(value)) if isinstance(value, Slot) else (NUMBER, value)

    def data(self, data: bytes, *, shared: bool = True) -> Argument:
        """A place in the blob that holds these bytes; one of its own when it will be patched."""
        place = self._places.get(data) if shared else None
        if place is None:
            self._blob += bytes(-len(self._blob) % 8)
            place = len(self._blob)
            self._blob += data
            if shared:
                self._places[data] = place
        return (BLOB, place)

    def text(self, path: str) -> Argument:
        """A path, closed by a zero byte."""
        return self.data(path.encode(errors="surrogateescape") + b"\0")

    def vector(self, parts: Sequence[int | bytes]) -> tuple[Argument, list[tuple[int, int, int]]]:
        """An iovec: lengths point to scratch memory, bytes to their place in the blob."""
        place = self.data(bytes(16 * len(parts)), shared=False)
        patches = []
        for index, part in enumerate(parts):
            at = place[1] + 16 * index
            length = part if isinstance(part, int) else len(part)
            self._blob[at + 8 : at + 16] = struct.pack("<Q", length % 2**64)
            patches.append((ADDRESS, at, -1 if isinstance(part, int) else self.data(part)[1]))
        return place, patches


def _signed(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


_SCRATCH: Argument = (SCRATCH, 0)


def _plain(flat: Flat, op: Op) -> Call:
    """A call whose arguments are a descriptor and numbers, paths or data."""
    arguments: list[Argument] = []
    for value in op.arguments:
        if isinstance(value, str) and not isinstance(value, Slot):
            arguments.append(flat.text(value))
        elif isinstance(value, bytes) or type(value).__name__ == "Pattern":
            data = materialise(value)
            arguments += [flat.data(data), (NUMBER, len(data))]
        else:
            arguments.append(flat.fd(value))
    return Call(op.call, arguments, result=RETURNED)


def _range(flat: Flat, op: Op) -> Call:
    """Close a range that never reaches the loop's own descriptors."""
    first, last, flags = op.arguments
    last = DESCRIPTOR_NUMBER_MAX if isinstance(last, Slot) else min(last % 2**32, DESCRIPTOR_NUMBER_MAX)
    return Call(op.call, [flat.fd(first), (NUMBER, last), (NUMBER, flags)])


def _into_scratch(flat: Flat, op: Op) -> Call:
    fd, count, *rest = op.arguments
    return Call(op.call, [flat.fd(fd), _SCRATCH, (NUMBER, count), *((NUMBER, value) for value in rest)], digest=True)


def _vector(flat: Flat, op: Op) -> Call:
    fd, parts, *rest = op.arguments
    sized = [part if isinstance(part, int) else materialise(part) for part in parts]
    place, patches = flat.vector(sized)
    arguments = [flat.fd(fd), place, (NUMBER, len(sized)), *((NUMBER, value) for value in rest)]
    reads = op.call.startswith(("readv", "preadv"))
    return Call(op.call, arguments, digest=reads, patches=patches)


def _message(flat: Flat, op: Op) -> Call:
    fd, parts, rights, flags = op.arguments
    sized = [part if isinstance(part, int) else materialise(part) for part in parts]
    vector, patches = flat.vector(sized)
    count = rights if isinstance(rights, int) else len(rights)
    control = flat.data(
        struct.pack("<Qii", 16 + 4 * count, SOL_SOCKET, SCM_RIGHTS) + bytes(8 * ((count + 1) // 2)), shared=False
    )
    if not isinstance(rights, int):
        patches += [(DESCRIPTOR, control[1] + 16 + 4 * i, flat.slot(slot)) for i, slot in enumerate(rights)]
    head = struct.pack("<QQQQQQQ", 0, 0, 0, len(sized), 0, 16 + 8 * ((count + 1) // 2) if count else 0, 0)
    place = flat.data(head, shared=False)
    patches.append((ADDRESS, place[1] + 16, vector[1]))
    patches.append((ADDRESS, place[1] + 32, control[1]))
    return Call(op.call, [flat.fd(fd), place, (NUMBER, flags)], digest=op.call == "recvmsg", patches=patches)


def _pair(flat: Flat, op: Op) -> Call:
    numbers: list[Argument] = [(NUMBER, value) for value in op.arguments]
    arguments = [_SCRATCH, *numbers] if op.call == "pipe2" else [*numbers, _SCRATCH]
    return Call(op.call, arguments, result=PAIR)


def _send(flat: Flat, op: Op) -> Call:
    fd, data, flags = op.arguments
    data = materialise(data)
    return Call("send", [flat.fd(fd), flat.data(data), (NUMBER, len(data)), (NUMBER, flags)])


def _option(flat: Flat, op: Op) -> Call:
    fd, level, option, value = op.arguments
    if op.call == "getsockopt":
        length = flat.data(struct.pack("<i", value), shared=False)
        return Call(op.call, [flat.fd(fd), (NUMBER, level), (NUMBER, option), _SCRATCH, length])
    data = materialise(value)
    return Call(op.call, [flat.fd(fd), (NUMBER, level), (NUMBER, option), flat.data(data), (NUMBER, len(data))])


def _control(flat: Flat, op: Op) -> Call:
    fd, command, *rest = op.arguments
    argument = rest[0] if rest else None
    place: Argument
    if command in _FAR_REACHING:
        return _spared(flat, op)
    if isinstance(argument, Slot):
        place = flat.data(bytes(4), shared=False)
        patches = [(DESCRIPTOR, place[1], flat.slot(argument))]
        return Call(op.call, [flat.fd(fd), (NUMBER, command), place], patches=patches)
    if isinstance(argument, Winsize):
        place = flat.data(struct.pack("<4H", *(value & 0xFFFF for value in argument)))
    elif isinstance(argument, Flock):
        packed = struct.pack(
            "<hhxxxxqqixxxx", argument.type, argument.whence, argument.start, argument.len, argument.pid
        )
        place = flat.data(packed, shared=False)
    elif argument is None or op.call == "ioctl":
        place = _SCRATCH if argument is None else flat.data(struct.pack("<q", _signed(argument)))
    else:
        place = (NUMBER, argument)
    if op.call == "ioctl" and (op.out or command in _BY_VALUE):
        place = (NUMBER, argument or 0)
    return Call(op.call, [flat.fd(fd), (NUMBER, command), place], result=RETURNED)


def _attributes(flat: Flat, op: Op) -> Call:
    if op.call == "tcgetattr":
        return Call("ioctl", [flat.fd(op.arguments[0]), (NUMBER, TCGETS), _SCRATCH])
    fd, action, termios = op.arguments
    assert isinstance(termios, Termios)
    packed = struct.pack("<4IB19s", termios.iflag, termios.oflag, termios.cflag, termios.lflag, 0, termios.cc[:19])
    return Call("ioctl", [flat.fd(fd), (NUMBER, TCSETS + action), flat.data(packed)])


def _slave(flat: Flat, op: Op) -> Call:
    fd, flags = op.arguments
    return Call("ioctl", [flat.fd(fd), (NUMBER, TIOCGPTPEER), (NUMBER, flags | O_NOCTTY)], result=RETURNED)


def _poll(flat: Flat, op: Op) -> Call:
    entries, timeout = op.arguments
    place = flat.data(b"".join(struct.pack("<ihh", 0, _short(events), 0) for _, events in entries), shared=False)
    patches = [(DESCRIPTOR, place[1] + 8 * i, flat.slot(slot)) for i, (slot, _) in enumerate(entries)]
    return Call("poll", [place, (NUMBER, len(entries)), (NUMBER, min(timeout, 1))], patches=patches)


def _short(value: int) -> int:
    return (value + 2**15) % 2**16 - 2**15


def _select(flat: Flat, op: Op) -> Call:
    slots = [slot for part in op.arguments[:3] for slot in part]
    return _poll(flat, Op("poll", (tuple((slot, 1) for slot in slots), op.arguments[3])))


def _epoll(flat: Flat, op: Op) -> Call:
    if op.call == "epoll_wait":
        fd, events_max, timeout = op.arguments
        return Call(op.call, [flat.fd(fd), _SCRATCH, (NUMBER, events_max), (NUMBER, min(timeout, 1))])
    fd, operation, target, events, data = op.arguments
    event = flat.data(struct.pack("<IQ", events & 0xFFFFFFFF, data % 2**64))
    return Call(op.call, [flat.fd(fd), (NUMBER, operation), flat.fd(target), event])


def _stat(flat: Flat, op: Op) -> Call:
    if op.call == "fstat":
        return Call("fstat", [flat.fd(op.arguments[0]), _SCRATCH])
    fd, flags, mask = op.arguments
    return Call("statx", [flat.fd(fd), flat.text(""), (NUMBER, flags | AT_EMPTY_PATH), (NUMBER, mask), _SCRATCH])


def _spared(flat: Flat, op: Op) -> Call:
    """A change of attributes is only asked about: nothing in the loop keeps it off the devices of the machine."""
    return Call("fstat", [flat.fd(op.arguments[0]), _SCRATCH])


def _own(function: str) -> Callable[[Flat, Op], Call]:
    """A call that ``loop.c`` makes in its own way."""

    def call(flat: Flat, op: Op) -> Call:
        plain = _plain(flat, op)
        return Call(function, plain.arguments, digest=op.call == "load", result=RETURNED)

    return call


def _into_scratch_behind(count: int) -> Callable[[Flat, Op], Call]:
    """A call that is given scratch memory behind its first arguments."""

    def call(flat: Flat, op: Op) -> Call:
        arguments = list(_plain(flat, op).arguments)
        return Call(_RENAMED.get(op.call, op.call), [*arguments[:count], _SCRATCH, *arguments[count:]])

    return call


def _access(flat: Flat, op: Op) -> Call:
    fd, mode, flags = op.arguments
    return Call("faccessat", [flat.fd(fd), flat.text(""), (NUMBER, mode), (NUMBER, flags | AT_EMPTY_PATH)])


def _read_link(flat: Flat, op: Op) -> Call:
    fd, path = op.arguments
    return Call("readlinkat", [flat.fd(fd), flat.text(path), _SCRATCH, (NUMBER, PAGE_SIZE)])


def _socket(flat: Flat, op: Op) -> Call:
    domain, *rest = op.arguments
    numbers: list[Argument] = [(NUMBER, value) for value in (domain if domain == AF_UNIX else NO_DOMAIN, *rest)]
    return Call("socket", numbers, result=RETURNED)


def _name(flat: Flat, address: str | None) -> list[Argument]:
    """A socket's address and its length. Abstract names are none that anybody else would have."""
    if address is None:
        packed = struct.pack("<H", AF_UNSPEC)
    else:
        name = address.encode(errors="surrogateescape")
        packed = struct.pack("<H", AF_UNIX) + (b"\0fdconform-loop-" + name[1:] if name[:1] == b"\0" else name)
    return [flat.data(packed), (NUMBER, len(packed))]


def _address(flat: Flat, op: Op) -> Call:
    fd, address = op.arguments
    return Call(op.call, [flat.fd(fd), *_name(flat, address)])


def _address_room(flat: Flat) -> list[Argument]:
    return [
        flat.data(bytes(ADDRESS_BYTES_MAX), shared=False),
        flat.data(struct.pack("<I", ADDRESS_BYTES_MAX), shared=False),
    ]


def _asks_for_address(flat: Flat, op: Op) -> Call:
    fd, *rest = op.arguments
    flags: list[Argument] = [(NUMBER, value) for value in rest]
    return Call(op.call, [flat.fd(fd), *_address_room(flat), *flags], result=RETURNED)


def _sendto(flat: Flat, op: Op) -> Call:
    fd, data, flags, address = op.arguments
    data = materialise(data)
    named: list[Argument] = [(NUMBER, 0), (NUMBER, 0)] if address is None else _name(flat, address)
    return Call(op.call, [flat.fd(fd), flat.data(data), (NUMBER, len(data)), (NUMBER, flags), *named])


def _recvfrom(flat: Flat, op: Op) -> Call:
    fd, count, flags = op.arguments
    return Call(op.call, [flat.fd(fd), _SCRATCH, (NUMBER, count), (NUMBER, flags), *_address_room(flat)], digest=True)


def _offset(flat: Flat, offset: int) -> Argument:
    return (NUMBER, 0) if offset == NO_OFFSET else flat.data(struct.pack("<q", offset), shared=False)


def _between(flat: Flat, op: Op) -> Call:
    fd_in, off_in, fd_out, off_out, length, flags = op.arguments
    ends = [flat.fd(fd_in), _offset(flat, off_in), flat.fd(fd_out), _offset(flat, off_out)]
    return Call(op.call, [*ends, (NUMBER, length), (NUMBER, flags)])


def _sendfile(flat: Flat, op: Op) -> Call:
    out_fd, in_fd, offset, count = op.arguments
    return Call(op.call, [flat.fd(out_fd), flat.fd(in_fd), _offset(flat, offset), (NUMBER, count)])


def _sigaction(flat: Flat, op: Op) -> Call:
    number, action = op.arguments
    return Call("op_sigaction", [(NUMBER, number), (NUMBER, action == SIG_IGN)])


def _sigprocmask(flat: Flat, op: Op) -> Call:
    how, signals = op.arguments
    return Call("op_sigprocmask", [(NUMBER, how), (NUMBER, sum({1 << number for number in signals}))])


_RENAMED = {"getdents": "getdents64"}

_CALLS: dict[str, Callable[[Flat, Op], Call]] = {
    **dict.fromkeys(("read", "pread", "recv"), _into_scratch),
    **dict.fromkeys(("readv", "writev", "preadv2", "pwritev2", "vmsplice"), _vector),
    **dict.fromkeys(("sendmsg", "recvmsg"), _message),
    **dict.fromkeys(("pipe2", "socketpair"), _pair),
    **dict.fromkeys(("getsockopt", "setsockopt"), _option),
    **dict.fromkeys(("fcntl", "ioctl"), _control),
    **dict.fromkeys(("tcgetattr", "tcsetattr"), _attributes),
    **dict.fromkeys(("poll", "ppoll"), _poll),
    **dict.fromkeys(("epoll_ctl", "epoll_wait"), _epoll),
    **dict.fromkeys(("fstat", "statx"), _stat),
    **{call: _own(f"op_{call}") for call in ("mmap", "load", "store", "msync", "munmap", "reopen", "setrlimit")},
    **{call: _own(f"op_{call}") for call in ("mapping_path", "spawn", "descend")},
    "readlink_fd": _own("op_readlink"),
    "readlinkat": _read_link,
    "truncate_fd": _own("op_truncate_fd"),
    **dict.fromkeys(("fstatfs", "getdents"), _into_scratch_behind(1)),
    "fgetxattr": _into_scratch_behind(2),
    "flistxattr": _into_scratch_behind(1),
    "faccessat_fd": _access,
    "socket": _socket,
    **dict.fromkeys(("bind", "connect"), _address),
    **dict.fromkeys(("accept4", "getsockname", "getpeername"), _asks_for_address),
    "sendto": _sendto,
    "recvfrom": _recvfrom,
    **dict.fromkeys(("splice", "copy_file_range"), _between),
    "sendfile": _sendfile,
    "sigaction": _sigaction,
    "sigprocmask": _sigprocmask,
    "close_range": _range,
    "send": _send,
    "select": _select,
    "open_slave": _slave,
    **dict.fromkeys(("fchmod", "fchown", "futimens"), _spared),
}
