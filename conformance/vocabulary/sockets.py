# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops on connected Unix sockets."""

from __future__ import annotations

from conformance.domains import BYTES, INTEGER, PAYLOAD, SLOT, ListOf, TupleOf
from conformance.vocabulary.spec import all_handles, op, passed_rights
from conformance.vocabulary.structures import MESSAGE, MESSAGE_FLAGS, choice, flags, ioctl

_LEVEL = choice("SOL_SOCKET")
_OPTION = choice(
    "SO_DEBUG SO_REUSEADDR SO_TYPE SO_ERROR SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE SO_OOBINLINE SO_LINGER"
    " SO_PASSCRED SO_PEERCRED SO_RCVLOWAT SO_SNDLOWAT SO_RCVTIMEO SO_SNDTIMEO SO_ACCEPTCONN SO_PEEK_OFF SO_PROTOCOL"
    " SO_DOMAIN SO_TIMESTAMP"
)

OPS = (
    op(
        "socketpair",
        ("domain", choice("AF_UNIX AF_INET")),
        ("type", flags("SOCK_SEQPACKET SOCK_RAW SOCK_DGRAM SOCK_STREAM SOCK_NONBLOCK SOCK_CLOEXEC")),
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
