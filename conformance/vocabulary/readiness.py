# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Ops that ask which descriptors are ready."""

from __future__ import annotations

from conformance.domains.compound import ListOf, TupleOf
from conformance.domains.numbers import INTEGER
from conformance.domains.slots import SLOT
from conformance.vocabulary.spec import one_handle, op
from conformance.vocabulary.structures import EPOLL_EVENTS, POLL_EVENTS, choice, flags

_POLL_LIST = ListOf(TupleOf((SLOT, POLL_EVENTS)))
_FD_SET = ListOf(SLOT)
_KINDS = "readiness pipes sockets terminals"

OPS = (
    op("poll", ("fds", _POLL_LIST), ("timeout", INTEGER), result=ListOf(POLL_EVENTS), kinds=_KINDS),
    op("ppoll", ("fds", _POLL_LIST), ("timeout", INTEGER), result=ListOf(POLL_EVENTS), kinds=_KINDS),
    op(
        "select",
        ("read", _FD_SET),
        ("write", _FD_SET),
        ("urgent", _FD_SET),
        ("timeout", INTEGER),
        result=TupleOf((ListOf(INTEGER), ListOf(INTEGER), ListOf(INTEGER))),
        kinds=_KINDS,
    ),
    op("epoll_create1", ("flags", flags("EPOLL_CLOEXEC")), kinds="readiness", handles=one_handle),
    op(
        "epoll_ctl",
        ("fd", SLOT),
        ("operation", choice("EPOLL_CTL_ADD EPOLL_CTL_MOD EPOLL_CTL_DEL")),
        ("target", SLOT),
        ("events", EPOLL_EVENTS),
        ("data", INTEGER),
        kinds="readiness",
    ),
    op(
        "epoll_wait",
        ("fd", SLOT),
        ("events_max", INTEGER),
        ("timeout", INTEGER),
        result=ListOf(TupleOf((EPOLL_EVENTS, INTEGER))),
        kinds="readiness",
    ),
)
