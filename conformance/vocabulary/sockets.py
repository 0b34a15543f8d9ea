# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops on Unix sockets, their names and their connections."""

from __future__ import annotations

from conformance.domains.compound import ListOf, TupleOf
from conformance.domains.data import BYTES, PAYLOAD
from conformance.domains.names import ADDRESS
from conformance.domains.numbers import INTEGER
from conformance.domains.slots import SLOT
from conformance.vocabulary.spec import all_handles, first_handle, one_handle, op, passed_rights
from conformance.vocabulary.structures import MESSAGE, MESSAGE_FLAGS, choice, flags, ioctl

_LEVEL = choice("SOL_SOCKET")
_OPTION = choice(
    "SO_DEBUG SO_REUSEADDR SO_TYPE SO_ERROR SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE SO_OOBINLINE SO_LINGER"
    " SO_PASSCRED SO_PEERCRED SO_RCVLOWAT SO_SNDLOWAT SO_RCVTIMEO SO_SNDTIMEO SO_ACCEPTCONN SO_PEEK_OFF SO_PROTOCOL"
    " SO_DOMAIN SO_TIMESTAMP"
)
_DOMAIN = choice("AF_UNIX AF_INET")
_TYPE = flags("SOCK_SEQPACKET SOCK_RAW SOCK_DGRAM SOCK_STREAM SOCK_NONBLOCK SOCK_CLOEXEC")

OPS = (
    op(
        "socket",
        ("domain", _DOMAIN),
        ("type", _TYPE),
        ("protocol", INTEGER),
        kinds="sockets",
        handles=one_handle,
    ),
    op("bind", ("fd", SLOT), ("address", ADDRESS), kinds="sockets"),
    op("listen", ("fd", SLOT), ("backlog", INTEGER), kinds="sockets"),
    op("connect", ("fd", SLOT), ("address", ADDRESS), kinds="sockets"),
    op(
        "accept4",
        ("fd", SLOT),
        ("flags", flags("SOCK_NONBLOCK SOCK_CLOEXEC")),
        result=TupleOf((INTEGER, ADDRESS)),
        kinds="sockets",
        handles=first_handle,
    ),
    op("getsockname", ("fd", SLOT), result=ADDRESS, kinds="sockets"),
    op("getpeername", ("fd", SLOT), result=ADDRESS, kinds="sockets"),
    op(
        "sendto",
        ("fd", SLOT),
        ("data", PAYLOAD),
        ("flags", MESSAGE_FLAGS),
        ("address", ADDRESS),
        kinds="sockets",
    ),
    op(
        "recvfrom",
        ("fd", SLOT),
        ("count", INTEGER),
        ("flags", MESSAGE_FLAGS),
        result=TupleOf((BYTES, ADDRESS)),
        kinds="sockets",
    ),
    op(
        "socketpair",
        ("domain", _DOMAIN),
        ("type", _TYPE),
        ("protocol", INTEGER),
        result=TupleOf((INTEGER, INTEGER)),
        kinds="sockets",
        handles=all_handles,
    ),
    op("send", ("fd", SLOT), ("data", PAYLOAD), ("flags", MESSAGE_FLAGS), kinds="sockets"),
    op("recv", ("fd", SLOT), ("count", INTEGER), ("flags", MESSAGE_FLAGS), result=BYTES, kinds="sockets"),
    op(
        "sendmsg",
        ("fd", SLOT),
        ("buffers", ListOf(PAYLOAD)),
        ("rights", ListOf(SLOT)),
        ("flags", MESSAGE_FLAGS),
        kinds="sockets",
    ),
    op(
        "recvmsg",
        ("fd", SLOT),
        ("lengths", ListOf(INTEGER)),
        ("rights_max", INTEGER),
        ("flags", MESSAGE_FLAGS),
        result=MESSAGE,
        kinds="sockets",
        handles=passed_rights,
    ),
    op("shutdown", ("fd", SLOT), ("how", choice("SHUT_RD SHUT_WR SHUT_RDWR")), kinds="sockets"),
    op(
        "getsockopt",
        ("fd", SLOT),
        ("level", _LEVEL),
        ("option", _OPTION),
        ("length", INTEGER),
        result=BYTES,
        kinds="sockets",
    ),
    op("setsockopt", ("fd", SLOT), ("level", _LEVEL), ("option", _OPTION), ("value", PAYLOAD), kinds="sockets"),
    ioctl("SIOCATMARK", kinds="sockets"),
)
