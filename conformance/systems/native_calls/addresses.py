# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Native calls that give sockets names, and that connect sockets by name.

Paths are relative to the program's own directory.
Abstract names are shared by the whole machine, so the kernel is given others than the program says:
names that only this program has, and that are turned back where the kernel tells them.
"""

from __future__ import annotations

import ctypes
import os
from struct import Struct

from conformance.systems.native_calls.libc import checked, function
from conformance.systems.native_calls.scratch import scratch_address
from conformance.systems.native_calls.sockets import NativeSockets, as_int
from reference.constants.sockets import AF_UNIX, AF_UNSPEC
from reference.syscalls import AUTOMATIC_NAME, Address

NO_DOMAIN = 100
"""Stands for every domain but AF_UNIX: sockets of the others would reach beyond the program."""
ADDRESS_BYTES_MAX = 128
NAME_BYTES_MAX = 108
"""The longest name. A longer one is handed on as it is, for the kernel to refuse."""
AUTOMATIC_NAME_BYTES = 6

_FAMILY = Struct("<H")
_length = ctypes.c_uint
_socket = function("socket", ctypes.c_int, ctypes.c_int, ctypes.c_int)
_bind = function("bind", ctypes.c_int, ctypes.c_char_p, _length)
_listen = function("listen", ctypes.c_int, ctypes.c_int)
_connect = function("connect", ctypes.c_int, ctypes.c_char_p, _length)
_accept4 = function("accept4", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_length), ctypes.c_int)
_getsockname = function("getsockname", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_length))
_getpeername = function("getpeername", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_length))
_sendto = function(
    "sendto",
    *(ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_char_p, _length),
    result=ctypes.c_ssize_t,
)
_recvfrom = function(
    "recvfrom",
    *(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_length)),
    result=ctypes.c_ssize_t,
)


class NativeAddresses(NativeSockets):
    """socket, bind, listen, connect, accept4, getsockname, getpeername, sendto, recvfrom."""

    def __init__(self) -> None:
        super().__init__()
        self._address = ctypes.create_string_buffer(ADDRESS_BYTES_MAX)
        self._abstract: dict[bytes, bytes] = {}
        self._said: dict[bytes, str] = {}
        self._mark = b""

    def reset(self) -> None:
        super().reset()
        if self._abstract:
            self._abstract, self._said = {}, {}

    def socket(self, domain: int, type: int, protocol: int) -> int:
        made = checked(_socket(AF_UNIX if domain == AF_UNIX else NO_DOMAIN, as_int(type), as_int(protocol)))
        self._rings.made(made)
        return made

    def bind(self, fd: int, address: Address) -> int:
        given = self._given(address)
        result = checked(_bind(fd, given, len(given)))
        self._rings.met_by_name(fd)
        return result

    def listen(self, fd: int, backlog: int) -> int:
        return checked(_listen(fd, as_int(backlog)))

    def connect(self, fd: int, address: Address) -> int:
        given = self._given(address)
        result = checked(_connect(fd, given, len(given)))
        self._rings.met_by_name(fd)
        return result

    def accept4(self, fd: int, flags: int) -> tuple[int, Address]:
        length = _length(ADDRESS_BYTES_MAX)
        accepted = checked(_accept4(fd, self._address, length, as_int(flags)))
        self._rings.accepted(fd, accepted)
        return accepted, self._told(length.value)

    def getsockname(self, fd: int) -> Address:
        length = _length(ADDRESS_BYTES_MAX)
        checked(_getsockname(fd, self._address, length))
        return self._told(length.value)

    def getpeername(self, fd: int) -> Address:
        length = _length(ADDRESS_BYTES_MAX)
        checked(_getpeername(fd, self._address, length))
        return self._told(length.value)

    def sendto(self, fd: int, data: bytes, flags: int, address: Address) -> int:
        given = None if address is None else self._given(address)
        return checked(_sendto(fd, data, len(data), as_int(flags), given, len(given or b"")))

    def recvfrom(self, fd: int, count: int, flags: int) -> tuple[bytes, Address]:
        self._rings.received = True
        buffer = scratch_address()
        length = _length(ADDRESS_BYTES_MAX)
        received = checked(_recvfrom(fd, buffer, count & (2**64 - 1), as_int(flags), self._address, length))
        data = ctypes.string_at(buffer, min(received, count) if count >= 0 else received)
        return data, self._told(length.value)

    def _given(self, address: Address) -> bytes:
        """An address as the kernel is given it: its family, and the name without a final NUL."""
        if address is None:
            return _FAMILY.pack(AF_UNSPEC)
        name = os.fsencode(address)
        if name.startswith(b"\0") and len(name) <= NAME_BYTES_MAX:
            name = self._own_name(name, address)
        return _FAMILY.pack(AF_UNIX) + name

    def _own_name(self, name: bytes, address: str) -> bytes:
        """The abstract name that stands for one of the program's."""
        own = self._abstract.get(name)
        if own is None:
            # A ring of sockets may keep a name for some time after its program has ended, so each program has its own.
            if not self._abstract:
                self._mark = os.urandom(8).hex().encode()
            own = self._abstract[name] = b"\0fdconform-%b-%d" % (self._mark, len(self._abstract))
            self._said[own] = address
        return own

    def _told(self, length: int) -> Address:
        """An address that the kernel filled, as the program knows it."""
        if not length:
            return None
        name = self._address.raw[_FAMILY.size : length]
        if not name.startswith(b"\0"):
            return os.fsdecode(name.rstrip(b"\0"))
        if name not in self._said and len(name) == AUTOMATIC_NAME_BYTES:
            return AUTOMATIC_NAME
        return self._said[name]
